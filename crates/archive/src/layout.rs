//! OCI image layouts: `oci-layout`, `index.json`, `blobs/`.

use oci::{
    Descriptor, Digest, Document, ImageName, MAX_INDEX_DEPTH, MAX_MANIFEST_SIZE, Manifest, Platform,
};
use serde::Deserialize;

use crate::contents::{
    self, ArchivedImage, ArchivedManifest, Attestation, Incomplete, Part, Shelf, blob_name, verify,
    verify_size,
};
use crate::{Error, Result};

pub(crate) const INDEX: &str = "index.json";
pub(crate) const LAYOUT: &str = "oci-layout";
pub(crate) const BLOBS: &str = "blobs";

/// The annotation with a whole name; containerd, docker and buildkit write it.
pub(crate) const FULL_NAME: &str = "io.containerd.image.name";
/// The annotation with a tag or a name.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Deserialize)]
struct LayoutFile {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// Reads the images of a layout, and what it names and has not whole.
pub(crate) fn images(shelf: &dyn Shelf) -> Result<(Vec<ArchivedImage>, Vec<Incomplete>)> {
    let marker = contents::document(shelf, LAYOUT)?.unwrap_or_default();
    let marker: LayoutFile = serde_json::from_slice(&marker).map_err(|source| Error::Json {
        member: LAYOUT.into(),
        source,
    })?;
    if marker.version != "1.0.0" {
        return Err(Error::LayoutVersion {
            version: marker.version.chars().take(50).collect(),
        });
    }
    let missing = || Error::Missing {
        member: INDEX.into(),
        wanted_by: LAYOUT.into(),
    };
    let bytes = contents::document(shelf, INDEX)?.ok_or_else(missing)?;
    let index = match parse(INDEX, &bytes, None)? {
        Document::Index(index) => index,
        Document::Manifest(_) => {
            return Err(Error::Document {
                member: INDEX.into(),
                source: oci::DocumentError::Neither,
            });
        }
    };
    let mut images: Vec<ArchivedImage> = Vec::new();
    let mut incomplete = Vec::new();
    let mut statements = crate::MAX_STATEMENTS;
    for descriptor in &index.manifests {
        // Whatever else somebody keeps in a layout is none of ours.
        if !(descriptor.media_type.is_manifest() || descriptor.media_type.is_index()) {
            continue;
        }
        let (names, label) = names(descriptor)?;
        if let Some(known) = images
            .iter_mut()
            .find(|known| known.target.as_ref() == Some(&descriptor.digest))
        {
            for name in names {
                if !known.names.contains(&name) {
                    known.names.push(name);
                }
            }
            known.label = known.label.take().or(label);
            continue;
        }
        let mut reading = Reading {
            shelf,
            documents: Vec::new(),
            manifests: Vec::new(),
            incomplete: Vec::new(),
            attestations: Vec::new(),
            statements: &mut statements,
        };
        reading.descend(descriptor, None, 0)?;
        let Reading {
            documents,
            manifests,
            incomplete: missing,
            attestations,
            ..
        } = reading;
        incomplete.extend(missing);
        if !manifests.is_empty() {
            images.push(ArchivedImage {
                target: Some(descriptor.digest.clone()),
                names,
                label,
                documents,
                manifests,
                attestations,
            });
        }
    }
    Ok((images, incomplete))
}

/// One image being read.
struct Reading<'a> {
    shelf: &'a dyn Shelf,
    documents: Vec<(Digest, Vec<u8>)>,
    manifests: Vec<ArchivedManifest>,
    incomplete: Vec<Incomplete>,
    attestations: Vec<Attestation>,
    /// Bytes of attestations that there is still room for.
    statements: &'a mut u64,
}

impl Reading<'_> {
    /// Reads a manifest, or what is below an index.
    fn descend(
        &mut self,
        descriptor: &Descriptor,
        platform: Option<&Platform>,
        depth: usize,
    ) -> Result<()> {
        let member = blob_name(&descriptor.digest);
        if depth > MAX_INDEX_DEPTH {
            return Err(Error::IndexTooDeep { member });
        }
        let platform = descriptor.platform.as_ref().or(platform);
        // Seen already: an index may list one manifest for two platforms.
        if self
            .documents
            .iter()
            .any(|(known, _)| *known == descriptor.digest)
        {
            return Ok(());
        }
        let Some(bytes) = self.blob(descriptor, MAX_MANIFEST_SIZE)? else {
            self.lacks(descriptor, platform, member);
            return Ok(());
        };
        let document = parse(&member, &bytes, Some(descriptor.media_type.as_str()))?;
        match document {
            Document::Index(index) => {
                self.documents.push((descriptor.digest.clone(), bytes));
                for entry in &index.manifests {
                    if entry.media_type.is_manifest() || entry.media_type.is_index() {
                        self.descend(entry, platform, depth + 1)?;
                    }
                }
            }
            Document::Manifest(manifest) => {
                if depth > 0 && descriptor.is_attestation() {
                    return self.attach(descriptor, bytes, &manifest);
                }
                match self.parts(&manifest)? {
                    Ok((config, parts)) => {
                        self.documents.push((descriptor.digest.clone(), bytes));
                        let parsed = match manifest.is_image() {
                            true => Some(contents::config(
                                &blob_name(&manifest.config.digest),
                                &config,
                                manifest.layers.len(),
                            )?),
                            false => None,
                        };
                        let layers = parts
                            .into_iter()
                            .enumerate()
                            .map(|(position, part)| Part {
                                diff_id: parsed
                                    .as_ref()
                                    .and_then(|config| config.rootfs.diff_ids.get(position))
                                    .cloned(),
                                ..part
                            })
                            .collect();
                        self.documents
                            .push((manifest.config.digest.clone(), config));
                        self.manifests.push(ArchivedManifest {
                            digest: Some(descriptor.digest.clone()),
                            config: manifest.config.digest.clone(),
                            platform: parsed.as_ref().and_then(contents::platform),
                            created: parsed.and_then(|config| config.created),
                            layers,
                        });
                    }
                    Err(missing) => self.lacks(descriptor, platform, missing),
                }
            }
        }
        Ok(())
    }

    /// Reads an attestation's config and statements. One that is not whole, or too large, is left out: an image is one without it.
    fn attach(
        &mut self,
        descriptor: &Descriptor,
        bytes: Vec<u8>,
        manifest: &Manifest,
    ) -> Result<()> {
        if self
            .attestations
            .iter()
            .any(|known| matches!(known.documents.first(), Some((digest, _)) if *digest == descriptor.digest))
        {
            return Ok(());
        }
        let mut documents = vec![(descriptor.digest.clone(), bytes)];
        for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
            if documents.iter().any(|(known, _)| *known == part.digest) {
                continue;
            }
            let Some(bytes) = self.statement(part)? else {
                return Ok(());
            };
            documents.push((part.digest.clone(), bytes));
        }
        self.attestations.push(Attestation {
            subject: descriptor.attested(),
            documents,
        });
        Ok(())
    }

    /// Reads a part of an attestation and verifies it.
    fn statement(&mut self, part: &Descriptor) -> Result<Option<Vec<u8>>> {
        let member = blob_name(&part.digest);
        let Some((file, size)) = self.shelf.find(&member)? else {
            return Ok(None);
        };
        verify_size(&member, part, size)?;
        if size > crate::MAX_DOCUMENT_SIZE || size > *self.statements {
            return Ok(None);
        }
        let bytes = self.shelf.read(&file)?;
        // Of what passes by, only JSON is kept.
        if bytes.is_empty() && size > 0 {
            return Ok(None);
        }
        *self.statements -= size;
        verify(&member, &part.digest, &bytes)?;
        Ok(Some(bytes))
    }

    /// Reads a config and finds the layers; the inner error is the first member that is not there.
    #[expect(
        clippy::type_complexity,
        reason = "what is missing is no error here, and a type of its own would be read once"
    )]
    fn parts(
        &self,
        manifest: &Manifest,
    ) -> Result<std::result::Result<(Vec<u8>, Vec<Part>), String>> {
        let Some(config) = self.blob(&manifest.config, crate::MAX_DOCUMENT_SIZE)? else {
            return Ok(Err(blob_name(&manifest.config.digest)));
        };
        let mut parts = Vec::with_capacity(manifest.layers.len());
        for layer in &manifest.layers {
            let name = blob_name(&layer.digest);
            let Some((file, size)) = self.shelf.find(&name)? else {
                return Ok(Err(name));
            };
            verify_size(&name, layer, size)?;
            parts.push(Part {
                member: file,
                size,
                digest: Some(layer.digest.clone()),
                media_type: Some(layer.media_type.clone()),
                diff_id: None,
            });
        }
        Ok(Ok((config, parts)))
    }

    /// Reads a document and verifies it.
    fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Option<Vec<u8>>> {
        let member = blob_name(&descriptor.digest);
        let Some((file, size)) = self.shelf.find(&member)? else {
            return Ok(None);
        };
        verify_size(&member, descriptor, size)?;
        if size > limit {
            return Err(Error::TooLarge {
                member,
                size,
                limit,
            });
        }
        let bytes = self.shelf.read(&file)?;
        verify(&member, &descriptor.digest, &bytes)?;
        Ok(Some(bytes))
    }

    fn lacks(&mut self, descriptor: &Descriptor, platform: Option<&Platform>, missing: String) {
        self.incomplete.push(Incomplete {
            digest: descriptor.digest.clone(),
            platform: platform.filter(|platform| !platform.is_unknown()).cloned(),
            missing,
        });
    }
}

fn parse(member: &str, bytes: &[u8], announced: Option<&str>) -> Result<Document> {
    Document::parse(bytes, announced).map_err(|source| Error::Document {
        member: member.to_owned(),
        source,
    })
}

/// Returns the names that a line of `index.json` gives, and what else it calls the image.
fn names(descriptor: &Descriptor) -> Result<(Vec<ImageName>, Option<String>)> {
    if let Some(text) = descriptor.annotations.get(FULL_NAME) {
        return Ok((vec![contents::name(INDEX, text)?], None));
    }
    let Some(text) = descriptor
        .annotations
        .get(REF_NAME)
        .filter(|text| !text.is_empty())
    else {
        return Ok((Vec::new(), None));
    };
    // The specification lets this be a tag or a name. A word alone is a tag: whose, nobody says.
    if text.contains(['/', ':'])
        && let Ok(name) = contents::name(INDEX, text)
    {
        return Ok((vec![name], None));
    }
    Ok((Vec::new(), Some(text.chars().take(200).collect())))
}
