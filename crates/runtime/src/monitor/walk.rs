//! Tells what is in a folder, as a stream of records with the content of files: of a container's writable layer, or of its root.
//!
//! What overlay writes is described in <https://docs.kernel.org/filesystems/overlayfs.html>: a deleted name is a character device 0:0,
//! or an empty file with an attribute; a folder that hides the one below has an attribute. fuse-overlayfs writes marks of its own
//! beside those.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::reach::shown;
use super::{copy, remove};
use crate::Failure;
use crate::changes::{ChangedKind, ChangedPath, Record, Xattr};
use crate::error::Context;

/// The namespaces of overlay's attributes: of root's, of a user's, and of fuse-overlayfs.
const OVERLAY: [&[u8]; 3] = [
    b"trusted.overlay.",
    b"user.overlay.",
    b"user.fuseoverlayfs.",
];

/// Names that fuse-overlayfs keeps for itself; what they say stands in attributes too.
const MARK: &[u8] = b".wh.";

/// Why the telling ended early.
pub(super) enum Problem {
    Failed(Failure),
    /// Programs took it away, or put something else in its place.
    Vanished(Failure),
    /// Nobody reads.
    Gone,
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whose files are told.
#[derive(Clone, Copy)]
pub(super) enum Of<'o> {
    /// Those of a writable layer: what overlay notes there says what was deleted. These paths were made to mount something on them, and
    /// count only when something is in them.
    Layer(&'o BTreeSet<String>),
    /// Those of a root, but for what is in these folders at its top. Programs go on there: what they take away meanwhile is passed over.
    Root(&'o [&'o [u8]]),
}

/// Tells files one after the other.
pub(super) struct Walk<'o, W: Write> {
    out: BufWriter<W>,
    contents: bool,
    of: Of<'o>,
    /// Folders that only count when something in them does.
    waiting: Vec<ChangedPath>,
    /// The first name of files with several.
    links: HashMap<(u64, u64), Vec<u8>>,
}

/// A folder that is being told.
struct Open {
    handle: OwnedFd,
    /// In reverse order.
    names: Vec<Vec<u8>>,
    path: Vec<u8>,
}

impl<'o, W: Write> Walk<'o, W> {
    pub(super) fn new(out: W, contents: bool, of: Of<'o>) -> Self {
        Self {
            out: BufWriter::with_capacity(256 * 1024, out),
            contents,
            of,
            waiting: Vec::new(),
            links: HashMap::new(),
        }
    }

    /// Says that all was told, or why it was not. Whoever does not read any more does not want to know.
    pub(super) fn end(mut self, told: Result<(), Problem>) {
        let last = match told {
            Ok(()) => Record::End,
            Err(Problem::Failed(failure) | Problem::Vanished(failure)) => Record::Failed(failure),
            Err(Problem::Gone) => return,
        };
        let _ = self.record(&last).and_then(|()| self.out.flush());
    }

    /// Tells one file, which is no folder.
    pub(super) fn one(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: Vec<u8>,
    ) -> Result<(), Problem> {
        self.entry(folder, name.as_bytes(), path).map(drop)
    }

    /// Tells a folder, which has this path, and all that is in it.
    pub(super) fn tree(&mut self, top: OwnedFd, path: Vec<u8>) -> Result<(), Problem> {
        let mut open = vec![self.folder(top, path)?];
        while let Some(at) = open.last_mut() {
            let Some(name) = at.names.pop() else {
                let done = open.pop();
                let path = done.map(|done| done.path);
                if self.waiting.last().map(|last| &last.path) == path.as_ref() {
                    self.waiting.pop();
                }
                continue;
            };
            if matches!(self.of, Of::Layer(_)) && name.starts_with(MARK) {
                continue;
            }
            let path = match at.path.as_slice() {
                b"" => name.clone(),
                above => [above, &name].join(&b'/'),
            };
            match self.entry(at.handle.as_fd(), &name, path) {
                Ok(folder) => open.extend(folder),
                Err(Problem::Vanished(_)) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    fn folder(&mut self, handle: OwnedFd, path: Vec<u8>) -> Result<Open, Problem> {
        let read = || -> io::Result<_> {
            let found = rustix::fs::fstat(&handle)?;
            let mut names = Vec::new();
            for entry in Dir::read_from(&handle)? {
                let entry = entry?;
                if !remove::is_dots(entry.file_name()) {
                    names.push(entry.file_name().to_bytes().to_vec());
                }
            }
            names.sort_unstable_by(|left, right| right.cmp(left));
            Ok((found, names, xattrs(handle.as_fd())?))
        };
        let step = || format!("read the folder {}", shown(&path));
        let (found, mut names, (xattrs, marks)) =
            read().map_err(|error| self.problem(error, step()))?;
        let marks = self.own(marks);
        whole(&path, &marks)?;
        if let Of::Root(passed) = self.of
            && passed.contains(&path.as_slice())
        {
            names.clear();
        }
        let kind = ChangedKind::Folder {
            opaque: marks.opaque,
        };
        let entry = entry(path.clone(), kind, &found, xattrs);
        if self.is_stub(&path) {
            self.waiting.push(entry);
        } else {
            self.tell(entry)?;
        }
        Ok(Open {
            handle,
            names,
            path,
        })
    }

    fn is_stub(&self, path: &[u8]) -> bool {
        match self.of {
            Of::Layer(stubs) => std::str::from_utf8(path).is_ok_and(|path| stubs.contains(path)),
            Of::Root(_) => false,
        }
    }

    /// Returns what it means that something cannot be read.
    fn problem(&self, error: io::Error, step: String) -> Problem {
        let code = error.raw_os_error().map(Errno::from_raw_os_error);
        let vanished = [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NXIO];
        let is_vanished = code.is_some_and(|code| vanished.contains(&code));
        let failure = Failure::step(step)(error.into());
        match self.of {
            Of::Root(_) if is_vanished => Problem::Vanished(failure),
            // Nobody changes a layer while it is read.
            _ => Problem::Failed(failure),
        }
    }

    /// Returns what is noted at a file where that is overlay's: elsewhere it is about other folders than these.
    fn own(&self, marks: Marks) -> Marks {
        match self.of {
            Of::Layer(_) => marks,
            Of::Root(_) => Marks::default(),
        }
    }

    /// Tells one name; returns the folder where it is one.
    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        path: Vec<u8>,
    ) -> Result<Option<Open>, Problem> {
        let step = || format!("read {}", shown(&path));
        let os = OsStr::from_bytes(name);
        let found = rustix::fs::statat(parent, os, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.problem(error.into(), step()))?;
        let open = |flags: OFlags| {
            let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::openat(parent, os, flags, Mode::empty())
                .map_err(|error| self.problem(error.into(), step()))
        };
        let file_type = FileType::from_raw_mode(found.st_mode);
        if file_type == FileType::Directory {
            let handle = open(OFlags::DIRECTORY)?;
            return self.folder(handle, path).map(Some);
        }
        let device = (
            rustix::fs::major(found.st_rdev),
            rustix::fs::minor(found.st_rdev),
        );
        let is_layer = matches!(self.of, Of::Layer(_));
        if is_layer && file_type == FileType::CharacterDevice && device == (0, 0) {
            self.tell(entry(path, ChangedKind::Deleted, &found, Vec::new()))?;
            return Ok(None);
        }
        if matches!(file_type, FileType::Socket | FileType::Unknown) {
            return Ok(None);
        }
        let number = (found.st_nlink > 1).then_some((found.st_dev, found.st_ino));
        if let Some(first) = number.and_then(|number| self.links.get(&number)) {
            let kind = ChangedKind::HardLink { to: first.clone() };
            self.tell(entry(path, kind, &found, Vec::new()))?;
            return Ok(None);
        }
        // Noted when it was told: what vanishes before is no name to link to.
        let first = number.map(|number| (number, path.clone()));
        let kind = match file_type {
            FileType::RegularFile => {
                let file = File::from(open(OFlags::NONBLOCK | OFlags::NOCTTY)?);
                self.file(file, path)?;
                self.links.extend(first);
                return Ok(None);
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(parent, os, Vec::new());
                let target = target.map_err(|error| {
                    let gone = match error {
                        // It is no link any more.
                        Errno::INVAL => Errno::NOENT,
                        other => other,
                    };
                    self.problem(gone.into(), step())
                })?;
                ChangedKind::Symlink {
                    target: target.into_bytes(),
                }
            }
            FileType::Fifo => ChangedKind::Pipe,
            FileType::BlockDevice => ChangedKind::BlockDevice {
                major: device.0,
                minor: device.1,
            },
            _ => ChangedKind::CharDevice {
                major: device.0,
                minor: device.1,
            },
        };
        self.tell(entry(path, kind, &found, Vec::new()))?;
        self.links.extend(first);
        Ok(None)
    }

    fn file(&mut self, mut file: File, path: Vec<u8>) -> Result<(), Problem> {
        let step = format!("read {}", shown(&path));
        let found = rustix::fs::fstat(&file).context(&*step)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(self.problem(Errno::NOENT.into(), step));
        }
        let (xattrs, marks) = xattrs(file.as_fd()).context(&*step)?;
        let marks = self.own(marks);
        whole(&path, &marks)?;
        let size = u64::try_from(found.st_size).unwrap_or(0);
        if size == 0 && (marks.whiteout || self.is_stub(&path)) {
            if marks.whiteout {
                self.tell(entry(path, ChangedKind::Deleted, &found, Vec::new()))?;
            }
            return Ok(());
        }
        self.tell(entry(path, ChangedKind::File { size }, &found, xattrs))?;
        if !self.contents {
            return Ok(());
        }
        // What was promised cannot be kept then: the stream ends here, and whoever reads knows that it is not whole.
        copy_exactly(&mut file, &mut self.out, size).map_err(|_| Problem::Gone)
    }

    fn tell(&mut self, path: ChangedPath) -> Result<(), Problem> {
        for folder in std::mem::take(&mut self.waiting) {
            self.record(&Record::Path(folder))
                .map_err(|_| Problem::Gone)?;
        }
        self.record(&Record::Path(path)).map_err(|_| Problem::Gone)
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.out.write_all(&crate::message::encode(record)?)
    }
}

/// Copies as many bytes as were promised. A file that got shorter meanwhile ends in zeros, as tar has it.
fn copy_exactly(file: &mut File, out: &mut impl Write, size: u64) -> io::Result<()> {
    let copied = io::copy(&mut file.take(size), out)?;
    io::copy(&mut io::repeat(0).take(size - copied), out)?;
    Ok(())
}

fn entry(path: Vec<u8>, kind: ChangedKind, found: &Stat, xattrs: Vec<Xattr>) -> ChangedPath {
    ChangedPath {
        path,
        kind,
        mode: found.st_mode & 0o7777,
        uid: found.st_uid,
        gid: found.st_gid,
        modified: (
            found.st_mtime,
            u32::try_from(found.st_mtime_nsec).unwrap_or(0),
        ),
        xattrs,
    }
}

/// What overlay noted at a file.
#[derive(Default)]
struct Marks {
    opaque: bool,
    whiteout: bool,
    /// What makes it depend on the layers below.
    feature: Option<&'static str>,
}

fn whole(path: &[u8], marks: &Marks) -> Result<(), Failure> {
    match marks.feature {
        None => Ok(()),
        Some(feature) => Err(Failure::NotWhole {
            path: shown(path),
            feature: feature.to_owned(),
        }),
    }
}

/// Reads the attributes of an open file: those that are its own, and those that overlay made.
fn xattrs(file: BorrowedFd<'_>) -> io::Result<(Vec<Xattr>, Marks)> {
    let mut own = Vec::new();
    let mut marks = Marks::default();
    for name in copy::xattr_names(file)? {
        let mark = OVERLAY.iter().find_map(|space| name.strip_prefix(*space));
        if name == b"security.selinux" || mark.is_some_and(|mark| !mark_matters(mark)) {
            continue;
        }
        let key = OsStr::from_bytes(&name);
        let size = rustix::fs::fgetxattr_query(file, key)?;
        let mut value = vec![0; size];
        let count = if size == 0 {
            0
        } else {
            rustix::fs::fgetxattr(file, key, &mut value[..])?
        };
        value.truncate(count);
        match mark {
            Some(b"opaque") => marks.opaque = value == b"y",
            Some(b"whiteout") => marks.whiteout = true,
            Some(b"redirect") => marks.feature = Some("redirect_dir"),
            Some(b"metacopy") => marks.feature = Some("metacopy"),
            Some(_) => {}
            None => own.push(Xattr { name, value }),
        }
    }
    own.sort_by(|left, right| left.name.cmp(&right.name));
    Ok((own, marks))
}

fn mark_matters(mark: &[u8]) -> bool {
    matches!(mark, b"opaque" | b"whiteout" | b"redirect" | b"metacopy")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::Changes;

    /// Where the telling goes; at the first bytes files vanish.
    struct Busy {
        told: Vec<u8>,
        at: PathBuf,
    }

    impl Write for Busy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.told.is_empty() {
                let at = |name: &str| self.at.join(name);
                fs::remove_dir_all(at("folder"))?;
                fs::remove_dir_all(at("swapped"))?;
                std::os::unix::fs::symlink("last", at("swapped"))?;
                fs::remove_file(at("twice"))?;
                fs::create_dir(at("twice"))?;
                fs::remove_file(at("gone"))?;
            }
            self.told.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(of: Of<'_>) -> Result<Vec<String>, crate::Error> {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        // More than is kept before it is written.
        fs::write(at("a"), vec![b'a'; 1 << 20]).expect("a file");
        for name in ["folder", "swapped", "under"] {
            fs::create_dir(at(name)).expect("a folder");
            fs::write(at(name).join("in"), "in").expect("a file");
        }
        for name in ["gone", "last", "twice"] {
            fs::write(at(name), "file").expect("a file");
        }
        fs::hard_link(at("twice"), at("under/twice")).expect("a link");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let top = rustix::fs::open(place.path(), flags, Mode::empty()).expect("a folder");
        let mut bytes = Busy {
            told: Vec::new(),
            at: place.path().to_owned(),
        };
        let mut walk = Walk::new(&mut bytes, true, of);
        let done = walk.tree(top, Vec::new());
        walk.end(done);
        let mut changes = Changes::new(bytes.told.as_slice(), true);
        let mut names = Vec::new();
        while let Some(path) = changes.next_path()? {
            let mut content = Vec::new();
            changes.read_to_end(&mut content).expect("its content");
            let name = String::from_utf8(path.path).expect("a name");
            names.push(format!("{name} {}", content.len()));
        }
        Ok(names)
    }

    #[test]
    fn what_vanishes_from_a_root_is_passed_over_and_from_a_layer_it_is_not() {
        assert_eq!(
            told(Of::Root(&[])).expect("it is whole"),
            [
                " 0",
                "a 1048576",
                "last 4",
                // By now a link.
                "swapped 0",
                "twice 0",
                "under 0",
                "under/in 2",
                "under/twice 4"
            ]
        );
        told(Of::Layer(&BTreeSet::new())).expect_err("it is not whole");
    }
}
