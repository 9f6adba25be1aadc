use std::collections::BTreeMap;

use serde::Deserialize;

use crate::descriptor::null_is_empty;
use crate::json::refuse_misread_keys;
use crate::{Descriptor, MediaType};

/// The largest manifest or index that is read: 4 MiB, what the distribution specification asks registries to take.
/// Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests>.
pub const MAX_MANIFEST_SIZE: u64 = 4 * 1024 * 1024;

/// The most descriptors that a document may have.
pub const MAX_DESCRIPTORS: usize = 10_000;

/// How deep indexes may stand in indexes.
pub const MAX_INDEX_DEPTH: usize = 8;

/// A manifest or an index, read from the bytes that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, for moments; a box would only be in the way of matching"
)]
pub enum Document {
    /// One image (or artifact): a config and layers.
    Manifest(Manifest),
    /// Several manifests, by platform.
    Index(Index),
}

/// An image manifest, OCI or Docker version 2 schema 2.
///
/// Source: <https://github.com/opencontainers/image-spec/blob/main/manifest.md>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The document's own media type.
    pub media_type: MediaType,
    /// The type of an artifact, where it says one.
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, base first. The same layer may stand in it twice.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one speaks about.
    pub subject: Option<Descriptor>,
    /// Notes by whoever made it.
    pub annotations: BTreeMap<String, String>,
}

/// An image index, OCI or Docker manifest list.
///
/// Source: <https://github.com/opencontainers/image-spec/blob/main/image-index.md>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The document's own media type.
    pub media_type: MediaType,
    /// The type of an artifact, where it says one.
    pub artifact_type: Option<String>,
    /// The manifests, in the order of preference among equals.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this index speaks about.
    pub subject: Option<Descriptor>,
    /// Notes by whoever made it.
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are refused as a manifest or index.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is larger than [`MAX_MANIFEST_SIZE`].
    #[error("the manifest has {size} bytes, more than {MAX_MANIFEST_SIZE}")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
    },
    /// It is not JSON of the right shape, or has a key twice.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of schema 1, which says nothing about the digests of what it names.
    #[error("the manifest is of Docker's old schema 1, which is not supported")]
    Schema1,
    /// It is a manifest and an index at once (CVE-2021-41190).
    #[error("the document is a manifest and an index at once")]
    Ambiguous,
    /// It is neither a manifest nor an index.
    #[error("the document is neither a manifest nor an index")]
    Neither,
    /// Its own media type, the one it was announced with, and its shape do not agree.
    #[error("the document was announced as {announced}, and is {found}")]
    MediaType {
        /// What the header or descriptor said.
        announced: String,
        /// What the document says or is.
        found: String,
    },
    /// `schemaVersion` is not 2.
    #[error("the manifest has schema version {version}, not 2")]
    SchemaVersion {
        /// The version.
        version: u64,
    },
    /// It has more than [`MAX_DESCRIPTORS`] entries.
    #[error("the document has {count} entries, more than {MAX_DESCRIPTORS}")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// Every field that tells manifests, indexes and schema 1 apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    blobs: Option<serde::de::IgnoredAny>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    annotations: BTreeMap<String, String>,
}

/// Only the names of the top-level keys, so that what a document *is* never depends on whether its parts parse.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys {
    schema_version: Option<u64>,
    config: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
    fs_layers: Option<serde::de::IgnoredAny>,
}

/// The keys of a manifest or an index, those included that make it something else.
const KEYS: [&str; 10] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "fsLayers",
    "subject",
    "annotations",
];

/// The keys of a descriptor.
const DESCRIPTOR_KEYS: [&str; 8] = [
    "mediaType",
    "digest",
    "size",
    "urls",
    "annotations",
    "data",
    "artifactType",
    "platform",
];

impl Document {
    /// Reads a manifest or index. `announced` is the `Content-Type` it came with, or the media type of its descriptor.
    ///
    /// A document whose own media type, announced type and shape disagree is refused, as is one that could be read as
    /// two things, one with a repeated key or one that only Go would know by its other case, and schema 1. Nothing is checked about the content that it names.
    ///
    /// # Errors
    /// Says what is wrong with the document; it is then not to be used at all.
    pub fn parse(bytes: &[u8], announced: Option<&str>) -> Result<Self, DocumentError> {
        let size = bytes.len() as u64;
        if size > MAX_MANIFEST_SIZE {
            return Err(DocumentError::TooLarge { size });
        }
        let keys: Keys = serde_json::from_slice(bytes)?;
        refuse_misread_keys(bytes, [&KEYS, &DESCRIPTOR_KEYS])?;
        if keys.fs_layers.is_some() || keys.schema_version == Some(1) {
            return Err(DocumentError::Schema1);
        }
        let has_manifest = keys.layers.is_some() || keys.config.is_some();
        match (has_manifest, keys.manifests.is_some()) {
            (true, true) => return Err(DocumentError::Ambiguous),
            (false, false) => return Err(DocumentError::Neither),
            _ => {}
        }
        let raw: Raw = serde_json::from_slice(bytes)?;
        if let Some(version) = raw.schema_version
            && version != 2
        {
            return Err(DocumentError::SchemaVersion { version });
        }
        if raw.blobs.is_some() {
            return Err(DocumentError::Neither);
        }
        let count =
            raw.layers.as_ref().map_or(0, Vec::len) + raw.manifests.as_ref().map_or(0, Vec::len);
        if count > MAX_DESCRIPTORS {
            return Err(DocumentError::TooMany { count });
        }
        let media_type = agreed_media_type(raw.media_type.as_deref(), announced, !has_manifest)?;
        match (raw.config, raw.manifests) {
            (Some(config), None) => Ok(Self::Manifest(Manifest {
                media_type,
                artifact_type: raw.artifact_type,
                config,
                layers: raw.layers.unwrap_or_default(),
                subject: raw.subject,
                annotations: raw.annotations,
            })),
            (None, Some(manifests)) => Ok(Self::Index(Index {
                media_type,
                artifact_type: raw.artifact_type,
                manifests,
                subject: raw.subject,
                annotations: raw.annotations,
            })),
            _ => Err(DocumentError::Neither),
        }
    }

    /// Returns the document's own media type.
    pub fn media_type(&self) -> &MediaType {
        match self {
            Self::Manifest(manifest) => &manifest.media_type,
            Self::Index(index) => &index.media_type,
        }
    }

    /// Returns everything that the document names directly: config and layers, or manifests.
    pub fn children(&self) -> Vec<&Descriptor> {
        match self {
            Self::Manifest(manifest) => std::iter::once(&manifest.config)
                .chain(&manifest.layers)
                .collect(),
            Self::Index(index) => index.manifests.iter().collect(),
        }
    }
}

impl Manifest {
    /// Tells whether this is an image with a file system, and not some other artifact in an image's clothes.
    pub fn is_image(&self) -> bool {
        self.config.media_type.is_image_config() && self.artifact_type.is_none()
    }
}

/// Finds the one media type on which document, announcement and shape agree.
///
/// An announcement that names no kind of manifest at all (`application/json`, `text/plain`) says nothing.
fn agreed_media_type(
    own: Option<&str>,
    announced: Option<&str>,
    is_index: bool,
) -> Result<MediaType, DocumentError> {
    let shape = if is_index {
        MediaType::OciIndex
    } else {
        MediaType::OciManifest
    };
    let fits = |kind: &MediaType| {
        if is_index {
            kind.is_index()
        } else {
            kind.is_manifest()
        }
    };
    let announced = announced
        .map(MediaType::parse)
        .filter(|kind| !matches!(kind, MediaType::Other(_)));
    let own = own.map(MediaType::parse);
    for said in [&own, &announced].into_iter().flatten() {
        if !fits(said) {
            return Err(DocumentError::MediaType {
                announced: said.to_string(),
                found: shape.to_string(),
            });
        }
    }
    match (own, announced) {
        (Some(own), Some(announced)) if own != announced => Err(DocumentError::MediaType {
            announced: announced.to_string(),
            found: own.to_string(),
        }),
        (Some(agreed), _) | (None, Some(agreed)) => Ok(agreed),
        (None, None) => Ok(shape),
    }
}
