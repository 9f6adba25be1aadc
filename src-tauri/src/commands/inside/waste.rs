//! Bytes that an image carries along without using them.

use engine::Selector;
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::content::FileTouch;
use super::{number, paths};
use crate::{Failure, Session};

/// Paths that are given; the rest is small.
const MOST: usize = 1_000;

/// How well an image uses its bytes, by dive's rules.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Waste {
    /// Bytes that would have been enough, divided by those that are there: 1 is perfect.
    pub efficiency: f64,
    /// Bytes of all paths that more than one layer has.
    pub wasted_bytes: u64,
    /// Those as a part of the bytes above the base layer.
    pub wasted_percent: f64,
    /// How many such paths there are.
    pub paths: u32,
    /// The most expensive of them.
    pub files: Vec<WastedFile>,
    /// The layers, base first.
    pub layers: Vec<LayerWaste>,
    /// Which layer made which bytes of an earlier one useless, the most expensive first.
    pub sources: Vec<WasteSource>,
}

/// A path that more than one layer has.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct WastedFile {
    /// Names it to the commands.
    pub path: String,
    /// The path for reading.
    pub place: String,
    /// Bytes of all of them.
    pub bytes: u64,
    /// What every layer did to it; empty where the merged tree does not know the path.
    pub touches: Vec<FileTouch>,
}

/// What of a layer is of no use any more.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LayerWaste {
    /// The layer, counted from 1, the base.
    pub layer: u32,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes of those that a later layer replaced or removed.
    pub wasted_bytes: u64,
}

/// Bytes of one layer that one later layer made useless.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct WasteSource {
    /// The layer that has the bytes.
    pub layer: u32,
    /// The layer that made them useless.
    pub later: u32,
    /// How it did that.
    pub cause: WasteCause,
    /// The bytes.
    pub bytes: u64,
    /// How many files they are in.
    pub files: u64,
    /// The folder that most of them are in, for reading.
    pub folder: String,
}

/// How a layer makes bytes of an earlier one useless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum WasteCause {
    /// It removes the file.
    Removed,
    /// It has other content in its place.
    Replaced,
    /// It has the same content again.
    Repeated,
}

/// Finds out what of an image's layers is of no use.
#[tauri::command]
#[specta::specta]
pub(crate) async fn waste(session: State<'_, Session>, target: String) -> Result<Waste, Failure> {
    session
        .with(|engine| async move {
            let selector = Selector::from(&*target);
            let analysis = Box::pin(engine.analyze(&selector)).await?;
            let files = Box::pin(engine.files(&selector)).await?;
            Ok(Waste::of(analysis, &files))
        })
        .await
}

impl Waste {
    fn of(analysis: engine::Analysis, files: &engine::ImageFiles) -> Waste {
        let engine::Analysis {
            efficiency,
            wasted_bytes,
            wasted_percent,
            files: wasted,
            layers,
            sources,
        } = analysis;
        Waste {
            efficiency,
            wasted_bytes,
            wasted_percent,
            paths: number(wasted.len()),
            files: wasted
                .into_iter()
                .take(MOST)
                .map(|wasted| WastedFile {
                    touches: files
                        .touches(&wasted.path)
                        .unwrap_or_default()
                        .into_iter()
                        .map(FileTouch::from)
                        .collect(),
                    place: paths::absolute(&wasted.path),
                    path: paths::key(&wasted.path),
                    bytes: wasted.bytes,
                })
                .collect(),
            layers: layers
                .into_iter()
                .map(|layer| LayerWaste {
                    layer: number(layer.layer),
                    bytes: layer.bytes,
                    wasted_bytes: layer.wasted_bytes,
                })
                .collect(),
            sources: sources.into_iter().map(WasteSource::from).collect(),
        }
    }
}

impl From<engine::WasteSource> for WasteSource {
    fn from(source: engine::WasteSource) -> WasteSource {
        let engine::WasteSource {
            layer,
            later,
            cause,
            bytes,
            files,
            folder,
        } = source;
        WasteSource {
            layer: number(layer),
            later: number(later),
            cause: match cause {
                engine::WasteCause::Removed => WasteCause::Removed,
                engine::WasteCause::Replaced => WasteCause::Replaced,
                engine::WasteCause::Repeated => WasteCause::Repeated,
            },
            bytes,
            files,
            folder: paths::absolute(&folder),
        }
    }
}
