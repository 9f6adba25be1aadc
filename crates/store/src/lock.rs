use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}
fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("open", path))
}
pub(crate) fn exclusive(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    file.lock().map_err(Error::io("lock", path))?;
    Ok(Lock { _file: file })
}
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    taken(file.try_lock(), path).map(|free| free.then_some(Lock { _file: file }))
}
pub(crate) fn try_shared(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    taken(file.try_lock_shared(), path).map(|free| free.then_some(Lock { _file: file }))
}
pub(crate) fn try_file(file: &File, path: &Path) -> Result<bool> {
    taken(file.try_lock(), path)
}
fn taken(result: std::result::Result<(), TryLockError>, path: &Path) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}
