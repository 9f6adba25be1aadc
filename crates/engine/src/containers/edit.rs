//! Changes of single paths: what each does to the change set.

use std::collections::{BTreeMap, BTreeSet};

use layer::Tree;

use super::changeset::{Batch, Bytes, Change, ChangeSet, Content, Kind, Node};
use super::view::{Found, View, beneath, join, name_of, parent_of, parents};
use crate::Error;
use crate::files::escaped;

/// A change set while it is changed. What was touched is remembered, for the log.
pub(super) struct Edits<'a> {
    tree: &'a Tree,
    set: ChangeSet,
    touched: BTreeSet<Vec<u8>>,
    /// What there was before it was reset.
    before: Option<ChangeSet>,
    /// The time, in seconds: that of new folders and links.
    now: i64,
}

/// Names that a layer uses for something else: the file would vanish in the image.
const WHITEOUT: &[u8] = b".wh.";

impl<'a> Edits<'a> {
    pub(super) fn new(tree: &'a Tree, set: ChangeSet, now: i64) -> Self {
        Self {
            tree,
            set,
            touched: BTreeSet::new(),
            before: None,
            now,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View {
            tree: self.tree,
            set: &self.set,
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// Returns what the log gets, and the set as it is now.
    pub(super) fn finish(self) -> (Batch, ChangeSet) {
        let before = self.before;
        let differs = |path: &Vec<u8>| {
            let before = before.as_ref();
            before.is_none_or(|before| before.get(path) != self.set.get(path))
        };
        let changes = self
            .touched
            .into_iter()
            .filter(differs)
            .map(|path| {
                let change = self.set.get(&path).cloned();
                (Bytes(path), change)
            })
            .collect();
        (Batch(changes), self.set)
    }

    /// Goes back to what the set was at some time. The log gets what differs in the end.
    pub(super) fn reset(&mut self, base: &ChangeSet) {
        let before = self.set.clone();
        let paths: BTreeSet<&Vec<u8>> = before.keys().chain(base.keys()).collect();
        for path in paths {
            if before.get(path) != base.get(path) {
                self.put(path, base.get(path).cloned());
            }
        }
        self.before = Some(before);
    }

    /// Finds the place for something new: its folder must be there.
    ///
    /// # Errors
    /// `not_found`, `not_a_folder`, and `usage` for the root and for names that mean something else in a layer.
    pub(super) fn place_for(&self, path: &[u8]) -> Result<Found, Error> {
        let found = self.view().resolve(path, false)?;
        refuse_root(&found.path)?;
        refuse_marked(&found.path)?;
        Ok(found)
    }

    /// Finds something that must be there. A link at the end is itself what is meant.
    fn existing(&self, path: &[u8]) -> Result<(Vec<u8>, Node), Error> {
        let Found { path: found, node } = self.view().resolve(path, false)?;
        refuse_root(&found)?;
        match node {
            Some(node) => Ok((found, node)),
            None => Err(Error::NoSuchFile {
                path: escaped(path),
            }),
        }
    }

    fn put(&mut self, path: &[u8], change: Option<Change>) {
        match change {
            Some(change) => drop(self.set.insert(path.to_vec(), change)),
            None => drop(self.set.remove(path)),
        }
        self.touched.insert(path.to_vec());
    }

    fn drop_below(&mut self, path: &[u8]) {
        let below: Vec<Vec<u8>> = beneath(&self.set, path).cloned().collect();
        for path in below {
            self.put(&path, None);
        }
    }

    /// Names the folders that a path is in, with what the image says of them.
    fn name_parents(&mut self, path: &[u8]) {
        let missing: Vec<Vec<u8>> = parents(path)
            .filter(|folder| !self.set.contains_key(*folder))
            .map(<[u8]>::to_vec)
            .collect();
        for folder in missing {
            if let Some(mut node) = self.view().below(&folder) {
                if let Kind::Folder { unchanged, .. } = &mut node.kind {
                    *unchanged = true;
                }
                self.put(&folder, Some(Change::Placed(node)));
            }
        }
    }

    /// Forgets the folders above a path that stand in the set for nothing any more.
    fn forget_parents(&mut self, path: &[u8]) {
        let mut folder = parent_of(path).to_vec();
        while !folder.is_empty() {
            let idle = matches!(self.set.get(&folder), Some(Change::Placed(node)) if node.is_unchanged())
                && beneath(&self.set, &folder).next().is_none();
            if !idle {
                return;
            }
            self.put(&folder, None);
            folder = parent_of(&folder).to_vec();
        }
    }

    /// Puts something at the path of a file itself, whose folder is there. A folder over a folder keeps what is in it; anything
    /// else replaces what was there.
    pub(super) fn place(&mut self, path: &[u8], mut node: Node) {
        let before = self.view().at(path);
        let below = self.view().below(path);
        let merges = node.is_folder() && before.as_ref().is_some_and(Node::is_folder);
        if !merges {
            self.drop_below(path);
        }
        let hides = match (&before, &below) {
            _ if merges => before.as_ref().is_some_and(Node::is_opaque),
            (_, Some(below)) => below.is_folder(),
            _ => false,
        };
        if let Kind::Folder { opaque, unchanged } = &mut node.kind {
            (*opaque, *unchanged) = (*opaque || hides, false);
        }
        let same = below.as_ref().is_some_and(|below| node.is_same(below));
        let idle = same && beneath(&self.set, path).next().is_none();
        if idle && node.links.is_none() {
            self.put(path, None);
            self.forget_parents(path);
            return;
        }
        if same && let Kind::Folder { unchanged, .. } = &mut node.kind {
            *unchanged = true;
            if let Some(below) = below {
                node.modified = below.modified;
            }
        }
        self.name_parents(path);
        self.put(path, Some(Change::Placed(node)));
    }

    /// Takes away what is at the path of a file itself, and below it.
    pub(super) fn take_away(&mut self, path: &[u8]) {
        self.drop_below(path);
        if self.view().below(path).is_some() {
            self.name_parents(path);
            self.put(path, Some(Change::Removed));
        } else {
            self.put(path, None);
            self.forget_parents(path);
        }
    }

    /// Empties a folder of what the image has in it.
    pub(super) fn make_opaque(&mut self, path: &[u8]) {
        self.drop_below(path);
        if let Some(mut node) = self.view().at(path)
            && let Kind::Folder { opaque, unchanged } = &mut node.kind
        {
            (*opaque, *unchanged) = (true, false);
            self.name_parents(path);
            self.put(path, Some(Change::Placed(node)));
        }
    }

    pub(super) fn remove(&mut self, path: &[u8]) -> Result<(), Error> {
        let (path, _) = self.existing(path)?;
        self.take_away(&path);
        Ok(())
    }

    pub(super) fn make_folder(&mut self, path: &[u8], with_parents: bool) -> Result<(), Error> {
        if with_parents {
            let wanted = crate::files::escaped(path);
            let mut so_far = Vec::new();
            for part in wanted_parts(path) {
                so_far = join(&so_far, part);
                match self.view().resolve(&so_far, true)? {
                    Found {
                        node: Some(node), ..
                    } if node.is_folder() => {}
                    Found { node: Some(_), .. } => {
                        return Err(Error::NotAFolder { path: wanted });
                    }
                    Found { path, node: None } => {
                        refuse_marked(&path)?;
                        self.place(&path, Node::folder(0o755, 0, 0, self.now));
                    }
                }
            }
            return Ok(());
        }
        let Found { path: place, node } = self.place_for(path)?;
        match node {
            Some(_) => Err(Error::PathExists {
                path: escaped(&place),
            }),
            None => {
                self.place(&place, Node::folder(0o755, 0, 0, self.now));
                Ok(())
            }
        }
    }

    pub(super) fn make_symlink(&mut self, path: &[u8], target: &[u8]) -> Result<(), Error> {
        let Found { path: place, node } = self.place_for(path)?;
        if node.is_some() {
            return Err(Error::PathExists {
                path: escaped(&place),
            });
        }
        if target.is_empty() || target.contains(&0) {
            return Err(Error::BadPath {
                path: escaped(target),
            });
        }
        let node = Node {
            kind: Kind::Symlink {
                target: Bytes(target.to_vec()),
            },
            ..Node::folder(0o777, 0, 0, self.now)
        };
        self.place(&place, node);
        Ok(())
    }

    /// Changes attributes of what is there. Names of one file that was changed before stay names of one file.
    pub(super) fn alter(
        &mut self,
        path: &[u8],
        change: &dyn Fn(&mut Node) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (path, mut node) = self.existing(path)?;
        change(&mut node)?;
        let Some(group) = node.links else {
            self.place(&path, node);
            return Ok(());
        };
        let names: Vec<Vec<u8>> = self
            .set
            .iter()
            .filter(
                |(_, change)| matches!(change, Change::Placed(other) if other.links == Some(group)),
            )
            .map(|(path, _)| path.clone())
            .collect();
        for name in names {
            self.put(&name, Some(Change::Placed(node.clone())));
        }
        Ok(())
    }

    /// Gives something another path. Nothing may be there yet.
    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), Error> {
        let (from, _) = self.existing(from)?;
        let Found { path: to, node } = self.place_for(to)?;
        if node.is_some() {
            return Err(Error::PathExists { path: escaped(&to) });
        }
        if to == from || to.starts_with(&join(&from, b"")) {
            return Err(Error::IntoItself {
                path: escaped(&from),
            });
        }
        let mut moving: Vec<(Vec<u8>, Node)> = Vec::new();
        let mut next = vec![from.clone()];
        while let Some(path) = next.pop() {
            let Some(node) = self.view().at(&path) else {
                continue;
            };
            if node.is_folder() {
                let children = self.view().children(&path);
                next.extend(children.into_iter().rev());
            }
            moving.push((path, node));
        }
        self.join_links(&mut moving);
        self.take_away(&from);
        for (path, mut node) in moving {
            if let Kind::Folder { opaque, unchanged } = &mut node.kind {
                (*opaque, *unchanged) = (false, false);
            }
            let place = [to.as_slice(), &path[from.len()..]].concat();
            self.place(&place, node);
        }
        Ok(())
    }

    /// Lets names that the image has for one file stay names of one file where they are moved together.
    fn join_links(&self, moving: &mut [(Vec<u8>, Node)]) {
        let mut names: BTreeMap<Content, Vec<usize>> = BTreeMap::new();
        for (at, (_, node)) in moving.iter().enumerate() {
            if let Kind::File {
                content: content @ Content::Image { .. },
                ..
            } = node.kind
                && node.links.is_none()
            {
                names.entry(content).or_default().push(at);
            }
        }
        let several = names.values().filter(|names| names.len() > 1);
        for (group, several) in (self.free_group()..).zip(several) {
            for at in several {
                moving[*at].1.links = Some(group);
            }
        }
    }

    /// Returns a number that no names have together yet.
    pub(super) fn free_group(&self) -> u64 {
        let used = self.set.values().filter_map(|change| match change {
            Change::Placed(node) => node.links,
            Change::Removed => None,
        });
        used.max().unwrap_or_default() + 1
    }

    /// Makes one path, and what is below it, what the image has there.
    pub(super) fn revert(&mut self, path: &[u8]) -> Result<(), Error> {
        // A path that was removed leads nowhere any more, so that it is looked for as it is spelt, too.
        let spelt = clean(path);
        let changed =
            |path: &[u8]| self.set.contains_key(path) || beneath(&self.set, path).next().is_some();
        let path = match changed(&spelt) {
            true => spelt,
            false => self.view().resolve(path, false)?.path,
        };
        if path.is_empty()
            || !(self.set.contains_key(&path) || beneath(&self.set, &path).next().is_some())
        {
            return Err(Error::NotChanged {
                path: escaped(&path),
            });
        }
        self.drop_below(&path);
        self.put(&path, None);
        self.forget_parents(&path);
        Ok(())
    }
}

/// Resolves `.` and `..` by the text alone, never above the root.
pub(super) fn clean(path: &[u8]) -> Vec<u8> {
    wanted_parts(path).join(&b'/')
}

fn wanted_parts(path: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

fn refuse_root(path: &[u8]) -> Result<(), Error> {
    match path {
        [] => Err(Error::RootPath),
        _ => Ok(()),
    }
}

/// Refuses names that mean the removal of another file in a layer, and what no file system takes.
pub(super) fn refuse_marked(path: &[u8]) -> Result<(), Error> {
    let name = name_of(path);
    if name.starts_with(WHITEOUT) || name.contains(&0) || name.len() > 255 {
        return Err(Error::BadPath {
            path: escaped(path),
        });
    }
    Ok(())
}
