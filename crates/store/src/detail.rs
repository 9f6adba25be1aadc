use oci::{Digest, ImageName, MediaType, Platform};

use crate::{ImageSummary, LayerFacts, Result, Store};

/// All that the index knows of one image. Documents are read with [`Store::read_document`].
#[derive(Clone, Debug, PartialEq)]
pub struct ImageDetail {
    /// Its row.
    pub summary: ImageSummary,
    /// The target's media type.
    pub media_type: MediaType,
    /// The manifest that is shown: the target itself, or the chosen one of an index.
    pub manifest: Digest,
    /// That manifest's media type.
    pub manifest_media_type: MediaType,
    /// Its config (the image's ID).
    pub config: Digest,
    /// The entries of the index; empty where the target is a manifest.
    pub index: Vec<IndexEntry>,
    /// The layers, base first.
    pub layers: Vec<LayerDetail>,
}

/// One entry of an image's index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The manifest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// For whom it is.
    pub platform: Option<Platform>,
    /// Whether it is an attestation about another entry.
    pub attestation: bool,
    /// Whether this image has it here, with config and layers.
    pub present: bool,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerDetail {
    /// The blob.
    pub digest: Digest,
    /// What the manifest says it is.
    pub media_type: MediaType,
    /// Bytes of the blob.
    pub size: u64,
    /// The diff ID that the config gives it.
    pub diff_id: Option<Digest>,
    /// What its tar holds, where it was read.
    pub facts: Option<LayerFacts>,
    /// Other live images that have the same blob, at most 50.
    pub shared_with: Vec<SharedWith>,
    /// How many other live images have it.
    pub shared_count: u64,
}

/// Another image that has a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedWith {
    /// The image.
    pub target: Digest,
    /// Its first name.
    pub name: Option<ImageName>,
}

impl Store {
    /// Returns all that is known of a live image.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound); [`BlobDamaged`](crate::Error::BlobDamaged) where its documents cannot be read.
    pub fn image(&self, target: &Digest) -> Result<ImageDetail> {
        let _ = target;
        todo!()
    }
}
