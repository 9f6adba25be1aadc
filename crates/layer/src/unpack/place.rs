//! One name in an open folder: what can be made there.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, makedev,
};
use rustix::io::Errno;

use crate::entry::EntryKind;
use crate::tree::File;

/// A name in an open folder.
pub(super) struct Place<'a> {
    pub(super) folder: BorrowedFd<'a>,
    pub(super) name: &'a OsStr,
}

/// Opens folders beneath another.
pub(super) struct Folder;

const OPEN_FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Folder {
    /// Bytes of a path that are given to the system at a time, well below its limit (`PATH_MAX`, 1 024 on macOS).
    pub(super) const STRETCH: usize = 1000;

    /// Opens a folder as far along a path as the system goes at once. Nothing on the way may be a link.
    ///
    /// Returns it, the parts of the path that it took, and their bytes.
    pub(super) fn open(
        root: BorrowedFd<'_>,
        parts: &[&[u8]],
    ) -> io::Result<(OwnedFd, usize, usize)> {
        let (mut count, mut length) = (0, 0);
        for part in parts {
            if count > 0 && length + part.len() >= Self::STRETCH {
                break;
            }
            (count, length) = (count + 1, length + part.len() + 1);
        }
        Ok((beneath(root, &parts[..count])?, count, length))
    }
}

#[cfg(target_os = "linux")]
fn beneath(root: BorrowedFd<'_>, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    use rustix::fs::ResolveFlags;
    let path = parts.join(&b'/');
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let path = OsStr::from_bytes(&path);
    match rustix::fs::openat2(root, path, OPEN_FOLDER, Mode::empty(), how) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(root, parts),
        // Something moved meanwhile.
        Err(Errno::AGAIN) => step_by_step(root, parts),
        other => Ok(other?),
    }
}

#[cfg(not(target_os = "linux"))]
fn beneath(root: BorrowedFd<'_>, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    step_by_step(root, parts)
}

/// Opens one folder in another until it is there.
fn step_by_step(root: BorrowedFd<'_>, parts: &[&[u8]]) -> io::Result<OwnedFd> {
    let mut at = root.try_clone_to_owned()?;
    for part in parts {
        at = rustix::fs::openat(&at, OsStr::from_bytes(part), OPEN_FOLDER, Mode::empty())?;
    }
    Ok(at)
}

impl Place<'_> {
    /// Makes a folder that only its owner can enter, until it is complete. One that is there is kept. Returns whether it was made.
    pub(super) fn folder(&self) -> io::Result<bool> {
        let make = || rustix::fs::mkdirat(self.folder, self.name, Mode::RWXU);
        match make() {
            Err(Errno::EXIST) if super::is_folder(self.folder, self.name) => return Ok(false),
            Err(Errno::EXIST) => {
                self.clear()?;
                make()?;
            }
            other => other?,
        }
        Ok(true)
    }

    /// Makes an empty file that only its owner can read.
    pub(super) fn file(&self) -> io::Result<OwnedFd> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.in_place_of(|| {
            rustix::fs::openat(self.folder, self.name, flags, Mode::RUSR | Mode::WUSR)
        })
    }

    /// Makes another name of a file.
    pub(super) fn link(&self, from: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        let name = OsStr::from_bytes(name);
        self.in_place_of(|| {
            rustix::fs::linkat(from, name, self.folder, self.name, AtFlags::empty())
        })
    }

    /// Makes a symbolic link, pipe or device, with its attributes. Returns whether the system lets the user make it.
    pub(super) fn special(&self, file: &File, owners: bool) -> io::Result<bool> {
        let made = match file.kind {
            EntryKind::Symlink => {
                let target = OsStr::from_bytes(&file.link_target);
                self.in_place_of(|| rustix::fs::symlinkat(target, self.folder, self.name))
            }
            EntryKind::Fifo => self.node(FileType::Fifo, 0),
            EntryKind::CharDevice => self.node(FileType::CharacterDevice, device(file)?),
            EntryKind::BlockDevice => self.node(FileType::BlockDevice, device(file)?),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        match made {
            // In a user namespace devices cannot be made, and on macOS no pipes either.
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied
                    && (matches!(file.kind, EntryKind::CharDevice | EntryKind::BlockDevice)
                        || cfg!(target_vendor = "apple") && file.kind == EntryKind::Fifo) =>
            {
                return Ok(false);
            }
            other => other?,
        }
        if owners {
            let (user, group) = owner(file)?;
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(self.folder, self.name, Some(user), Some(group), flags)?;
        }
        if file.kind != EntryKind::Symlink {
            self.set_mode(file)?;
        }
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::utimensat(self.folder, self.name, &times(file), flags)?;
        Ok(true)
    }

    #[cfg(not(target_vendor = "apple"))]
    fn node(&self, kind: FileType, device: rustix::fs::Dev) -> io::Result<()> {
        self.in_place_of(|| rustix::fs::mknodat(self.folder, self.name, kind, Mode::RUSR, device))
    }

    /// No call makes one in an open folder there, and by its path it could be made behind a link.
    #[cfg(target_vendor = "apple")]
    fn node(&self, _kind: FileType, _device: rustix::fs::Dev) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    /// Sets the mode of what cannot be opened, and may be exchanged for a link at any moment: by a handle that names just it.
    #[cfg(target_os = "linux")]
    fn set_mode(&self, file: &File) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(self.folder, self.name, flags, Mode::empty())?;
        let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let is_link = FileType::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode);
        if is_link == FileType::Symlink {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(rustix::fs::chmodat(
            CWD,
            path.as_str(),
            mode(file),
            AtFlags::empty(),
        )?)
    }

    #[cfg(not(target_os = "linux"))]
    fn set_mode(&self, file: &File) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::chmodat(
            self.folder,
            self.name,
            mode(file),
            flags,
        )?)
    }

    /// Makes something new at the name, and removes what is in its way.
    fn in_place_of<T>(&self, make: impl Fn() -> rustix::io::Result<T>) -> io::Result<T> {
        match make() {
            Err(Errno::EXIST) => {
                self.clear()?;
                Ok(make()?)
            }
            other => Ok(other?),
        }
    }

    /// Removes what is at the name, if it is no folder with something in it.
    fn clear(&self) -> io::Result<()> {
        let flags = if super::is_folder(self.folder, self.name) {
            AtFlags::REMOVEDIR
        } else {
            AtFlags::empty()
        };
        Ok(rustix::fs::unlinkat(self.folder, self.name, flags)?)
    }
}

/// Returns a handle of a folder through which its attributes can be set.
pub(super) fn readable(folder: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(
        folder,
        c".",
        OPEN_FOLDER,
        Mode::empty(),
    )?)
}

/// Sets owner, extended attributes, mode and times of an open file or folder. Returns the names of attributes that were refused.
pub(super) fn attributes(
    handle: BorrowedFd<'_>,
    file: &File,
    owners: bool,
) -> io::Result<Vec<Vec<u8>>> {
    if owners {
        let (user, group) = owner(file)?;
        rustix::fs::fchown(handle, Some(user), Some(group))?;
    }
    let mut lost = Vec::new();
    for (name, value) in file.xattrs.iter().flat_map(|xattrs| xattrs.iter()) {
        // What these say is for whoever mounts, not for an image to decide.
        let refused = name.starts_with(b"trusted.") || name.starts_with(b"user.overlay.");
        let set =
            || rustix::fs::fsetxattr(handle, OsStr::from_bytes(name), value, XattrFlags::empty());
        if refused {
            lost.push(name.to_vec());
            continue;
        }
        match set() {
            Ok(()) => {}
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) => {
                lost.push(name.to_vec());
            }
            Err(error) => return Err(error.into()),
        }
    }
    rustix::fs::fchmod(handle, mode(file))?;
    if file.header_offset.is_some() {
        rustix::fs::futimens(handle, &times(file))?;
    }
    Ok(lost)
}

fn mode(file: &File) -> Mode {
    Mode::from_raw_mode((file.mode & 0o7777) as rustix::fs::RawMode)
}

/// Returns owner and group, if they are numbers that a system has: 2^32 - 1 stands for "leave it" (GO-2025-3528).
fn owner(file: &File) -> io::Result<(Uid, Gid)> {
    let number = |id: i64| {
        u32::try_from(id)
            .ok()
            .filter(|&id| id != u32::MAX)
            .ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("no system has the owner {id}"),
                )
            })
    };
    Ok((
        Uid::from_raw(number(file.uid)?),
        Gid::from_raw(number(file.gid)?),
    ))
}

fn device(file: &File) -> io::Result<rustix::fs::Dev> {
    let number = |value: i64| {
        u32::try_from(value).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("no device has the number {value}"),
            )
        })
    };
    Ok(makedev(
        number(file.device.major)?,
        number(file.device.minor)?,
    ))
}

fn times(file: &File) -> Timestamps {
    let time = Timespec {
        tv_sec: file.modified.seconds,
        tv_nsec: i64::from(file.modified.nanoseconds),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
