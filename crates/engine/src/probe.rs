//! Looking into an archive without loading it.

use std::path::Path;

use archive::{ArchivedImage, ArchivedManifest, Contents, Incomplete, Opened};
use jiff::Timestamp;
use oci::{Digest, ImageName, Platform};
use tokio_util::sync::CancellationToken;

use crate::engine::blocking;
use crate::{ArchiveFormat, ArchiveSource, Compression, Engine, Error};

/// What is in an archive.
#[derive(Debug, Clone)]
pub struct ArchiveContents {
    /// What kind of archive it is; [`ArchiveFormat::RootFilesystem`] is to be imported, not loaded.
    pub format: ArchiveFormat,
    /// How it is compressed as a whole.
    pub compression: Compression,
    /// The images that are whole, in the archive's order.
    pub images: Vec<ArchiveImage>,
    /// What is named in it and is not whole.
    pub incomplete: Vec<IncompleteImage>,
}

/// An image in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveImage {
    /// The image ID, of the first platform.
    pub id: Digest,
    /// The manifest or index; `None` in a docker-archive, which has none.
    pub target: Option<Digest>,
    /// Its names.
    pub names: Vec<ImageName>,
    /// What else the archive calls it, such as the bare tag of an OCI layout.
    pub label: Option<String>,
    /// Its platforms that are here whole; one, unless it is an index.
    pub platforms: Vec<ArchivePlatform>,
}

/// One platform of an image in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePlatform {
    /// The image ID.
    pub id: Digest,
    /// The platform; `None` for an artifact.
    pub platform: Option<Platform>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// How many layers it has.
    pub layers: usize,
    /// Bytes of its layers in the archive.
    pub size: u64,
}

/// A manifest that an archive names and has not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteImage {
    /// The manifest.
    pub digest: Digest,
    /// For which platform.
    pub platform: Option<Platform>,
    /// The first member that is missing.
    pub missing: String,
}

impl Engine {
    /// Tells what is in an archive. Content decides what it is, never the name's ending.
    ///
    /// Of a plain tar and of a folder only headers and documents are read; a compressed one is decompressed once. Dropping the
    /// future stops that.
    ///
    /// # Errors
    /// `invalid_archive`, `digest_mismatch`, `size_mismatch`, `too_large`, `io`; the message names the member at fault.
    pub async fn probe_archive(&self, path: &Path) -> Result<ArchiveContents, Error> {
        let contents = contents_of(ArchiveSource::Path(path.to_owned())).await?;
        Ok(ArchiveContents::from(&contents))
    }
}

/// Reads what is in an archive. Dropping the future stops the reading at its next piece.
pub(crate) async fn contents_of(source: ArchiveSource) -> Result<Contents, Error> {
    let stop = CancellationToken::new();
    let _stops_when_dropped = stop.clone().drop_guard();
    blocking(move || {
        let fail = failed(source.to_string());
        let mut passage = match source.open().map_err(&fail)? {
            Opened::Archive(archive) => return Ok(archive.contents().clone()),
            Opened::Passage(passage) => passage,
        };
        while passage.next_member().map_err(&fail)?.is_some() {
            while !passage.piece().map_err(&fail)?.is_empty() {
                if stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
            }
        }
        passage.finish().map_err(&fail)
    })
    .await
}

/// Says in which archive something went wrong.
pub(crate) fn failed(place: String) -> impl Fn(archive::Error) -> Error {
    move |source| Error::Archive {
        place: place.clone(),
        source: Box::new(source),
    }
}

impl From<&Contents> for ArchiveContents {
    fn from(contents: &Contents) -> Self {
        let Contents {
            format,
            compression,
            images,
            incomplete,
        } = contents;
        Self {
            format: *format,
            compression: *compression,
            images: images.iter().filter_map(image).collect(),
            incomplete: incomplete.iter().map(IncompleteImage::from).collect(),
        }
    }
}

impl From<&Incomplete> for IncompleteImage {
    fn from(incomplete: &Incomplete) -> Self {
        let Incomplete {
            digest,
            platform,
            missing,
        } = incomplete.clone();
        Self {
            digest,
            platform,
            missing,
        }
    }
}

/// Describes an image; `None` where it has no platform at all, which the archive's reader does not give.
pub(crate) fn image(image: &ArchivedImage) -> Option<ArchiveImage> {
    let platforms: Vec<ArchivePlatform> = image.manifests.iter().map(platform).collect();
    Some(ArchiveImage {
        id: platforms.first()?.id.clone(),
        target: image.target.clone(),
        names: image.names.clone(),
        label: image.label.clone(),
        platforms,
    })
}

fn platform(manifest: &ArchivedManifest) -> ArchivePlatform {
    ArchivePlatform {
        id: manifest.config.clone(),
        platform: manifest.platform.clone(),
        created: manifest
            .created
            .as_deref()
            .and_then(|text| text.parse().ok()),
        layers: manifest.layers.len(),
        size: manifest.layers.iter().map(|layer| layer.size).sum(),
    }
}
