//! Listing images.

mod order;
mod pages;

use std::sync::Arc;

use jiff::Timestamp;
use oci::{Digest, ImageName, Platform, Selector};
use store::{LayerStrip, Store};

use crate::filter::{Bounds, Facts};
use crate::{Engine, Error, Filter};
use order::{SortKey, order};

pub(crate) use pages::Pages;

/// Which images to list, and in what order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageQuery {
    /// Which images; the empty filter takes all.
    pub filter: Filter,
    /// Whether images that no name names and that a named one is not made of are shown although nobody asked for
    /// `dangling=true`. docker hides none of them in its default list, so `true` and `false` differ only for
    /// intermediate images.
    pub all: bool,
    /// The order.
    pub sort: ImageSort,
    /// Whether the order is reversed.
    pub descending: bool,
    /// How many rows to leave out at the beginning.
    pub offset: usize,
    /// How many rows at most.
    pub limit: Option<usize>,
}

/// In which order images are listed. Ties are broken by name, then by digest, so that an order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageSort {
    /// By the first name; images without a name come last.
    Name,
    /// By bytes on disk, whoever else has them.
    OnDisk,
    /// By when the image was made, oldest first; unknown counts as oldest.
    #[default]
    Created,
    /// By the bytes that only this image holds.
    Unique,
}

/// The rows of a list, and what they are rows of.
#[derive(Debug, Clone, Default)]
pub struct ImageList {
    /// The rows from `offset` on, at most `limit`.
    pub images: Vec<ImageSummary>,
    /// How many images the filter takes.
    pub total: usize,
    /// How many images the store holds.
    pub total_all: usize,
}

/// An image in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// What its names name: the digest of an index or of a manifest.
    pub target: Digest,
    /// The image ID: the digest of its config.
    pub id: Digest,
    /// Every name, sorted: `host/repository:tag`, or `host/repository@digest` for one that was pulled by digest.
    pub names: Vec<ImageName>,
    /// Bytes of regular files over all layers, as docker counts it.
    pub size: u64,
    /// Bytes of its blobs as they are transferred.
    pub download_size: u64,
    /// Bytes on disk that go when this image goes.
    pub unique_size: u64,
    /// Bytes on disk that stay for other images when this one goes.
    pub shared_size: u64,
    /// When it was made; `None` where the config does not tell.
    pub created: Option<Timestamp>,
    /// Its platform, most often the one that its neighbours share; `None` for an artifact.
    pub platform: Option<Arc<Platform>>,
    /// Whether it is made for another platform than the host's.
    pub foreign: bool,
    /// Whether it has no name with a tag.
    pub dangling: bool,
    /// Whether a blob of it is missing or known to be damaged.
    pub damaged: bool,
    /// Whether it is an image at all, and not an artifact that is merely kept.
    pub runnable: bool,
    /// Names of the containers that use it.
    pub in_use: Vec<String>,
    /// Its layers, base first, for the layer strip; unpacked only where they are drawn. A list without a limit has none: what is
    /// drawn comes in pages.
    pub layers: LayerStrip,
}

impl Engine {
    /// Lists images.
    ///
    /// With a limit, what the next page needs is kept: a list that is scrolled reads its rows and nothing else until an image
    /// changes.
    ///
    /// # Errors
    /// `not_found` or `ambiguous_reference` of an image that the filter names (`before=`, `since=`).
    pub async fn images(&self, query: &ImageQuery) -> Result<ImageList, Error> {
        let (query, host) = (query.clone(), self.shared.settings.host_platform.clone());
        let shared = self.shared.clone();
        self.with_store_here(move |store| match query.limit {
            Some(limit) => shared.pages.page(store, &query, limit, &host),
            None => list(store, &query, &host),
        })
        .await
    }

    /// Returns those of these images that the store has, in their order, with their layers.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn images_of(&self, targets: Vec<Digest>) -> Result<Vec<ImageSummary>, Error> {
        let host = self.shared.settings.host_platform.clone();
        self.with_store(move |store| Ok(described(store.images_of(&targets)?, &host)))
            .await
    }

    /// Returns the bytes on disk of everything that the store's images need, shared blobs counted once.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn images_size(&self) -> Result<u64, Error> {
        let shared = self.shared.clone();
        self.with_store(move |store| shared.pages.images_size(store))
            .await
    }
}

impl ImageSummary {
    pub(crate) fn new(image: store::ImageSummary, host: &Platform) -> Self {
        let foreign = image
            .platform
            .as_ref()
            .is_some_and(|platform| host.rank(platform).is_none());
        Self::described(image, foreign)
    }

    fn described(image: store::ImageSummary, foreign: bool) -> Self {
        let dangling = image.is_dangling();
        let store::ImageSummary {
            target,
            id,
            names,
            size,
            download_size,
            unique_size,
            shared_size,
            created,
            platform,
            damaged,
            in_use,
            layers,
            ..
        } = image;
        Self {
            target,
            id,
            names,
            size,
            download_size,
            unique_size,
            shared_size,
            created,
            foreign,
            dangling,
            damaged,
            runnable: platform.is_some(),
            platform,
            in_use,
            layers,
        }
    }
}

/// Chooses the images that a filter takes. Also what a filtered prune is about.
pub(crate) fn matching(
    store: &Store,
    filter: &Filter,
    images: Vec<store::ImageSummary>,
) -> Result<Vec<store::ImageSummary>, Error> {
    if filter.is_empty() {
        return Ok(images);
    }
    let mut bounds = Bounds::default();
    for (before, name) in filter.named_images() {
        let target = store.resolve(&Selector::from(name))?.target;
        let created = images
            .iter()
            .find(|image| image.target == target)
            .and_then(|image| image.created);
        let limit = if before {
            &mut bounds.before
        } else {
            &mut bounds.since
        };
        *limit = created;
    }
    let labels = store.labels(&filter.labels().collect::<Vec<_>>())?;
    let mut taken = Vec::new();
    for image in images {
        let facts = Facts {
            target: &image.target,
            id: &image.id,
            names: &image.names,
            size: image.size,
            created: image.created,
            platform: image.platform.as_deref(),
            dangling: image.is_dangling(),
            in_use: !image.in_use.is_empty(),
            labels: labels.get(&image.target).map_or(&[], Vec::as_slice),
        };
        if filter.matches(&facts, &bounds) {
            taken.push(image);
        }
    }
    Ok(taken)
}

/// Lists all images that a query takes, in one reading of them.
fn list(store: &Store, query: &ImageQuery, host: &Platform) -> Result<ImageList, Error> {
    let all = store.images_without_layers()?;
    let total_all = all.len();
    let images = matching(store, &query.filter, all)?;
    let total = images.len();
    let order = order(&images, query, summary_key);
    let mut images: Vec<Option<store::ImageSummary>> = images.into_iter().map(Some).collect();
    let rows = order
        .into_iter()
        .filter_map(|position| images[position].take());
    Ok(ImageList {
        images: described(rows.skip(query.offset), host),
        total,
        total_all,
    })
}

fn summary_key(image: &store::ImageSummary) -> SortKey<'_> {
    SortKey {
        target: &image.target,
        name: image.names.first(),
        disk_size: image.unique_size + image.shared_size,
        unique_size: image.unique_size,
        created: image.created,
    }
}

fn described(
    images: impl IntoIterator<Item = store::ImageSummary>,
    host: &Platform,
) -> Vec<ImageSummary> {
    let mut foreign = LastForeign::default();
    let images = images.into_iter();
    let mut rows = Vec::with_capacity(images.size_hint().1.unwrap_or_default());
    rows.extend(images.map(|image| {
        let foreign = foreign.is(image.platform.as_ref(), host);
        ImageSummary::described(image, foreign)
    }));
    rows
}

/// Tells whether platforms, of which most are the one before, are foreign.
#[derive(Default)]
struct LastForeign {
    platform: Option<Arc<Platform>>,
    foreign: bool,
}

impl LastForeign {
    fn is(&mut self, platform: Option<&Arc<Platform>>, host: &Platform) -> bool {
        let Some(platform) = platform else {
            return false;
        };
        if self.platform.as_ref() != Some(platform) {
            self.foreign = host.rank(platform).is_none();
            self.platform = Some(platform.clone());
        }
        self.foreign
    }
}
