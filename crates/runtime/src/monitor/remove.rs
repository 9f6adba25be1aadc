//! Removes folders whose files belong to others outside of the user namespace.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::Failure;
use crate::error::Context;

/// Removes a folder and all that is in it; that it is not there is fine. What was removed before a failure stays so.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    let step = || format!("remove {}", path.display());
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput)).context(step());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(parent, flags, Mode::empty()) {
        Ok(parent) => remove_at(parent.as_fd(), name).context(step()),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error).context(step()),
    }
}

/// A folder that is being emptied.
struct Open {
    handle: OwnedFd,
    names: Vec<Vec<u8>>,
    /// Its own name, in the folder before it.
    name: Vec<u8>,
}

/// Goes down without recursion and without paths: folders may be nested deeper than either can be. Of a tree that is deeper than a
/// process may have files open, the rest is moved up and removed after.
pub(super) fn remove_at(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let mut open = vec![enter(parent, name.as_bytes())?];
    let mut moved = 0_u64;
    while let Some(at) = open.last_mut() {
        let Some(name) = at.names.pop() else {
            let Some(done) = open.pop() else { break };
            let above = open.last().map_or(parent, |above| above.handle.as_fd());
            rustix::fs::unlinkat(above, OsStr::from_bytes(&done.name), AtFlags::REMOVEDIR)?;
            continue;
        };
        match rustix::fs::unlinkat(&at.handle, OsStr::from_bytes(&name), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        if open.len() < DEPTH {
            let at = &open[open.len() - 1];
            let inner = enter(at.handle.as_fd(), &name)?;
            open.push(inner);
        } else {
            let from = &open[open.len() - 1].handle;
            let new = loop {
                moved += 1;
                let new = format!(".removing-{moved}");
                let keep = RenameFlags::NOREPLACE;
                match rustix::fs::renameat_with(
                    from,
                    OsStr::from_bytes(&name),
                    &open[0].handle,
                    &new,
                    keep,
                ) {
                    Err(Errno::EXIST) => {}
                    other => {
                        other?;
                        break new;
                    }
                }
            };
            open[0].names.push(new.into_bytes());
        }
    }
    Ok(())
}

/// Folders that are open at a time.
const DEPTH: usize = 200;

fn enter(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<Open> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = OsStr::from_bytes(name);
    let open = || rustix::fs::openat(parent, path, flags, Mode::empty());
    let handle = match open() {
        // Overlay's own folder has no permissions at all, and root of a namespace may lack the right to pass that over.
        Err(Errno::ACCESS) => {
            rustix::fs::chmodat(parent, path, Mode::RWXU, AtFlags::empty())?;
            open()?
        }
        other => other?,
    };
    let mut names = Vec::new();
    for entry in Dir::read_from(&handle)? {
        let entry = entry?;
        if !is_dots(entry.file_name()) {
            names.push(entry.file_name().to_bytes().to_vec());
        }
    }
    // A folder that its owner may not write to cannot be emptied by a user.
    let found = rustix::fs::fstat(&handle)?;
    if FileType::from_raw_mode(found.st_mode) == FileType::Directory
        && found.st_mode & 0o300 != 0o300
    {
        rustix::fs::fchmod(&handle, Mode::RWXU)?;
    }
    Ok(Open {
        handle,
        names,
        name: name.to_vec(),
    })
}

/// Tells whether a name is `.` or `..`.
pub(super) fn is_dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}
