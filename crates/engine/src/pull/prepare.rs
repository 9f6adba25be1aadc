//! The first half of a pull: what the image is, and what of it is missing.

use oci::{
    Digest, Document, ImageConfig, ImageName, Index, MAX_INDEX_DEPTH, Manifest, Platform, Reference,
};
use registry::{Observer, Repository};

use super::{OfferedPlatform, PlannedBlob, PullRequest};
use crate::{Engine, Error};

/// The largest config that is read: the limit of the JSON in archives.
pub(crate) const MAX_CONFIG_SIZE: u64 = 20 * 1024 * 1024;

/// What a pull is about, all of it verified.
pub(super) struct Prepared {
    pub(super) reference: Reference,
    /// The name that the image gets; `None` where it is only on its way to another place.
    pub(super) name: Option<ImageName>,
    pub(super) target: Digest,
    pub(super) manifest: Digest,
    pub(super) id: Digest,
    pub(super) platform: Option<Platform>,
    pub(super) foreign: bool,
    pub(super) offered: Vec<OfferedPlatform>,
    /// Indexes, manifest and config, byte for byte, in the order in which they are to be stored.
    pub(super) documents: Vec<(Digest, Vec<u8>)>,
    /// Config first, then the distinct layers, base first.
    pub(super) blobs: Vec<PlannedBlob>,
}

impl Engine {
    /// Resolves a request down to the layers. Nothing is stored.
    pub(super) async fn prepare(
        &self,
        request: &PullRequest,
        observer: &dyn Observer,
    ) -> Result<Prepared, Error> {
        let reference = request.reference.clone().with_default_tag();
        let repository = Repository::of(&reference);
        let wanted = request
            .platform
            .clone()
            .unwrap_or_else(|| self.shared.settings.host_platform.clone());
        let root = self.shared.registry.resolve(&reference, observer).await?;
        let target = root.digest.clone();
        let mut documents = vec![(target.clone(), root.bytes.to_vec())];
        let mut offered = Vec::new();
        let (mut document, mut manifest_digest) = (root.document, target.clone());
        let mut depth = 0;
        let manifest: Manifest = loop {
            let index = match document {
                Document::Manifest(manifest) => break manifest,
                Document::Index(index) => index,
            };
            depth += 1;
            if depth > MAX_INDEX_DEPTH {
                return Err(Error::IndexTooDeep {
                    reference: reference.to_string(),
                });
            }
            let chosen = choose(&index, &wanted, &reference)?;
            if offered.is_empty() {
                offered = platforms(&index, chosen);
            }
            let descriptor = &index.manifests[chosen];
            let next = self.document(&repository, descriptor, observer).await?;
            manifest_digest = descriptor.digest.clone();
            document = next.0;
            documents.push((manifest_digest.clone(), next.1));
        };
        let config = if manifest.is_image() {
            let bytes = self.config_bytes(&repository, &manifest, observer).await?;
            let parsed = ImageConfig::parse(&bytes).map_err(|source| Error::Config {
                reference: reference.to_string(),
                digest: manifest.config.digest.clone(),
                source,
            })?;
            let (layers, diff_ids) = (manifest.layers.len(), parsed.rootfs.diff_ids.len());
            if layers != diff_ids {
                return Err(Error::LayerCount {
                    reference: reference.to_string(),
                    layers,
                    diff_ids,
                });
            }
            documents.push((manifest.config.digest.clone(), bytes));
            Some(parsed)
        } else {
            None
        };
        let platform = config
            .as_ref()
            .map(ImageConfig::platform)
            .filter(|platform| !platform.os.is_empty());
        if let (Some(asked), Some(found)) = (&request.platform, &platform)
            && asked.rank(found).is_none()
        {
            return Err(Error::PlatformNotFound {
                reference: reference.to_string(),
                wanted: Box::new(asked.clone()),
                offered: vec![found.clone()],
            });
        }
        let host = &self.shared.settings.host_platform;
        let foreign = platform
            .as_ref()
            .is_some_and(|platform| host.rank(platform).is_none());
        let blobs = self.plan_blobs(&manifest, config.as_ref()).await?;
        Ok(Prepared {
            name: Some(ImageName::of(&reference)),
            reference,
            target,
            manifest: manifest_digest,
            id: manifest.config.digest.clone(),
            platform,
            foreign,
            offered,
            documents,
            blobs,
        })
    }

    /// Takes a manifest or index from the store where it is, else from the registry.
    async fn document(
        &self,
        repository: &Repository,
        descriptor: &oci::Descriptor,
        observer: &dyn Observer,
    ) -> Result<(Document, Vec<u8>), Error> {
        let digest = descriptor.digest.clone();
        let here = self
            .with_store(move |store| Ok(store.read_document(&digest, oci::MAX_MANIFEST_SIZE).ok()))
            .await?;
        if let Some(bytes) = here
            && let Ok(document) = Document::parse(&bytes, Some(descriptor.media_type.as_str()))
        {
            return Ok((document, bytes));
        }
        let resolved = self
            .shared
            .registry
            .manifest(repository, descriptor, observer)
            .await?;
        Ok((resolved.document, resolved.bytes.to_vec()))
    }

    async fn config_bytes(
        &self,
        repository: &Repository,
        manifest: &Manifest,
        observer: &dyn Observer,
    ) -> Result<Vec<u8>, Error> {
        let digest = manifest.config.digest.clone();
        let here = self
            .with_store(move |store| Ok(store.read_document(&digest, MAX_CONFIG_SIZE).ok()))
            .await?;
        match here {
            Some(bytes) => Ok(bytes),
            None => Ok(self
                .shared
                .registry
                .read_blob(repository, &manifest.config, MAX_CONFIG_SIZE, observer)
                .await?
                .to_vec()),
        }
    }

    /// Lists the distinct blobs, with what of each is here. A layer counts as here only when its files are indexed too.
    async fn plan_blobs(
        &self,
        manifest: &Manifest,
        config: Option<&ImageConfig>,
    ) -> Result<Vec<PlannedBlob>, Error> {
        let mut blobs: Vec<PlannedBlob> = Vec::with_capacity(manifest.layers.len() + 1);
        let parts = std::iter::once((&manifest.config, None)).chain(
            manifest.layers.iter().enumerate().map(|(position, layer)| {
                let diff_id = config.and_then(|config| config.rootfs.diff_ids.get(position));
                (layer, diff_id)
            }),
        );
        for (part, diff_id) in parts {
            if blobs.iter().any(|blob| blob.digest == part.digest) {
                continue;
            }
            blobs.push(PlannedBlob {
                digest: part.digest.clone(),
                size: part.size,
                media_type: part.media_type.clone(),
                present: false,
                partial: 0,
                diff_id: diff_id.cloned(),
            });
        }
        self.with_store(move |store| {
            let digests: Vec<Digest> = blobs.iter().map(|blob| blob.digest.clone()).collect();
            for (blob, state) in blobs.iter_mut().zip(store.blob_states(&digests)?) {
                match state {
                    store::BlobState::Present { size } => blob.present = size == blob.size,
                    store::BlobState::Partial { bytes } => blob.partial = bytes.min(blob.size),
                    store::BlobState::Absent => {}
                }
            }
            Ok(blobs)
        })
        .await
    }

    /// Tells whether a pull would change nothing: the name points there, of an index this platform is the one that is shown, the documents
    /// are what they should be, and the layers are all there and indexed.
    pub(super) async fn is_up_to_date(&self, prepared: &Prepared) -> Result<bool, Error> {
        let all_here = prepared.blobs.iter().all(|blob| blob.present);
        let (name, target, manifest) = (
            prepared.name.clone(),
            prepared.target.clone(),
            prepared.manifest.clone(),
        );
        let documents: Vec<Digest> = prepared
            .documents
            .iter()
            .map(|(digest, _)| digest.clone())
            .collect();
        let layers: Vec<Digest> = prepared
            .blobs
            .iter()
            .filter(|blob| blob.diff_id.is_some())
            .map(|blob| blob.digest.clone())
            .collect();
        self.with_store(move |store| {
            // They are small, and a pull is what mends them: so they are read, not only looked for. One that is damaged counts as absent
            // from then on, and is stored anew.
            let mut whole = all_here;
            for document in &documents {
                whole &= lost(store.read_document(document, MAX_CONFIG_SIZE))?.is_some();
            }
            if !whole {
                return Ok(false);
            }
            let named = match &name {
                Some(name) => super::holder(store, name)?.as_ref() == Some(&target),
                None => !store.images_of(std::slice::from_ref(&target))?.is_empty(),
            };
            if !named {
                return Ok(false);
            }
            for layer in &layers {
                if store.layer(layer)?.is_none() {
                    return Ok(false);
                }
            }
            // Another platform of the same index may be what is here, or what was asked for last and is shown.
            let known = lost(store.image(&target))?;
            Ok(known.is_some_and(|image| image.manifest == manifest))
        })
        .await
    }
}

/// Returns `None` for what was lost or damaged in the store.
fn lost<T>(found: Result<T, store::Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(store::Error::BlobDamaged { .. } | store::Error::BlobMissing { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

fn choose(index: &Index, wanted: &Platform, reference: &Reference) -> Result<usize, Error> {
    let images: Vec<usize> = (0..index.manifests.len())
        .filter(|position| !index.manifests[*position].is_attestation())
        .collect();
    let candidates = images
        .iter()
        .map(|position| index.manifests[*position].platform.as_ref());
    wanted
        .choose(candidates)
        .map(|position| images[position])
        .ok_or_else(|| {
            let mut offered: Vec<Platform> = images
                .iter()
                .filter_map(|position| index.manifests[*position].platform.clone())
                .collect();
            offered.dedup();
            Error::PlatformNotFound {
                reference: reference.to_string(),
                wanted: Box::new(wanted.clone()),
                offered,
            }
        })
}

fn platforms(index: &Index, chosen: usize) -> Vec<OfferedPlatform> {
    let entries = index
        .manifests
        .iter()
        .enumerate()
        .filter(|(_, entry)| !entry.is_attestation());
    entries
        .map(|(position, entry)| OfferedPlatform {
            platform: entry.platform.clone(),
            digest: entry.digest.clone(),
            chosen: position == chosen,
        })
        .collect()
}
