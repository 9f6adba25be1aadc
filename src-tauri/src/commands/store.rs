//! The store as a whole.

use engine::{CheckOptions, NoProgress};
use serde::Serialize;
use specta::Type;
use tauri::State;

use crate::{Failure, Operations, Session};

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
    /// What the folder takes.
    pub total_size: u64,
    /// What a prune, or time, would bring back.
    pub reclaimable: u64,
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
    let from = session.store_place_from();
    session
        .with(|engine| async move { Ok(StoreStatus::new(engine.status(), from)) })
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
            unpacked_size: _,
            total_size,
            reclaimable,
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
            total_size,
            reclaimable,
        }
    }
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
    fn new(status: engine::StoreStatus, root_from: StorePlaceFrom) -> StoreStatus {
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
