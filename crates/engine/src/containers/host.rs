//! Files of this computer on their way into a container.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use super::changeset::{Bytes, Kind, Node};
use super::editing::{Editing, Told};
use super::place;
use super::view::join;
use crate::Error;
#[cfg(target_os = "linux")]
use crate::import::pack::carried_xattrs;

/// How files are copied in.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Keep the owners; else they become root's, as with docker.
    pub(super) owners: bool,
}

/// Copies a file or folder in. Links are copied as links; a folder that becomes a link meanwhile ends it.
pub(super) fn copy(
    editing: &mut Editing<'_>,
    source: &Path,
    destination: &[u8],
    manner: Manner,
    told: Told<'_>,
) -> Result<u64, Error> {
    let fail = |error: io::Error| Error::Io {
        path: source.to_owned(),
        source: error,
    };
    let spelt = source.as_os_str().as_bytes();
    let contents =
        spelt.ends_with(b"/.") || spelt == b"." || spelt.ends_with(b"/..") || spelt == b"..";
    // A slash at the end asks for what a link leads to.
    let follow = contents || spelt.ends_with(b"/");
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    let stat =
        rustix::fs::statat(rustix::fs::CWD, source, flags).map_err(|error| fail(error.into()))?;
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if follow && !is_folder {
        return Err(fail(io::ErrorKind::NotADirectory.into()));
    }
    let name = match source.file_name() {
        Some(name) => name.to_owned(),
        None => std::path::absolute(source)
            .and_then(std::fs::canonicalize)
            .map_err(fail)?
            .file_name()
            .map(OsStr::to_owned)
            .unwrap_or_default(),
    };
    let target = place::target(editing, destination, name.as_bytes(), is_folder, contents)?.path;
    let mut walk = Walk {
        editing,
        manner,
        told,
        source,
        links: std::collections::HashMap::new(),
        files: 0,
    };
    if is_folder {
        let mut open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if !follow {
            open |= OFlags::NOFOLLOW;
        }
        let handle =
            rustix::fs::open(source, open, Mode::empty()).map_err(|error| fail(error.into()))?;
        let stat = rustix::fs::fstat(&handle).map_err(|error| fail(error.into()))?;
        walk.folder(&handle, &stat, &target)?;
    } else {
        let parent = match source.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent =
            rustix::fs::open(parent, open, Mode::empty()).map_err(|error| fail(error.into()))?;
        walk.member(&parent, &name, &target)?;
    }
    Ok(walk.files)
}

struct Walk<'w, 'a> {
    editing: &'w mut Editing<'a>,
    manner: Manner,
    told: Told<'w>,
    source: &'w Path,
    /// The number of each file that has several names.
    links: std::collections::HashMap<(u64, u64), (u64, Node)>,
    files: u64,
}

impl Walk<'_, '_> {
    fn fail(&self, error: impl Into<io::Error>) -> Error {
        Error::Io {
            path: self.source.to_owned(),
            source: error.into(),
        }
    }

    fn folder(&mut self, handle: &OwnedFd, stat: &Stat, path: &[u8]) -> Result<(), Error> {
        let kind = Kind::Folder {
            opaque: false,
            unchanged: false,
        };
        let node = self.node(
            kind,
            stat,
            attributes(handle).map_err(|error| self.fail(error))?,
        );
        place::put(self.editing, path, node)?;
        self.files += 1;
        let mut names: Vec<OsString> = Vec::new();
        let entries = rustix::fs::Dir::read_from(handle).map_err(|error| self.fail(error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.fail(error))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort_unstable();
        for name in names {
            self.member(handle, &name, &join(path, name.as_bytes()))?;
        }
        Ok(())
    }

    fn member(&mut self, folder: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<(), Error> {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.fail(error))?;
        let device = (
            i64::from(rustix::fs::major(stat.st_rdev)),
            i64::from(rustix::fs::minor(stat.st_rdev)),
        );
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let handle = rustix::fs::openat(folder, name, flags, Mode::empty())
                    .map_err(|error| self.fail(error))?;
                let stat = rustix::fs::fstat(&handle).map_err(|error| self.fail(error))?;
                return self.folder(&handle, &stat, path);
            }
            FileType::RegularFile => return self.file(folder, name, path),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(folder, name, Vec::new())
                    .map_err(|error| self.fail(error))?;
                Kind::Symlink {
                    target: Bytes(target.into_bytes()),
                }
            }
            FileType::CharacterDevice => Kind::CharDevice {
                major: device.0,
                minor: device.1,
            },
            FileType::BlockDevice => Kind::BlockDevice {
                major: device.0,
                minor: device.1,
            },
            FileType::Fifo => Kind::Fifo,
            // Nobody listens at a socket in an image.
            _ => return Ok(()),
        };
        let node = self.node(kind, &stat, Vec::new());
        self.files += 1;
        place::put(self.editing, path, node)
    }

    fn file(&mut self, folder: &OwnedFd, name: &OsStr, path: &[u8]) -> Result<(), Error> {
        // Not through a link that somebody puts there meanwhile, and not waiting at a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(folder, name, flags, Mode::empty())
            .map_err(|error| self.fail(error))?;
        let stat = rustix::fs::fstat(&handle).map_err(|error| self.fail(error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(self.fail(io::ErrorKind::InvalidInput));
        }
        let xattrs = attributes(&handle).map_err(|error| self.fail(error))?;
        let mut file = File::from(handle);
        let found = file.metadata().map_err(|error| self.fail(error))?;
        let inode = (found.dev(), found.ino());
        self.files += 1;
        if found.nlink() > 1
            && let Some((group, node)) = self.links.get(&inode)
        {
            let node = Node {
                links: Some(*group),
                ..node.clone()
            };
            return place::put(self.editing, path, node);
        }
        let source = self.source;
        let kind = self
            .editing
            .content(&mut file, self.told, &|error| Error::Io {
                path: source.to_owned(),
                source: error,
            })?;
        let mut node = self.node(kind, &stat, xattrs);
        if found.nlink() > 1 {
            let group = self.editing.edits.free_group() + self.links.len() as u64;
            node.links = Some(group);
            self.links.insert(inode, (group, node.clone()));
        }
        place::put(self.editing, path, node)
    }

    #[cfg_attr(
        target_os = "linux",
        expect(clippy::useless_conversion, reason = "elsewhere a mode has 16 bits")
    )]
    fn node(&self, kind: Kind, stat: &Stat, xattrs: Vec<(Bytes, Bytes)>) -> Node {
        let (uid, gid) = match self.manner.owners {
            true => (i64::from(stat.st_uid), i64::from(stat.st_gid)),
            false => (0, 0),
        };
        Node {
            kind,
            mode: u32::from(stat.st_mode) & 0o7777,
            uid,
            gid,
            // Whole seconds, as docker's archives have them.
            modified: (stat.st_mtime, 0),
            xattrs,
            links: None,
        }
    }
}

/// Reads the attributes that an image may carry.
#[cfg(target_os = "linux")]
fn attributes(handle: impl AsFd) -> io::Result<Vec<(Bytes, Bytes)>> {
    use rustix::fs::{fgetxattr, flistxattr};
    let found = carried_xattrs(
        |names| flistxattr(&handle, names),
        |name, value| fgetxattr(&handle, name, value),
    )?;
    let bytes = |(name, value)| (Bytes(name), Bytes(value));
    Ok(found.into_iter().map(bytes).collect())
}

#[cfg(not(target_os = "linux"))]
fn attributes(_: impl AsFd) -> io::Result<Vec<(Bytes, Bytes)>> {
    Ok(Vec::new())
}
