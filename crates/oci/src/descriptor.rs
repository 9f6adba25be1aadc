use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Digest, MediaType, Platform};

/// A pointer to content: what it is, its digest and its size.
///
/// Source: <https://github.com/opencontainers/image-spec/blob/main/descriptor.md>.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are said to be.
    pub media_type: MediaType,
    /// The digest that the bytes must have.
    pub digest: Digest,
    /// The number of bytes, exactly. A negative or absent size does not parse.
    pub size: u64,
    /// Other places that hold the bytes. Strata shows them and never follows them.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub urls: Vec<String>,
    /// Notes by whoever made the document.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself in base64, where it is small enough to be carried along. It must be verified like fetched bytes.
    #[serde(default)]
    pub data: Option<String>,
    /// For whom the content is, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// The type of an artifact, in an index.
    #[serde(default)]
    pub artifact_type: Option<String>,
}

impl Descriptor {
    /// Returns a descriptor that says only what it must.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Self {
        Self {
            media_type,
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// Tells whether this is an attestation (provenance, SBOM) about another manifest and not an image of its own.
    ///
    /// Builders put these into indexes as platform `unknown/unknown`, with an annotation that names the subject.
    /// Source: <https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>.
    pub fn is_attestation(&self) -> bool {
        let annotated = self
            .annotations
            .get("vnd.docker.reference.type")
            .is_some_and(|kind| kind == "attestation-manifest");
        annotated || self.platform.as_ref().is_some_and(Platform::is_unknown)
    }

    /// Returns the manifest that an attestation is about; `None` where it does not tell.
    pub fn attested(&self) -> Option<Digest> {
        let named = self.annotations.get("vnd.docker.reference.digest")?;
        named.parse().ok()
    }
}

/// Reads `null` as the empty value: several builders write it for lists and maps that they did not fill.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
