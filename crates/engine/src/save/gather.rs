//! What belongs to the images that are to be saved.

use std::collections::BTreeMap;

use oci::{
    Descriptor, Digest, Document, ImageConfig, ImageName, MAX_INDEX_DEPTH, MAX_MANIFEST_SIZE,
    Manifest, Platform, Selector,
};
use store::{BlobState, Store};

use super::SavedImage;
use crate::Error;

/// Everything that goes into an archive.
pub(crate) struct Gathered {
    /// The images, for the outcome.
    pub(crate) images: Vec<SavedImage>,
    /// The images, for the archive.
    pub(crate) saved: Vec<archive::SavedImage>,
    /// Documents and layers, with their sizes.
    pub(crate) blobs: BTreeMap<Digest, u64>,
}

/// Finds the images and all that belongs to them here.
pub(crate) fn gather(
    store: &Store,
    selectors: &[Selector],
    platforms: &[Platform],
    host: &Platform,
    called: Option<&Called>,
) -> Result<Gathered, Error> {
    let mut wanted: Vec<(Digest, Vec<ImageName>)> = Vec::new();
    for selector in selectors {
        let resolved = store.resolve(selector)?;
        // A name with a digest is no tag, so it is none in an archive.
        let name = resolved.name.filter(|name| name.tag().is_some());
        match wanted
            .iter_mut()
            .find(|(target, _)| *target == resolved.target)
        {
            Some((_, names)) => {
                names.extend(name.filter(|name| !names.contains(name)));
            }
            None => wanted.push((resolved.target, name.into_iter().collect())),
        }
    }
    let mut gathered = Gathered {
        images: Vec::new(),
        saved: Vec::new(),
        blobs: BTreeMap::new(),
    };
    for (target, names) in wanted {
        let names = called.map_or(names, |called| called.names.clone());
        gathered.add(store, &target, names, platforms, host)?;
    }
    if let Some(called) = called {
        for saved in &mut gathered.saved {
            saved.label.clone_from(&called.label);
        }
    }
    Ok(gathered)
}

/// What an image is called in an archive, in place of what it is called here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Called {
    pub(crate) names: Vec<ImageName>,
    pub(crate) label: Option<String>,
}

/// A manifest that is here whole.
struct Found {
    digest: Digest,
    manifest: Manifest,
    platform: Option<Platform>,
}

/// An attestation that is here whole: it goes where the manifest goes that it is about.
struct Attached {
    subject: Option<Digest>,
    /// Its manifest, its config and its statements, with their sizes.
    blobs: Vec<(Digest, u64)>,
}

/// What is below an image's target.
#[derive(Default)]
struct Below {
    /// Indexes and manifests, with their types and sizes.
    documents: BTreeMap<Digest, (oci::MediaType, u64)>,
    /// The manifests that are here whole.
    found: Vec<Found>,
    attached: Vec<Attached>,
}

impl Gathered {
    /// Returns about how many bytes the archive has.
    pub(crate) fn total(&self) -> u64 {
        let file = |size: &u64| archive::HEADER_SIZE + size.next_multiple_of(archive::HEADER_SIZE);
        self.blobs.values().map(file).sum()
    }

    fn add(
        &mut self,
        store: &Store,
        target: &Digest,
        names: Vec<ImageName>,
        wanted: &[Platform],
        host: &Platform,
    ) -> Result<(), Error> {
        let mut below = Below::default();
        below.descend(store, target, None, 0)?;
        let Below {
            documents,
            found,
            attached,
        } = below;
        let chosen = choose(&found, wanted, host);
        let shown = *chosen.first().ok_or_else(|| match wanted.first() {
            Some(first) => Error::PlatformNotFound {
                reference: names
                    .first()
                    .map_or_else(|| target.to_string(), ImageName::familiar),
                wanted: Box::new(first.clone()),
                offered: platforms(&found).flatten().cloned().collect(),
            },
            None => store::Error::Incomplete {
                target: target.clone(),
                missing: Vec::new(),
            }
            .into(),
        })?;
        let whole = wanted.is_empty();
        // One platform alone is its manifest: an index that names what is not there would only be in the way.
        let alone = !whole && chosen.len() == 1;
        let root = match alone {
            true => shown.digest.clone(),
            false => target.clone(),
        };
        let manifests: Vec<&Found> = match whole {
            true => found.iter().collect(),
            false => chosen,
        };
        let left_out = |digest: &Digest| {
            let is = |manifest: &&Found| manifest.digest == *digest;
            found.iter().any(|manifest| is(&manifest)) && !manifests.iter().any(is)
        };
        for found in &manifests {
            let parts = std::iter::once(&found.manifest.config).chain(&found.manifest.layers);
            self.blobs
                .extend(parts.map(|part| (part.digest.clone(), part.size)));
        }
        // The index names what is said about its manifests; a manifest alone has nobody who does.
        let about_saved = |attached: &&Attached| {
            let subject = attached.subject.as_ref();
            let saved = |subject: &Digest| manifests.iter().any(|found| found.digest == *subject);
            !alone && (whole || subject.is_none_or(saved))
        };
        for attached in attached.iter().filter(about_saved) {
            self.blobs.extend(attached.blobs.iter().cloned());
        }
        let mut root_descriptor = None;
        for (digest, (media_type, size)) in documents {
            if digest == root || !(alone || left_out(&digest)) {
                self.blobs.insert(digest.clone(), size);
            }
            if digest == root {
                root_descriptor = Some(Descriptor::new(media_type, digest, size));
            }
        }
        let Some(target) = root_descriptor else {
            return Err(store::Error::BlobMissing { digest: root }.into());
        };
        self.images.push(SavedImage {
            id: shown.manifest.config.digest.clone(),
            target: target.digest.clone(),
            names: names.clone(),
        });
        self.saved.push(archive::SavedImage {
            target,
            names,
            label: None,
            shown: shown.manifest.is_image().then(|| archive::SavedManifest {
                config: shown.manifest.config.digest.clone(),
                layers: shown
                    .manifest
                    .layers
                    .iter()
                    .map(|layer| layer.digest.clone())
                    .collect(),
            }),
        });
        Ok(())
    }
}

fn platforms(found: &[Found]) -> impl Iterator<Item = Option<&Platform>> {
    found.iter().map(|found| found.platform.as_ref())
}

/// Chooses the manifests of the wanted platforms, the one to show first. Without a wish that is only the one to show.
fn choose<'a>(found: &'a [Found], wanted: &[Platform], host: &Platform) -> Vec<&'a Found> {
    if wanted.is_empty() {
        // Nothing for this computer is no reason not to save the image.
        let position = host.choose(platforms(found)).unwrap_or_default();
        return found.get(position).into_iter().collect();
    }
    let mut chosen: Vec<&Found> = Vec::new();
    for wanted in wanted {
        let fits = |found: &&Found| {
            let there = found.platform.as_ref();
            there.is_none_or(|there| wanted.rank(there).is_some())
        };
        let position = wanted.choose(platforms(found));
        let manifest = position
            .and_then(|position| found.get(position))
            .filter(fits);
        if let Some(manifest) =
            manifest.filter(|new| chosen.iter().all(|had| had.digest != new.digest))
        {
            chosen.push(manifest);
        }
    }
    let shown = host.choose(chosen.iter().map(|found| found.platform.as_ref()));
    if let Some(shown) = shown {
        chosen[..=shown].rotate_right(1);
    }
    chosen
}

impl Below {
    /// Reads a document and what is below it. Manifests that are not here whole are passed over.
    fn descend(
        &mut self,
        store: &Store,
        digest: &Digest,
        platform: Option<&Platform>,
        depth: usize,
    ) -> Result<(), Error> {
        if depth > MAX_INDEX_DEPTH || self.documents.contains_key(digest) {
            return Ok(());
        }
        let (document, size) = read(store, digest)?;
        let entry = (document.media_type().clone(), size);
        match document {
            Document::Index(index) => {
                self.documents.insert(digest.clone(), entry);
                for child in &index.manifests {
                    if !store.contains(&child.digest)? {
                        continue;
                    }
                    if child.is_attestation() {
                        self.attach(store, child)?;
                    } else {
                        let platform = child.platform.as_ref().or(platform);
                        self.descend(store, &child.digest, platform, depth + 1)?;
                    }
                }
            }
            Document::Manifest(manifest) => {
                if !is_whole(store, &manifest)? && depth > 0 {
                    return Ok(());
                }
                self.documents.insert(digest.clone(), entry);
                let told = platform_of(store, &manifest)?;
                self.found.push(Found {
                    digest: digest.clone(),
                    manifest,
                    platform: told.or_else(|| platform.cloned()),
                });
            }
        }
        Ok(())
    }

    /// Takes an attestation along, where it is here whole.
    fn attach(&mut self, store: &Store, entry: &Descriptor) -> Result<(), Error> {
        let (document, size) = read(store, &entry.digest)?;
        let Document::Manifest(manifest) = document else {
            return Ok(());
        };
        if !is_whole(store, &manifest)? {
            return Ok(());
        }
        let parts = std::iter::once(&manifest.config).chain(&manifest.layers);
        let parts = parts.map(|part| (part.digest.clone(), part.size));
        self.attached.push(Attached {
            subject: entry.attested(),
            blobs: std::iter::once((entry.digest.clone(), size))
                .chain(parts)
                .collect(),
        });
        Ok(())
    }
}

fn read(store: &Store, digest: &Digest) -> Result<(Document, u64), Error> {
    let bytes = store.read_document(digest, MAX_MANIFEST_SIZE)?;
    let document = Document::parse(&bytes, None).map_err(|source| Error::Document {
        digest: digest.clone(),
        source,
    })?;
    Ok((document, bytes.len() as u64))
}

fn is_whole(store: &Store, manifest: &Manifest) -> Result<bool, Error> {
    let parts: Vec<Digest> = std::iter::once(&manifest.config)
        .chain(&manifest.layers)
        .map(|part| part.digest.clone())
        .collect();
    let states = store.blob_states(&parts)?;
    Ok(states
        .iter()
        .all(|state| matches!(state, BlobState::Present { .. })))
}

/// Reads the platform that the config tells, where it tells one; an artifact has none.
fn platform_of(store: &Store, manifest: &Manifest) -> Result<Option<Platform>, Error> {
    if !manifest.is_image() {
        return Ok(None);
    }
    let digest = &manifest.config.digest;
    let bytes = store.read_document(digest, crate::pull::MAX_CONFIG_SIZE)?;
    let config = ImageConfig::parse(&bytes).map_err(|source| store::Error::Config {
        digest: digest.clone(),
        source,
    })?;
    Ok(Some(config.platform()).filter(|told| !told.os.is_empty()))
}
