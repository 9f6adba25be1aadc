//! An image's JSON, byte for byte.

use oci::{Digest, MediaType, Selector};

use crate::{Engine, Error, pull::MAX_CONFIG_SIZE};

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
        let selector = selector.clone();
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            let detail = store.image(&target)?;
            let mut documents = Vec::new();
            let mut add = |kind, digest: &Digest, media_type: MediaType, limit| {
                let bytes = store.read_document(digest, limit)?;
                documents.push(ImageDocument {
                    kind,
                    digest: digest.clone(),
                    media_type,
                    bytes,
                });
                Ok::<_, Error>(())
            };
            if detail.manifest != target {
                add(
                    DocumentKind::Index,
                    &target,
                    detail.media_type.clone(),
                    oci::MAX_MANIFEST_SIZE,
                )?;
            }
            add(
                DocumentKind::Manifest,
                &detail.manifest,
                detail.manifest_media_type.clone(),
                oci::MAX_MANIFEST_SIZE,
            )?;
            let config_type = if detail.manifest_media_type.is_docker() {
                MediaType::DockerConfig
            } else {
                MediaType::OciConfig
            };
            add(
                DocumentKind::Config,
                &detail.config,
                config_type,
                MAX_CONFIG_SIZE,
            )?;
            Ok(documents)
        })
        .await
    }
}
