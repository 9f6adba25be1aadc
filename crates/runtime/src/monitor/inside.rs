//! Names in the container's root, resolved as the container would, never above it.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps};
use rustix::io::Errno;

/// Bytes of `/etc/passwd` and `/etc/group` that are read: more is no list of users.
const LIMIT: u64 = 4 << 20;

/// The open root.
pub(super) struct Inside(OwnedFd);

impl Inside {
    /// Opens it.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(root, flags, Mode::empty())?))
    }

    fn find(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = path.trim_start_matches('/');
        let path = if path.is_empty() { "." } else { path };
        rustix::fs::openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), how)
    }

    /// Tells whether there is something at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path, OFlags::PATH).is_ok()
    }

    /// Opens a folder to look into it.
    pub(super) fn folder(&self, path: &str) -> io::Result<OwnedFd> {
        Ok(self.find(path, OFlags::RDONLY | OFlags::DIRECTORY)?)
    }

    /// Reads a file of the image; one that is not there, or no regular file, counts as empty.
    pub(super) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        // Without waiting: a pipe in its place would wait for ever.
        let file = match self.find(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let found = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        File::from(file).take(LIMIT).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Makes what something is mounted on, with the folders above it, and returns the paths that were not there.
    ///
    /// The folder that it is made in keeps its times, so that it does not count as changed.
    pub(super) fn make(&self, path: &str, folder: bool) -> io::Result<Vec<String>> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut new = Vec::new();
        for count in 1..=parts.len() {
            let path = parts[..count].join("/");
            if self.has(&path) {
                continue;
            }
            let parent = self.find(
                &parts[..count - 1].join("/"),
                OFlags::RDONLY | OFlags::DIRECTORY,
            )?;
            let name = parts[count - 1];
            let before = rustix::fs::fstat(&parent)?;
            let made = if folder || count < parts.len() {
                rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))
            } else {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
            };
            match made {
                Ok(()) => {}
                // A link that leads nowhere has the name; the runtime follows it inside the root.
                Err(Errno::EXIST) => return Ok(new),
                Err(error) => return Err(error.into()),
            }
            let time = |seconds: i64, nanoseconds: u64| Timespec {
                tv_sec: seconds,
                tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
            };
            let times = Timestamps {
                last_access: time(before.st_atime, before.st_atime_nsec),
                last_modification: time(before.st_mtime, before.st_mtime_nsec),
            };
            rustix::fs::futimens(&parent, &times)?;
            new.push(path);
        }
        Ok(new)
    }
}

/// Tells whether a path of this computer is a folder; `None` where there is nothing.
pub(super) fn is_folder(path: &Path) -> io::Result<Option<bool>> {
    match rustix::fs::statat(rustix::fs::CWD, path, AtFlags::empty()) {
        Ok(found) => Ok(Some(
            FileType::from_raw_mode(found.st_mode) == FileType::Directory,
        )),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl AsFd for Inside {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
