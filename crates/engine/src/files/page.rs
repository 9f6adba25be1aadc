//! Lists files: the children of a folder, everything below it, or whatever has a name.

use layer::NodeId;

use super::{FileRow, FileView, ImageFiles};
use crate::Error;

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

    /// Lists every path with a part of its name, upper and lower case alike. Removed ones are found too: the row's `change` says
    /// so, and its `layer` who touched the path last.
    pub fn search(&self, part: &[u8], offset: usize, limit: usize) -> FilesPage {
        let tree = &self.inner.tree;
        let facts = self.facts(FileView::Merged);
        let wanted = part.to_ascii_lowercase();
        let matches = |node: &NodeId| {
            let name = tree.name(*node);
            !tree.versions(*node).is_empty()
                && (wanted.is_empty()
                    || name
                        .windows(wanted.len())
                        .any(|window| window.eq_ignore_ascii_case(&wanted)))
        };
        let found: Vec<NodeId> = tree.walk(NodeId::ROOT).filter(matches).collect();
        let rows = found.iter().skip(offset).take(limit).map(|&node| {
            let Some(last) = tree.versions(node).last() else {
                return self.row(node, FileView::Merged, &facts);
            };
            let view = FileView::UpTo(last.layer as usize + 1);
            self.row(node, view, &facts)
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

    fn refuse_unknown(&self, view: FileView) -> Result<(), Error> {
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
