//! Knows each path by its folder and its name.

use std::hash::{BuildHasher, Hasher, RandomState};

use hashbrown::HashTable;

use super::NodeId;

/// The paths of a tree, numbered in the order in which they came. All names lie in one piece: an image has a hundred thousand, and
/// to ask the system for room for each would take longer than to read them.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    places: Vec<Place>,
    names: Vec<u8>,
    by_name: HashTable<NodeId>,
    /// Names come from strangers: the hash is another one in every process.
    hash: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    folder: NodeId,
    length: u32,
    start: usize,
    hash: Hash,
}

/// Of a folder and a name in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash(u64);

impl Paths {
    /// Knows the root alone, which has no name and is its own folder.
    pub(super) fn new() -> Self {
        let root = Place {
            folder: NodeId::ROOT,
            length: 0,
            start: 0,
            hash: Hash(0),
        };
        Self {
            places: vec![root],
            names: Vec::new(),
            by_name: HashTable::new(),
            hash: RandomState::new(),
        }
    }

    /// Returns how many there are, the root included.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn name(&self, node: NodeId) -> &[u8] {
        let Place { start, length, .. } = self.places[node.at()];
        &self.names[start..start + length as usize]
    }

    pub(super) fn folder(&self, node: NodeId) -> NodeId {
        self.places[node.at()].folder
    }

    pub(super) fn find(&self, folder: NodeId, name: &[u8]) -> Option<NodeId> {
        self.find_or_hash(folder, name).ok()
    }

    /// Returns the path, or what [`Paths::add`] wants to know of one that is not there.
    pub(super) fn find_or_hash(&self, folder: NodeId, name: &[u8]) -> Result<NodeId, Hash> {
        let mut hasher = self.hash.build_hasher();
        hasher.write_u32(folder.0);
        hasher.write(name);
        let hash = hasher.finish();
        let is_it = |&node: &NodeId| self.folder(node) == folder && self.name(node) == name;
        self.by_name.find(hash, is_it).copied().ok_or(Hash(hash))
    }

    /// Adds a path that is not there yet, and whose name has at most [`MAX_NAME_LENGTH`](crate::tar::MAX_NAME_LENGTH) bytes.
    pub(super) fn add(&mut self, folder: NodeId, name: &[u8], hash: Hash) -> NodeId {
        let node = NodeId(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        self.places.push(Place {
            folder,
            length: u32::try_from(name.len()).unwrap_or(u32::MAX),
            start: self.names.len(),
            hash,
        });
        self.names.extend_from_slice(name);
        let places = &self.places;
        self.by_name
            .insert_unique(hash.0, node, |node: &NodeId| places[node.at()].hash.0);
        node
    }
}
