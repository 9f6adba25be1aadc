use jiff::Timestamp;
use oci::{Digest, ImageName, Platform};

use crate::{Result, Store};

/// One row of the list of images.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageSummary {
    /// What its names point at: the digest of a manifest or index.
    pub target: Digest,
    /// Its ID: the digest of the config.
    pub id: Digest,
    /// Its names, sorted; none for a dangling image.
    pub names: Vec<ImageName>,
    /// Under which digests registries have it.
    pub repo_digests: Vec<ImageName>,
    /// Unpacked, as Docker counts: bytes of the regular files of each layer.
    pub size: u64,
    /// The compressed blobs, each once: config and layers.
    pub download_size: u64,
    /// Bytes of blobs that only this image holds: they come back when it goes.
    pub unique_size: u64,
    /// Bytes of its blobs that other live images hold too.
    pub shared_size: u64,
    /// When it was made, as its config says.
    pub created: Option<Timestamp>,
    /// When it was last recorded here.
    pub recorded: Timestamp,
    /// For which platform it is; `None` where its config does not say.
    pub platform: Option<Platform>,
    /// Whether the target is an index.
    pub is_index: bool,
    /// Whether a blob of it is known to be missing or damaged. A pull repairs it.
    pub damaged: bool,
    /// Names of the containers that use it.
    pub in_use: Vec<String>,
    /// Its layers, base first.
    pub layers: LayerStrip,
}

/// The layers of an image in a packed form, as drawn on its card; unpacked only where they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerStrip {
    packed: Box<[u8]>,
}

/// One layer of a [`LayerStrip`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripLayer {
    /// Digest of its uncompressed tar (of the blob, where the config names no such thing).
    pub diff_id: Digest,
    /// Bytes of its blob.
    pub size: u64,
}

impl ImageSummary {
    /// Tells whether it has no name.
    pub fn is_dangling(&self) -> bool {
        self.names.is_empty()
    }
}

impl LayerStrip {
    /// Unpacks it, base first.
    pub fn layers(&self) -> Vec<StripLayer> {
        let _ = &self.packed;
        todo!()
    }
}

impl Store {
    /// Returns all live images, newest recorded first.
    pub fn images(&self) -> Result<Vec<ImageSummary>> {
        todo!()
    }

    /// Returns the live images among these targets, in no particular order.
    pub fn images_of(&self, targets: &[Digest]) -> Result<Vec<ImageSummary>> {
        let _ = targets;
        todo!()
    }

    /// Returns the targets of live images that have a label (with that value, where one is given).
    pub fn images_with_label(&self, key: &str, value: Option<&str>) -> Result<Vec<Digest>> {
        let _ = (key, value);
        todo!()
    }
}
