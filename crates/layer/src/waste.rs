//! What a stack of layers carries along without using it: dive's efficiency score.
//!
//! The rules are [dive]'s (`filetree/efficiency.go`), so that numbers and limits mean the same: of each path that a layer names and
//! that has nothing below it in that layer, the bytes of all layers are added up, and the smallest of them would have been enough.
//! A removed folder counts all that was in it, a removed file nothing. Paths are taken as they are spelt, links are not followed.
//!
//! [dive]: https://github.com/wagoodman/dive

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use crate::entry::EntryKind;
use crate::error::Error;
use crate::index::FileIndex;
use crate::path::{Purpose, purpose};
use crate::tree::{NodeId, Tree};
use crate::{EntryName, FileEntry};

/// Adds up layers, base first.
#[derive(Debug, Default)]
pub struct WasteCounter {
    paths: HashMap<Vec<u8>, Path>,
    sizes: Vec<u64>,
}

#[derive(Debug, Default)]
struct Path {
    bytes: u64,
    least: u64,
    count: u64,
}

/// What the layers carry along.
#[derive(Debug, Clone, PartialEq)]
pub struct Waste {
    /// Bytes that would have been enough, divided by those that are there; 1 where there are none.
    pub efficiency: f64,
    /// Bytes of all paths that more than one layer has.
    pub wasted_bytes: u64,
    /// Bytes of files in all layers but the base.
    pub user_bytes: u64,
    /// Bytes of files in each layer.
    pub layers: Vec<u64>,
    /// The paths that more than one layer has, the most expensive first.
    pub paths: Vec<WastedPath>,
}

/// A path that more than one layer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WastedPath {
    /// The path, without a slash at either end.
    pub path: Vec<u8>,
    /// How many times it is there, removals included.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl WasteCounter {
    /// Creates a counter that has seen no layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next layer. `tree` has the layers below it, and may have more.
    ///
    /// # Errors
    /// What [`FileIndex`] gives, and [`Error::Path`] for a mark that removes nothing.
    pub fn push<R: Read>(&mut self, mut index: FileIndex<R>, tree: &Tree) -> Result<(), Error> {
        let level = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        let mut here: BTreeMap<(Vec<u8>, bool), u64> = BTreeMap::new();
        let mut folders: HashSet<Vec<u8>> = HashSet::new();
        let mut found = FileEntry::default();
        // Added up only where a layer removes a folder.
        let mut below = None;
        while index.read_into(&mut found)? {
            let entry = &found.entry;
            let misplaced = |problem| Error::Path {
                entry: EntryName::new(&entry.path),
                problem,
            };
            let (parts, removed) = match purpose(&entry.path).map_err(misplaced)? {
                Purpose::Place(parts) => (parts, false),
                Purpose::Whiteout(parts) => (parts, true),
                Purpose::Opaque(_) | Purpose::Nothing => continue,
            };
            if parts.is_empty() {
                continue;
            }
            for length in (1..parts.len()).rev() {
                if !folders.insert(parts[..length].join(&b'/')) {
                    break;
                }
            }
            let path = parts.join(&b'/');
            let bytes = if removed {
                removed_bytes(tree, level, &path, &mut below)
            } else if entry.kind == EntryKind::Regular {
                entry.size
            } else {
                0
            };
            here.insert((path, removed), bytes);
        }
        let mut size = 0u64;
        for ((path, removed), bytes) in here {
            if !removed {
                size = size.saturating_add(bytes);
            }
            if !removed && folders.contains(&path) {
                continue;
            }
            let seen = self.paths.entry(path).or_default();
            seen.least = if seen.count == 0 {
                bytes
            } else {
                seen.least.min(bytes)
            };
            seen.bytes = seen.bytes.saturating_add(bytes);
            seen.count += 1;
        }
        self.sizes.push(size);
        Ok(())
    }

    /// Returns the sums.
    pub fn finish(self) -> Waste {
        let (mut least, mut all) = (0u64, 0u64);
        let mut paths = Vec::new();
        for (path, seen) in self.paths {
            let Path {
                bytes,
                least: smallest,
                count,
            } = seen;
            least = least.saturating_add(smallest);
            all = all.saturating_add(bytes);
            if count > 1 {
                paths.push(WastedPath { path, count, bytes });
            }
        }
        paths.sort_by(|one, other| {
            let by_bytes = other.bytes.cmp(&one.bytes);
            by_bytes.then_with(|| one.path.cmp(&other.path))
        });
        Waste {
            efficiency: if all == 0 { 1.0 } else { ratio(least, all) },
            wasted_bytes: paths
                .iter()
                .map(|path| path.bytes)
                .fold(0, u64::saturating_add),
            user_bytes: self
                .sizes
                .iter()
                .skip(1)
                .copied()
                .fold(0, u64::saturating_add),
            layers: self.sizes,
            paths,
        }
    }
}

impl Waste {
    /// Returns the wasted bytes as a part of those that the layers above the base have; 0 where there are none.
    pub fn user_wasted(&self) -> f64 {
        match self.user_bytes {
            0 => 0.0,
            bytes => ratio(self.wasted_bytes, bytes),
        }
    }
}

/// Returns the bytes below a folder that a layer removes, as they were before it; nothing for what is no folder.
fn removed_bytes(
    tree: &Tree,
    level: u32,
    path: &[u8],
    below: &mut Option<Vec<crate::Totals>>,
) -> u64 {
    let Some(before) = level.checked_sub(1) else {
        return 0;
    };
    let node: Option<NodeId> = tree.find(path);
    let folder = node.filter(|&node| {
        let file = tree.file_at(node, before);
        file.is_some_and(|file| tree.file(file).is_folder())
    });
    folder.map_or(0, |node| {
        let totals = below.get_or_insert_with(|| tree.totals(before));
        Tree::total_of(totals, node).bytes
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a score of a few digits, f64 has fifteen"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
