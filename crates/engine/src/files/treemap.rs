//! What is large in an image: as much of the tree as a picture has room for.

use std::collections::BinaryHeap;

use layer::{NodeId, Tree};

use super::{FileView, ImageFiles, ViewFacts};
use crate::Error;

/// Folders deeper than this below the one that is looked at are not taken apart: their rectangles would be of no size.
const DEEPEST: usize = 24;

/// The largest things of a folder, as a picture shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Treemap {
    /// The folder itself, then what is in it. What is in a folder stands behind it, the largest first.
    pub nodes: Vec<TreemapNode>,
}

/// A rectangle of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreemapNode {
    /// The path in the image, without a slash at either end; the root's is empty.
    pub path: Vec<u8>,
    /// The folder that it is in, by its place in the list; `None` for the first.
    pub parent: Option<usize>,
    /// Whether it is a folder.
    pub folder: bool,
    /// Bytes of content, a file with several names once.
    pub bytes: u64,
    /// Names of files below a folder; 1 for a file.
    pub files: u64,
    /// The layer that most of its bytes are in.
    pub layer: usize,
    /// Bytes of what is in the folder and too small to be in the list. A folder that is not taken apart has none of its own.
    pub rest: u64,
}

impl ImageFiles {
    /// Finds the largest things of a folder: at most `limit` of them, with the folders that they are in.
    ///
    /// The largest folder is always taken apart first, so that what is left out is smaller than what is there.
    ///
    /// # Errors
    /// `not_found`, where nothing is there; `usage`, where there is no such layer.
    pub fn treemap(&self, folder: &[u8], view: FileView, limit: usize) -> Result<Treemap, Error> {
        self.refuse_unknown(view)?;
        let facts = self.facts(view);
        let top = self.node(folder, view)?;
        let mut drawing = Drawing {
            files: self,
            view,
            facts: &facts,
            nodes: Vec::new(),
            places: Vec::new(),
        };
        drawing.add(top, None);
        let mut largest = BinaryHeap::from([(drawing.nodes[0].bytes, 0, 0)]);
        while let Some((_, at, depth)) = largest.pop() {
            let room = limit.saturating_sub(drawing.nodes.len());
            if room == 0 {
                break;
            }
            for child in drawing.take_apart(at, room) {
                let node = &drawing.nodes[child];
                if node.folder && depth < DEEPEST {
                    largest.push((node.bytes, child, depth + 1));
                }
            }
        }
        drawing.colour();
        Ok(Treemap {
            nodes: drawing.nodes,
        })
    }
}

struct Drawing<'a> {
    files: &'a ImageFiles,
    view: FileView,
    facts: &'a ViewFacts,
    nodes: Vec<TreemapNode>,
    /// The paths of `nodes`.
    places: Vec<NodeId>,
}

impl Drawing<'_> {
    fn bytes(&self, node: NodeId) -> u64 {
        Tree::total_of(&self.facts.totals, node).bytes
    }

    fn add(&mut self, node: NodeId, parent: Option<usize>) -> usize {
        let tree = &self.files.inner.tree;
        let totals = Tree::total_of(&self.facts.totals, node);
        let file = self.files.file_in(node, self.view);
        let folder = file.is_none_or(|file| tree.file(file).is_folder());
        self.nodes.push(TreemapNode {
            path: tree.path(node),
            parent,
            folder,
            bytes: totals.bytes,
            files: totals.files,
            layer: file.map_or(0, |file| tree.file(file).layer as usize) + 1,
            rest: 0,
        });
        self.places.push(node);
        self.nodes.len() - 1
    }

    /// Adds the largest things of a folder; what finds no room is its rest.
    fn take_apart(&mut self, at: usize, room: usize) -> Vec<usize> {
        let children = self.files.inner.tree.children(self.places[at]);
        let mut children: Vec<NodeId> = children
            .map(|(_, child)| child)
            .filter(|&child| self.bytes(child) > 0)
            .collect();
        children.sort_by_key(|&child| std::cmp::Reverse(self.bytes(child)));
        let left_out = children.split_off(children.len().min(room));
        self.nodes[at].rest = left_out.iter().map(|&child| self.bytes(child)).sum();
        let added = children.into_iter().map(|child| self.add(child, Some(at)));
        added.collect()
    }

    /// Tells of each folder that is not taken apart which layer has most of it.
    fn colour(&mut self) {
        let tree = &self.files.inner.tree;
        let level = self.files.level(self.view);
        let mut taken_apart = vec![false; self.nodes.len()];
        for node in &self.nodes {
            if let Some(parent) = node.parent {
                taken_apart[parent] = true;
            }
        }
        for (at, node) in self.nodes.iter_mut().enumerate() {
            if !node.folder || (taken_apart[at] && node.rest == 0) {
                continue;
            }
            let mut bytes = vec![0u64; tree.layers() as usize];
            for below in tree.walk(self.places[at]) {
                let file = tree.file_at(below, level).map(|file| tree.file(file));
                if let Some(file) = file.filter(|file| !file.is_folder())
                    && let Some(sum) = bytes.get_mut(file.layer as usize)
                {
                    *sum = sum.saturating_add(file.size);
                }
            }
            let most = bytes.iter().enumerate().max_by_key(|(_, sum)| **sum);
            node.layer = most.map_or(0, |(layer, _)| layer) + 1;
        }
    }
}
