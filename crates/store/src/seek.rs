//! Seek tables: where the decoder of a layer's blob could begin. Derived data, as file indexes are; what is in them is the caller's.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oci::Digest;

use crate::blobs::open_plain;
use crate::bring::Written;
use crate::{Error, Result, Store, durable};

/// A seek table that is being written. It becomes visible only in [`commit`](Self::commit); dropping it throws it away.
pub struct SeekTableWriter {
    temporary: PathBuf,
    place: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

/// Writes into a [`SeekTableWriter`], on another thread maybe. There is no file before the first byte.
pub struct SeekTableFile {
    temporary: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

/// Tells apart what one process writes at the same time.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Store {
    /// Begins the seek table of a layer blob.
    pub fn seek_table_writer(&self, blob: &Digest) -> Result<SeekTableWriter> {
        self.refuse_read_only()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.seek-{number}.new", self.owner());
        Ok(SeekTableWriter {
            temporary: self.locks().join(name),
            place: self.seek_path(blob),
            file: Arc::default(),
        })
    }

    /// Opens the seek table of a layer blob, or returns `None` where there is none.
    pub fn open_seek_table(&self, blob: &Digest) -> Result<Option<File>> {
        let path = self.seek_path(blob);
        match open_plain(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }
}

impl SeekTableWriter {
    /// Returns what the table is to be written into.
    pub fn file(&self) -> SeekTableFile {
        SeekTableFile {
            temporary: self.temporary.clone(),
            file: Arc::clone(&self.file),
        }
    }

    /// Makes what was written durable; nothing, if nothing was written.
    pub fn commit(self) -> Result<()> {
        let file = self.take();
        file.map_or(Ok(()), |file| {
            durable::persist(&self.temporary, &file, &self.place)
        })
    }

    /// Returns what was written; `None` where that was nothing.
    pub(crate) fn written(self) -> Result<Option<Written>> {
        self.take()
            .map(|file| Written::new(&self.temporary, self.place.clone(), file))
            .transpose()
    }

    fn take(&self) -> Option<File> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.take()
    }
}

impl Drop for SeekTableWriter {
    fn drop(&mut self) {
        if self.take().is_some()
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::debug!(path = %self.temporary.display(), %error, "an unfinished seek table could not be removed");
        }
    }
}

impl Write for SeekTableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = Some(durable::create(&self.temporary).map_err(io::Error::other)?);
        }
        match file.as_mut() {
            Some(file) => file.write(bytes),
            None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
