//! Finds files beneath the root of a container that runs.
//!
//! The root is the one that its first process has, with all that is mounted there. Programs in it may swap what they like for links
//! at any moment: where a path leads is found out beneath the root, and what is changed then is reached without any link.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{namespace, state};
use crate::Failure;
use crate::error::Context;
use crate::message::{Inner, Look};
use crate::start::FoundPath;

/// How often a path is looked for while things on it are moved.
const ATTEMPTS: u32 = 100;

/// As the container's own programs find something.
const AS_PROGRAMS: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// Without following any link.
const WITHOUT_LINKS: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// The root of a container that runs.
pub(super) struct Root {
    handle: OwnedFd,
    /// The container's first process.
    first: i32,
}

impl Root {
    /// Enters the container's namespaces, and opens the root that its first process has.
    pub(super) fn enter(inner: Inner) -> Result<Self, Failure> {
        namespace::join(inner.monitor)?;
        let root = format!("/proc/{}/root", inner.first.pid);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(root, flags, Mode::empty());
        // Its number may be another's by now: then it is not the container's root that was opened.
        if !state::is_alive(inner.first) {
            return Err(Failure::NotRunning);
        }
        Ok(Self {
            handle: root.context("open the container's root")?,
            first: inner.first.pid,
        })
    }

    /// Takes a folder for the root of a container.
    #[cfg(test)]
    pub(super) fn of(folder: &std::path::Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self {
            handle: rustix::fs::open(folder, flags, Mode::empty()).expect("a folder"),
            first: 0,
        }
    }

    /// Opens a folder without following a link; anything else is an error.
    pub(super) fn folder(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        self.open(path, OFlags::RDONLY | OFlags::DIRECTORY, WITHOUT_LINKS)
    }

    /// Finds what a path leads to, and opens it so that nothing but what it is can be seen. With `follow` also through a link at the
    /// end. `None` where nothing is there.
    pub(super) fn find(
        &self,
        path: &[u8],
        follow: bool,
    ) -> io::Result<Option<(FoundPath, OwnedFd)>> {
        let mut flags = OFlags::PATH;
        flags.set(OFlags::NOFOLLOW, !follow);
        match self.open(path, flags, AS_PROGRAMS) {
            Ok(found) => {
                let place = FoundPath {
                    path: own_path(&found)?,
                    is_folder: Some(is_folder(&found)?),
                    is_mounted: self.is_mounted(&found)?,
                };
                Ok(Some((place, found)))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Finds where something of this path is, or would be: then its folder must be there. `None` for a link that leads nowhere.
    fn place(&self, path: &[u8]) -> io::Result<Option<FoundPath>> {
        if let Some((found, _)) = self.find(path, true)? {
            return Ok(Some(found));
        }
        let (folder, name) = split(path);
        let Some((at, handle)) = self.find(folder, true)? else {
            return Ok(None);
        };
        if at.is_folder != Some(true) {
            return Ok(None);
        }
        match rustix::fs::statat(&handle, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            // A link that leads nowhere, or through a file.
            Ok(_) => Ok(None),
            Err(Errno::NOENT) => Ok(Some(FoundPath {
                path: join(&at.path, name),
                is_folder: None,
                is_mounted: at.is_mounted,
            })),
            Err(error) => Err(error.into()),
        }
    }

    fn open(&self, path: &[u8], flags: OFlags, how: ResolveFlags) -> rustix::io::Result<OwnedFd> {
        let start = path.iter().position(|byte| *byte != b'/');
        let path = match start {
            Some(start) => OsStr::from_bytes(&path[start..]),
            None => OsStr::new("."),
        };
        let flags = flags | OFlags::CLOEXEC;
        // Something was moved meanwhile, which the system cannot tell from a way out.
        for _ in 0..ATTEMPTS {
            match rustix::fs::openat2(&self.handle, path, flags, Mode::empty(), how) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Tells whether a file is in something that is mounted below the root.
    fn is_mounted(&self, file: &OwnedFd) -> io::Result<bool> {
        Ok(mount_of(file)? != mount_of(&self.handle)?)
    }

    /// Returns where something is mounted, as the container's programs see it.
    pub(super) fn mounts(&self) -> io::Result<Vec<Vec<u8>>> {
        let list = fs::read(format!("/proc/{}/mountinfo", self.first))?;
        let lines = list.split(|byte| *byte == b'\n');
        let places = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
        Ok(places
            .map(|place| unescaped(place.strip_prefix(b"/").unwrap_or(place)))
            .collect())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// Finds where a path leads.
pub(super) fn look(look: &Look) -> Result<Option<FoundPath>, Failure> {
    let root = Root::enter(look.inner)?;
    let end = look.path.iter().rposition(|byte| *byte != b'/');
    let path = &look.path[..end.map_or(0, |end| end + 1)];
    root.place(path).context(format!("look at {}", shown(path)))
}

/// Returns the path of an open file, from the root of the mounts that it is in: that is the container's.
fn own_path(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let path = path.into_os_string().into_vec();
    Ok(path.strip_prefix(b"/").unwrap_or(&path).to_vec())
}

/// Returns the number of the mount that an open file is in.
fn mount_of(file: &OwnedFd) -> io::Result<u64> {
    let facts = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let number = facts.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    let number = number.and_then(|number| number.trim().parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads a path of the list of mounts, where some bytes stand as `\ooo`.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\');
        let code = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                plain.push(code);
                rest = &after[3..];
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}

fn is_folder(file: &OwnedFd) -> io::Result<bool> {
    let found = rustix::fs::fstat(file)?;
    Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

/// Splits a path into the folder and the name in it.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

/// Returns a path as it is told.
pub(super) fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path).trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn places_of_mounts_are_read_as_they_are() {
        assert_eq!(unescaped(b"a\\040b\\134"), b"a b\\");
        assert_eq!(unescaped(b"a\\04"), b"a\\04");
        assert_eq!(unescaped(b"\\999"), b"\\999");
    }
}
