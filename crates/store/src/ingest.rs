use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use oci::{Digest, Hasher};
use rusqlite::{OptionalExtension, params};

use crate::blobs::open_plain;
use crate::database::Text;
use crate::write::put_blob;
use crate::{Error, Lease, Result, Store, durable, filesystem, lock};

/// What became of the wish to bring a blob in.
#[expect(
    clippy::large_enum_variant,
    reason = "one exists per download, and boxing the writer would show in every caller"
)]
pub enum Ingest {
    /// It is here already, and the lease now holds it.
    Present,
    /// Another writer, in this process or another, is bringing it in. Try again later.
    Busy,
    /// The caller is the one writer. There may be bytes from before: see [`IngestWriter::offset`].
    Partial(IngestWriter),
}

/// Writes one blob. It becomes visible only in [`commit`](Self::commit), whole and verified.
///
/// Dropping it keeps the bytes for a later writer, in this process or after a restart, unless they were said to be of no use to one.
pub struct IngestWriter {
    store: Store,
    digest: Digest,
    size: u64,
    /// Holds the lock of the digest for as long as it is open.
    file: File,
    path: PathBuf,
    offset: u64,
    /// `None` while bytes from before were not hashed yet.
    hasher: Option<Hasher>,
    unsynced: u64,
    /// Whether the bytes are of no use to a later attempt.
    forgets: bool,
}

impl Store {
    /// Begins or resumes bringing in a blob; the lease holds it from now on.
    ///
    /// At most one writer per digest exists over all processes. A damaged file in the blob's place is moved to `quarantine/`.
    ///
    /// # Errors
    /// [`DiskFull`](crate::Error::DiskFull) if the missing bytes are more than the disk has free;
    /// [`SizeMismatch`](crate::Error::SizeMismatch) if the blob is here and has another size.
    pub fn ingest(&self, lease: &Lease, digest: &Digest, size: u64) -> Result<Ingest> {
        self.refuse_read_only()?;
        let held = lease.id().0;
        // The hold and the look are one transaction: a collector sees the hold, or we see that it was faster.
        let known = self.note(|sql| {
            sql.execute(
                "INSERT OR IGNORE INTO lease_blobs (lease, digest) VALUES (?, ?)",
                params![held, Text(digest)],
            )?;
            sql.query_row(
                "SELECT size FROM blobs WHERE digest = ? AND damaged = 0",
                [Text(digest)],
                |row| row.get(0),
            )
            .optional()
        })?;
        let place = self.blob_path(digest);
        let known = known.map(crate::database::size);
        if self.is_whole(&place, known.unwrap_or(size)) && known.is_some() {
            // Whoever says another size of bytes that are here lies, as they would of bytes that have yet to come.
            return match known.filter(|known| *known != size) {
                Some(found) => Err(Error::SizeMismatch {
                    digest: digest.clone(),
                    expected: size,
                    found,
                }),
                None => Ok(Ingest::Present),
            };
        }
        let path = self.ingest_path(digest);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        if !lock::try_file(&file, &path)? {
            return Ok(Ingest::Busy);
        }
        // The former owner of the lock may have renamed or removed the file under us.
        if !lock::still_there(&file, &path) {
            drop(file);
            return self.ingest(lease, digest, size);
        }
        let mut writer = IngestWriter {
            store: self.clone(),
            digest: digest.clone(),
            size,
            file,
            path,
            offset: 0,
            hasher: Some(Hasher::new(digest.algorithm())),
            unsynced: 0,
            forgets: false,
        };
        if self.adopt(&mut writer, known.is_some())? {
            return Ok(Ingest::Present);
        }
        writer.offset = writer
            .file
            .metadata()
            .map_err(Error::io("look at", &writer.path))?
            .len();
        if writer.offset > size {
            writer.restart()?;
        }
        if writer.offset > 0 {
            writer.hasher = None;
        }
        let needed = size - writer.offset;
        if let Some(available) = filesystem::available(self.root())
            && available < needed
        {
            // Of nothing nobody can go on.
            writer.forgets = writer.offset == 0;
            return Err(Error::DiskFull {
                path: self.root().to_owned(),
                needed: Some(needed),
                available: Some(available),
            });
        }
        Ok(Ingest::Partial(writer))
    }
}

impl IngestWriter {
    /// Returns the digest that the bytes must have in the end.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the size that the blob must have in the end.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns how many bytes are there: the position at which the next [`append`](Self::append) writes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Throws the bytes away when the writer goes before the blob is whole: who brings it again begins anew.
    pub fn forget_when_dropped(&mut self) {
        self.forgets = true;
    }

    /// Opens the bytes that are there, `0..offset`, for reading.
    pub fn partial(&self) -> Result<File> {
        open_plain(&self.path).map_err(Error::io("read", &self.path))
    }

    /// Reads the bytes from before once, hashes them, and shows each piece to `each` (which feeds whatever else must see the
    /// whole blob). Needed once before the first [`append`](Self::append) to a resumed blob, which does it itself if it was not done.
    pub fn rehash(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut hasher = Hasher::new(self.digest.algorithm());
        let mut left = self.offset;
        let mut source = self.partial()?;
        let mut buffer = vec![0; 256 * 1024];
        while left > 0 {
            let want = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = source
                .read(&mut buffer[..want])
                .map_err(Error::io("read", &self.path))?;
            if count == 0 {
                // Somebody has cut the file: what is there is what counts.
                self.offset -= left;
                break;
            }
            hasher.update(&buffer[..count]);
            each(&buffer[..count]);
            left -= count as u64;
        }
        self.hasher = Some(hasher);
        Ok(())
    }

    /// Drops the bytes from before and starts at 0.
    pub fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .map_err(Error::io("empty", &self.path))?;
        self.offset = 0;
        self.unsynced = 0;
        self.hasher = Some(Hasher::new(self.digest.algorithm()));
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`SizeMismatch`](crate::Error::SizeMismatch) as soon as there would be more than announced; [`DiskFull`](crate::Error::DiskFull).
    /// After any error the writer is of no more use; what was on disk before stays for a resume.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.hasher.is_none() {
            self.rehash(&mut |_| {})?;
        }
        let after = self.offset + bytes.len() as u64;
        if after > self.size {
            return Err(Error::SizeMismatch {
                digest: self.digest.clone(),
                expected: self.size,
                found: after,
            });
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        self.file
            .seek(SeekFrom::Start(self.offset))
            .map_err(Error::io("write", &self.path))?;
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))?;
        self.offset = after;
        self.unsynced += bytes.len() as u64;
        Ok(())
    }

    /// Makes the blob visible under its digest: size checked, digest checked, synced, renamed, folder synced, row written.
    ///
    /// # Errors
    /// [`SizeMismatch`](crate::Error::SizeMismatch) keeps a short blob for resume. [`DigestMismatch`](crate::Error::DigestMismatch)
    /// throws the bytes away: all of them are suspect, so the next try starts at 0.
    pub fn commit(mut self) -> Result<()> {
        if self.hasher.is_none() {
            self.rehash(&mut |_| {})?;
        }
        if self.offset != self.size {
            return Err(Error::SizeMismatch {
                digest: self.digest.clone(),
                expected: self.size,
                found: self.offset,
            });
        }
        let found = self.hasher.take().map(Hasher::finish);
        if found.as_ref() != Some(&self.digest) {
            let found = found.unwrap_or_else(|| Digest::sha256(b""));
            let expected = self.digest.clone();
            self.discard()?;
            return Err(Error::DigestMismatch { expected, found });
        }
        let place = self.store.blob_path(&self.digest);
        if let Some(folder) = place.parent() {
            durable::make_folder(folder)?;
        }
        self.store.quarantine(&place)?;
        durable::persist(&self.path, &self.file, &place)?;
        let now = self.store.time();
        self.store
            .jot(|sql| put_blob(sql, &self.digest, self.size, now))
    }

    /// Throws the bytes away.
    pub fn discard(self) -> Result<()> {
        fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))
    }
}

impl Drop for IngestWriter {
    fn drop(&mut self) {
        // A blob that was committed or discarded has left its place; what stands there now is somebody else's.
        if self.forgets
            && lock::still_there(&self.file, &self.path)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "an unfinished blob could not be removed");
        }
    }
}

impl Store {
    pub(crate) fn is_whole(&self, place: &Path, size: u64) -> bool {
        fs::symlink_metadata(place).is_ok_and(|found| found.is_file() && found.len() == size)
    }

    /// Takes in a blob's file that is in place without a row: a crash came between the two. It is hashed before it counts.
    fn adopt(&self, writer: &mut IngestWriter, has_row: bool) -> Result<bool> {
        let place = self.blob_path(&writer.digest);
        if !self.is_verified(&place, &writer.digest, writer.size)? {
            return Ok(false);
        }
        if !has_row {
            let now = self.time();
            self.jot(|sql| put_blob(sql, &writer.digest, writer.size, now))?;
        }
        fs::remove_file(&writer.path).map_err(Error::io("remove", &writer.path))?;
        Ok(true)
    }

    /// Tells whether a plain file has this size and this digest. It is read for that, where the size is right.
    pub(crate) fn is_verified(&self, place: &Path, digest: &Digest, size: u64) -> Result<bool> {
        if !self.is_whole(place, size) {
            return Ok(false);
        }
        let mut file = open_plain(place).map_err(Error::io("read", place))?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer).map_err(Error::io("read", place))? {
                0 => return Ok(hasher.finish() == *digest),
                count => hasher.update(&buffer[..count]),
            }
        }
    }

    /// Moves whatever is in a blob's place aside. Nothing is deleted.
    pub(crate) fn quarantine(&self, place: &Path) -> Result<Option<PathBuf>> {
        if fs::symlink_metadata(place).is_err() {
            return Ok(None);
        }
        let folder = self.root().join("quarantine");
        durable::make_folder(&folder)?;
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let free = (0..)
            .map(|number| folder.join(format!("{name}.{number}")))
            .find(|path| fs::symlink_metadata(path).is_err());
        let Some(aside) = free else { return Ok(None) };
        durable::rename(place, &aside)?;
        Ok(Some(aside))
    }
}
