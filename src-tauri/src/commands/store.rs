//! The store as a whole.

use engine::{CheckOptions, NoProgress};
use serde::Serialize;
use specta::Type;
use tauri::State;

use crate::{Failure, Operations, Session};

/// Images and layers in the picture of what shares what: more are no picture any more.
const IMAGES: usize = 40;
const LAYERS: usize = 40;

/// What the store takes on disk, in bytes.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DiskUsage {
    /// How many images.
    pub images: u64,
    /// Bytes of all their blobs, each blob once.
    pub images_size: u64,
    /// How many different layers.
    pub layers: u64,
    /// Bytes of the layers, each once.
    pub layers_size: u64,
    /// Of those, the bytes of layers that more than one image has.
    pub layers_shared: u64,
    /// How many working containers.
    pub containers: u64,
    /// Their bytes.
    pub containers_size: u64,
    /// Bytes of the file indexes.
    pub indexes_size: u64,
    /// Bytes of partial downloads.
    pub partial_size: u64,
    /// Unpacked files that containers run on.
    pub unpacked_size: u64,
    /// What the folder takes.
    pub total_size: u64,
    /// What a prune of what nothing names and nothing uses would free.
    pub prunable: u64,
    /// What removals keep for undo, and what nothing holds any more: time brings it back.
    pub kept_size: u64,
}

/// Which images take the room on disk, and which layers they share: the largest of each, the rest counted.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Sharing {
    /// The images that take most, the largest first.
    pub images: Vec<ImageShare>,
    /// How many more images there are.
    pub more_images: u64,
    /// The layers that take most, the largest first.
    pub layers: Vec<LayerShare>,
    /// How many more layers there are.
    pub more_layers: u64,
    /// What would be on disk beyond what is, if no image shared a layer.
    pub saved: u64,
}

/// What an image takes on disk.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageShare {
    /// What its names name.
    pub target: String,
    /// Its first name as people write it, or its short ID.
    pub name: String,
    /// Bytes that go when it goes.
    pub unique_size: u64,
    /// Bytes that other images hold, too.
    pub shared_size: u64,
    /// Its layers, base first.
    pub layers: Vec<ImageLayer>,
}

/// A layer of an image, and how many have it.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageLayer {
    /// Its diff ID, which gives it its colour.
    pub diff_id: String,
    /// Bytes of its blob.
    pub size: u64,
    /// How many images have it, this one included.
    pub images: u64,
}

/// What a layer takes on disk.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LayerShare {
    /// Its diff ID, which gives it its colour.
    pub diff_id: String,
    /// Bytes of its blob.
    pub size: u64,
    /// How many images have it.
    pub images: u64,
    /// The first of those images.
    pub some: Vec<NamedImage>,
}

/// An image by its name.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NamedImage {
    /// What its names name.
    pub target: String,
    /// Its first name as people write it, or its short digest.
    pub name: String,
}

/// What a check found.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// Everything that is wrong; empty = all is well.
    pub problems: Vec<Problem>,
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Bytes that were read and hashed.
    pub read_bytes: u64,
}

/// One disagreement between rows, files, sizes and digests.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What kind, a stable word such as `missing_blob`.
    pub kind: String,
    /// The blob, where there is one.
    pub digest: Option<String>,
    /// The file, relative to the store, where there is one.
    pub path: Option<String>,
    /// Names (or IDs) of the images that it touches.
    pub images: Vec<String>,
    /// Whether it can be mended.
    pub repairable: bool,
}

/// How the store is.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// Its folder.
    pub root: String,
    /// Who said that it is there.
    pub root_from: StorePlaceFrom,
    /// Whether it can only be read.
    pub read_only: bool,
    /// What was done to a damaged database when it was opened, in words.
    pub recovered: Option<String>,
    /// The platform that images are chosen for.
    pub host_platform: String,
    /// Strata's version.
    pub version: String,
    /// Whether images can be dragged out of the window.
    pub drags_out: bool,
}

/// Who said where the store is, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StorePlaceFrom {
    /// `--store` on the command line.
    Argument,
    /// `STRATA_STORE`.
    Environment,
    /// The settings.
    Settings,
    /// Nobody: the platform's usual place.
    Default,
}

/// Adds up what the store takes on disk.
#[tauri::command]
#[specta::specta]
pub(crate) async fn disk_usage(session: State<'_, Session>) -> Result<DiskUsage, Failure> {
    session
        .with(|engine| async move { Ok(engine.df().await?.into()) })
        .await
}

/// Tells which images take the room on disk, and which layers they share.
#[tauri::command]
#[specta::specta]
pub(crate) async fn disk_sharing(session: State<'_, Session>) -> Result<Sharing, Failure> {
    session
        .with(|engine| async move { Ok(engine.sharing(IMAGES, LAYERS).await?.into()) })
        .await
}

/// Compares rows, files, sizes and digests, and with `read_data` every byte. `cancel` stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn check_store(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    read_data: bool,
) -> Result<CheckReport, Failure> {
    session
        .with(|engine| async move {
            let options = CheckOptions { read_data };
            let check = engine.check(options, &NoProgress);
            Ok(operations.run(&operation, check).await?.into())
        })
        .await
}

/// Tells how the store is, as soon as it is open; its errors are those of opening it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn store_status(session: State<'_, Session>) -> Result<StoreStatus, Failure> {
    session.retry();
    let (from, drags_out) = (session.store_place_from(), session.drags_out());
    session
        .with(|engine| async move { Ok(StoreStatus::new(engine.status(), from, drags_out)) })
        .await
}

impl From<engine::DiskUsage> for DiskUsage {
    fn from(usage: engine::DiskUsage) -> DiskUsage {
        let engine::DiskUsage {
            images,
            layers,
            containers,
            indexes_size,
            partial_size,
            unpacked_size,
            total_size,
            reclaimable,
            kept_size,
        } = usage;
        DiskUsage {
            images: images.count,
            images_size: images.size,
            layers: layers.count,
            layers_size: layers.size,
            layers_shared: layers.shared,
            containers: containers.count,
            containers_size: containers.size,
            indexes_size,
            partial_size,
            unpacked_size,
            total_size,
            prunable: reclaimable.saturating_sub(kept_size),
            kept_size,
        }
    }
}

impl From<engine::Sharing> for Sharing {
    fn from(sharing: engine::Sharing) -> Sharing {
        let engine::Sharing {
            images,
            more_images,
            layers,
            more_layers,
            saved,
        } = sharing;
        Sharing {
            images: images.into_iter().map(ImageShare::from).collect(),
            more_images,
            layers: layers.into_iter().map(LayerShare::from).collect(),
            more_layers,
            saved,
        }
    }
}

impl From<engine::ImageShare> for ImageShare {
    fn from(image: engine::ImageShare) -> ImageShare {
        let layers = image.layers.into_iter().map(|layer| ImageLayer {
            diff_id: layer.diff_id.to_string(),
            size: layer.size,
            images: layer.images,
        });
        ImageShare {
            name: called(image.name.as_ref(), &image.id),
            target: image.target.to_string(),
            unique_size: image.unique_size,
            shared_size: image.shared_size,
            layers: layers.collect(),
        }
    }
}

impl From<engine::LayerShare> for LayerShare {
    fn from(layer: engine::LayerShare) -> LayerShare {
        let some = layer.some.into_iter().map(|(target, name)| NamedImage {
            name: called(name.as_ref(), &target),
            target: target.to_string(),
        });
        LayerShare {
            diff_id: layer.diff_id.to_string(),
            size: layer.size,
            images: layer.images,
            some: some.collect(),
        }
    }
}

fn called(name: Option<&engine::ImageName>, digest: &engine::Digest) -> String {
    name.map_or_else(|| digest.short().to_owned(), engine::ImageName::familiar)
}

impl From<engine::CheckReport> for CheckReport {
    fn from(report: engine::CheckReport) -> CheckReport {
        let engine::CheckReport {
            problems,
            blobs,
            read_bytes,
        } = report;
        CheckReport {
            problems: problems.into_iter().map(Problem::from).collect(),
            blobs,
            read_bytes,
        }
    }
}

impl From<engine::Problem> for Problem {
    fn from(problem: engine::Problem) -> Problem {
        let engine::Problem {
            kind,
            digest,
            path,
            images,
            repairable,
        } = problem;
        Problem {
            kind,
            digest: digest.map(|digest| digest.to_string()),
            path: path.map(|path| path.display().to_string()),
            images,
            repairable,
        }
    }
}

impl StoreStatus {
    fn new(status: engine::StoreStatus, root_from: StorePlaceFrom, drags_out: bool) -> StoreStatus {
        let engine::StoreStatus {
            root,
            read_only,
            recovered,
            host_platform,
        } = status;
        StoreStatus {
            root: root.display().to_string(),
            root_from,
            read_only,
            recovered: recovered.map(|recovered| words(&recovered)),
            host_platform: host_platform.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            drags_out,
        }
    }
}

fn words(recovered: &engine::Recovered) -> String {
    let engine::Recovered {
        set_aside,
        images,
        names,
    } = recovered;
    let found = format!(
        "The store's database was damaged. It was rebuilt from the files: {images} images and {names} names were found."
    );
    match set_aside {
        Some(path) => format!("{found} The damaged one is kept as {}.", path.display()),
        None => found,
    }
}
