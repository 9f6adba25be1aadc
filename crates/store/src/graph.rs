//! What an image consists of: read from its documents, and put into rows.

use std::collections::{BTreeMap, BTreeSet};

use oci::{
    Descriptor, Digest, Document, ImageConfig, Index, MAX_MANIFEST_SIZE, Manifest, Platform,
};
use rusqlite::params;

use crate::database::{Text, column, micros};
use crate::images::StripLayer;
use crate::write::{Change, gone};
use crate::{Error, Result, Store};

/// The largest config that is read: that of the largest JSON in an archive.
pub(crate) const MAX_CONFIG_SIZE: u64 = 20 * 1024 * 1024;

/// A manifest with its config and the layers' diff IDs.
pub(crate) struct Stack {
    pub(crate) manifest: Manifest,
    /// `None` for an artifact, whose config is no image config.
    pub(crate) config: Option<ImageConfig>,
    pub(crate) layers: Vec<(Descriptor, Option<Digest>)>,
}

/// All that is to be known of an image before it is recorded.
pub(crate) struct Gathered {
    target: Digest,
    media_type: String,
    is_index: bool,
    manifests: Vec<Digest>,
    shown: Stack,
    /// Everything that the image holds, each once.
    pub(crate) blobs: Vec<Digest>,
}

/// An entry of an index, at whatever depth.
struct Listed {
    /// The nested indexes that lead to it.
    way: Vec<Digest>,
    attestation: bool,
}

impl Store {
    /// Reads a manifest or index from its blob.
    pub(crate) fn document(&self, digest: &Digest) -> Result<Document> {
        let bytes = self.read_document(digest, MAX_MANIFEST_SIZE)?;
        Document::parse(&bytes, None).map_err(|source| Error::Document {
            digest: digest.clone(),
            source,
        })
    }

    /// Reads a manifest and its config.
    pub(crate) fn stack(&self, digest: &Digest) -> Result<Stack> {
        let Document::Manifest(manifest) = self.document(digest)? else {
            return Err(Error::Document {
                digest: digest.clone(),
                source: oci::DocumentError::Neither,
            });
        };
        let config = if manifest.is_image() {
            let bytes = self.read_document(&manifest.config.digest, MAX_CONFIG_SIZE)?;
            let parsed = ImageConfig::parse(&bytes).map_err(|source| Error::Config {
                digest: manifest.config.digest.clone(),
                source,
            })?;
            Some(parsed)
        } else {
            None
        };
        let diff_id = |position: usize| {
            config
                .as_ref()
                .and_then(|config| config.rootfs.diff_ids.get(position).cloned())
        };
        let layers = manifest
            .layers
            .iter()
            .enumerate()
            .map(|(position, layer)| (layer.clone(), diff_id(position)))
            .collect();
        Ok(Stack {
            manifest,
            config,
            layers,
        })
    }

    /// Reads an index, or `None` where the digest is that of a manifest.
    pub(crate) fn index(&self, digest: &Digest) -> Result<Option<Index>> {
        Ok(match self.document(digest)? {
            Document::Index(index) => Some(index),
            Document::Manifest(_) => None,
        })
    }

    /// As [`Self::index`], and `None` too for one that is not here whole: it names nothing that is here.
    fn nested(&self, digest: &Digest) -> Result<Option<Index>> {
        match self.index(digest) {
            Err(Error::BlobDamaged { .. } | Error::BlobMissing { .. }) => Ok(None),
            other => other,
        }
    }

    /// Collects the digests below an index, nested ones included, with the way to each, and the indexes that are not here to look into.
    /// An index that is named again is not read again.
    ///
    /// # Errors
    /// [`Document`](crate::Error::Document) where all of them together name more than one document may.
    fn below(
        &self,
        index: &Index,
        depth: usize,
        found: &mut BTreeMap<Digest, Listed>,
        named: &mut usize,
        closed: &mut BTreeSet<Digest>,
        path: &[Digest],
    ) -> Result<()> {
        for entry in &index.manifests {
            if found.contains_key(&entry.digest) {
                continue;
            }
            let listed = Listed {
                way: path.to_vec(),
                attestation: entry.is_attestation(),
            };
            found.insert(entry.digest.clone(), listed);
            if entry.media_type.is_index() && depth < oci::MAX_INDEX_DEPTH {
                let Some(nested) = self.nested(&entry.digest)? else {
                    closed.insert(entry.digest.clone());
                    continue;
                };
                *named += nested.manifests.len();
                if *named > oci::MAX_DESCRIPTORS {
                    return Err(Error::Document {
                        digest: entry.digest.clone(),
                        source: oci::DocumentError::TooMany { count: *named },
                    });
                }
                let mut deeper = path.to_vec();
                deeper.push(entry.digest.clone());
                self.below(&nested, depth + 1, found, named, closed, &deeper)?;
            }
        }
        Ok(())
    }

    /// Reads an image's documents and makes sure that everything is here that these manifests of it consist of.
    ///
    /// Manifests of an earlier recording stay with it, also where something of them was lost since: what another platform lacks is no
    /// reason to refuse this one.
    pub(crate) fn gather(&self, target: &Digest, manifests: &[Digest]) -> Result<Gathered> {
        let document = self.document(target)?;
        let media_type = document.media_type().to_string();
        let mut blobs: BTreeSet<Digest> = BTreeSet::from([target.clone()]);
        let mut wanted: Vec<Digest> = manifests.to_vec();
        let mut earlier = Vec::new();
        let is_index = match &document {
            Document::Manifest(_) => {
                wanted = vec![target.clone()];
                false
            }
            Document::Index(index) => {
                let mut listed = BTreeMap::new();
                let mut named = index.manifests.len();
                let mut closed = BTreeSet::new();
                self.below(index, 1, &mut listed, &mut named, &mut closed, &[])?;
                earlier = self.recorded_manifests(target)?;
                earlier.retain(|manifest| !wanted.contains(manifest));
                if wanted.is_empty() {
                    // What is asked for is what was recorded.
                    wanted = std::mem::take(&mut earlier);
                }
                for manifest in &wanted {
                    let Some(listed) = listed.get(manifest) else {
                        return Err(not_listed(target, manifest, closed));
                    };
                    blobs.extend(listed.way.iter().cloned());
                }
                // Small documents about the image, such as attestations, belong to it where they are here.
                for (digest, Listed { way, attestation }) in &listed {
                    if self.contains(digest)? {
                        blobs.insert(digest.clone());
                        blobs.extend(way.iter().cloned());
                        if *attestation {
                            blobs.extend(self.whole_parts(digest)?);
                        }
                    }
                }
                true
            }
        };
        let mut missing = BTreeSet::new();
        for manifest in &wanted {
            self.gather_parts(manifest, &mut blobs, &mut missing)?;
        }
        if !missing.is_empty() {
            return Err(Error::Incomplete {
                target: target.clone(),
                missing: missing.into_iter().collect(),
            });
        }
        for manifest in &earlier {
            match self.gather_parts(manifest, &mut blobs, &mut BTreeSet::new()) {
                // Found only now. What the image holds of it already, it goes on holding.
                Err(Error::BlobDamaged { digest, .. } | Error::BlobMissing { digest }) => {
                    blobs.remove(&digest);
                }
                other => other?,
            }
        }
        wanted.extend(earlier);
        let first = wanted.first().ok_or_else(|| Error::Incomplete {
            target: target.clone(),
            missing: Vec::new(),
        })?;
        let shown = self.stack(first)?;
        Ok(Gathered {
            target: target.clone(),
            media_type,
            is_index,
            manifests: wanted,
            shown,
            blobs: blobs.into_iter().collect(),
        })
    }

    /// Adds what is here of a manifest to `blobs`, and what is not to `missing`.
    fn gather_parts(
        &self,
        manifest: &Digest,
        blobs: &mut BTreeSet<Digest>,
        missing: &mut BTreeSet<Digest>,
    ) -> Result<()> {
        if !self.contains(manifest)? {
            missing.insert(manifest.clone());
            return Ok(());
        }
        let Document::Manifest(parsed) = self.document(manifest)? else {
            return Err(Error::Document {
                digest: manifest.clone(),
                source: oci::DocumentError::Neither,
            });
        };
        blobs.insert(manifest.clone());
        for part in std::iter::once(&parsed.config).chain(&parsed.layers) {
            match self.contains(&part.digest)? {
                true => blobs.insert(part.digest.clone()),
                false => missing.insert(part.digest.clone()),
            };
        }
        Ok(())
    }

    /// Returns what a manifest consists of, where all of it is here: an attestation came with its statements, or without.
    fn whole_parts(&self, manifest: &Digest) -> Result<Vec<Digest>> {
        let Document::Manifest(manifest) = (match self.document(manifest) {
            Ok(document) => document,
            // It is no part of the image's files: whatever is wrong with it, the image is what it was.
            Err(Error::BlobDamaged { .. } | Error::BlobMissing { .. } | Error::Document { .. }) => {
                return Ok(Vec::new());
            }
            Err(other) => return Err(other),
        }) else {
            return Ok(Vec::new());
        };
        let mut parts = Vec::with_capacity(manifest.layers.len() + 1);
        for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
            if !self.contains(&part.digest)? {
                return Ok(Vec::new());
            }
            parts.push(part.digest.clone());
        }
        Ok(parts)
    }

    /// Returns the manifests that a live or removed image has, whether or not they are here.
    fn recorded_manifests(&self, target: &Digest) -> Result<Vec<Digest>> {
        use rusqlite::OptionalExtension;
        let list = self.read(|sql| {
            sql.prepare_cached("SELECT manifests FROM images WHERE target = ?")?
                .query_row([Text(target)], |row| row.get::<_, String>(0))
                .optional()
        })?;
        Ok(list.map(|list| manifest_list(&list)).unwrap_or_default())
    }
}

impl Gathered {
    /// Writes the image's row and what it holds. A removed image comes back to life. Returns the row's number.
    pub(crate) fn store(&self, change: &mut Change<'_>, now: i64) -> Result<i64> {
        let config = self.shown.config.as_ref();
        let platform = config
            .map(|config| config.platform().to_string())
            // A config may say anything, or nothing. What could not be read back is no platform.
            .filter(|text| text.parse::<Platform>().is_ok());
        let created = config.and_then(ImageConfig::created).map(micros);
        let list: Vec<&str> = self.manifests.iter().map(Digest::as_str).collect();
        let parts: BTreeMap<&Digest, u64> = std::iter::once(&self.shown.manifest.config)
            .chain(&self.shown.manifest.layers)
            .map(|part| (&part.digest, part.size))
            .collect();
        let download: u64 = parts.values().sum();
        let mut content: i64 = 0;
        for (layer, _) in &self.shown.layers {
            content += change
                .one::<i64>(
                    "SELECT content_size FROM layers WHERE blob = ?",
                    [Text(&layer.digest)],
                )?
                .unwrap_or_default();
        }
        let existing: Option<i64> = change.one(
            "SELECT id FROM images WHERE target = ?",
            [Text(&self.target)],
        )?;
        let row = match existing {
            Some(row) => {
                if change
                    .one::<i64>(
                        "SELECT 1 FROM images WHERE id = ? AND removed IS NOT NULL",
                        [row],
                    )?
                    .is_some()
                {
                    change.restore_image(row)?;
                }
                row
            }
            None => {
                change.run(
                    "INSERT INTO images (target, media_type, is_index, manifests, config, recorded, size, download_size, total_size, unique_size, strip)
                     VALUES (?, ?, ?, '', ?, 0, 0, 0, 0, 0, x'')",
                    params![Text(&self.target), self.media_type, self.is_index, Text(&self.shown.manifest.config.digest)],
                )?;
                change.sql.last_insert_rowid()
            }
        };
        change.run(
            "UPDATE images SET manifests = ?, config = ?, platform = ?, created = ?, recorded = ?, size = ?, download_size = ?, strip = ? WHERE id = ?",
            params![
                list.join(" "),
                Text(&self.shown.manifest.config.digest),
                platform,
                created,
                now,
                content,
                column(download),
                pack(&self.shown.layers),
                row
            ],
        )?;
        for digest in &self.blobs {
            let blob = change.blob_row(digest)?.ok_or_else(|| gone(digest))?;
            change.hold(row, blob)?;
        }
        change.run(
            "UPDATE images SET total_size = (SELECT coalesce(sum(blobs.size), 0) FROM image_blobs JOIN blobs ON blobs.id = image_blobs.blob
             WHERE image_blobs.image = ?1) WHERE id = ?1",
            [row],
        )?;
        change.run("DELETE FROM labels WHERE image = ?", [row])?;
        for (key, value) in config.iter().flat_map(|config| &config.config.labels) {
            change.run(
                "INSERT OR REPLACE INTO labels (image, key, value) VALUES (?, ?, ?)",
                params![row, key, value],
            )?;
        }
        Ok(row)
    }
}

/// Says that an index does not name a manifest; or, where it has parts that are not here, that those would have to be.
fn not_listed(target: &Digest, manifest: &Digest, closed: BTreeSet<Digest>) -> Error {
    match closed.is_empty() {
        true => Error::NotInImage {
            target: target.clone(),
            manifest: manifest.clone(),
        },
        false => Error::Incomplete {
            target: target.clone(),
            missing: closed.into_iter().collect(),
        },
    }
}

/// Reads the list of manifests as it stands in a row.
pub(crate) fn manifest_list(text: &str) -> Vec<Digest> {
    text.split(' ')
        .filter_map(|digest| digest.parse().ok())
        .collect()
}

/// Packs the layers for a row: per layer one byte for the algorithm, the raw hash, eight bytes of size.
fn pack(layers: &[(Descriptor, Option<Digest>)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(layers.len() * 41);
    for (layer, diff_id) in layers {
        let digest = diff_id.as_ref().unwrap_or(&layer.digest);
        let hex = digest.hex().as_bytes();
        packed.push(u8::try_from(hex.len() / 2).unwrap_or_default());
        packed.extend(hex.chunks(2).map(|pair| {
            u8::from_str_radix(&String::from_utf8_lossy(pair), 16).unwrap_or_default()
        }));
        packed.extend(layer.size.to_le_bytes());
    }
    packed
}

/// Unpacks what [`pack`] packed; a row that was cut gives the layers before the cut.
pub(crate) fn unpack(mut packed: &[u8]) -> Vec<StripLayer> {
    let mut layers = Vec::new();
    while let Some((length, rest)) = packed.split_first() {
        let length = usize::from(*length);
        let Some((raw, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let Some((size, rest)) = rest.split_first_chunk::<8>() else {
            break;
        };
        let Some(diff_id) = Digest::of_raw(raw) else {
            break;
        };
        layers.push(StripLayer {
            diff_id,
            size: u64::from_le_bytes(*size),
        });
        packed = rest;
    }
    layers
}
