//! Bytes that are on disk only while somebody looks at them.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use crate::unnamed::begin_unnamed;
use crate::{Error, Result, Store};

/// A file of the store's folder that belongs to nothing: no row knows it and nothing of it is kept.
///
/// Dropping it removes it; what a process that died has left, the collector takes.
#[derive(Debug)]
pub struct Scratch {
    /// Holds the lock that tells others that somebody still uses it.
    file: File,
    path: PathBuf,
}

impl Store {
    /// Begins an empty scratch file.
    ///
    /// # Errors
    /// [`ReadOnly`](crate::Error::ReadOnly): what cannot be written cannot be looked at in this way.
    pub fn scratch(&self) -> Result<Scratch> {
        let (file, path) = begin_unnamed(self)?;
        Ok(Scratch { file, path })
    }
}

impl Scratch {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`DiskFull`](crate::Error::DiskFull).
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.path))
    }

    /// Opens what was written, from its start. Readers do not move each other.
    pub fn open(&self) -> Result<File> {
        File::open(&self.path).map_err(Error::io("read", &self.path))
    }

    /// Returns where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "a scratch file could not be removed");
        }
    }
}
