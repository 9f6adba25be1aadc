//! Listing images.

use jiff::Timestamp;
use oci::{Digest, ImageName, Platform};

use crate::{Engine, Error, Filter};

/// Which images to list, and in what order.
#[derive(Debug, Clone, Default)]
pub struct ImageQuery {
    /// Which images; the empty filter takes all.
    pub filter: Filter,
    /// docker's positional argument: a repository, or `repository:tag`, with `*`, `?` and `[…]`.
    pub name: Option<String>,
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
    /// By unpacked size.
    Size,
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
    /// Bytes on disk of everything that the store's images need, shared blobs counted once.
    pub total_size: u64,
}

/// An image in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// What its names name: the digest of an index or of a manifest.
    pub target: Digest,
    /// The image ID: the digest of its config.
    pub id: Digest,
    /// The digest of its manifest; equals `target` where it came without an index.
    pub manifest: Digest,
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
    /// Its platform; `None` for an artifact.
    pub platform: Option<Platform>,
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
    /// Its layers, base first, for the layer strip.
    pub layers: Vec<LayerStripe>,
}

/// A layer as the layer strip draws it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerStripe {
    /// Its diff ID.
    pub diff_id: Digest,
    /// Bytes of its regular files.
    pub size: u64,
}

impl Engine {
    /// Lists images.
    ///
    /// # Errors
    /// `usage` when the filter names an image (`before=`, `since=`) that is not there.
    pub async fn images(&self, query: &ImageQuery) -> Result<ImageList, Error> {
        let _ = query;
        todo!()
    }
}
