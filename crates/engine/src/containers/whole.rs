//! A part of a container's merged tree as one tar.

use std::collections::HashMap;

use layer::{EntryKind, FileId, NodeId, Tree};
use store::{ContainerId, Store};

use super::changeset::Node;
use super::tar::{Contents, LayerTar};
use crate::ImageFiles;

/// Where something stands in the layers.
type Place = (u32, u64);

/// Makes the tar of what is at and below a path, under another name. What is in a folder follows it, so that whoever unpacks the
/// tar can set its time; within a folder the order is that of the layers, which are then read forwards.
pub(super) fn below(
    files: &ImageFiles,
    top: NodeId,
    name: &[u8],
    store: &Store,
    id: &ContainerId,
) -> LayerTar {
    let tree = &files.inner.tree;
    let prefix = tree.path(top).len();
    let path_of = |node: NodeId| {
        let rest = &tree.path(node)[prefix..];
        match (name, rest.strip_prefix(b"/").unwrap_or(rest)) {
            (b"", rest) => rest.to_vec(),
            (name, b"") => name.to_vec(),
            (name, rest) => [name, b"/", rest].concat(),
        }
    };
    let mut names: HashMap<FileId, u64> = HashMap::new();
    let order = in_order(tree, top);
    for (_, current) in &order {
        *names.entry(*current).or_default() += 1;
    }
    let nodes: Vec<(Vec<u8>, Node)> = order
        .into_iter()
        .map(|(node, current)| {
            let file = tree.file(current);
            let mut made = Node::of_file(file);
            if file.kind == EntryKind::Regular
                && names.get(&current).is_some_and(|count| *count > 1)
            {
                made.links = Some(current.index());
            }
            (path_of(node), made)
        })
        .filter(|(path, _)| !path.is_empty())
        .collect();
    let contents = Contents {
        image: files.clone(),
        store: store.clone(),
        container: id.clone(),
    };
    LayerTar::of_nodes(
        contents,
        nodes.iter().map(|(path, node)| (path.clone(), node)),
    )
}

/// Lists what is there at and below a path: a folder, then what is in it, by where that begins in the layers.
fn in_order(tree: &Tree, top: NodeId) -> Vec<(NodeId, FileId)> {
    let walked: Vec<(NodeId, FileId)> = tree
        .walk(top)
        .filter_map(|node| Some((node, tree.current(node)?)))
        .collect();
    let mut first: HashMap<NodeId, Place> = HashMap::with_capacity(walked.len());
    // Folders come before what is in them, so that backwards all of it was seen.
    for (node, current) in walked.iter().rev() {
        let file = tree.file(*current);
        let own = match file.header_offset {
            Some(offset) if !file.is_folder() => (file.layer, offset),
            _ => (u32::MAX, u64::MAX),
        };
        let place = first.get(node).copied().unwrap_or(own).min(own);
        first.insert(*node, place);
        if *node != top {
            let folder = first.entry(tree.parent(*node)).or_insert(place);
            *folder = place.min(*folder);
        }
    }
    let mut listed = Vec::with_capacity(walked.len());
    let mut waiting: Vec<NodeId> = vec![top];
    while let Some(node) = waiting.pop() {
        let Some(current) = tree.current(node) else {
            // The root of an image whose layers do not name it.
            if node == top {
                waiting.extend(children(tree, node, &first));
            }
            continue;
        };
        listed.push((node, current));
        waiting.extend(children(tree, node, &first));
    }
    listed
}

/// Returns what is in a folder, last first.
fn children(tree: &Tree, folder: NodeId, first: &HashMap<NodeId, Place>) -> Vec<NodeId> {
    let mut children: Vec<NodeId> = tree
        .children(folder)
        .map(|(_, child)| child)
        .filter(|child| tree.current(*child).is_some())
        .collect();
    children.sort_by_key(|child| first.get(child).copied());
    children.reverse();
    children
}
