use oci::{Digest, Document, ImageName, MediaType, Platform};
use rusqlite::OptionalExtension;

use crate::database::{Text, size};
use crate::graph::manifest_list;
use crate::write::gone;
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

/// A manifest and its layers.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestDetail {
    /// Its media type.
    pub media_type: MediaType,
    /// Its config.
    pub config: Digest,
    /// The layers, base first; who else has them is not looked for.
    pub layers: Vec<LayerDetail>,
}

impl Store {
    /// Returns what a manifest names, whether or not its image is live: a container keeps what it was made of.
    ///
    /// # Errors
    /// [`BlobDamaged`](crate::Error::BlobDamaged), [`BlobMissing`](crate::Error::BlobMissing) where a document cannot be read.
    pub fn manifest(&self, manifest: &Digest) -> Result<ManifestDetail> {
        let stack = self.stack(manifest)?;
        let mut layers = Vec::with_capacity(stack.layers.len());
        for (descriptor, diff_id) in stack.layers {
            layers.push(LayerDetail {
                facts: self.layer(&descriptor.digest)?.map(|record| record.facts),
                digest: descriptor.digest,
                media_type: descriptor.media_type,
                size: descriptor.size,
                diff_id,
                shared_with: Vec::new(),
                shared_count: 0,
            });
        }
        Ok(ManifestDetail {
            media_type: stack.manifest.media_type,
            config: stack.manifest.config.digest,
            layers,
        })
    }

    /// Returns all that is known of a live image.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound); [`BlobDamaged`](crate::Error::BlobDamaged) where its documents cannot be read.
    pub fn image(&self, target: &Digest) -> Result<ImageDetail> {
        let summary = self
            .images_of(std::slice::from_ref(target))?
            .pop()
            .ok_or_else(|| gone(target))?;
        let row = self.read(|sql| {
            sql.prepare_cached(
                "SELECT id, manifests FROM images WHERE target = ? AND removed IS NULL",
            )?
            .query_row([Text(target)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .optional()
        })?;
        let (row, manifests) = row.ok_or_else(|| gone(target))?;
        let manifests = manifest_list(&manifests);
        let document = self.document(target)?;
        let media_type = document.media_type().clone();
        let manifest = manifests.first().unwrap_or(target).clone();
        let entry = |descriptor: &oci::Descriptor| IndexEntry {
            digest: descriptor.digest.clone(),
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            platform: descriptor
                .platform
                .clone()
                .filter(|platform| !platform.is_unknown()),
            attestation: descriptor.is_attestation(),
            present: manifests.contains(&descriptor.digest),
        };
        let index = match &document {
            Document::Index(index) => index.manifests.iter().map(entry).collect(),
            Document::Manifest(_) => Vec::new(),
        };
        let stack = self.stack(&manifest)?;
        let mut layers = Vec::with_capacity(stack.layers.len());
        for (descriptor, diff_id) in stack.layers {
            let (shared_with, shared_count) = self.sharers(&descriptor.digest, row)?;
            layers.push(LayerDetail {
                facts: self.layer(&descriptor.digest)?.map(|record| record.facts),
                digest: descriptor.digest,
                media_type: descriptor.media_type,
                size: descriptor.size,
                diff_id,
                shared_with,
                shared_count,
            });
        }
        let manifest_media_type = stack.manifest.media_type;
        let config = stack.manifest.config.digest;
        Ok(ImageDetail {
            summary,
            media_type,
            manifest,
            manifest_media_type,
            config,
            index,
            layers,
        })
    }
}

impl Store {
    /// Returns the other live images that hold a blob, at most 50, and how many there are.
    fn sharers(&self, blob: &Digest, image: i64) -> Result<(Vec<SharedWith>, u64)> {
        self.read(|sql| {
            let from = "FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id JOIN images ON images.id = image_blobs.image
                WHERE blobs.digest = ?1 AND images.removed IS NULL AND images.id <> ?2";
            let count = sql
                .prepare_cached(&format!("SELECT count(*) {from}"))?
                .query_row(rusqlite::params![Text(blob), image], |row| row.get(0).map(size))?;
            let mut statement = sql.prepare_cached(&format!(
                "SELECT images.target, (SELECT min(name) FROM tags WHERE tags.image = images.id) AS name {from} ORDER BY name IS NULL, name LIMIT 50"
            ))?;
            let rows = statement.query_map(rusqlite::params![Text(blob), image], |row| {
                let name = row.get::<_, Option<Text<ImageName>>>(1)?.map(|text| text.0);
                Ok(SharedWith { target: row.get::<_, Text<Digest>>(0)?.0, name })
            })?;
            Ok((rows.collect::<rusqlite::Result<Vec<_>>>()?, count))
        })
    }
}
