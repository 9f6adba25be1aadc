//! An image's JSON, byte for byte.

use oci::{Digest, MediaType, Selector};

use crate::{Engine, Error};

/// A document of an image, exactly as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Which of an image's documents it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// The list of manifests by platform.
    Index,
    /// Config and layers.
    Manifest,
    /// The image's settings.
    Config,
}

impl Engine {
    /// Reads the documents of an image: the index where there is one, the manifest, the config.
    ///
    /// Every digest is verified while reading.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `digest_mismatch`.
    pub async fn documents(&self, selector: &Selector) -> Result<Vec<ImageDocument>, Error> {
        let _ = selector;
        todo!()
    }
}
