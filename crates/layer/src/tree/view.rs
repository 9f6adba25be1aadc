//! Looks at the tree: as of a layer, by path, by name, added up.

use super::{File, FileId, NodeId, Tree, Version};
use crate::entry::EntryKind;
use crate::path::components;

/// Adds up what is at and below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Bytes of regular files, holes included, a file with several names once.
    pub bytes: u64,
    /// Names of everything but folders.
    pub files: u64,
}

impl Tree {
    /// Returns what the layers up to and including this one made of a path; `None` where none of them touched it.
    pub fn version_at(&self, node: NodeId, layer: u32) -> Option<&Version> {
        let versions = self.versions(node).iter().rev();
        versions.into_iter().find(|version| version.layer <= layer)
    }

    /// Returns what is at a path after this layer.
    pub fn file_at(&self, node: NodeId, layer: u32) -> Option<FileId> {
        self.version_at(node, layer)
            .and_then(|version| version.file)
    }

    /// Returns what this layer itself did to a path.
    pub fn version_of(&self, node: NodeId, layer: u32) -> Option<&Version> {
        let version = self.version_at(node, layer)?;
        (version.layer == layer).then_some(version)
    }

    /// Returns the next layer that replaced or removed what this layer has at a path.
    ///
    /// For a folder that is only a removal: what comes later adds to it.
    pub fn hidden_by(&self, node: NodeId, layer: u32) -> Option<u32> {
        let mine = self.version_of(node, layer)?.file?;
        let folder = self.file(mine).is_folder();
        let later = self.versions(node).iter().find(|version| {
            let stays = folder && version.file.is_some_and(|file| self.file(file).is_folder());
            version.layer > layer && !stays
        })?;
        Some(later.layer)
    }

    /// Finds a path by its text alone, whether or not something is there now.
    pub fn find(&self, path: &[u8]) -> Option<NodeId> {
        let mut at = NodeId::ROOT;
        for part in components(path) {
            at = self.paths.find(at, part)?;
        }
        Some(at)
    }

    /// Finds what a program in a container would find after the last layer: links on the way are followed, and the one at
    /// the end if `to_the_end`.
    pub fn resolve(&self, path: &[u8], to_the_end: bool) -> Option<NodeId> {
        let mut node = self.beneath(&components(path))?;
        let mut links = 0;
        while to_the_end
            && let Some(file) = self.current(node).map(|file| self.file(file))
            && file.kind == EntryKind::Symlink
        {
            links += 1;
            if links > super::apply::MAX_LINKS {
                return None;
            }
            let mut whole = if file.link_target.starts_with(b"/") {
                Vec::new()
            } else {
                self.path(self.parent(node))
            };
            whole.push(b'/');
            whole.extend_from_slice(&file.link_target);
            node = self.beneath(&components(&whole))?;
        }
        Some(node)
    }

    /// Adds up every folder as it is after a layer; the result has a value for every path, in the order of [`Tree::nodes`].
    pub fn totals(&self, layer: u32) -> Vec<Totals> {
        let mut totals = vec![Totals::default(); self.nodes.len()];
        let mut counted = vec![false; self.files.len()];
        for node in self.nodes() {
            if let Some(id) = self.file_at(node, layer) {
                let file = self.file(id);
                if !file.is_folder() {
                    let once = !std::mem::replace(&mut counted[id.at()], true);
                    totals[node.at()] = Totals {
                        bytes: if once { file.content() } else { 0 },
                        files: 1,
                    };
                }
            }
        }
        self.sum_up(&mut totals);
        totals
    }

    /// Adds up what one layer itself has in every folder.
    pub fn totals_of(&self, layer: u32) -> Vec<Totals> {
        let mut totals = vec![Totals::default(); self.nodes.len()];
        let mut counted = vec![false; self.files.len()];
        for node in self.nodes() {
            let file = self
                .version_of(node, layer)
                .and_then(|version| version.file);
            if let Some(id) = file.filter(|&id| self.file(id).layer == layer) {
                let file = self.file(id);
                if !file.is_folder() {
                    let once = !std::mem::replace(&mut counted[id.at()], true);
                    totals[node.at()] = Totals {
                        bytes: if once { file.content() } else { 0 },
                        files: 1,
                    };
                }
            }
        }
        self.sum_up(&mut totals);
        totals
    }

    /// Returns for each layer the bytes of its files that a later one replaced or removed.
    pub fn hidden_bytes(&self) -> Vec<u64> {
        let mut hidden = vec![0u64; self.layers() as usize];
        let mut used = vec![false; self.files.len()];
        for node in self.nodes() {
            if let Some(file) = self.current(node) {
                used[file.at()] = true;
            }
        }
        // What is replaced within its own layer was never seen, and is counted as well: the layer carries it all the same.
        for (file, used) in self.files.iter().zip(used) {
            if !used && let Some(sum) = hidden.get_mut(file.layer as usize) {
                *sum = sum.saturating_add(file.content());
            }
        }
        hidden
    }

    /// Carries every value up to the root. A folder's number is below those of what is in it.
    fn sum_up(&self, totals: &mut [Totals]) {
        for node in self.nodes().rev().filter(|&node| node != NodeId::ROOT) {
            let own = totals[node.at()];
            let above = &mut totals[self.parent(node).at()];
            above.bytes = above.bytes.saturating_add(own.bytes);
            above.files += own.files;
        }
    }

    /// Returns the value of a path in what [`Tree::totals`] returned.
    pub fn total_of(totals: &[Totals], node: NodeId) -> Totals {
        totals.get(node.at()).copied().unwrap_or_default()
    }

    /// Walks over a path and everything that was ever below it, in the order of a listing: a folder, then what is in it.
    pub fn walk(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        let mut stack = vec![top];
        std::iter::from_fn(move || {
            let node = stack.pop()?;
            stack.extend(self.nodes[node.at()].children.iter().rev());
            Some(node)
        })
    }
}

impl File {
    /// Returns the bytes that it counts in a sum.
    fn content(&self) -> u64 {
        match self.kind {
            EntryKind::Regular => self.size,
            _ => 0,
        }
    }
}
