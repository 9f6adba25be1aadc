//! Puts entries of a layer onto the tree.

use std::collections::HashSet;

use super::{Change, File, FileId, Node, NodeId, Tree, Version, misplaced};
use crate::entry::{Entry, EntryKind};
use crate::error::{Error, PathProblem};
use crate::path::{Purpose, components, is_marked, purpose};

/// Symbolic links that are followed for one path: Linux's number for a whole lookup (`MAXSYMLINKS`).
pub(super) const MAX_LINKS: usize = 40;

/// How many files a tree may hold for each path that it may have: most paths are touched by one layer.
const FILES_A_NODE: usize = 2;

/// Bytes of names, link targets and attributes that a tree may hold for each path that it may have.
const BYTES_A_NODE: u64 = 256;

impl Tree {
    pub(super) fn apply(
        &mut self,
        layer: u32,
        entry: &Entry,
        fingerprint: Option<u128>,
    ) -> Result<(), Error> {
        let fail = |problem| misplaced(&entry.path, problem);
        if let Some((last, folder)) = &self.last
            && let Some(name) = plain_name_in(&entry.path, last)
        {
            return self.place_in(layer, entry, fingerprint, *folder, name);
        }
        match purpose(&entry.path).map_err(fail)? {
            Purpose::Nothing => Ok(()),
            Purpose::Whiteout(parts) => {
                if let Some(node) = self.beneath(&parts) {
                    self.remove(layer, node, true);
                }
                Ok(())
            }
            Purpose::Opaque(parts) => {
                let folder = match parts.as_slice() {
                    [] => Some(NodeId::ROOT),
                    _ => self.follow(NodeId::ROOT, &parts),
                };
                let inside: Vec<NodeId> = folder
                    .filter(|&folder| self.emptied.insert(folder))
                    .map(|folder| self.children(folder).map(|(_, node)| node).collect())
                    .unwrap_or_default();
                for node in inside {
                    self.remove(layer, node, true);
                }
                Ok(())
            }
            Purpose::Place(parts) => self.place(layer, entry, fingerprint, &parts),
        }
    }

    fn place(
        &mut self,
        layer: u32,
        entry: &Entry,
        fingerprint: Option<u128>,
        parts: &[&[u8]],
    ) -> Result<(), Error> {
        let fail = |problem| misplaced(&entry.path, problem);
        let Some((name, folders)) = parts.split_last() else {
            // The root is there whatever a layer says; only its attributes can change.
            if entry.kind != EntryKind::Directory {
                return Err(fail(PathProblem::RootIsNoFolder));
            }
            let file = self.add_file(File::of(entry, fingerprint, layer))?;
            self.set(layer, NodeId::ROOT, file, None);
            return Ok(());
        };
        let folder = self.folder_for(layer, folders, &entry.path)?;
        let spelt = folder_of(&entry.path, name);
        self.last = spelt.map(|spelt| (spelt.to_vec(), folder));
        self.place_in(layer, entry, fingerprint, folder, name)
    }

    fn place_in(
        &mut self,
        layer: u32,
        entry: &Entry,
        fingerprint: Option<u128>,
        folder: NodeId,
        name: &[u8],
    ) -> Result<(), Error> {
        let fail = |problem| misplaced(&entry.path, problem);
        let (file, linked_to) = if entry.kind == EntryKind::HardLink {
            let target = self.beneath(&components(&entry.link_target));
            let found = target.and_then(|target| self.current(target));
            let file = found.ok_or_else(|| fail(PathProblem::LinkTargetMissing))?;
            if self.file(file).is_folder() {
                return Err(fail(PathProblem::LinkToFolder));
            }
            (file, target)
        } else {
            (self.add_file(File::of(entry, fingerprint, layer))?, None)
        };
        let node = self.child(folder, name)?;
        if let Some(old) = self.current(node) {
            let (old, new) = (self.file(old), self.file(file));
            let way = |file: &File| matches!(file.kind, EntryKind::Directory | EntryKind::Symlink);
            let stays = old.is_folder() && new.is_folder();
            let (was_way, was_folder) = (way(old), old.is_folder());
            if was_way && !stays {
                // What was a way to somewhere is none now, or leads elsewhere.
                self.last = None;
            }
            if was_folder && !stays {
                self.remove(layer, node, false);
            }
        }
        self.set(
            layer,
            node,
            file,
            linked_to.filter(|&target| target != node),
        );
        Ok(())
    }

    /// Finds the folder of an entry as a program in the container would, and makes what is missing on the way.
    fn folder_for(&mut self, layer: u32, folders: &[&[u8]], path: &[u8]) -> Result<NodeId, Error> {
        let mut at = NodeId::ROOT;
        let mut links = 0;
        let mut rest: Vec<Vec<u8>> = Vec::new();
        // Nearly always there are no links, and nothing is copied.
        for (done, part) in folders.iter().enumerate() {
            let node = self.child(at, part)?;
            match self.current(node).map(|file| self.file(file)) {
                Some(file) if file.is_folder() => at = node,
                None => {
                    self.make_folder(layer, node)?;
                    at = node;
                }
                Some(_) => {
                    rest = folders[done..]
                        .iter()
                        .rev()
                        .map(|part| part.to_vec())
                        .collect();
                    break;
                }
            }
        }
        while let Some(part) = rest.pop() {
            if part == b".." {
                at = self.parent(at);
                continue;
            }
            let node = self.child(at, &part)?;
            match self.current(node).map(|file| self.file(file)) {
                Some(file) if file.is_folder() => at = node,
                None => {
                    self.make_folder(layer, node)?;
                    at = node;
                }
                Some(file) if file.kind == EntryKind::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(misplaced(path, PathProblem::TooManyLinks));
                    }
                    let target = &file.link_target;
                    if target.starts_with(b"/") {
                        at = NodeId::ROOT;
                    }
                    rest.extend(steps(target).rev().map(<[u8]>::to_vec));
                }
                Some(_) => return Err(misplaced(path, PathProblem::NotAFolder)),
            }
        }
        Ok(at)
    }

    /// Finds what is at a path, following links in the middle but not at the end.
    pub(super) fn beneath(&self, parts: &[&[u8]]) -> Option<NodeId> {
        let Some((name, folders)) = parts.split_last() else {
            return Some(NodeId::ROOT);
        };
        let folder = self.follow(NodeId::ROOT, folders)?;
        let node = self.paths.find(folder, name)?;
        self.current(node).map(|_| node)
    }

    /// Finds the folder at a path after the last layer, following every link.
    pub(super) fn follow(&self, from: NodeId, parts: &[&[u8]]) -> Option<NodeId> {
        let mut at = from;
        let mut links = 0;
        let mut rest: Vec<&[u8]> = parts.iter().rev().copied().collect();
        while let Some(part) = rest.pop() {
            if part == b".." {
                at = self.parent(at);
                continue;
            }
            let node = self.paths.find(at, part)?;
            let file = self.file(self.current(node)?);
            match file.kind {
                EntryKind::Directory => at = node,
                EntryKind::Symlink if links < MAX_LINKS => {
                    links += 1;
                    if file.link_target.starts_with(b"/") {
                        at = NodeId::ROOT;
                    }
                    rest.extend(steps(&file.link_target).rev());
                }
                _ => return None,
            }
        }
        Some(at)
    }

    /// Removes what is at a path and below it.
    ///
    /// With `only_below` that is what the layers below have there: what this layer has put in stays, with the folders above it.
    fn remove(&mut self, layer: u32, top: NodeId, only_below: bool) {
        if only_below && self.cleared.contains(&top) {
            return;
        }
        self.last = None;
        let mut kept: HashSet<NodeId> = HashSet::new();
        let mut found = vec![top];
        let mut next = 0;
        while next < found.len() {
            let node = found[next];
            next += 1;
            for &child in &self.nodes[node.at()].children {
                if self.current(child).is_none() {
                    continue;
                }
                if only_below && self.cleared.contains(&child) {
                    kept.insert(node);
                } else {
                    found.push(child);
                }
            }
        }
        if only_below {
            self.cleared.extend(&found);
        }
        for node in found.into_iter().rev() {
            let touched = self
                .versions(node)
                .last()
                .is_some_and(|version| version.layer == layer);
            if only_below && (touched || kept.contains(&node)) {
                kept.insert(self.parent(node));
            } else {
                self.unset(layer, node);
            }
        }
    }

    fn make_folder(&mut self, layer: u32, node: NodeId) -> Result<(), Error> {
        let file = self.add_file(File::folder(layer))?;
        self.set(layer, node, file, None);
        Ok(())
    }

    /// Every entry makes a file, also one that names what an entry before it has named: there can be more of them than paths.
    fn add_file(&mut self, file: File) -> Result<FileId, Error> {
        if self.files.len() >= FILES_A_NODE * self.limit {
            return Err(Error::TooManyFiles { limit: self.limit });
        }
        let xattrs = file.xattrs.iter().flat_map(|xattrs| xattrs.iter());
        let xattrs: usize = xattrs.map(|(name, value)| name.len() + value.len()).sum();
        self.take(file.link_target.len() + xattrs)?;
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(file);
        Ok(id)
    }

    /// Counts bytes of names and attributes.
    fn take(&mut self, bytes: usize) -> Result<(), Error> {
        let limit = BYTES_A_NODE * self.limit as u64;
        self.bytes += bytes as u64;
        match self.bytes > limit {
            true => Err(Error::TooMuchMetadata { limit }),
            false => Ok(()),
        }
    }

    /// Returns the place of a name in a folder, and makes one where there is none.
    fn child(&mut self, folder: NodeId, name: &[u8]) -> Result<NodeId, Error> {
        let hash = match self.paths.find_or_hash(folder, name) {
            Ok(node) => return Ok(node),
            Err(hash) => hash,
        };
        if self.nodes.len() >= self.limit {
            return Err(Error::TooManyFiles { limit: self.limit });
        }
        self.take(name.len())?;
        let node = self.paths.add(folder, name, hash);
        self.nodes.push(Node::default());
        let Node {
            children,
            unordered,
            ..
        } = &mut self.nodes[folder.at()];
        // Most archives have the names of a folder in order.
        let follows = children
            .last()
            .is_none_or(|&last| self.paths.name(last) < name);
        if !follows && !std::mem::replace(unordered, true) {
            self.unordered.push(folder);
        }
        children.push(node);
        Ok(node)
    }

    /// Returns what was at a path before this layer.
    fn before(&self, layer: u32, node: NodeId) -> Option<FileId> {
        let versions = self.versions(node).iter().rev();
        let mut below = versions.skip_while(|version| version.layer == layer);
        below.next().and_then(|version| version.file)
    }

    fn set(&mut self, layer: u32, node: NodeId, file: FileId, linked_to: Option<NodeId>) {
        let change = match self.before(layer, node) {
            None => Change::Added,
            Some(old) if self.file(old).is_same(self.file(file)) => Change::Same,
            Some(_) => Change::Changed,
        };
        self.put(
            node,
            Version {
                layer,
                change,
                file: Some(file),
                linked_to,
            },
        );
    }

    fn unset(&mut self, layer: u32, node: NodeId) {
        if self.before(layer, node).is_none() {
            // It came and went within this layer: nobody will ever see it.
            let versions = &mut self.nodes[node.at()].versions;
            versions.retain(|version| version.layer != layer);
            return;
        }
        self.put(
            node,
            Version {
                layer,
                change: Change::Removed,
                file: None,
                linked_to: None,
            },
        );
    }

    fn put(&mut self, node: NodeId, version: Version) {
        let versions = &mut self.nodes[node.at()].versions;
        match versions.last_mut() {
            Some(last) if last.layer == version.layer => *last = version,
            _ => versions.push(version),
        }
    }
}

/// Returns the name of what is in a folder as it was spelt before, if the name is just a name.
fn plain_name_in<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    let name = path.strip_prefix(folder)?;
    let end = name.iter().rposition(|&byte| byte != b'/')? + 1;
    let name = &name[..end];
    let plain = !name.contains(&b'/') && !matches!(name, b"." | b"..") && !is_marked(name);
    plain.then_some(name)
}

/// Returns what stands before the name in a path, as it is spelt; `None` where the path does not end in the name.
fn folder_of<'a>(path: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let end = path.iter().rposition(|&byte| byte != b'/')? + 1;
    let folder = path[..end].strip_suffix(name)?;
    (folder.is_empty() || folder.ends_with(b"/")).then_some(folder)
}

/// Splits the target of a link; `..` is a step of its own, because the folder may have been reached over a link.
fn steps(target: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let parts = target.split(|&byte| byte == b'/');
    parts.filter(|part| !part.is_empty() && *part != b".")
}
