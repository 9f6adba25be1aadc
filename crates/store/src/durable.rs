//! The ways in which files become durable. Nearly all are written aside, synced, renamed, and the folder synced: after a power cut
//! such a file stands under its name whole or not at all. The others are logs, of which the reader tells what is whole
//! ([`append`]), and files that mean nothing until a log names them ([`settle`]). Source of the order:
//! <https://github.com/containerd/containerd/blob/main/plugins/content/local/writer.go>.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

use crate::{Error, Result};

/// Syncs a file that was written aside and gives it its name.
pub(crate) fn persist(temporary: &Path, file: &File, place: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("write", temporary))?;
    rename(temporary, place)
}

/// A file that was written aside, its temporary name, and the one that it is to have.
pub(crate) type New<'a> = (&'a Path, &'a File, &'a Path);

/// Syncs several files that were written aside: each waits for the disk, and they wait together. [`rename_all`] makes them visible.
pub(crate) fn sync_all(files: &[New<'_>]) -> Result<()> {
    together(files, |(temporary, file, _)| {
        file.sync_all().map_err(Error::io("write", temporary))
    })
}

/// Gives synced files their names, and syncs the folders. After an error, or a crash, some may have them and others not.
pub(crate) fn rename_all(files: &[New<'_>]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for (temporary, _, place) in files {
        fs::rename(temporary, place).map_err(Error::io("name", place))?;
        folders.extend(place.parent());
    }
    let folders: Vec<&Path> = folders.into_iter().collect();
    together(&folders, |folder| sync_folder(folder))
}

/// Writes a file under its own name into a folder that nobody knows yet, and syncs the file, that folder and the one that it is in.
pub(crate) fn write_first(place: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(place)?;
    file.write_all(bytes).map_err(Error::io("write", place))?;
    let folders = place.ancestors().skip(1).take(2);
    let parts: Vec<Option<&Path>> = std::iter::once(None).chain(folders.map(Some)).collect();
    together(&parts, |part| match part {
        None => file.sync_all().map_err(Error::io("write", place)),
        Some(folder) => sync_folder(folder),
    })
}

/// Does something for each of a few things at the same time, and returns the first failure.
fn together<T: Sync>(things: &[T], work: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let Some((first, others)) = things.split_first() else {
            return Ok(());
        };
        let work = &work;
        let others: Vec<_> = others
            .iter()
            .map(|thing| scope.spawn(move || work(thing)))
            .collect();
        let mut outcome = work(first);
        for other in others {
            let other = other
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome = outcome.and(other);
        }
        outcome
    })
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> Result<()> {
    // Windows has no handle of a folder to sync; NTFS journals names itself.
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io("write", folder))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Writes a file aside and syncs it; [`rename`] makes it visible.
pub(crate) fn prepare(temporary: &Path, bytes: &[u8]) -> Result<()> {
    write_pieces(temporary, [bytes])?
        .sync_all()
        .map_err(Error::io("write", temporary))
}

/// Writes a file aside, of pieces that lie in several places. It is not synced yet.
pub(crate) fn write_pieces<'a>(
    temporary: &Path,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<File> {
    let mut file = create(temporary)?;
    for piece in pieces {
        file.write_all(piece)
            .map_err(Error::io("write", temporary))?;
    }
    Ok(file)
}

/// Gives a synced file its name, and syncs the folder so that the name survives too.
pub(crate) fn rename(temporary: &Path, place: &Path) -> Result<()> {
    fs::rename(temporary, place).map_err(Error::io("name", place))?;
    sync_folder_of(place)
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

/// Creates a file that was not there; `None` where something has the name, be it a link.
pub(crate) fn create_new(path: &Path) -> Result<Option<File>> {
    new_file(path, OpenOptions::new().read(true).write(true))
}

fn new_file(path: &Path, options: &mut OpenOptions) -> Result<Option<File>> {
    match options.create_new(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(Error::io("create", path)(error)),
    }
}

/// Makes a folder, with those above it, so that its name survives a power cut. One that is there costs a look.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent();
    if let Some(parent) = parent.filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match fs::create_dir(path) {
        // Somebody else made it meanwhile, and may not have synced its name yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(Error::io("create", path)(error)),
        Ok(()) => {}
    }
    sync_folder_of(path)
}

/// Syncs the folder that a name is in.
fn sync_folder_of(place: &Path) -> Result<()> {
    match place.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Syncs a file that was written under its own name, and the folder so that the name survives too.
///
/// Only for files that mean nothing until another one names them.
pub(crate) fn settle(file: &File, place: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("write", place))?;
    sync_folder_of(place)
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

/// As [`create_new`], of a file that only the user can read.
pub(crate) fn create_new_private(path: &Path) -> Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    new_file(path, &mut options)
}
