//! A container's files: the image's tree with the changes over it, looked at without making a tree of the two.

use std::collections::BTreeSet;

use layer::{NodeId, Tree};

use super::changeset::{Change, ChangeSet, Kind, Node};
use crate::Error;
use crate::files::escaped;

/// Symbolic links that are followed for one path, as in Linux.
const MAX_LINKS: usize = 40;

/// The image's tree and the changes over it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) tree: &'a Tree,
    pub(super) set: &'a ChangeSet,
}

/// Where a path leads: the path of the file itself, and what is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) path: Vec<u8>,
    pub(super) node: Option<Node>,
}

impl View<'_> {
    /// Returns what is at the path of a file itself: no link is followed.
    pub(super) fn at(&self, path: &[u8]) -> Option<Node> {
        match self.set.get(path) {
            Some(Change::Removed) => None,
            Some(Change::Placed(node)) => Some(node.clone()),
            None => self.below(path),
        }
    }

    /// Returns what the image has at a path that shows through, whatever the change of that very path is.
    pub(super) fn below(&self, path: &[u8]) -> Option<Node> {
        for folder in parents(path) {
            match self.set.get(folder) {
                Some(Change::Placed(node)) if node.is_folder() && !node.is_opaque() => {}
                None => {}
                Some(_) => return None,
            }
        }
        let node = self.tree.find(path)?;
        if path.is_empty() {
            let root = self.tree.current(node).map(|file| self.tree.file(file));
            return Some(root.map_or_else(|| Node::folder(0o755, 0, 0, 0), Node::of_file));
        }
        self.tree
            .current(node)
            .map(|file| Node::of_file(self.tree.file(file)))
    }

    /// Follows a path as a program in the container would; never above the root. With `to_the_end` also a link that it ends in.
    ///
    /// # Errors
    /// `not_found` where a folder on the way is not there; `not_a_folder`; too many links.
    pub(super) fn resolve(&self, path: &[u8], to_the_end: bool) -> Result<Found, Error> {
        let mut at: Vec<u8> = Vec::new();
        let mut links = 0;
        let mut rest = steps(path);
        rest.reverse();
        while let Some(part) = rest.pop() {
            if part == b".." {
                at.truncate(parent_of(&at).len());
                continue;
            }
            let here = join(&at, &part);
            let last = rest.is_empty();
            match self.at(&here) {
                Some(node) => match &node.kind {
                    Kind::Folder { .. } if !last => at = here,
                    Kind::Symlink { target } if !last || to_the_end => {
                        links += 1;
                        if links > MAX_LINKS {
                            return Err(Error::TooManyLinks {
                                path: escaped(path),
                            });
                        }
                        if target.0.starts_with(b"/") {
                            at.clear();
                        }
                        let mut further = steps(&target.0);
                        further.reverse();
                        rest.extend(further);
                    }
                    _ if last => {
                        return Ok(Found {
                            path: here,
                            node: Some(node),
                        });
                    }
                    _ => {
                        return Err(Error::NotAFolder {
                            path: escaped(&here),
                        });
                    }
                },
                None if last => {
                    return Ok(Found {
                        path: here,
                        node: None,
                    });
                }
                None => {
                    return Err(Error::NoSuchFile {
                        path: escaped(&here),
                    });
                }
            }
        }
        let node = self.at(&at);
        Ok(Found { path: at, node })
    }

    /// Returns the paths in a folder that are there, in byte order of the names.
    pub(super) fn children(&self, folder: &[u8]) -> Vec<Vec<u8>> {
        let mut names: BTreeSet<Vec<u8>> = BTreeSet::new();
        if self.below(folder).is_some_and(|node| node.is_folder())
            && !matches!(self.set.get(folder), Some(Change::Placed(node)) if node.is_opaque() || !node.is_folder())
            && let Some(node) = self.tree.find(folder)
        {
            names.extend(
                self.tree
                    .children(node)
                    .filter(|(_, child): &(&[u8], NodeId)| self.tree.current(*child).is_some())
                    .map(|(name, _)| name.to_vec()),
            );
        }
        let prefix = if folder.is_empty() {
            Vec::new()
        } else {
            join(folder, b"")
        };
        for path in beneath(self.set, folder) {
            let name = &path[prefix.len()..];
            if !name.contains(&b'/') {
                names.insert(name.to_vec());
            }
        }
        names
            .into_iter()
            .map(|name| join(folder, &name))
            .filter(|path| self.at(path).is_some())
            .collect()
    }
}

/// Returns the changed paths below a folder.
pub(super) fn beneath<'s>(
    set: &'s ChangeSet,
    folder: &[u8],
) -> impl Iterator<Item = &'s Vec<u8>> + use<'s> {
    let prefix = match folder {
        [] => Vec::new(),
        _ => join(folder, b""),
    };
    let all = prefix.is_empty();
    let start = prefix.clone();
    set.range(start..)
        .map(|(path, _)| path)
        .skip_while(move |path| all && path.is_empty())
        .take_while(move |path| path.starts_with(&prefix))
}

/// Returns the folders that a path is in, from the nearest below the root on; the root is left out.
pub(super) fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| &path[..at])
}

/// Returns the folder that a path is in; the root's is the root.
pub(super) fn parent_of(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    &path[..slash.unwrap_or_default()]
}

pub(super) fn name_of(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    &path[slash.map_or(0, |slash| slash + 1)..]
}

pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        _ => [folder, b"/", name].concat(),
    }
}

fn steps(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
        .collect()
}
