//! An image's layers.

use oci::{Digest, ImageName, MediaType, Selector};

use crate::{Engine, Error};

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRow {
    /// The blob.
    pub digest: Digest,
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The digest of the stack up to it.
    pub chain_id: Digest,
    /// What the manifest calls it.
    pub media_type: MediaType,
    /// Bytes of the blob.
    pub size: u64,
    /// Bytes of the uncompressed tar; `None` while the layer is not here.
    pub uncompressed_size: Option<u64>,
    /// Bytes of its regular files; `None` while the layer is not here.
    pub content_size: Option<u64>,
    /// The instruction that made it.
    pub created_by: Option<String>,
    /// Other images that have the same layer, at most 50.
    pub shared_with: Vec<SharedWith>,
    /// How many other images have it.
    pub shared_count: u64,
}

/// Another image that has a layer too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWith {
    /// What its names name.
    pub target: Digest,
    /// Its first name, where it has one.
    pub name: Option<ImageName>,
}

impl Engine {
    /// Lists the layers of an image, base first.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn layers(&self, selector: &Selector) -> Result<Vec<LayerRow>, Error> {
        Ok(self.image(selector).await?.layers)
    }
}
