//! A tree as it is drawn: one line for each name, and below a folder that is open what is in it.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use layer::{NodeId, Tree};

use super::{ChangeCounts, FileChange, FileRow, FileView, ImageFiles, ViewFacts};
use crate::Error;

/// Which lines an outline has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct OutlineQuery {
    /// Which files.
    pub view: FileView,
    /// In which order the names of a folder stand.
    pub sort: FileSort,
    /// Only what the layer of the view added, changed or removed, and the folders on the way there. Without effect on the merged
    /// view, which has no such layer.
    pub changed_only: bool,
    /// The folders that are open. One that is not shown is of no matter.
    pub open: Vec<Vec<u8>>,
    /// A path that must have a line: the folders on the way there are opened too.
    pub reveal: Option<Vec<u8>>,
}

/// In which order the names of a folder stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileSort {
    /// By the bytes of the name.
    #[default]
    Name,
    /// The largest first.
    Size,
}

/// A tree as it is drawn. It stays as it is when the image goes.
pub struct Outline {
    files: ImageFiles,
    view: FileView,
    changed_only: bool,
    facts: Arc<ViewFacts>,
    lines: Vec<Line>,
    open: HashSet<NodeId>,
    revealed: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    node: NodeId,
    parent: Option<u32>,
    depth: u32,
    position: u32,
    siblings: u32,
}

/// One line of an outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineRow {
    /// What is there.
    pub file: FileRow,
    /// How many folders it is in, the root not counted.
    pub depth: usize,
    /// The line of the folder that it is in; `None` for what is in the root.
    pub parent: Option<usize>,
    /// Its place among the names of its folder, counted from 1.
    pub position: usize,
    /// How many names its folder shows.
    pub siblings: usize,
    /// Whether the lines of what is in it follow.
    pub open: bool,
    /// What the layer of the view did below it; all zero in the merged view.
    pub below: ChangeCounts,
}

impl ImageFiles {
    /// Draws a tree. The cost grows with what is in the open folders, not with what of it is then looked at.
    ///
    /// # Errors
    /// `usage`, where there is no such layer; `not_found`, where the path to reveal is not shown.
    pub fn outline(&self, query: &OutlineQuery) -> Result<Outline, Error> {
        self.refuse_unknown(query.view)?;
        let (tree, facts) = (&self.inner.tree, self.facts(query.view));
        let changed_only = query.changed_only && query.view != FileView::Merged;
        let shown = |node: NodeId| {
            facts.shows(node) && (!changed_only || self.has_changes(node, query.view, &facts))
        };
        let mut open: HashSet<NodeId> = query
            .open
            .iter()
            .filter_map(|path| tree.find(path))
            .collect();
        let wanted = match &query.reveal {
            Some(path) => {
                let node = self.node(path, query.view)?;
                if !shown(node) {
                    return Err(self.no_such_file(path));
                }
                let mut above = tree.parent(node);
                while above != NodeId::ROOT && open.insert(above) {
                    above = tree.parent(above);
                }
                Some(node)
            }
            None => None,
        };

        let mut lines: Vec<Line> = Vec::new();
        let mut revealed = None;
        let mut waiting = Vec::new();
        let put = |folder, parent, depth, waiting: &mut Vec<Line>| {
            let names = self.sorted(folder, query, &facts, &shown);
            let siblings = u32::try_from(names.len()).unwrap_or(u32::MAX);
            // The last of them first: what is taken from the end is the next line.
            let numbered: Vec<_> = (1..=siblings).zip(names).collect();
            waiting.extend(numbered.into_iter().rev().map(|(position, node)| Line {
                node,
                parent,
                depth,
                position,
                siblings,
            }));
        };
        put(NodeId::ROOT, None, 0, &mut waiting);
        while let Some(line) = waiting.pop() {
            let at = lines.len();
            lines.push(line);
            if Some(line.node) == wanted {
                revealed = Some(at);
            }
            if open.contains(&line.node) {
                let parent = u32::try_from(at).ok();
                put(line.node, parent, line.depth + 1, &mut waiting);
            }
        }
        Ok(Outline {
            files: self.clone(),
            view: query.view,
            changed_only,
            facts,
            lines,
            open,
            revealed,
        })
    }

    fn sorted(
        &self,
        folder: NodeId,
        query: &OutlineQuery,
        facts: &ViewFacts,
        shown: &dyn Fn(NodeId) -> bool,
    ) -> Vec<NodeId> {
        let tree = &self.inner.tree;
        let children = tree.children(folder).map(|(_, child)| child);
        let mut names: Vec<NodeId> = children.filter(|&child| shown(child)).collect();
        if query.sort == FileSort::Size {
            // Stable, so that equals stay in the order of their names.
            names.sort_by_cached_key(|&node| Reverse(self.bytes_of(node, query.view, facts)));
        }
        names
    }

    /// Returns the bytes that a view has at a path: nothing of what it removed.
    fn bytes_of(&self, node: NodeId, view: FileView, facts: &ViewFacts) -> u64 {
        let tree = &self.inner.tree;
        match tree.file_at(node, self.level(view)).map(|id| tree.file(id)) {
            Some(file) if !file.is_folder() => file.size,
            _ => Tree::total_of(&facts.totals, node).bytes,
        }
    }

    /// Whether the layer of a view did anything at or below a path.
    fn has_changes(&self, node: NodeId, view: FileView, facts: &ViewFacts) -> bool {
        let own = self.inner.tree.version_of(node, self.level(view));
        !facts.below(node).is_empty()
            || own.is_some_and(|version| FileChange::of(version.change).is_some())
    }
}

impl Outline {
    /// Returns how many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether there is no line at all, as in an image without files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the line of the path that was to be revealed.
    #[must_use]
    pub fn revealed(&self) -> Option<usize> {
        self.revealed
    }

    /// Returns every folder that is open and shown, those included that were opened to reveal a path.
    #[must_use]
    pub fn open(&self) -> Vec<Vec<u8>> {
        let open = self
            .lines
            .iter()
            .filter(|line| self.open.contains(&line.node));
        open.map(|line| self.files.inner.tree.path(line.node))
            .collect()
    }

    /// Returns some of the lines.
    #[must_use]
    pub fn rows(&self, offset: usize, limit: usize) -> Vec<OutlineRow> {
        let lines = self.lines.iter().skip(offset).take(limit);
        lines.map(|line| self.row(line)).collect()
    }

    /// Finds the next line, from `start` on and then from the top, whose name begins so, upper and lower case alike.
    #[must_use]
    pub fn find(&self, beginning: &[u8], start: usize) -> Option<usize> {
        let tree = &self.files.inner.tree;
        let count = self.lines.len();
        let order = (0..count).map(|step| (start + step) % count);
        order.into_iter().find(|&at| {
            let name = tree.name(self.lines[at].node).get(..beginning.len());
            name.is_some_and(|name| name.eq_ignore_ascii_case(beginning))
        })
    }

    fn row(&self, line: &Line) -> OutlineRow {
        let tree = &self.files.inner.tree;
        let mut file = self.files.row(line.node, self.view, &self.facts);
        if self.changed_only && file.has_children {
            file.has_children = tree
                .children(line.node)
                .any(|(_, child)| self.files.has_changes(child, self.view, &self.facts));
        }
        OutlineRow {
            open: file.has_children && self.open.contains(&line.node),
            file,
            depth: line.depth as usize,
            parent: line.parent.map(|parent| parent as usize),
            position: line.position as usize,
            siblings: line.siblings as usize,
            below: self.facts.below(line.node),
        }
    }
}
