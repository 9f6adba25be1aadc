//! Finds and changes files beneath the root of a container that runs.
//!
//! The root is the one that its first process has, with all that is mounted there. Programs in it may swap what they like for links
//! at any moment: where a path leads is found out beneath the root, and what is changed then is reached without any link.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use layer::{FileIndex, NodeId, Tree, UnpackOptions};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::{namespace, remove, state};
use crate::error::Context;
use crate::message::{Inner, Look, Put};
use crate::start::FoundPath;
use crate::{Failure, Identity};

const STEP: &str = "change files of the container";

/// Enters the container's namespaces, and opens the root that its first process has.
fn enter(inner: Inner) -> Result<OwnedFd, Failure> {
    namespace::join(inner.monitor)?;
    let root = format!("/proc/{}/root", inner.first.pid);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty());
    // Its number may be another's by now: then it is not the container's root that was opened.
    if !state::is_alive(inner.first) {
        return Err(Failure::NotRunning);
    }
    root.context("open the container's root")
}

/// Removes what is to go, then makes what comes.
pub(super) fn put(put: &Put, identity: &Identity) -> Result<(), Failure> {
    let tar = File::open(&put.tar).context(STEP)?;
    let index = File::open(&put.index).context(STEP)?;
    let root = enter(put.inner)?;
    for path in &put.removed {
        remove_beneath(&root, path).context(format!("remove {}", shown(path)))?;
    }
    let mut tree = Tree::new();
    let index = FileIndex::open(io::BufReader::new(index)).context(STEP)?;
    tree.push(index).context(STEP)?;
    let options = UnpackOptions {
        owners: !matches!(identity, Identity::Single { .. }),
        devices: !namespace::is_user_namespace(),
        keep_target: true,
        keep_implied: true,
        as_of: None,
    };
    let open = |_, offset| -> Result<Box<dyn Read + Send>, layer::Error> {
        let mut tar = tar.try_clone().map_err(layer::Error::Read)?;
        tar.seek(SeekFrom::Start(offset))
            .map_err(layer::Error::Read)?;
        Ok(Box::new(tar))
    };
    let made = layer::unpack(
        &tree,
        NodeId::ROOT,
        root.as_fd(),
        options,
        &open,
        &mut |_| ControlFlow::Continue(()),
    );
    match made {
        Ok(_) => Ok(()),
        Err(layer::Error::Unpack { entry, source }) => {
            Err(source).context(format!("put /{} there", entry.as_str()))
        }
        Err(error) => Err(error).context(STEP),
    }
}

fn remove_beneath(root: &OwnedFd, path: &[u8]) -> io::Result<()> {
    let (folder, name) = split(path);
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match open_in(root, folder, how) {
        Ok(folder) => remove::remove_at(folder.as_fd(), OsStr::from_bytes(name)),
        // It went with the folder.
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Finds where a path leads.
pub(super) fn look(look: &Look) -> Result<Option<FoundPath>, Failure> {
    let root = enter(look.inner)?;
    let end = look.path.iter().rposition(|byte| *byte != b'/');
    let path = &look.path[..end.map_or(0, |end| end + 1)];
    find(&root, path).context(format!("look at {}", shown(path)))
}

fn find(root: &OwnedFd, path: &[u8]) -> io::Result<Option<FoundPath>> {
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    match open_in(root, path, how) {
        Ok(found) => {
            return Ok(Some(FoundPath {
                path: own_path(&found)?,
                is_folder: Some(is_folder(&found)?),
            }));
        }
        Err(Errno::NOENT) => {}
        Err(Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let (folder, name) = split(path);
    let folder = match open_in(root, folder, how) {
        Ok(folder) if is_folder(&folder)? => folder,
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let name = OsStr::from_bytes(name);
    match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        // A link that leads nowhere.
        Ok(_) => Ok(None),
        Err(Errno::NOENT) => {
            let folder = own_path(&folder)?;
            let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
            Ok(Some(FoundPath {
                path: [&folder, slash, name.as_bytes()].concat(),
                is_folder: None,
            }))
        }
        Err(error) => Err(error.into()),
    }
}

fn open_in(root: &OwnedFd, path: &[u8], how: ResolveFlags) -> rustix::io::Result<OwnedFd> {
    let start = path.iter().position(|byte| *byte != b'/');
    let path = match start {
        Some(start) => OsStr::from_bytes(&path[start..]),
        None => OsStr::new("."),
    };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    // Something was moved meanwhile, which the system cannot tell from a way out.
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, path, flags, Mode::empty(), how) {
            Err(Errno::AGAIN) => {}
            other => return other,
        }
    }
    Err(Errno::AGAIN)
}

/// How often a path is looked for while things on it are moved.
const ATTEMPTS: u32 = 100;

/// Returns the path of an open file, from the root of the mounts that it is in: that is the container's.
fn own_path(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    let path = path.into_os_string().into_vec();
    Ok(path.strip_prefix(b"/").unwrap_or(&path).to_vec())
}

fn is_folder(file: &OwnedFd) -> io::Result<bool> {
    let found = rustix::fs::fstat(file)?;
    Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

fn shown(path: &[u8]) -> String {
    format!("/{}", String::from_utf8_lossy(path).trim_start_matches('/'))
}
