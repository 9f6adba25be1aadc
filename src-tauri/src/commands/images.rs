//! The list of images.

use engine::Filter;
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use crate::{Failure, Session};

/// Which images to list, and in what order.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageQuery {
    /// The filter language of the command line's `--filter`, in the window's form: `label:team`, `size>100MB`, free text.
    pub filter: String,
    /// The order.
    pub sort: ImageSort,
    /// Whether the order is reversed.
    pub descending: bool,
    /// How many rows to leave out at the beginning.
    pub offset: u32,
    /// How many rows at most.
    pub limit: u32,
}

/// In which order images are listed.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ImageSort {
    /// By the first name; images without a name come last.
    Name,
    /// By bytes on disk, whoever else has them.
    Size,
    /// By when the image was made.
    Created,
    /// By the bytes that only this image holds.
    Unique,
}

/// Rows of the list, and what they are rows of.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImagePage {
    /// How many images the filter takes.
    pub total: u64,
    /// How many images the store holds.
    pub total_all: u64,
    /// Bytes on disk of all images, shared blobs counted once.
    pub total_size: u64,
    /// The rows from `offset` on, at most `limit`.
    pub rows: Vec<ImageRow>,
}

/// An image in a list.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageRow {
    /// What its names name: the digest of an index or of a manifest. It identifies the image in every command.
    pub target: String,
    /// The image ID: the digest of its config.
    pub id: String,
    /// Every name, sorted.
    pub names: Vec<ImageName>,
    /// Unpacked: bytes of files over all layers.
    pub size: u64,
    /// Bytes of its blobs as they are transferred.
    pub download_size: u64,
    /// Bytes on disk that go when this image goes.
    pub unique_size: u64,
    /// Bytes on disk that stay for other images when this one goes.
    pub shared_size: u64,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Its platform, such as `linux/arm64/v8`; empty for an artifact.
    pub platform: String,
    /// Whether it is made for another platform than the host's.
    pub foreign: bool,
    /// Whether it has no name with a tag.
    pub dangling: bool,
    /// Whether a blob of it is missing or known to be damaged.
    pub damaged: bool,
    /// Whether it is an image, and not an artifact that is merely kept.
    pub runnable: bool,
    /// Names of the containers that use it.
    pub in_use: Vec<String>,
    /// Its layers, base first, for the layer strip.
    pub layers: Vec<LayerStripe>,
}

/// A name of an image, taken apart.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageName {
    /// `docker.io/library/debian:12`.
    pub full: String,
    /// As people write it: `debian:12`.
    pub familiar: String,
    /// The last part of the repository: `debian`.
    pub repository: String,
    /// What stands before it: `docker.io/library`.
    pub namespace: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest, for a name that an image has by being pulled by digest.
    pub digest: Option<String>,
}

/// A layer as the layer strip draws it.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LayerStripe {
    /// Its diff ID, which gives it its colour.
    pub diff_id: String,
    /// Bytes of its files.
    pub size: u64,
}

/// Lists images.
#[tauri::command]
#[specta::specta]
pub(crate) async fn images(
    session: State<'_, Session>,
    query: ImageQuery,
) -> Result<ImagePage, Failure> {
    session
        .with(|engine| async move {
            let list = engine.images(&query.parse()?).await?;
            Ok(ImagePage::new(list, engine.images_size().await?))
        })
        .await
}

impl ImageQuery {
    pub(super) fn parse(self) -> Result<engine::ImageQuery, engine::FilterError> {
        let ImageQuery {
            filter,
            sort,
            descending,
            offset,
            limit,
        } = self;
        Ok(engine::ImageQuery {
            filter: Filter::parse(&filter)?,
            all: false,
            sort: match sort {
                ImageSort::Name => engine::ImageSort::Name,
                ImageSort::Size => engine::ImageSort::OnDisk,
                ImageSort::Created => engine::ImageSort::Created,
                ImageSort::Unique => engine::ImageSort::Unique,
            },
            descending,
            offset: offset as usize,
            limit: Some(limit as usize),
        })
    }
}

impl ImagePage {
    fn new(list: engine::ImageList, total_size: u64) -> ImagePage {
        let engine::ImageList {
            images,
            total,
            total_all,
        } = list;
        ImagePage {
            total: total as u64,
            total_all: total_all as u64,
            total_size,
            rows: images.into_iter().map(ImageRow::from).collect(),
        }
    }
}

impl From<engine::ImageSummary> for ImageRow {
    fn from(image: engine::ImageSummary) -> ImageRow {
        let engine::ImageSummary {
            target,
            id,
            names,
            size,
            download_size,
            unique_size,
            shared_size,
            created,
            platform,
            foreign,
            dangling,
            damaged,
            runnable,
            in_use,
            layers,
        } = image;
        ImageRow {
            target: target.to_string(),
            id: id.to_string(),
            names: names.iter().map(ImageName::from).collect(),
            size,
            download_size,
            unique_size,
            shared_size,
            created: created.map(|time| time.to_string()),
            platform: platform
                .map(|platform| platform.to_string())
                .unwrap_or_default(),
            foreign,
            dangling,
            damaged,
            runnable,
            in_use,
            layers: layers.layers().into_iter().map(LayerStripe::from).collect(),
        }
    }
}

impl From<&engine::ImageName> for ImageName {
    fn from(name: &engine::ImageName) -> ImageName {
        let path = name.reference().name();
        // There is always a slash: between the host and the repository.
        let (namespace, repository) = path.rsplit_once('/').unwrap_or(("", &path));
        ImageName {
            full: name.to_string(),
            familiar: name.familiar(),
            repository: repository.to_owned(),
            namespace: namespace.to_owned(),
            tag: name.tag().map(ToString::to_string),
            digest: name.digest().map(ToString::to_string),
        }
    }
}

impl From<engine::LayerStripe> for LayerStripe {
    fn from(stripe: engine::LayerStripe) -> LayerStripe {
        let engine::LayerStripe { diff_id, size } = stripe;
        LayerStripe {
            diff_id: diff_id.to_string(),
            size,
        }
    }
}
