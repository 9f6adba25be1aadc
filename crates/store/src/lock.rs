use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}
impl Lock {
    /// Notes on the lock's file when something was done under it.
    pub(crate) fn stamp(&self, path: &Path, now: Timestamp) -> Result<()> {
        let since = u64::try_from(now.as_microsecond()).unwrap_or_default();
        self.file
            .set_modified(UNIX_EPOCH + Duration::from_micros(since))
            .map_err(Error::io("stamp", path))
    }
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
    Ok(Lock { file })
}
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    taken(file.try_lock(), path).map(|free| free.then_some(Lock { file }))
}
/// As [`try_exclusive`], and what is locked is the file that has the path: the lock's former owner may have renamed or removed
/// the one that was opened.
pub(crate) fn try_named(path: &Path) -> Result<Option<Lock>> {
    loop {
        let file = open(path)?;
        if !try_file(&file, path)? {
            return Ok(None);
        }
        if still_there(&file, path) {
            return Ok(Some(Lock { file }));
        }
    }
}
/// As [`try_named`], but waits for whoever has the lock.
pub(crate) fn named(path: &Path) -> Result<Lock> {
    loop {
        let file = open(path)?;
        file.lock().map_err(Error::io("lock", path))?;
        if still_there(&file, path) {
            return Ok(Lock { file });
        }
    }
}
/// Tells whether an open file still is what its path names.
pub(crate) fn still_there(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let same =
            |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        matches!((file.metadata(), std::fs::symlink_metadata(path)), (Ok(open), Ok(named)) if same(&open, &named))
    }
    #[cfg(windows)]
    {
        // The standard library opens files so that they can be renamed and removed meanwhile, as on Unix.
        use same_file::Handle;
        let open = file.try_clone().and_then(Handle::from_file);
        matches!((open, Handle::from_path(path)), (Ok(open), Ok(named)) if open == named)
    }
}
pub(crate) fn try_shared(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    taken(file.try_lock_shared(), path).map(|free| free.then_some(Lock { file }))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_lock_is_on_the_file_that_has_the_name_while_others_sweep() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("process-1-0");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // A sweeper: what it can lock belongs to nobody, and goes.
                while !done.load(Ordering::Relaxed) {
                    if let Ok(Some(_lock)) = try_named(&path) {
                        drop(std::fs::remove_file(&path));
                    }
                }
            });
            for _ in 0..2000 {
                if let Some(Lock { file }) = try_named(&path).expect("locks") {
                    assert!(still_there(&file, &path), "the lock covers nothing");
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
