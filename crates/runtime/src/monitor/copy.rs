//! Copies a tree with all that its files are, on one computer.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, XattrFlags};

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Copies what is in one folder, and what the folder itself is, into another, which is empty.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    let from = rustix::fs::open(from, FOLDER, Mode::empty())?;
    open_tree(from.as_fd(), to)
}

/// Gives one folder the attributes of another.
pub(super) fn folder(from: &Path, to: &Path) -> io::Result<()> {
    let from = rustix::fs::open(from, FOLDER, Mode::empty())?;
    let to = rustix::fs::open(to, FOLDER, Mode::empty())?;
    attributes(from.as_fd(), to.as_fd(), &rustix::fs::fstat(&from)?)
}

/// As [`tree`], of an open folder.
pub(super) fn open_tree(from: BorrowedFd<'_>, to: &Path) -> io::Result<()> {
    let to = rustix::fs::open(to, FOLDER, Mode::empty())?;
    let top = to.try_clone()?;
    let mut copy = Copy::default();
    // A stack of its own: folders may be nested deeper than a thread's.
    copy.open.push((from.try_clone_to_owned()?, to));
    copy.enter()?;
    while let Some((from, to)) = copy.open.last() {
        let Some(name) = copy.names.last_mut().and_then(Vec::pop) else {
            let found = rustix::fs::fstat(from)?;
            attributes(from.as_fd(), to.as_fd(), &found)?;
            copy.open.pop();
            copy.names.pop();
            copy.way.pop();
            continue;
        };
        let way = &copy.way;
        let path = || {
            way.iter()
                .chain([&name])
                .map(Vec::as_slice)
                .collect::<Vec<_>>()
                .join(&b'/')
        };
        if let Some(folder) = entry(
            &mut copy.links,
            top.as_fd(),
            &path,
            (from.as_fd(), to.as_fd()),
            &name,
        )? {
            copy.open.push(folder);
            copy.way.push(name);
            copy.enter()?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Copy {
    open: Vec<(OwnedFd, OwnedFd)>,
    names: Vec<Vec<Vec<u8>>>,
    /// The way from the top to the folder that is open.
    way: Vec<Vec<u8>>,
    /// The first path of a file with several names, by its number.
    links: HashMap<(u64, u64), Vec<u8>>,
}

impl Copy {
    fn enter(&mut self) -> io::Result<()> {
        let mut names = Vec::new();
        if let Some((from, _)) = self.open.last() {
            for entry in Dir::read_from(from)? {
                let entry = entry?;
                if !super::remove::is_dots(entry.file_name()) {
                    names.push(entry.file_name().to_bytes().to_vec());
                }
            }
        }
        self.names.push(names);
        Ok(())
    }
}

/// Copies one name; returns both folders where it is one.
fn entry(
    links: &mut HashMap<(u64, u64), Vec<u8>>,
    top: BorrowedFd<'_>,
    whole: &dyn Fn() -> Vec<u8>,
    (from, to): (BorrowedFd<'_>, BorrowedFd<'_>),
    name: &[u8],
) -> io::Result<Option<(OwnedFd, OwnedFd)>> {
    let path = OsStr::from_bytes(name);
    let found = rustix::fs::statat(from, path, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(found.st_mode);
    if kind == FileType::Directory {
        rustix::fs::mkdirat(to, path, Mode::RWXU)?;
        let open = |at| rustix::fs::openat(at, path, FOLDER, Mode::empty());
        return Ok(Some((open(from)?, open(to)?)));
    }
    if found.st_nlink > 1 {
        if let Some(first) = links.get(&(found.st_dev, found.st_ino)) {
            let first = OsStr::from_bytes(first);
            rustix::fs::linkat(top, first, to, path, AtFlags::empty())?;
            return Ok(None);
        }
        links.insert((found.st_dev, found.st_ino), whole());
    }
    match kind {
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let source = rustix::fs::openat(from, path, flags, Mode::empty())?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let target = rustix::fs::openat(to, path, flags, Mode::RUSR | Mode::WUSR)?;
            let (mut source, mut target) = (File::from(source), File::from(target));
            io::copy(&mut source, &mut target)?;
            attributes(source.as_fd(), target.as_fd(), &found)?;
            return Ok(None);
        }
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(from, path, Vec::new())?;
            rustix::fs::symlinkat(target.as_c_str(), to, path)?;
        }
        FileType::Socket | FileType::Unknown => return Ok(None),
        kind => {
            let mode = Mode::from_raw_mode(found.st_mode & 0o7777);
            match rustix::fs::mknodat(to, path, kind, mode, found.st_rdev) {
                // A user makes no devices.
                Err(rustix::io::Errno::PERM) => return Ok(None),
                other => other?,
            }
        }
    }
    let (uid, gid) = owner(&found);
    rustix::fs::chownat(to, path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::utimensat(to, path, &times(&found), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(None)
}

/// Gives an open file the attributes of another: the owner first, because that clears set-user-ID.
fn attributes(from: BorrowedFd<'_>, to: BorrowedFd<'_>, found: &Stat) -> io::Result<()> {
    let (uid, gid) = owner(found);
    rustix::fs::fchown(to, uid, gid)?;
    for (name, value) in xattrs(from)? {
        // Some are not a user's to set.
        let _ = rustix::fs::fsetxattr(to, OsStr::from_bytes(&name), &value, XattrFlags::empty());
    }
    rustix::fs::fchmod(to, Mode::from_raw_mode(found.st_mode & 0o7777))?;
    Ok(rustix::fs::futimens(to, &times(found))?)
}

/// Reads the extended attributes of an open file, but for those that the user may not read.
pub(super) fn xattrs(file: BorrowedFd<'_>) -> io::Result<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for name in xattr_names(file)? {
        let key = OsStr::from_bytes(&name);
        let mut value = vec![0; rustix::fs::fgetxattr_query(file, key).unwrap_or(0)];
        let Ok(count) = rustix::fs::fgetxattr(file, key, &mut value[..]) else {
            continue;
        };
        value.truncate(count);
        all.insert(name, value);
    }
    Ok(all)
}

/// Lists the names of an open file's extended attributes.
pub(super) fn xattr_names(file: BorrowedFd<'_>) -> io::Result<Vec<Vec<u8>>> {
    let size = match rustix::fs::flistxattr_query(file) {
        Ok(size) => size,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(error) => return Err(error.into()),
    };
    let mut list = vec![0; size];
    let count = if size == 0 {
        0
    } else {
        rustix::fs::flistxattr(file, &mut list[..])?
    };
    let names = list[..count].split(|&byte| byte == 0);
    Ok(names
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect())
}

fn owner(found: &Stat) -> (Option<rustix::fs::Uid>, Option<rustix::fs::Gid>) {
    (
        Some(rustix::fs::Uid::from_raw(found.st_uid)),
        Some(rustix::fs::Gid::from_raw(found.st_gid)),
    )
}

fn times(found: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
    };
    Timestamps {
        last_access: time(found.st_atime, found.st_atime_nsec),
        last_modification: time(found.st_mtime, found.st_mtime_nsec),
    }
}
