//! What is large in an image, as a picture shows it.

use serde::Serialize;
use specta::Type;
use tauri::State;

use super::{FileView, FilesOf, look, number, paths};
use crate::{Failure, Session};

/// Rectangles that are given; a screen has no room for more that could be told apart.
const MOST: usize = 2_000;

/// A rectangle of the picture.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MapNode {
    /// Names it to the commands.
    pub path: String,
    /// Its name for reading; the root's is empty.
    pub name: String,
    /// The folder that it is in, by its place in the list, which is before its own; `null` for the first.
    pub parent: Option<u32>,
    /// Whether it is a folder.
    pub folder: bool,
    /// Bytes of content.
    pub bytes: u64,
    /// Names of files below a folder; 1 for a file.
    pub files: u64,
    /// The layer that most of its bytes are in.
    pub layer: u32,
    /// Bytes of what is in the folder and too small to be in the list.
    pub rest: u64,
}

/// Finds the largest things of a folder. A folder stands in the list before what is in it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn file_treemap(
    session: State<'_, Session>,
    target: String,
    view: FileView,
    folder: String,
) -> Result<Vec<MapNode>, Failure> {
    let folder = paths::bytes(&folder)?;
    look(&session, FilesOf::Image(target), move |files| {
        let map = files.treemap(&folder, view.into(), MOST)?;
        Ok(map.nodes.into_iter().map(MapNode::from).collect())
    })
    .await
}

impl From<engine::TreemapNode> for MapNode {
    fn from(node: engine::TreemapNode) -> MapNode {
        let engine::TreemapNode {
            path,
            parent,
            folder,
            bytes,
            files,
            layer,
            rest,
        } = node;
        MapNode {
            name: paths::spelled(paths::name(&path)),
            path: paths::key(&path),
            parent: parent.map(number),
            folder,
            bytes,
            files,
            layer: number(layer),
            rest,
        }
    }
}
