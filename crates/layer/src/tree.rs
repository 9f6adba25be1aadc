//! The files of a stack of layers, as a container would see them, and what each layer did to them.
//!
//! The rules are those of [OCI image-spec, layer.md], and where it is silent those that docker, podman and umoci share:
//!
//! - A whiteout and an opaque marker touch only what came from the layers below, wherever in the layer they stand.
//! - A folder over a folder keeps its content and takes the new attributes; anything else replaces what was there.
//! - Links in the middle of a path are followed as if the root were `/`, and folders that no layer names are made, 0755.
//! - A hard link is bound to the file that its target is at that moment, also one of a lower layer.
//! - Of two entries with one name the last one counts.
//!
//! Nothing is ever taken out of the tree: a path keeps a [`Version`] for every layer that touched it. So one tree answers what
//! is there after the last layer, what was there after any other, what a layer changed, and who touched a path last.
//!
//! [OCI image-spec, layer.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md

mod apply;
mod paths;
mod view;

use std::collections::HashSet;
use std::io::Read;

use smallvec::SmallVec;

pub use view::Totals;

use paths::Paths;

use crate::entry::{Device, Entry, EntryKind, ModifiedTime, Xattrs};
use crate::error::{EntryName, Error, PathProblem};
use crate::index::FileIndex;

/// Paths that a tree may have, those that layers removed included. Large images have half a million.
///
/// One entry can name 65 000 folders, so that without a limit a small layer could take all memory.
pub const MAX_NODES: usize = 2_000_000;

/// Names a path of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// The root.
    pub const ROOT: NodeId = NodeId(0);

    /// Returns its place in the order of [`Tree::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }

    fn at(self) -> usize {
        self.index()
    }
}

/// Names a file of a [`Tree`]; two paths with one of them are hard links of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

impl FileId {
    /// Returns a number that no other file of the tree has.
    pub fn index(self) -> u64 {
        self.0.into()
    }

    fn at(self) -> usize {
        self.0 as usize
    }
}

/// Holds the merged files of a stack of layers.
#[derive(Debug, Clone)]
pub struct Tree {
    paths: Paths,
    /// In the order of the paths.
    nodes: Vec<Node>,
    /// Folders whose names do not stand in order, until the layer is in.
    unordered: Vec<NodeId>,
    files: Vec<File>,
    layers: u32,
    limit: usize,
    /// Bytes of names, link targets and attributes.
    bytes: u64,
    /// Where the layer that is put in has already hidden all that was below, so that marks cost nothing when they are repeated
    /// (CVE-2026-95838).
    cleared: HashSet<NodeId>,
    /// The folders in which it has done so by an opaque marker.
    emptied: HashSet<NodeId>,
    /// The folder of the entry before, as the archive spells it. Entries of one folder nearly always follow each other.
    last: Option<(Vec<u8>, NodeId)>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// In byte order of their names, but while a layer is put in.
    children: Vec<NodeId>,
    /// Whether it is among the unordered.
    unordered: bool,
    /// In the order of layers, at most one for each. Nearly every path is touched by one layer.
    versions: SmallVec<[Version; 1]>,
}

/// Says what a layer did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The layer, counted from the base, which is 0.
    pub layer: u32,
    /// What it did.
    pub change: Change,
    /// What is there since; `None` where it was removed.
    pub file: Option<FileId>,
    /// The path that it was made a hard link of.
    pub linked_to: Option<NodeId>,
}

/// Says how a path differs from what the layers below have there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// There was nothing.
    Added,
    /// There was something else.
    Changed,
    /// There was something, and there is nothing.
    Removed,
    /// The layer has it just as it was below, as many tools write the folders above a changed file.
    Same,
}

/// Describes a file, wherever it is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct File {
    /// What it is; never a hard link.
    pub kind: EntryKind,
    /// Permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: i64,
    /// The group's number.
    pub gid: i64,
    /// Bytes of content, holes included.
    pub size: u64,
    /// Whether the content has holes.
    pub sparse: bool,
    /// When the content last changed.
    pub modified: ModifiedTime,
    /// Where a symbolic link points.
    pub link_target: Box<[u8]>,
    /// The numbers of a device node.
    pub device: Device,
    /// Extended attributes.
    pub xattrs: Option<Box<Xattrs>>,
    /// Tells whether two files have the same content, as [`FileEntry::fingerprint`](crate::FileEntry::fingerprint).
    pub fingerprint: Option<u128>,
    /// The layer that holds it, counted from the base.
    pub layer: u32,
    /// Where its headers begin in that layer's tar; `None` for a folder that no entry names.
    pub header_offset: Option<u64>,
}

impl File {
    fn of(entry: &Entry, fingerprint: Option<u128>, layer: u32) -> Self {
        Self {
            kind: match entry.kind {
                // What has no meaning for a file system is kept as what it holds; Go's and GNU's readers do the same.
                EntryKind::Other(_) => EntryKind::Regular,
                kind => kind,
            },
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            size: entry.size,
            sparse: entry.sparse,
            modified: entry.modified,
            link_target: if entry.kind == EntryKind::Symlink {
                entry.link_target.as_slice().into()
            } else {
                Box::default()
            },
            device: entry.device,
            xattrs: (!entry.xattrs.is_empty()).then(|| Box::new(entry.xattrs.clone())),
            fingerprint,
            layer,
            header_offset: Some(entry.header_offset),
        }
    }

    /// Describes a folder that stands only in the paths of others: podman, umoci and crane make it so.
    fn folder(layer: u32) -> Self {
        Self {
            kind: EntryKind::Directory,
            mode: 0o755,
            layer,
            ..Self::default()
        }
    }

    /// Tells whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Directory
    }

    /// Tells whether the other is the same but for its times.
    pub fn is_like(&self, other: &File) -> bool {
        let Self {
            kind,
            mode,
            uid,
            gid,
            size,
            sparse: _,
            modified: _,
            link_target,
            device,
            xattrs,
            fingerprint,
            layer: _,
            header_offset: _,
        } = self;
        *kind == other.kind
            && (*mode, *uid, *gid) == (other.mode, other.uid, other.gid)
            && *size == other.size
            && *device == other.device
            && *link_target == other.link_target
            && *xattrs == other.xattrs
            && *fingerprint == other.fingerprint
    }

    /// Tells whether a layer that has the other in its place changed nothing. Times of folders do not count: they change with
    /// what is in them.
    fn is_same(&self, other: &File) -> bool {
        self.is_like(other) && (self.is_folder() || self.modified == other.modified)
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// Creates the tree of an image without layers: an empty root.
    pub fn new() -> Self {
        Self::with_limit(MAX_NODES)
    }

    /// Creates an empty tree that refuses to hold more than so many paths, twice as many files, and 256 bytes of names, link targets and
    /// attributes for each path.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            paths: Paths::new(),
            nodes: vec![Node::default()],
            unordered: Vec::new(),
            files: Vec::new(),
            layers: 0,
            limit,
            bytes: 0,
            cleared: HashSet::new(),
            emptied: HashSet::new(),
            last: None,
        }
    }

    /// Returns how many layers were put in.
    pub fn layers(&self) -> u32 {
        self.layers
    }

    /// Puts the next layer on top. After an error the tree is of no more use.
    ///
    /// # Errors
    /// What [`FileIndex`] gives; [`Error::Path`] names an entry that has no place, [`Error::TooManyFiles`],
    /// [`Error::TooMuchMetadata`].
    pub fn push<R: Read>(&mut self, mut index: FileIndex<R>) -> Result<(), Error> {
        let layer = self.begin_layer();
        let mut found = crate::FileEntry::default();
        while index.read_into(&mut found)? {
            self.apply(layer, &found.entry, found.fingerprint)?;
        }
        self.end_layer();
        Ok(())
    }

    /// As [`Tree::push`], for a layer that is not written yet: its entries, each with the fingerprint of its content.
    pub fn push_entries<'e>(
        &mut self,
        entries: impl IntoIterator<Item = (&'e Entry, Option<u128>)>,
    ) -> Result<(), Error> {
        let layer = self.begin_layer();
        for (entry, fingerprint) in entries {
            self.apply(layer, entry, fingerprint)?;
        }
        self.end_layer();
        Ok(())
    }

    fn begin_layer(&mut self) -> u32 {
        self.cleared.clear();
        self.emptied.clear();
        self.last = None;
        self.layers
    }

    fn end_layer(&mut self) {
        for folder in self.unordered.drain(..) {
            let node = &mut self.nodes[folder.at()];
            let paths = &self.paths;
            node.children
                .sort_unstable_by(|&one, &other| paths.name(one).cmp(paths.name(other)));
            node.unordered = false;
        }
        self.layers += 1;
    }

    /// Returns what a file is.
    pub fn file(&self, id: FileId) -> &File {
        &self.files[id.at()]
    }

    /// Returns the last component of a path; the root's is empty.
    pub fn name(&self, node: NodeId) -> &[u8] {
        self.paths.name(node)
    }

    /// Returns the folder that a path is in; the root is in itself.
    pub fn parent(&self, node: NodeId) -> NodeId {
        self.paths.folder(node)
    }

    /// Returns everything that any layer did to a path, in the order of layers.
    pub fn versions(&self, node: NodeId) -> &[Version] {
        &self.nodes[node.at()].versions
    }

    /// Returns the names in a folder, in byte order, those that are gone included.
    pub fn children(&self, node: NodeId) -> impl ExactSizeIterator<Item = (&[u8], NodeId)> {
        let children = self.nodes[node.at()].children.iter();
        children.map(|&node| (self.name(node), node))
    }

    /// Returns all paths that ever were, folders before what is in them.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.paths.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// Returns what is at a path after the last layer.
    pub fn current(&self, node: NodeId) -> Option<FileId> {
        self.versions(node).last().and_then(|version| version.file)
    }

    /// Returns the path without a slash at either end; the root's is empty.
    pub fn path(&self, mut node: NodeId) -> Vec<u8> {
        let mut parts = Vec::new();
        while node != NodeId::ROOT {
            parts.push(self.name(node));
            node = self.parent(node);
        }
        parts.reverse();
        parts.join(&b'/')
    }
}

fn misplaced(path: &[u8], problem: PathProblem) -> Error {
    Error::Path {
        entry: EntryName::new(path),
        problem,
    }
}
