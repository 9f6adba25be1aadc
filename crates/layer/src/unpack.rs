//! Makes real files of a tree, beneath an open folder.
//!
//! The tree says what is to be there at the end, so that nothing is written that a later layer takes away, and there is only one
//! set of rules ([`Tree`]). On disk no link is ever followed, not even one that leads somewhere inside: every folder on the way is
//! one that the tree has as a folder, and is opened as such, beneath the handle. Whatever an image says, and whoever exchanges
//! folders for links meanwhile, nothing outside is touched.
//!
//! For each file: owner, then extended attributes, then mode (changing the owner clears set-user-ID), then times; folders last, from
//! the deepest up, so that making their files does not change their times and a folder without write permission can be filled.

mod place;
mod stream;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::AtFlags;

use self::place::{Folder, Place};
use crate::entry::EntryKind;
use crate::error::{EntryName, Error};
use crate::tree::{File, FileId, NodeId, Tree};

/// What may be done for the files that are made. Neither can be done by every user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackOptions {
    /// Give files the owners that the image says. Otherwise they are the user's.
    pub owners: bool,
    /// Make device nodes. Otherwise they are left out and noted.
    pub devices: bool,
    /// Leave owner, mode and times of the folder that everything goes into as they are.
    pub keep_target: bool,
    /// Leave folders that are there as they are, and make only those that are missing.
    pub keep_folders: bool,
    /// The last layer that counts, from 0, so that the tree is made as it was then. `None`: all of them.
    pub as_of: Option<u32>,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unpacked {
    /// Names, those of folders included.
    pub files: u64,
    /// Bytes of regular files, holes included.
    pub bytes: u64,
    /// What could not be made as the image says; the first [`MAX_NOTES`] of them.
    pub notes: Vec<UnpackNote>,
    /// How many there are in all.
    pub noted: u64,
}

/// Something that is not as the image says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackNote {
    /// The path in the image.
    pub path: Vec<u8>,
    /// What is missing.
    pub missing: Missing,
}

/// What of a file could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// The device node as such.
    Device,
    /// An extended attribute: the user may not set it, or the file system has none.
    Xattr(Vec<u8>),
}

/// Notes that are kept.
pub const MAX_NOTES: usize = 100;

/// Opens a layer's uncompressed tar at or before an offset: the layer, counted from 0, and the offset at which it must stand.
pub type OpenLayer<'a> = dyn Fn(u32, u64) -> Result<Box<dyn Read + Send>, Error> + 'a;

/// Is told the bytes that were written so far, and may stop it.
pub type OnBytes<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Makes what is in a folder of the tree, and below it, in the folder behind `target`, which gets the attributes of that folder.
///
/// What stands in the way is replaced, but for folders, which are kept and filled.
///
/// # Errors
/// [`Error::Unpack`] names the file that could not be made; what was made until then stays. [`Error::Stopped`].
pub fn unpack(
    tree: &Tree,
    top: NodeId,
    target: BorrowedFd<'_>,
    options: UnpackOptions,
    open: &OpenLayer<'_>,
    on_bytes: &mut OnBytes<'_>,
) -> Result<Unpacked, Error> {
    let mut unpacker = Unpacker::new(tree, top, target, options);
    unpacker.make(tree.walk(top).collect(), open, on_bytes)
}

/// Makes one file of the tree, which is no folder, in the folder behind `target` under the name given.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_file(
    tree: &Tree,
    node: NodeId,
    target: BorrowedFd<'_>,
    name: &OsStr,
    options: UnpackOptions,
    open: &OpenLayer<'_>,
    on_bytes: &mut OnBytes<'_>,
) -> Result<Unpacked, Error> {
    let mut unpacker = Unpacker::new(tree, tree.parent(node), target, options);
    unpacker.renamed.insert(node, name.as_bytes().to_vec());
    unpacker.make(vec![node], open, on_bytes)
}

/// As [`unpack`] of the whole tree, but that some files and folders get other names in the folders that they are in.
///
/// # Errors
/// As [`unpack`].
pub fn unpack_renamed(
    tree: &Tree,
    target: BorrowedFd<'_>,
    names: HashMap<NodeId, Vec<u8>>,
    options: UnpackOptions,
    open: &OpenLayer<'_>,
    on_bytes: &mut OnBytes<'_>,
) -> Result<Unpacked, Error> {
    let mut unpacker = Unpacker::new(tree, NodeId::ROOT, target, options);
    unpacker.renamed = names;
    unpacker.make(tree.walk(NodeId::ROOT).collect(), open, on_bytes)
}

/// Gives an open folder the owner, if that is wanted, the extended attributes, mode and times of one of a tree. Returns the names of
/// the attributes that the system refused.
///
/// # Errors
/// What the system said to the others.
pub fn set_attributes(
    folder: BorrowedFd<'_>,
    file: &File,
    owners: bool,
) -> io::Result<Vec<Vec<u8>>> {
    place::attributes(folder, file, owners)
}

struct Unpacker<'a> {
    tree: &'a Tree,
    top: NodeId,
    target: BorrowedFd<'a>,
    options: UnpackOptions,
    /// What gets another name.
    renamed: HashMap<NodeId, Vec<u8>>,
    /// The folder that was used last, and some of those that it is in, so that neighbours are found from near by.
    open: Vec<Open>,
    done: Unpacked,
}

/// An open folder.
struct Open {
    node: NodeId,
    /// How many folders it is below the top.
    depth: usize,
    handle: OwnedFd,
    /// Bytes of the path between it and the last folder that is kept.
    distance: usize,
}

impl Open {
    /// Tells whether it is kept when a folder in it is opened. Of a deep tree that is one in every few hundred.
    fn is_kept(&self) -> bool {
        self.distance >= Folder::STRETCH / 2
    }
}

impl<'a> Unpacker<'a> {
    fn new(tree: &'a Tree, top: NodeId, target: BorrowedFd<'a>, options: UnpackOptions) -> Self {
        Self {
            tree,
            top,
            target,
            options,
            renamed: HashMap::new(),
            open: Vec::new(),
            done: Unpacked::default(),
        }
    }

    fn make(
        &mut self,
        nodes: Vec<NodeId>,
        open: &OpenLayer<'_>,
        on_bytes: &mut OnBytes<'_>,
    ) -> Result<Unpacked, Error> {
        let mut first: HashMap<FileId, NodeId> = HashMap::new();
        let mut folders = Vec::new();
        let mut links = Vec::new();
        let mut contents: Vec<HashMap<u64, NodeId>> = Vec::new();
        contents.resize_with(self.tree.layers() as usize, HashMap::new);
        for node in nodes {
            let Some(id) = self.file_of(node) else {
                continue;
            };
            let file = self.tree.file(id);
            self.done.files += 1;
            if file.is_folder() {
                let is_new = node != self.top && self.at(node, |place| place.folder())?;
                if is_new || !self.options.keep_folders {
                    folders.push(node);
                }
                continue;
            }
            if let Some(&target) = first.get(&id) {
                links.push((node, target));
                continue;
            }
            first.insert(id, node);
            match (file.kind, file.header_offset) {
                (EntryKind::Regular, Some(offset)) => {
                    if let Some(layer) = contents.get_mut(file.layer as usize) {
                        layer.insert(offset, node);
                    }
                }
                _ => self.special(node, file)?,
            }
        }
        for (layer, wanted) in (0u32..).zip(contents) {
            self.stream(layer, wanted, open, on_bytes)?;
        }
        for (node, target) in links {
            self.link(node, target)?;
        }
        for node in folders.into_iter().rev() {
            self.finish_folder(node)?;
        }
        Ok(std::mem::take(&mut self.done))
    }

    pub(super) fn file_of(&self, node: NodeId) -> Option<FileId> {
        match self.options.as_of {
            Some(layer) => self.tree.file_at(node, layer),
            None => self.tree.current(node),
        }
    }

    /// Makes a symbolic link, a pipe or a device.
    fn special(&mut self, node: NodeId, file: &File) -> Result<(), Error> {
        let options = self.options;
        if matches!(file.kind, EntryKind::CharDevice | EntryKind::BlockDevice) && !options.devices {
            self.note(node, Missing::Device);
            return Ok(());
        }
        let made = self.at(node, |place| place.special(file, options.owners))?;
        if !made {
            self.note(node, Missing::Device);
        } else if let Some(xattrs) = &file.xattrs {
            // Only a folder or a regular file can be opened to set them.
            for (name, _) in xattrs.iter() {
                self.note(node, Missing::Xattr(name.to_vec()));
            }
        }
        Ok(())
    }

    fn link(&mut self, node: NodeId, target: NodeId) -> Result<(), Error> {
        let old = self.name_of(target).to_vec();
        let folder = self.folder(self.tree.parent(target))?;
        let from = folder
            .try_clone_to_owned()
            .map_err(|source| self.failed(target, source))?;
        let made = self.at(node, |place| place.link(from.as_fd(), &old));
        match made {
            // Left out above, and noted.
            Err(Error::Unpack { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn finish_folder(&mut self, node: NodeId) -> Result<(), Error> {
        if node == self.top && self.options.keep_target {
            return Ok(());
        }
        let Some(file) = self.file_of(node).map(|id| self.tree.file(id)) else {
            return Ok(());
        };
        let handle =
            place::readable(self.folder(node)?).map_err(|source| self.failed(node, source))?;
        let lost = place::attributes(handle.as_fd(), file, self.options.owners)
            .map_err(|source| self.failed(node, source))?;
        self.note_xattrs(node, lost);
        Ok(())
    }

    fn note_xattrs(&mut self, node: NodeId, lost: Vec<Vec<u8>>) {
        for name in lost {
            self.note(node, Missing::Xattr(name));
        }
    }

    fn note(&mut self, node: NodeId, missing: Missing) {
        self.done.noted += 1;
        if self.done.notes.len() < MAX_NOTES {
            let path = self.tree.path(node);
            self.done.notes.push(UnpackNote { path, missing });
        }
    }

    fn failed(&self, node: NodeId, source: io::Error) -> Error {
        Error::Unpack {
            entry: EntryName::new(&self.tree.path(node)),
            source,
        }
    }

    fn name_of(&self, node: NodeId) -> &[u8] {
        match self.renamed.get(&node) {
            Some(name) => name,
            None => self.tree.name(node),
        }
    }

    /// Does something at the place of a node.
    fn at<T>(
        &mut self,
        node: NodeId,
        work: impl FnOnce(Place<'_>) -> io::Result<T>,
    ) -> Result<T, Error> {
        let name = self.name_of(node).to_vec();
        let folder = self.folder(self.tree.parent(node))?;
        let place = Place {
            folder,
            name: OsStr::from_bytes(&name),
        };
        work(place).map_err(|source| self.failed(node, source))
    }

    /// Opens the folder that was made for a node.
    fn folder(&mut self, node: NodeId) -> Result<BorrowedFd<'_>, Error> {
        if node == self.top {
            return Ok(self.target);
        }
        let mut way = Vec::new();
        let mut at = node;
        while at != self.top && at != NodeId::ROOT {
            way.push(at);
            at = self.tree.parent(at);
        }
        way.reverse();
        let is_on_the_way = |open: &Open| way.get(open.depth - 1) == Some(&open.node);
        while self.open.pop_if(|open| !is_on_the_way(open)).is_some() {}
        loop {
            let start = self.open.last().map_or(0, |open| open.depth);
            let rest: Vec<&[u8]> = way[start..]
                .iter()
                .map(|&node| self.name_of(node))
                .collect();
            if rest.is_empty() {
                return Ok(self
                    .open
                    .last()
                    .map_or(self.target, |open| open.handle.as_fd()));
            }
            let from = self
                .open
                .last()
                .map_or(self.target, |open| open.handle.as_fd());
            let (handle, count, length) =
                Folder::open(from, &rest).map_err(|source| self.failed(node, source))?;
            let passed = self.open.pop_if(|open| !open.is_kept());
            self.open.push(Open {
                node: way[start + count - 1],
                depth: start + count,
                handle,
                distance: passed.map_or(0, |open| open.distance) + length,
            });
        }
    }
}

/// Tells whether a folder is empty.
///
/// # Errors
/// Where it cannot be read.
pub fn is_empty(folder: BorrowedFd<'_>) -> io::Result<bool> {
    let mut entries = rustix::fs::Dir::read_from(folder)?;
    let other = entries.find(|entry| {
        entry.as_ref().map_or(true, |entry| {
            !matches!(entry.file_name().to_bytes(), b"." | b"..")
        })
    });
    match other {
        Some(Err(error)) => Err(error.into()),
        found => Ok(found.is_none()),
    }
}

/// Opens a folder in a folder, and makes it where there is none. A link is not followed: an image that was copied out before may
/// have put it there.
///
/// # Errors
/// Where something else has the name.
pub fn folder_in(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
    match rustix::fs::mkdirat(folder, name, rustix::fs::Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(Folder::open(folder, &[name.as_bytes()])?.0)
}

/// Tells whether a name in a folder is a folder itself; a link is none.
fn is_folder(folder: BorrowedFd<'_>, name: &OsStr) -> bool {
    let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| {
        rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory
    })
}
