//! What an image lacks, in the words of the documents that name it, so that exactly that can be brought again.

use std::collections::BTreeSet;

use oci::{Descriptor, Digest, Document, ImageConfig, MediaType};
use rusqlite::OptionalExtension;

use crate::database::{Text, size};
use crate::graph::{MAX_CONFIG_SIZE, manifest_list};
use crate::repair::count_anew;
use crate::write::gone;
use crate::{Error, Lease, Result, Store};

/// A blob that an image needs and that is not here whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// What the document that names it says of it; for the target itself, what the index of the store says.
    pub descriptor: Descriptor,
    /// Whether it is a manifest or index, which registries give out in another way than blobs.
    pub is_document: bool,
    /// The diff ID that the config gives it, where it is a layer.
    pub diff_id: Option<Digest>,
}

/// What the rows say of an image.
struct Row {
    image: i64,
    media_type: MediaType,
    size: u64,
    manifests: Vec<Digest>,
    held: BTreeSet<Digest>,
}

impl Store {
    /// Returns what a live image lacks, as far as the documents that are here tell; empty where it is whole.
    ///
    /// What a missing document would name shows when that is here: bring what is returned, and ask again.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound), [`Document`](crate::Error::Document).
    pub fn lacking(&self, target: &Digest) -> Result<Vec<Lacking>> {
        let row = self.image_row(target)?;
        let mut lacking = Vec::new();
        let mut seen = BTreeSet::from([target.clone()]);
        let root = Descriptor::new(row.media_type.clone(), target.clone(), row.size);
        let mut open = vec![root];
        while let Some(descriptor) = open.pop() {
            match self.document_here(&descriptor.digest)? {
                None => lacking.push(Lacking {
                    descriptor,
                    is_document: true,
                    diff_id: None,
                }),
                Some(Document::Index(index)) => {
                    for entry in index.manifests {
                        let wanted = row.held.contains(&entry.digest)
                            || row.manifests.contains(&entry.digest);
                        if wanted && seen.insert(entry.digest.clone()) {
                            open.push(entry);
                        }
                    }
                }
                Some(Document::Manifest(manifest)) => {
                    // Of an attestation that came with a pull only the document is held: its layers were never brought.
                    let is_part =
                        descriptor.digest == *target || row.manifests.contains(&descriptor.digest);
                    let parts = std::iter::once(&manifest.config).chain(&manifest.layers);
                    let all_held = || parts.clone().all(|part| row.held.contains(&part.digest));
                    if is_part || (descriptor.is_attestation() && all_held()) {
                        self.lacking_parts(&manifest, &mut seen, &mut lacking)?;
                    }
                }
            }
        }
        Ok(lacking)
    }

    /// Holds an image's blobs for it again and counts it anew, after what it lacked was brought. Its names stay as they are.
    ///
    /// # Errors
    /// [`Incomplete`](crate::Error::Incomplete) while anything is missing.
    pub fn mended(&self, lease: &Lease, target: &Digest) -> Result<()> {
        let row = self.image_row(target)?;
        let read = self.gather(target, &row.manifests)?;
        lease.hold(&read.blobs)?;
        self.change(|change| {
            for digest in &read.blobs {
                let blob = change.blob_row(digest)?.ok_or_else(|| gone(digest))?;
                change.hold(row.image, blob)?;
            }
            // A row that was lost took its counts with it.
            count_anew(&change.sql).map_err(self.explain())
        })
    }

    fn lacking_parts(
        &self,
        manifest: &oci::Manifest,
        seen: &mut BTreeSet<Digest>,
        lacking: &mut Vec<Lacking>,
    ) -> Result<()> {
        let mut config = None;
        if seen.insert(manifest.config.digest.clone()) && !self.contains(&manifest.config.digest)? {
            lacking.push(Lacking {
                descriptor: manifest.config.clone(),
                is_document: false,
                diff_id: None,
            });
            if manifest.is_image() {
                // Without it nobody knows the layers' diff IDs: they are for the next time.
                return Ok(());
            }
        } else if manifest.is_image() {
            let bytes = self.read_document(&manifest.config.digest, MAX_CONFIG_SIZE)?;
            config = ImageConfig::parse(&bytes).ok();
        }
        for (position, layer) in manifest.layers.iter().enumerate() {
            if seen.insert(layer.digest.clone()) && !self.contains(&layer.digest)? {
                let diff_ids = config.as_ref().map(|config| &config.rootfs.diff_ids);
                lacking.push(Lacking {
                    descriptor: layer.clone(),
                    is_document: false,
                    diff_id: diff_ids.and_then(|ids| ids.get(position).cloned()),
                });
            }
        }
        Ok(())
    }

    fn document_here(&self, digest: &Digest) -> Result<Option<Document>> {
        if !self.contains(digest)? {
            return Ok(None);
        }
        match self.document(digest) {
            Ok(document) => Ok(Some(document)),
            // Found only now; it counts as absent from here on.
            Err(Error::BlobDamaged { .. } | Error::BlobMissing { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn image_row(&self, target: &Digest) -> Result<Row> {
        let found = self.read(|sql| {
            let row = sql
                .prepare_cached(
                    "SELECT images.id, images.media_type, images.manifests, blobs.size FROM images
                     LEFT JOIN blobs ON blobs.digest = images.target WHERE images.target = ? AND images.removed IS NULL",
                )?
                .query_row([Text(target)], |row| {
                    Ok(Row {
                        image: row.get(0)?,
                        media_type: MediaType::parse(&row.get::<_, String>(1)?),
                        manifests: manifest_list(&row.get::<_, String>(2)?),
                        size: row.get::<_, Option<i64>>(3)?.map(size).unwrap_or_default(),
                        held: BTreeSet::new(),
                    })
                })
                .optional()?;
            let Some(mut row) = row else { return Ok(None) };
            let mut statement = sql.prepare_cached(
                "SELECT blobs.digest FROM image_blobs JOIN blobs ON blobs.id = image_blobs.blob WHERE image_blobs.image = ?",
            )?;
            let digests = statement.query_map([row.image], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
            row.held = digests.collect::<rusqlite::Result<_>>()?;
            Ok(Some(row))
        })?;
        found.ok_or_else(|| gone(target))
    }
}
