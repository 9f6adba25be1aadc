//! What is in an archive, as values.

use std::cell::Cell;

use oci::{Descriptor, Digest, ImageConfig, ImageName, MediaType, Platform, Reference};

use crate::{Compression, Error, Result};

/// What kind of archive it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `docker save` up to version 24, podman, skopeo, crane: `manifest.json`, a tar for each layer.
    Docker,
    /// An OCI layout with a `manifest.json` beside it: `docker save` since version 25, and Strata.
    OciAndDocker,
    /// An OCI layout in a tar.
    OciTar,
    /// An OCI layout as a folder.
    OciFolder,
    /// A file system, as a tar or as a folder, which is no image yet.
    RootFilesystem,
}

/// What is in an archive.
#[derive(Debug, Clone)]
pub struct Contents {
    /// What kind of archive it is.
    pub format: Format,
    /// How it is compressed as a whole.
    pub compression: Compression,
    /// The images that are whole, each once, in the archive's order.
    pub images: Vec<ArchivedImage>,
    /// What is named and is not whole here.
    pub incomplete: Vec<Incomplete>,
}

/// An image in an archive: something that names can name.
#[derive(Debug, Clone)]
pub struct ArchivedImage {
    /// The manifest or index. `None` for a docker-archive, which has none: it is made when the layers are known.
    pub target: Option<Digest>,
    /// The names, in full. They have a tag.
    pub names: Vec<ImageName>,
    /// What the archive calls it, where that is no name of an image, such as the bare tag of an OCI layout.
    pub label: Option<String>,
    /// Indexes, manifests and configs, verified, byte for byte, in the order in which they are to be stored.
    pub documents: Vec<(Digest, Vec<u8>)>,
    /// The images themselves, one per platform that is here whole.
    pub manifests: Vec<ArchivedManifest>,
    /// What builders say about them, as far as it is here whole.
    pub attestations: Vec<Attestation>,
}

/// What a builder says about an image, such as how it was made or what is in it. It is an entry of the image's index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The manifest that it is about; `None` where it does not tell.
    pub subject: Option<Digest>,
    /// Its manifest, its config and its statements, verified, byte for byte.
    pub documents: Vec<(Digest, Vec<u8>)>,
}

/// One platform of an image.
#[derive(Debug, Clone)]
pub struct ArchivedManifest {
    /// The manifest; `None` for a docker-archive.
    pub digest: Option<Digest>,
    /// The config, which is the image's ID.
    pub config: Digest,
    /// The platform; `None` for an artifact.
    pub platform: Option<Platform>,
    /// When it was made.
    pub created: Option<String>,
    /// The layers, base first; those of an artifact are whatever it holds.
    pub layers: Vec<Part>,
}

/// A layer in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The member that holds it, links followed.
    pub member: String,
    /// Its bytes.
    pub size: u64,
    /// The digest that its bytes must have; `None` where only the content's is known.
    pub digest: Option<Digest>,
    /// What the manifest calls it.
    pub media_type: Option<MediaType>,
    /// The digest that its content must have; `None` for an artifact.
    pub diff_id: Option<Digest>,
}

/// A manifest that is named and is not whole here, as where one platform of several was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// What is named.
    pub digest: Digest,
    /// For which platform.
    pub platform: Option<Platform>,
    /// The first member of it that is missing.
    pub missing: String,
}

/// Where members are found by name.
pub(crate) trait Shelf {
    /// Follows a name to a file; returns the file's own name and its size, or `None` where there is none.
    fn find(&self, name: &str) -> Result<Option<(String, u64)>>;

    /// Reads a file that [`Shelf::find`] found.
    fn read(&self, name: &str) -> Result<Vec<u8>>;
}

/// A shelf from which only so much is read: documents that are small each can be many.
pub(crate) struct Bounded<'a> {
    shelf: &'a dyn Shelf,
    read: Cell<u64>,
}

impl<'a> Bounded<'a> {
    pub(crate) fn new(shelf: &'a dyn Shelf) -> Self {
        Self {
            shelf,
            read: Cell::new(0),
        }
    }
}

impl Shelf for Bounded<'_> {
    fn find(&self, name: &str) -> Result<Option<(String, u64)>> {
        self.shelf.find(name)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let bytes = self.shelf.read(name)?;
        self.read.set(self.read.get() + bytes.len() as u64);
        if self.read.get() > crate::MAX_DOCUMENTS {
            return Err(Error::TooManyDocuments {
                member: name.to_owned(),
                limit: crate::MAX_DOCUMENTS,
            });
        }
        Ok(bytes)
    }
}

/// Reads a document; `None` where there is none.
pub(crate) fn document(shelf: &dyn Shelf, name: &str) -> Result<Option<Vec<u8>>> {
    let Some((file, size)) = shelf.find(name)? else {
        return Ok(None);
    };
    if size > crate::MAX_DOCUMENT_SIZE {
        return Err(Error::TooLarge {
            member: name.to_owned(),
            size,
            limit: crate::MAX_DOCUMENT_SIZE,
        });
    }
    shelf.read(&file).map(Some)
}

/// Returns where a layout keeps a blob.
pub(crate) fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// Checks a document against the digest that names it.
pub(crate) fn verify(member: &str, digest: &Digest, bytes: &[u8]) -> Result<()> {
    let mut hasher = oci::Hasher::new(digest.algorithm());
    hasher.update(bytes);
    let found = hasher.finish();
    if found == *digest {
        return Ok(());
    }
    Err(Error::DigestMismatch {
        member: member.to_owned(),
        expected: digest.clone(),
        found,
    })
}

/// Checks a file's size against the descriptor that names it.
pub(crate) fn verify_size(member: &str, descriptor: &Descriptor, found: u64) -> Result<()> {
    if descriptor.size == found {
        return Ok(());
    }
    Err(Error::SizeMismatch {
        member: member.to_owned(),
        expected: descriptor.size,
        found,
    })
}

/// Reads a config and makes sure that it speaks of as many layers as there are.
pub(crate) fn config(member: &str, bytes: &[u8], layers: usize) -> Result<ImageConfig> {
    let config = ImageConfig::parse(bytes).map_err(|source| Error::Config {
        member: member.to_owned(),
        source,
    })?;
    let diff_ids = config.rootfs.diff_ids.len();
    if layers != diff_ids {
        return Err(Error::LayerCount {
            member: member.to_owned(),
            layers,
            diff_ids,
        });
    }
    Ok(config)
}

/// Returns the platform that a config tells, where it tells one.
pub(crate) fn platform(config: &ImageConfig) -> Option<Platform> {
    Some(config.platform()).filter(|platform| !platform.os.is_empty())
}

/// Reads a name; one without a tag is that of `latest`.
pub(crate) fn name(member: &str, text: &str) -> Result<ImageName> {
    named(member, text, |reference| reference.digest().is_none())
}

/// Reads a name that must have a tag, as docker and podman demand of each one in `manifest.json`.
pub(crate) fn tagged_name(member: &str, text: &str) -> Result<ImageName> {
    named(member, text, |reference| {
        reference.digest().is_none() && reference.tag().is_some()
    })
}

fn named(member: &str, text: &str, is_whole: fn(&Reference) -> bool) -> Result<ImageName> {
    let shown = || text.chars().take(200).collect::<String>();
    let reference = Reference::parse_normalized(text).map_err(|source| Error::Name {
        member: member.to_owned(),
        text: shown(),
        source,
    })?;
    match is_whole(&reference) {
        true => Ok(ImageName::of(&reference)),
        false => Err(Error::NameWithoutTag {
            member: member.to_owned(),
            text: shown(),
        }),
    }
}
