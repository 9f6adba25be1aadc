//! Lists files: the children of a folder, everything below it, or whatever has a name.

use layer::{NodeId, Tree};

use super::{FileRow, FileView, ImageFiles};
use crate::Error;
use crate::filter::Glob;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileQuery {
    /// Which files.
    pub view: FileView,
    /// The first row, counted from 0.
    pub offset: usize,
    /// Rows at most.
    pub limit: usize,
}

impl Default for FileQuery {
    fn default() -> Self {
        Self {
            view: FileView::Merged,
            offset: 0,
            limit: usize::MAX,
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilesPage {
    /// The rows.
    pub rows: Vec<FileRow>,
    /// How many the whole list has.
    pub total: usize,
}

impl ImageFiles {
    /// Lists what is in a folder, in byte order of the names; of anything else, itself.
    ///
    /// # Errors
    /// `not_found`, where nothing is there; `usage`, where there is no such layer.
    pub fn children(&self, folder: &[u8], query: FileQuery) -> Result<FilesPage, Error> {
        self.refuse_unknown(query.view)?;
        let facts = self.facts(query.view);
        let node = self.node(folder, query.view)?;
        let children: Vec<NodeId> = self
            .inner
            .tree
            .children(node)
            .map(|(_, child)| child)
            .filter(|&child| facts.shows(child))
            .collect();
        if children.is_empty() {
            let row = self.row(node, query.view, &facts);
            if row.kind != super::FileKind::Folder {
                return Ok(FilesPage {
                    rows: vec![row],
                    total: 1,
                });
            }
        }
        Ok(self.page(children.into_iter(), query))
    }

    /// Lists a folder and everything below it: a folder first, then what is in it. The root itself is left out.
    ///
    /// # Errors
    /// As [`ImageFiles::children`].
    pub fn below(&self, folder: &[u8], query: FileQuery) -> Result<FilesPage, Error> {
        self.refuse_unknown(query.view)?;
        let facts = self.facts(query.view);
        let node = self.node(folder, query.view)?;
        let found = self.inner.tree.walk(node);
        let found = found.filter(|&node| node != NodeId::ROOT && facts.shows(node));
        Ok(self.page(found, query))
    }

    /// Lists every path that a pattern names, upper and lower case alike, whichever layer has it.
    ///
    /// A pattern with `*`, `?` or `[a-z]` is for a whole name, any other for a part of one; with a slash in it, it is compared with
    /// the path instead of the name. `*` and `?` stand for no slash. Removed paths are found too: the row's `change` says so, and its
    /// `layer` who touched the path last.
    pub fn search(&self, pattern: &[u8], offset: usize, limit: usize) -> FilesPage {
        let tree = &self.inner.tree;
        let facts = self.facts(FileView::Merged);
        let wanted = Wanted::new(pattern);
        let matches =
            |node: &NodeId| !tree.versions(*node).is_empty() && wanted.is_met(tree, *node);
        let found: Vec<NodeId> = tree.walk(NodeId::ROOT).filter(matches).collect();
        let rows = found.iter().skip(offset).take(limit).map(|&node| {
            let Some(last) = tree.versions(node).last() else {
                return self.row(node, FileView::Merged, &facts);
            };
            let view = FileView::UpTo(last.layer as usize + 1);
            self.row(node, view, &self.facts(view))
        });
        FilesPage {
            rows: rows.collect(),
            total: found.len(),
        }
    }

    fn page(&self, nodes: impl Iterator<Item = NodeId>, query: FileQuery) -> FilesPage {
        let facts = self.facts(query.view);
        let nodes: Vec<NodeId> = nodes.collect();
        let wanted = nodes.iter().skip(query.offset).take(query.limit);
        FilesPage {
            rows: wanted
                .map(|&node| self.row(node, query.view, &facts))
                .collect(),
            total: nodes.len(),
        }
    }

    pub(super) fn refuse_unknown(&self, view: FileView) -> Result<(), Error> {
        match view {
            FileView::UpTo(layer) | FileView::Layer(layer)
                if layer == 0 || layer > self.layers() =>
            {
                Err(Error::NoSuchLayer {
                    layer,
                    layers: self.layers(),
                })
            }
            _ => Ok(()),
        }
    }
}

/// What a search looks for, in lower case.
struct Wanted {
    part: Vec<u8>,
    glob: Option<Glob>,
    /// Whether it is compared with the path, and not with the name.
    with_path: bool,
}

impl Wanted {
    fn new(pattern: &[u8]) -> Self {
        let part = pattern.to_ascii_lowercase();
        let with_path = part.contains(&b'/');
        let text = std::str::from_utf8(&part).ok();
        let glob = text.filter(|text| text.contains(['*', '?', '[']));
        Self {
            // What is no pattern is looked for as it stands.
            glob: glob.and_then(Glob::new),
            part,
            with_path,
        }
    }

    fn is_met(&self, tree: &Tree, node: NodeId) -> bool {
        if self.with_path {
            let path = [b"/", tree.path(node).as_slice()].concat();
            return self.is_in(&path.to_ascii_lowercase());
        }
        self.is_in(&tree.name(node).to_ascii_lowercase())
    }

    fn is_in(&self, text: &[u8]) -> bool {
        let Some(glob) = &self.glob else {
            let mut windows = text.windows(self.part.len().max(1));
            return self.part.is_empty() || windows.any(|window| window == self.part);
        };
        let text = String::from_utf8_lossy(text);
        if !self.with_path || self.part.starts_with(b"/") {
            return glob.matches(&text);
        }
        // A path that does not begin at the root may begin in any folder.
        text.match_indices('/')
            .any(|(at, _)| glob.matches(&text[at + 1..]))
    }
}
