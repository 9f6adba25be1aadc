//! The one way in which files of the store become visible: written aside, synced, renamed, the folder synced.
//!
//! After a power cut a file stands under its name whole or not at all. Source of the order:
//! <https://github.com/containerd/containerd/blob/main/plugins/content/local/writer.go>.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::{Error, Result};

/// Syncs a file that was written aside and gives it its name.
pub(crate) fn persist(temporary: &Path, file: &File, place: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("write", temporary))?;
    rename(temporary, place)
}

/// Writes a file aside and syncs it; [`rename`] makes it visible.
pub(crate) fn prepare(temporary: &Path, bytes: &[u8]) -> Result<()> {
    prepare_pieces(temporary, [bytes])
}

/// As [`prepare`], of a file whose pieces lie in several places.
pub(crate) fn prepare_pieces<'a>(
    temporary: &Path,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<()> {
    let mut file = create(temporary)?;
    for piece in pieces {
        file.write_all(piece)
            .map_err(Error::io("write", temporary))?;
    }
    file.sync_all().map_err(Error::io("write", temporary))
}

/// Gives a synced file its name, and syncs the folder so that the name survives too.
pub(crate) fn rename(temporary: &Path, place: &Path) -> Result<()> {
    fs::rename(temporary, place).map_err(Error::io("name", place))?;
    // Windows has no handle of a folder to sync; NTFS journals names itself.
    #[cfg(unix)]
    if let Some(folder) = place.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("write", folder))?;
    }
    Ok(())
}

/// Copies a small file beside its new place first, then gives it its name.
pub(crate) fn copy(from: &Path, place: &Path) -> Result<()> {
    let bytes = fs::read(from).map_err(Error::io("read", from))?;
    let temporary = place.with_extension("new");
    prepare(&temporary, &bytes)?;
    rename(&temporary, place)
}

/// Creates a file, or empties the one that is there.
pub(crate) fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(Error::io("create", path))
}

/// Syncs a file that was written under its own name, and the folder so that the name survives too.
///
/// Only for files that mean nothing until another one names them.
pub(crate) fn settle(file: &File, place: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("write", place))?;
    #[cfg(unix)]
    if let Some(folder) = place.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("write", folder))?;
    }
    Ok(())
}

/// Appends to a log after its first `length` bytes, which are whole; what stands behind them was cut off by a crash and goes.
///
/// Whoever reads it must tell a line that is whole from one that is not. After an error the log is as it was.
pub(crate) fn append(path: &Path, length: u64, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(Error::io("open", path))?;
    let mut write = || {
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    let written = write();
    if written.is_err() {
        // A line that is whole, but was not synced, was not promised.
        drop(file.set_len(length));
    }
    written.map_err(Error::io("write", path))
}

/// Creates a file that only the user can read. One that is there is in the way: it may be readable by others.
pub(crate) fn create_private(path: &Path) -> Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("replace", path)(error));
        }
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(Error::io("create", path))
}
