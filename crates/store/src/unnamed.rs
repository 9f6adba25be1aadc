use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use oci::{Algorithm, Digest, Hasher};

use crate::write::put_blob;
use crate::{Error, Lease, Result, Store, durable, lock};

/// How the files begin that have no digest yet.
const PREFIX: &str = "unnamed-";

/// Numbers the files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes a blob whose digest is known only when all of it was there.
///
/// Dropping it throws the bytes away: without a digest nobody could take them up again.
pub struct UnnamedWriter {
    store: Store,
    /// Holds the lock that tells others that somebody still writes.
    file: File,
    path: PathBuf,
    hasher: Hasher,
    size: u64,
    finished: bool,
}

impl Store {
    /// Begins bringing in a blob whose digest is not known yet.
    pub fn ingest_unnamed(&self) -> Result<UnnamedWriter> {
        let (file, path) = begin_unnamed(self)?;
        Ok(UnnamedWriter {
            store: self.clone(),
            file,
            path,
            hasher: Hasher::new(Algorithm::Sha256),
            size: 0,
            finished: false,
        })
    }
}

/// Makes a file of the ingest folder that has no digest, and locks it.
pub(crate) fn begin_unnamed(store: &Store) -> Result<(File, PathBuf)> {
    store.refuse_read_only()?;
    let folder = store.root().join("ingest");
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // The owner's name is this process's alone, unlike its number: containers that share the folder may all be number 1.
        let path = folder.join(format!("{PREFIX}{}-{number}", store.owner()));
        // One that a dead process of the same name left keeps its place until a collector takes it.
        let Some(file) = durable::create_new(&path)? else {
            continue;
        };
        // Before it was locked, a collector may have taken it for abandoned.
        if lock::try_file(&file, &path)? && lock::still_there(&file, &path) {
            return Ok((file, path));
        }
    }
}

impl UnnamedWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`DiskFull`](crate::Error::DiskFull).
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Makes the blob visible under its SHA-256 digest, held by the lease: synced, renamed, folder synced, row written.
    ///
    /// Where the store has these bytes already, they are kept as they are. Where somebody else is bringing them in at this moment, it
    /// waits for them.
    pub fn commit(mut self, lease: &Lease) -> Result<(Digest, u64)> {
        let hasher = std::mem::replace(&mut self.hasher, Hasher::new(Algorithm::Sha256));
        let digest = hasher.finish();
        // The hold first: from then on no collector takes a row that is here.
        lease.hold(std::slice::from_ref(&digest))?;
        if self.store.contains(&digest)? {
            return Ok((digest, self.size));
        }
        // A collector that has just taken the row removes the file under this lock: only then may another come in its place.
        let partial = self.store.ingest_path(&digest);
        let _lock = lock::named(&partial)?;
        if !self.store.contains(&digest)? {
            let place = self.store.blob_path(&digest);
            if !self.store.is_verified(&place, &digest, self.size)? {
                if let Some(folder) = place.parent() {
                    durable::make_folder(folder)?;
                }
                self.store.quarantine(&place)?;
                durable::persist(&self.path, &self.file, &place)?;
                self.finished = true;
            }
            let (size, now) = (self.size, self.store.time());
            self.store.jot(|sql| put_blob(sql, &digest, size, now))?;
        }
        // With it goes what a download of the blob left that did not end.
        fs::remove_file(&partial).map_err(Error::io("remove", &partial))?;
        Ok((digest, self.size))
    }
}

impl UnnamedWriter {
    /// Returns the digest of what was appended so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Returns how many bytes were appended.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Says that it has its name, and returns its size.
    pub(crate) fn finished(mut self) -> u64 {
        self.finished = true;
        self.size
    }
}

impl Drop for UnnamedWriter {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "an unfinished blob could not be removed");
        }
    }
}

/// Tells whether a file of the ingest folder is one without a digest.
pub(crate) fn is_unnamed(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(PREFIX)
}

/// Removes such a file of a process that died. Returns its bytes.
pub(crate) fn drop_abandoned(path: &Path) -> Result<u64> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(0);
    };
    let Some(_lock) = lock::try_named(path)? else {
        return Ok(0);
    };
    fs::remove_file(path).map_err(Error::io("remove", path))?;
    Ok(found.len())
}
