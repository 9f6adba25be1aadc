//! Gives names to what was prepared under others, all of them or none.
//!
//! A single name changes in one step, so that no program ever sees half of a file. Where one of several cannot be changed, those
//! that were are changed back. What the system does not let be moved is the exception: a folder that overlay has from an image can
//! only be removed, name by name.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Gid, Mode, RenameFlags, Stat, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::reach::{Root, shown};
use super::{copy, remove};
use crate::Failure;
use crate::error::Context;

/// A name in a folder, and the one beside it under which what comes was prepared, or what goes is kept until all is done.
pub(super) struct Swap {
    /// The path of the folder.
    pub(super) folder: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) aside: Vec<u8>,
}

impl Swap {
    fn path(&self) -> String {
        shown(&[self.folder.as_slice(), &self.name].join(&b'/'))
    }

    fn path_aside(&self) -> String {
        shown(&[self.folder.as_slice(), &self.aside].join(&b'/'))
    }
}

/// Gives another name to something in a folder.
type Rename = fn(&OwnedFd, &OsStr, &OsStr, RenameFlags) -> rustix::io::Result<()>;

fn rename_with(
    folder: &OwnedFd,
    from: &OsStr,
    to: &OsStr,
    flags: RenameFlags,
) -> rustix::io::Result<()> {
    rustix::fs::renameat_with(folder, from, folder, to, flags)
}

/// Tells whether a name in a folder is one of something.
fn has(folder: &OwnedFd, name: &OsStr) -> rustix::io::Result<bool> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What was done, and how it is undone.
enum Done {
    /// The prepared file got its name, or what goes was put aside.
    Moved { swap: usize, back: bool },
    /// What had the name is aside now.
    Exchanged { swap: usize },
    /// A folder got other attributes.
    Changed {
        folder: OwnedFd,
        before: Box<Attributes>,
    },
}

/// Changes names one after the other.
pub(super) struct Swaps<'r> {
    root: &'r Root,
    /// The system's; a file system may have none with flags.
    rename_with: Rename,
    swaps: Vec<Swap>,
    done: Vec<Done>,
    /// What cannot be put aside, and is removed last.
    last: Vec<usize>,
    /// What could not be undone. What was there before may be aside still.
    stuck: HashSet<usize>,
}

impl<'r> Swaps<'r> {
    pub(super) fn new(root: &'r Root) -> Self {
        Self {
            root,
            rename_with,
            swaps: Vec::new(),
            done: Vec::new(),
            last: Vec::new(),
            stuck: HashSet::new(),
        }
    }

    /// Adds a change to come; returns its number.
    pub(super) fn add(&mut self, swap: Swap) -> usize {
        self.swaps.push(swap);
        self.swaps.len() - 1
    }

    fn folder(&self, swap: usize) -> rustix::io::Result<OwnedFd> {
        self.root.folder(&self.swaps[swap].folder)
    }

    /// Gives one of a change's two names to what has the other.
    fn rename(
        &self,
        number: usize,
        folder: &OwnedFd,
        back: bool,
        flags: RenameFlags,
    ) -> rustix::io::Result<()> {
        let swap = &self.swaps[number];
        let (from, to) = match back {
            true => (&swap.name, &swap.aside),
            false => (&swap.aside, &swap.name),
        };
        let (from, to) = (OsStr::from_bytes(from), OsStr::from_bytes(to));
        match (self.rename_with)(folder, from, to, flags) {
            // A file system without such renames.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                if flags == RenameFlags::NOREPLACE && has(folder, to)? {
                    return Err(Errno::EXIST);
                }
                // Instead of an exchange: what has the name is replaced, and cannot come back.
                rustix::fs::renameat(folder, from, folder, to)
            }
            other => other,
        }
    }

    /// Puts something aside that is to go; that it is not there is fine.
    pub(super) fn put_aside(&mut self, number: usize) -> Result<(), Failure> {
        let swap = &self.swaps[number];
        let moved = self
            .folder(number)
            .and_then(|folder| self.rename(number, &folder, true, RenameFlags::NOREPLACE));
        match moved {
            Ok(()) => self.done.push(Done::Moved {
                swap: number,
                back: true,
            }),
            // It went with its folder.
            Err(Errno::NOENT) => {}
            Err(Errno::XDEV) => self.last.push(number),
            Err(error) => return Err(error).context(format!("remove {}", swap.path())),
        }
        Ok(())
    }

    /// Gives something prepared its name. What has that now is put aside.
    pub(super) fn put_in_place(&mut self, number: usize) -> Result<(), Failure> {
        let step = || format!("put {} there", self.swaps[number].path());
        let folder = self.folder(number).context(step())?;
        let swap = &self.swaps[number];
        let placed = match self.rename(number, &folder, false, RenameFlags::NOREPLACE) {
            Ok(()) => false,
            Err(Errno::EXIST) => match self.rename(number, &folder, false, RenameFlags::EXCHANGE) {
                Ok(()) => true,
                // A folder that overlay has from an image.
                Err(Errno::XDEV) => {
                    remove::remove_at(folder.as_fd(), OsStr::from_bytes(&swap.name))
                        .and_then(|()| {
                            Ok(self.rename(number, &folder, false, RenameFlags::NOREPLACE)?)
                        })
                        .context(step())?;
                    false
                }
                Err(error) => return Err(error).context(step()),
            },
            Err(error) => return Err(error).context(step()),
        };
        self.done.push(match placed {
            true => Done::Exchanged { swap: number },
            false => Done::Moved {
                swap: number,
                back: false,
            },
        });
        Ok(())
    }

    /// Gives a folder other attributes.
    pub(super) fn change(
        &mut self,
        path: &[u8],
        change: impl FnOnce(&OwnedFd) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let step = || format!("change {}", shown(path));
        let folder = self.root.folder(path).context(step())?;
        let before = Box::new(Attributes::of(&folder).context(step())?);
        let changed = change(&folder).context(step());
        self.done.push(Done::Changed { folder, before });
        changed
    }

    /// Removes what could not be put aside.
    pub(super) fn remove_the_rest(&mut self) -> Result<(), Failure> {
        for number in std::mem::take(&mut self.last) {
            self.remove(number, |swap| &swap.name)
                .context(format!("remove {}", self.swaps[number].path()))?;
        }
        Ok(())
    }

    /// Undoes what was done. Returns what could not be undone, and where what was there before is then: [`Swaps::clear`] leaves that.
    pub(super) fn undo(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        while let Some(done) = self.done.pop() {
            let undone = match &done {
                Done::Moved { swap, back } => self
                    .folder(*swap)
                    .and_then(|folder| self.rename(*swap, &folder, !back, RenameFlags::NOREPLACE)),
                Done::Exchanged { swap } => self
                    .folder(*swap)
                    .and_then(|folder| self.rename(*swap, &folder, false, RenameFlags::EXCHANGE)),
                Done::Changed { folder, before } => before.give_back(folder),
            };
            let Err(error) = undone else { continue };
            left.push(match done {
                Done::Moved { swap, back: true } | Done::Exchanged { swap } => {
                    self.stuck.insert(swap);
                    let (path, aside) = (self.swaps[swap].path(), self.swaps[swap].path_aside());
                    match self.is_aside(swap) {
                        false => format!("{path}: {error}"),
                        true => format!("{path}: {error}; what was there before is {aside}"),
                    }
                }
                Done::Moved { swap, .. } => format!("{}: {error}", self.swaps[swap].path()),
                Done::Changed { .. } => format!("the attributes of a folder: {error}"),
            });
        }
        left
    }

    /// Removes all that is aside, but for what could not be undone. Returns what could not be removed.
    pub(super) fn clear(&self) -> Vec<String> {
        let mut left = Vec::new();
        for (number, swap) in self.swaps.iter().enumerate() {
            if self.stuck.contains(&number) {
                continue;
            }
            if let Err(error) = self.remove(number, |swap| &swap.aside) {
                left.push(format!("{}: {error}", swap.path_aside()));
            }
        }
        left
    }

    /// Tells whether something is aside. What cannot be looked at may be.
    pub(super) fn is_aside(&self, number: usize) -> bool {
        let aside = OsStr::from_bytes(&self.swaps[number].aside);
        let found = self.folder(number).and_then(|folder| has(&folder, aside));
        found.unwrap_or(true)
    }

    fn remove(&self, number: usize, name: impl Fn(&Swap) -> &Vec<u8>) -> io::Result<()> {
        match self.folder(number) {
            Ok(folder) => {
                let name = OsStr::from_bytes(name(&self.swaps[number]));
                remove::remove_at(folder.as_fd(), name)
            }
            // It went with the folder.
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a folder is, apart from what is in it.
struct Attributes {
    found: Stat,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Attributes {
    fn of(folder: &OwnedFd) -> io::Result<Self> {
        Ok(Self {
            found: rustix::fs::fstat(folder)?,
            xattrs: copy::xattrs(folder.as_fd())?,
        })
    }

    /// In the order of unpacking: a new owner takes away set-user-ID, and every change changes times.
    fn give_back(&self, folder: &OwnedFd) -> rustix::io::Result<()> {
        let found = &self.found;
        let (user, group) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
        rustix::fs::fchown(folder, Some(user), Some(group))?;
        self.give_back_xattrs(folder)?;
        rustix::fs::fchmod(folder, Mode::from_raw_mode(found.st_mode & 0o7777))?;
        let time = |seconds: i64, nanoseconds: u64| Timespec {
            tv_sec: seconds,
            tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
        };
        let times = Timestamps {
            last_access: time(found.st_atime, found.st_atime_nsec),
            last_modification: time(found.st_mtime, found.st_mtime_nsec),
        };
        rustix::fs::futimens(folder, &times)
    }

    /// Only of those that differ: not every one is a user's to set.
    fn give_back_xattrs(&self, folder: &OwnedFd) -> rustix::io::Result<()> {
        let now = copy::xattrs(folder.as_fd())
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        for name in now.keys().filter(|name| !self.xattrs.contains_key(*name)) {
            rustix::fs::fremovexattr(folder, OsStr::from_bytes(name))?;
        }
        for (name, value) in self
            .xattrs
            .iter()
            .filter(|(name, value)| now.get(*name) != Some(value))
        {
            rustix::fs::fsetxattr(folder, OsStr::from_bytes(name), value, XattrFlags::empty())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::BorrowedFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn swap(folder: &str, name: &str, aside: &str) -> Swap {
        Swap {
            folder: folder.into(),
            name: name.into(),
            aside: aside.into(),
        }
    }

    #[test]
    fn what_was_exchanged_removed_and_changed_is_as_before_after_a_failure() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("d/gone/deep")).expect("folders");
        for (name, text) in [("d/old", "old"), ("d/.1", "new"), ("d/.2", "added")] {
            fs::write(at(name), text).expect("a file");
        }
        let mode = || {
            fs::metadata(at("d"))
                .expect("a folder")
                .permissions()
                .mode()
        };
        let before = mode();
        let folder = fs::File::open(at("d")).expect("a folder");
        let set = |folder: BorrowedFd<'_>, name: &str, value: &[u8]| {
            rustix::fs::fsetxattr(folder, name, value, XattrFlags::empty())
        };
        set(folder.as_fd(), "user.old", b"old").expect("an attribute");
        let xattrs = copy::xattrs(folder.as_fd()).expect("attributes");
        let root = Root::of(place.path());
        let mut swaps = Swaps::new(&root);
        let numbers = [
            swap("d", "gone", ".3"),
            swap("d", "old", ".1"),
            swap("d", "added", ".2"),
            swap("d", "never", ".4"),
        ]
        .map(|swap| swaps.add(swap));
        swaps.put_aside(numbers[0]).expect("it goes");
        swaps.put_in_place(numbers[1]).expect("it comes");
        swaps.put_in_place(numbers[2]).expect("it comes");
        let closed = |folder: &OwnedFd| {
            set(folder.as_fd(), "user.old", b"other")?;
            set(folder.as_fd(), "user.new", b"")?;
            Ok(rustix::fs::fchmod(folder, Mode::RWXU)?)
        };
        swaps.change(b"d", closed).expect("it changes");
        let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
        assert_eq!(
            (read("d/old"), read("d/added")),
            ("new".into(), "added".into())
        );
        assert!(!at("d/gone").exists());
        // Nothing was prepared for it.
        swaps.put_in_place(numbers[3]).expect_err("it cannot");
        assert_eq!((swaps.undo(), swaps.clear()), (vec![], vec![]));
        assert_eq!(read("d/old"), "old");
        assert!(at("d/gone/deep").exists());
        assert_eq!(mode(), before);
        let now = copy::xattrs(folder.as_fd()).expect("attributes");
        assert_eq!(now, xattrs);
        let left = fs::read_dir(at("d")).expect("a folder").count();
        assert_eq!(left, 2, "nothing that was prepared");
    }

    #[test]
    fn what_cannot_come_back_because_its_name_is_taken_stays_aside() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        for (name, text) in [("gone", "old"), ("page", "old"), (".2", "new")] {
            fs::write(at(name), text).expect("a file");
        }
        let root = Root::of(place.path());
        let mut swaps = Swaps::new(&root);
        let numbers = [swap("", "gone", ".1"), swap("", "page", ".2")].map(|swap| swaps.add(swap));
        swaps.put_aside(numbers[0]).expect("it goes");
        swaps.put_in_place(numbers[1]).expect("it comes");
        // A program makes the one anew and removes the other.
        fs::write(at("gone"), "newer").expect("a file");
        fs::remove_file(at("page")).expect("it goes");
        let left = swaps.undo();
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left[0].starts_with("/page: ") && left[0].ends_with(" is /.2"));
        assert!(left[1].starts_with("/gone: ") && left[1].ends_with(" is /.1"));
        assert_eq!(swaps.clear(), Vec::<String>::new());
        let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
        assert_eq!(
            [read("gone"), read(".1"), read(".2")],
            ["newer", "old", "old"]
        );
    }

    #[test]
    fn a_file_system_that_knows_no_flags_never_loses_both_files() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        for (name, text) in [
            ("page", "old"),
            (".1", "new"),
            (".2", "added"),
            ("gone", "old"),
        ] {
            fs::write(at(name), text).expect("a file");
        }
        let root = Root::of(place.path());
        let mut swaps = Swaps::new(&root);
        swaps.rename_with = |_, _, _, _| Err(Errno::INVAL);
        let numbers = [
            swap("", "page", ".1"),
            swap("", "added", ".2"),
            swap("", "gone", ".3"),
        ]
        .map(|swap| swaps.add(swap));
        swaps.put_aside(numbers[2]).expect("it goes");
        swaps.put_in_place(numbers[1]).expect("it comes");
        swaps.put_in_place(numbers[0]).expect("it comes");
        let left = swaps.undo();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].starts_with("/page: ") && !left[0].contains("/.1"));
        assert_eq!(swaps.clear(), Vec::<String>::new());
        let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
        assert_eq!([read("page"), read("gone")], ["new", "old"]);
        let left = fs::read_dir(place.path()).expect("a folder").count();
        assert_eq!(left, 2, "nothing that was prepared");
    }

    #[test]
    fn a_folder_that_is_to_go_gives_its_place_to_a_file() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("x/deep")).expect("folders");
        fs::create_dir_all(at("y/deep")).expect("folders");
        fs::write(at(".1"), "file").expect("a file");
        let root = Root::of(place.path());
        let mut swaps = Swaps::new(&root);
        let number = swaps.add(swap("", "x", ".1"));
        swaps.put_in_place(number).expect("it comes");
        // As one that overlay has from an image.
        let stays = swaps.add(swap("", "y", ".2"));
        swaps.last.push(stays);
        swaps.remove_the_rest().expect("it goes");
        assert!(!at("y").exists());
        assert_eq!(swaps.clear(), Vec::<String>::new());
        assert_eq!(fs::read_to_string(at("x")).expect("a file"), "file");
        assert!(!at(".1").exists());
    }
}
