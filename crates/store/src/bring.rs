//! The parts of an image that was made here, brought in together: each has to wait for the disk, and so they wait at the same time.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use oci::Digest;

use crate::layers::put_layer;
use crate::lock::{self, Lock};
use crate::write::put_blob;
use crate::{
    Error, IndexWriter, LayerFacts, Lease, Result, SeekTableWriter, Store, UnnamedWriter, durable,
};

/// A layer whose tar was written and read to its end.
pub struct NewLayer {
    /// Its bytes.
    pub blob: UnnamedWriter,
    /// Its file index.
    pub index: IndexWriter,
    /// What is known of it.
    pub facts: LayerFacts,
    /// Its seek table; one that nothing was written to makes none.
    pub table: SeekTableWriter,
}

impl Store {
    /// Makes a layer and small documents visible under their SHA-256 digests, held by the lease: synced, renamed, folders synced,
    /// rows written. On return the files are on disk; the rows are as soon as the next change of an image or a name is.
    ///
    /// What the store has already is kept as it is. A crash in between leaves some of them, which the lease holds until its grace
    /// time is over.
    ///
    /// # Errors
    /// [`DiskFull`](Error::DiskFull).
    pub fn bring_in(
        &self,
        lease: &Lease,
        layer: Option<NewLayer>,
        documents: &[&[u8]],
    ) -> Result<()> {
        let mut blobs = Vec::with_capacity(documents.len() + 1);
        let mut derived = None;
        if let Some(layer) = layer {
            let digest = layer.blob.digest();
            blobs.push((digest.clone(), layer.blob));
            derived = Some((digest, layer.index, layer.facts, layer.table));
        }
        for document in documents {
            let mut writer = self.ingest_unnamed()?;
            writer.append(document)?;
            blobs.push((writer.digest(), writer));
        }
        let digests: Vec<Digest> = blobs.iter().map(|(digest, _)| digest.clone()).collect();
        let mut new: Vec<Brought> = Vec::with_capacity(blobs.len());
        for (digest, writer) in blobs {
            // Two documents may be the same one.
            let again = new.iter().any(|other| other.digest == digest);
            if !again && let Some(lock) = self.lock_unless_here(&digest)? {
                let place = self.blob_path(&digest);
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
                }
                new.push(Brought {
                    digest,
                    writer,
                    place,
                    lock,
                });
            }
        }
        let mut index = None;
        let mut table = None;
        if let Some((digest, writer, facts, seek)) = derived {
            // The log first: from it the next open gives an index its row, should this process die before it does.
            self.log_facts(&digest, &facts)?;
            index = Some((digest, writer.flushed(&facts.diff_id)?, facts));
            table = seek.written()?;
        }
        let mut files: Vec<durable::New<'_>> = Vec::with_capacity(new.len() + 2);
        for blob in &new {
            files.push((blob.writer.path(), blob.writer.file(), &blob.place));
        }
        if let Some((_, index, _)) = &index {
            files.push((&index.temporary, &index.file, &index.place));
        }
        if let Some(table) = &table {
            files.push((&table.temporary, &table.file, &table.place));
        }
        // The hold is on the disk before anything has a name: from then on no collector takes it, also after a power cut.
        thread::scope(|scope| {
            let syncing = scope.spawn(|| durable::sync_all(&files));
            let held = lease.hold(&digests);
            let synced = syncing
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            held.and(synced)
        })?;
        for blob in &new {
            // One of the right size is what a crash left, or damaged: these are the right bytes.
            if !self.is_whole(&blob.place, blob.writer.size()) {
                self.quarantine(&blob.place)?;
            }
        }
        durable::rename_all(&files)?;
        drop(files);
        let now = self.time();
        let (mut sizes, mut locks) = (Vec::new(), Vec::new());
        for blob in new {
            sizes.push((blob.digest, blob.writer.finished()));
            locks.push(blob.lock);
        }
        let index = index.map(|(digest, index, facts)| (digest, index.finished(), facts));
        if let Some(table) = table {
            table.finished();
        }
        self.jot(|sql| {
            for (digest, size) in &sizes {
                put_blob(sql, digest, *size, now)?;
            }
            match &index {
                Some((digest, size, facts)) => put_layer(sql, digest, facts, Some(*size)),
                None => Ok(()),
            }
        })?;
        // Until here no collector that has found the blob without a row takes its file.
        drop(locks);
        Ok(())
    }

    /// Takes a blob's lock, by which one writes it or removes it at a time. `None` where the blob is here.
    fn lock_unless_here(&self, digest: &Digest) -> Result<Option<BlobLock>> {
        let path = self.ingest_path(digest);
        loop {
            if self.contains(digest)? {
                return Ok(None);
            }
            if let Some(lock) = lock::try_named(&path)? {
                return Ok(Some(BlobLock { path, _lock: lock }));
            }
            // Somebody brings these very bytes, and may be done when the lock is free.
            drop(lock::exclusive(&path)?);
        }
    }
}

/// A blob that is about to get its name.
struct Brought {
    digest: Digest,
    writer: UnnamedWriter,
    place: PathBuf,
    lock: BlobLock,
}

/// A blob's lock. What a download left in its file is of no use once the blob is here.
struct BlobLock {
    path: PathBuf,
    _lock: Lock,
}

impl Drop for BlobLock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a blob's lock file could not be removed");
        }
    }
}

/// A derived file that was written aside. Dropping it removes it, unless it is finished.
pub(crate) struct Written {
    pub(crate) temporary: PathBuf,
    pub(crate) place: PathBuf,
    pub(crate) file: fs::File,
    pub(crate) size: u64,
    pub(crate) named: bool,
}

impl Written {
    pub(crate) fn new(temporary: &Path, place: PathBuf, file: fs::File) -> Result<Self> {
        let size = file
            .metadata()
            .map_err(Error::io("look at", temporary))?
            .len();
        Ok(Self {
            temporary: temporary.to_owned(),
            place,
            file,
            size,
            named: false,
        })
    }

    /// Says that it has its name, and returns its size.
    fn finished(mut self) -> u64 {
        self.named = true;
        self.size
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.named
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::debug!(path = %self.temporary.display(), %error, "an unfinished file could not be removed");
        }
    }
}
