//! What is inside an image.

mod cache;
mod change;
mod content;
mod outline;
mod page;
mod treemap;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use layer::{EntryKind, FileId, NodeId, Totals, Tree};
use oci::{Digest, Selector};
use store::Store;

pub(crate) use cache::{FilesCache, index_of};
pub use change::{ChangeCounts, FileChange, FileTouch};
pub use content::{FileContent, FileReader};
pub use outline::{FileSort, Outline, OutlineQuery, OutlineRow};
pub use page::{FileQuery, FilesPage};
pub use treemap::{Treemap, TreemapNode};

use crate::containers::LayerTar;
use crate::opened::NearBlob;
use crate::{Engine, Error};

/// The files of an image: as a container would see them, and what each layer did to them.
///
/// It holds all names in memory and stays as it is when the image goes. Cloning is cheap. Layers are counted from 1, the base.
#[derive(Clone)]
pub struct ImageFiles {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) manifest: Digest,
    pub(crate) layers: Vec<LayerBlob>,
    /// The layer on top that a container will be once it is committed.
    pub(crate) top: Option<LayerTar>,
    pub(crate) tree: Tree,
    views: Mutex<HashMap<FileView, Arc<ViewFacts>>>,
}

/// A layer's blob, as far as its files are concerned.
#[derive(Clone)]
pub(crate) struct LayerBlob {
    pub(crate) digest: Digest,
    /// Its bytes, where an image that is not in the store brought them near.
    pub(crate) near: Option<NearBlob>,
    /// Its file index, where the store has none.
    pub(crate) index: Option<Arc<[u8]>>,
}

impl LayerBlob {
    /// A blob of the store.
    pub(crate) fn stored(digest: Digest) -> Self {
        Self {
            digest,
            near: None,
            index: None,
        }
    }
}

/// Which files are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum FileView {
    /// What a container would see.
    #[default]
    Merged,
    /// What the layers up to this one made, with the marks of this one.
    UpTo(usize),
    /// Only what this layer added, changed or removed, and the folders on the way there.
    Layer(usize),
}

/// A file, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// The path in the image, without a slash at either end; the root's is empty. Not always UTF-8.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// The owner's number.
    pub uid: i64,
    /// The group's number.
    pub gid: i64,
    /// Bytes of content, holes included; of a folder, those of all files in it, each once.
    pub size: u64,
    /// Names of files below a folder; 1 for everything else.
    pub files: u64,
    /// When the content last changed; `None` where the layer does not tell or the time is out of all bounds.
    pub modified: Option<Timestamp>,
    /// Where a symbolic link points, as it stands there; of a hard link, the path of the file that it was made of.
    pub link: Option<Vec<u8>>,
    /// The layer that touched it last, of those that are looked at.
    pub layer: usize,
    /// What the layer of the view did to it; `None` in the merged view, and where it did nothing.
    pub change: Option<FileChange>,
    /// The later layer that replaced or removed what the layer of the view has here. Always `None` in the merged view.
    pub hidden_by: Option<usize>,
    /// Whether a folder has anything to list.
    pub has_children: bool,
    /// Names and values of the extended attributes.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// A file with content.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl FileKind {
    /// Returns the stable word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Folder => "dir",
            Self::Symlink => "symlink",
            Self::HardLink => "hardlink",
            Self::CharDevice => "char",
            Self::BlockDevice => "block",
            Self::Fifo => "fifo",
        }
    }
}

/// What is computed once for a view.
pub(crate) struct ViewFacts {
    totals: Vec<Totals>,
    /// Which paths are shown, in the order of the tree's nodes.
    shown: Vec<bool>,
    /// What the layer of the view did below each path, in the same order; nothing in the merged view.
    below: Vec<ChangeCounts>,
}

impl Engine {
    /// Opens the files of an image.
    ///
    /// The layers themselves are not read, but for a layer without a file index, which is then made.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`; `corrupt_layer` where an entry of a layer has no place, as a hard link to nothing.
    pub async fn files(&self, selector: &Selector) -> Result<ImageFiles, Error> {
        let (selector, shared) = (selector.clone(), self.shared.clone());
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            let detail = store.image(&target)?;
            shared
                .files
                .open(store, &detail.manifest, || Ok(detail.layers))
        })
        .await
    }
}

impl ImageFiles {
    /// Puts together what is known of an image whose tree was made.
    pub(crate) fn of(store: Store, manifest: Digest, layers: Vec<LayerBlob>, tree: Tree) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                manifest,
                layers,
                top: None,
                tree,
                views: Mutex::default(),
            }),
        }
    }

    /// Returns the files of nothing, where none are going to be asked for.
    pub(crate) fn none(store: Store, manifest: Digest) -> Self {
        Self::of(store, manifest, Vec::new(), Tree::new())
    }

    /// Puts what was changed in a container on top, as the layer that it will be.
    ///
    /// # Errors
    /// `corrupt_layer` where the changes have no place on the image, as after somebody altered their log.
    pub(crate) fn with_top(&self, top: LayerTar) -> Result<Self, Error> {
        let mut tree = self.inner.tree.clone();
        tree.push_entries(top.entries())
            .map_err(|source| Error::Unpack {
                source: Box::new(source),
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                store: self.inner.store.clone(),
                manifest: self.inner.manifest.clone(),
                layers: self.inner.layers.clone(),
                top: Some(top),
                tree,
                views: Mutex::default(),
            }),
        })
    }

    /// Returns how many layers there are.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.inner.layers.len() + usize::from(self.inner.top.is_some())
    }

    /// Returns the digest of the image's manifest, which tells one image from another.
    #[must_use]
    pub fn manifest(&self) -> &Digest {
        &self.inner.manifest
    }

    /// Tells whether these are the very same files: of one image, or of one container in one state.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Tells what is at a path, following symbolic links on the way, but not one at the end.
    ///
    /// # Errors
    /// `not_found`, where nothing is there.
    pub fn look(&self, path: &[u8]) -> Result<FileRow, Error> {
        let node = self.node(path, FileView::Merged)?;
        Ok(self.row(node, FileView::Merged, &self.facts(FileView::Merged)))
    }

    /// Tells what a view has at a path: a link itself and not what it leads to, and what was removed as it was before.
    ///
    /// # Errors
    /// `not_found`, where the view shows nothing there; `usage`, where there is no such layer.
    pub fn look_in(&self, path: &[u8], view: FileView) -> Result<FileRow, Error> {
        self.refuse_unknown(view)?;
        let node = self.node(path, view)?;
        Ok(self.row(node, view, &self.facts(view)))
    }

    /// Tells what every layer did to a path, base first. The last one is who touched it last.
    ///
    /// # Errors
    /// `not_found`, where no layer ever had it.
    pub fn touches(&self, path: &[u8]) -> Result<Vec<FileTouch>, Error> {
        let tree = &self.inner.tree;
        let node = tree.find(path).or_else(|| tree.resolve(path, false));
        let node = node.ok_or_else(|| self.no_such_file(path))?;
        let versions = tree.versions(node).iter();
        Ok(versions
            .map(|version| FileTouch {
                layer: version.layer as usize + 1,
                change: FileChange::of(version.change),
                size: version
                    .file
                    .map(|file| tree.file(file))
                    .filter(|file| file.kind == EntryKind::Regular)
                    .map(|file| file.size),
            })
            .collect())
    }

    pub(crate) fn no_such_file(&self, path: &[u8]) -> Error {
        Error::NoSuchFile {
            path: escaped(path),
        }
    }

    /// Finds the node of a path that is shown in a view. As for a shell, a slash at the end asks for what a link leads to.
    pub(crate) fn node(&self, path: &[u8], view: FileView) -> Result<NodeId, Error> {
        let (tree, facts) = (&self.inner.tree, self.facts(view));
        let shown = |node: &NodeId| facts.shows(*node);
        if path.ends_with(b"/")
            && let Some(node) = tree.resolve(path, true).filter(shown)
        {
            return Ok(node);
        }
        let node = tree.find(path).filter(shown);
        let node = node.or_else(|| tree.resolve(path, false).filter(shown));
        node.ok_or_else(|| self.no_such_file(path))
    }

    /// Returns the layer, counted from 0, whose state a view shows.
    fn level(&self, view: FileView) -> u32 {
        let last = self.inner.tree.layers().saturating_sub(1);
        match view {
            FileView::Merged => last,
            FileView::UpTo(layer) | FileView::Layer(layer) => {
                u32::try_from(layer.saturating_sub(1))
                    .unwrap_or(u32::MAX)
                    .min(last)
            }
        }
    }

    pub(crate) fn facts(&self, view: FileView) -> Arc<ViewFacts> {
        let mut views = self
            .inner
            .views
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let facts = views
            .entry(view)
            .or_insert_with(|| Arc::new(self.compute(view)));
        Arc::clone(facts)
    }

    fn compute(&self, view: FileView) -> ViewFacts {
        let (tree, level) = (&self.inner.tree, self.level(view));
        let mut shown: Vec<bool> = tree
            .nodes()
            .map(|node| match view {
                FileView::Merged => tree.file_at(node, level).is_some(),
                FileView::UpTo(_) => tree
                    .version_at(node, level)
                    .is_some_and(|version| version.file.is_some() || version.layer == level),
                FileView::Layer(_) => tree.version_of(node, level).is_some(),
            })
            .collect();
        // What is shown is shown in its folders; those have lower numbers.
        for node in tree.nodes().rev() {
            if shown[node.index()] {
                shown[tree.parent(node).index()] = true;
            }
        }
        if let Some(root) = shown.first_mut() {
            *root = true;
        }
        let totals = match view {
            FileView::Layer(_) => tree.totals_of(level),
            FileView::Merged | FileView::UpTo(_) => tree.totals(level),
        };
        let below = match view {
            FileView::Merged => Vec::new(),
            FileView::UpTo(_) | FileView::Layer(_) => self.changes_below(level),
        };
        ViewFacts {
            totals,
            shown,
            below,
        }
    }

    fn changes_below(&self, level: u32) -> Vec<ChangeCounts> {
        let tree = &self.inner.tree;
        let mut below = vec![ChangeCounts::default(); tree.nodes().count()];
        // A folder's number is below those of what is in it.
        for node in tree.nodes().rev().filter(|&node| node != NodeId::ROOT) {
            let mut counts = below[node.index()];
            let own = tree.version_of(node, level);
            if let Some(change) = own.and_then(|version| FileChange::of(version.change)) {
                counts.count(change);
            }
            below[tree.parent(node).index()].add(counts);
        }
        below
    }

    /// Returns the file that a view has at a path, and of what its layer removed what it was.
    fn file_in(&self, node: NodeId, view: FileView) -> Option<FileId> {
        let (tree, level) = (&self.inner.tree, self.level(view));
        tree.file_at(node, level).or_else(|| {
            let below = level.checked_sub(1)?;
            tree.file_at(node, below)
        })
    }

    /// Returns the layer, from 0, after which a view's state of a path stood there; `None` for the merged view.
    pub(crate) fn layer_with(&self, node: NodeId, view: FileView) -> Option<u32> {
        let level = self.level(view);
        match view {
            FileView::Merged => None,
            FileView::UpTo(_) | FileView::Layer(_) => {
                let removed = self.inner.tree.file_at(node, level).is_none();
                Some(if removed {
                    level.saturating_sub(1)
                } else {
                    level
                })
            }
        }
    }

    pub(crate) fn row(&self, node: NodeId, view: FileView, facts: &ViewFacts) -> FileRow {
        let (tree, level) = (&self.inner.tree, self.level(view));
        let version = tree.version_at(node, level);
        let marked = version.filter(|version| version.layer == level && view != FileView::Merged);
        let file = self.file_in(node, view);
        let totals = Tree::total_of(&facts.totals, node);
        let empty = layer::File {
            kind: EntryKind::Directory,
            mode: 0o755,
            ..layer::File::default()
        };
        let file_facts = file.map_or(&empty, |file| tree.file(file));
        let made_of = version
            .and_then(|version| version.linked_to)
            .filter(|&other| tree.file_at(other, level) == file);
        let kind = match file_facts.kind {
            _ if made_of.is_some() => FileKind::HardLink,
            EntryKind::Directory => FileKind::Folder,
            EntryKind::Symlink => FileKind::Symlink,
            EntryKind::CharDevice => FileKind::CharDevice,
            EntryKind::BlockDevice => FileKind::BlockDevice,
            EntryKind::Fifo => FileKind::Fifo,
            EntryKind::Regular | EntryKind::HardLink | EntryKind::Other(_) => FileKind::File,
        };
        let link = match kind {
            FileKind::Symlink => Some(file_facts.link_target.to_vec()),
            FileKind::HardLink => made_of.map(|other| tree.path(other)),
            _ => None,
        };
        let folder = kind == FileKind::Folder;
        FileRow {
            path: tree.path(node),
            kind,
            mode: file_facts.mode,
            uid: file_facts.uid,
            gid: file_facts.gid,
            size: if folder {
                totals.bytes
            } else {
                file_facts.size
            },
            files: if folder { totals.files } else { 1 },
            modified: file_facts.header_offset.and_then(|_| {
                let time = file_facts.modified;
                Timestamp::new(time.seconds, i32::try_from(time.nanoseconds).ok()?).ok()
            }),
            link,
            layer: version.map_or(0, |version| version.layer as usize) + 1,
            change: marked.and_then(|version| FileChange::of(version.change)),
            hidden_by: marked
                .and_then(|_| tree.hidden_by(node, level))
                .map(|layer| layer as usize + 1),
            has_children: folder && tree.children(node).any(|(_, child)| facts.shows(child)),
            xattrs: file_facts
                .xattrs
                .iter()
                .flat_map(|xattrs| xattrs.iter())
                .map(|(name, value)| (name.to_vec(), value.to_vec()))
                .collect(),
        }
    }
}

impl ViewFacts {
    pub(crate) fn shows(&self, node: NodeId) -> bool {
        self.shown.get(node.index()).copied().unwrap_or_default()
    }

    fn below(&self, node: NodeId) -> ChangeCounts {
        self.below.get(node.index()).copied().unwrap_or_default()
    }
}

pub(crate) fn broken(digest: &Digest, source: layer::Error) -> Error {
    Error::Layer {
        digest: digest.clone(),
        source: Box::new(source),
    }
}

/// Writes a path for a message: `\xNN` for bytes that are no UTF-8.
pub(crate) fn escaped(path: &[u8]) -> String {
    let mut text = String::from("/");
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    if text.starts_with("//") {
        text.remove(0);
    }
    text
}
