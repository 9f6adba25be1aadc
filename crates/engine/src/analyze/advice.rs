//! Where wasted bytes come from, so that somebody can do something about them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use layer::{File, FileId, NodeId, Tree};

/// Bytes of one layer that one later layer made useless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WasteSource {
    /// The layer that has the bytes, counted from 1, the base.
    pub layer: usize,
    /// The layer that made them useless.
    pub later: usize,
    /// How it did that.
    pub cause: WasteCause,
    /// The bytes.
    pub bytes: u64,
    /// How many files they are in.
    pub files: u64,
    /// The folder, one or two names deep, that most of them are in.
    pub folder: Vec<u8>,
}

/// How a layer makes bytes of an earlier one useless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WasteCause {
    /// It removes the file.
    Removed,
    /// It has other content in its place.
    Replaced,
    /// It has the same content again: only the owner, the permissions, a time or an attribute is another.
    Repeated,
}

impl WasteCause {
    /// Returns the stable word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Repeated => "repeated",
        }
    }
}

/// More sources than anyone reads; the smallest are left out.
const MOST: usize = 50;

#[derive(Default)]
struct Sum {
    bytes: u64,
    files: u64,
    folders: HashMap<NodeId, u64>,
}

/// Finds out which layer made which bytes of an earlier one useless, the most expensive first.
pub(super) fn sources(tree: &Tree) -> Vec<WasteSource> {
    let mut sums: HashMap<(u32, u32, WasteCause), Sum> = HashMap::new();
    let mut counted: HashSet<FileId> = HashSet::new();
    for node in tree.nodes() {
        for pair in tree.versions(node).windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let Some(id) = before.file.filter(|id| Some(*id) != after.file) else {
                continue;
            };
            let file = tree.file(id);
            // A file with several names is there until the last of them goes; the first tells enough about the cause.
            if file.size == 0 || file.is_folder() || !counted.insert(id) {
                continue;
            }
            let cause = match after.file.map(|id| tree.file(id)) {
                None => WasteCause::Removed,
                Some(next) if has_same_content(file, next) => WasteCause::Repeated,
                Some(_) => WasteCause::Replaced,
            };
            let sum = sums.entry((file.layer, after.layer, cause)).or_default();
            sum.bytes = sum.bytes.saturating_add(file.size);
            sum.files += 1;
            *sum.folders.entry(upper_folder(tree, node)).or_default() += file.size;
        }
    }
    let mut sources: Vec<WasteSource> = sums
        .into_iter()
        .map(|((layer, later, cause), sum)| WasteSource {
            layer: layer as usize + 1,
            later: later as usize + 1,
            cause,
            bytes: sum.bytes,
            files: sum.files,
            folder: largest(tree, sum.folders),
        })
        .collect();
    sources.sort_by_key(|source| {
        (
            Reverse(source.bytes),
            source.layer,
            source.later,
            source.cause,
        )
    });
    sources.truncate(MOST);
    sources
}

fn has_same_content(one: &File, other: &File) -> bool {
    one.fingerprint.is_some() && one.fingerprint == other.fingerprint && one.size == other.size
}

/// Returns the folder of a path that is at most two names deep: `var/lib` of `var/lib/apt/lists/x`.
fn upper_folder(tree: &Tree, node: NodeId) -> NodeId {
    let mut way = Vec::new();
    let mut at = tree.parent(node);
    while at != NodeId::ROOT {
        way.push(at);
        at = tree.parent(at);
    }
    way.iter()
        .rev()
        .nth(1)
        .or(way.last())
        .copied()
        .unwrap_or(NodeId::ROOT)
}

fn largest(tree: &Tree, folders: HashMap<NodeId, u64>) -> Vec<u8> {
    let most = folders
        .into_iter()
        .max_by_key(|(node, bytes)| (*bytes, Reverse(node.index())));
    most.map(|(node, _)| tree.path(node)).unwrap_or_default()
}
