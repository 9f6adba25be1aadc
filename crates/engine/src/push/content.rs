//! What belongs to an image that is pushed: the documents, children first, and the blobs.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use oci::{
    Descriptor, Digest, Document, ImageConfig, MAX_INDEX_DEPTH, MAX_MANIFEST_SIZE, Manifest,
    MediaType, Platform, Reference,
};
use registry::Observer;

use super::{BlobThere, LeftOut, Origin, PushBlob, Sheet};
use crate::pull::MAX_CONFIG_SIZE;
use crate::{Engine, Error};

/// Everything that is pushed.
pub(crate) struct Content {
    /// What the tag will name.
    pub(crate) root: Descriptor,
    /// The image ID; of several platforms the first one's.
    pub(crate) id: Digest,
    /// Children before those who name them; the last is the root.
    pub(crate) sheets: Vec<Sheet>,
    /// Layers, base first, then configs; each once. What the registry has of them is not known yet.
    pub(crate) blobs: Vec<PushBlob>,
    pub(crate) platforms: Vec<Platform>,
    pub(crate) left_out: Vec<LeftOut>,
}

/// A manifest below the root.
struct Leaf {
    platform: Option<Platform>,
    is_attestation: bool,
    sheet: Sheet,
    manifest: Manifest,
    config: Option<ImageConfig>,
}

/// What was found below a root.
#[derive(Default)]
struct Walk {
    /// The manifests that are whole.
    leaves: Vec<Leaf>,
    /// The indexes, each after those below it.
    indexes: Vec<Sheet>,
    /// What an index names and the origin has not whole.
    missing: Vec<LeftOut>,
    seen: HashSet<Digest>,
}

impl Engine {
    /// Finds what belongs to an image, and decides what of it is pushed.
    pub(super) async fn content(
        &self,
        origin: &Origin,
        root: &Digest,
        platform: Option<&Platform>,
        destination: &Reference,
        observer: &dyn Observer,
    ) -> Result<Content, Error> {
        let mut walk = Walk::default();
        let asked = Descriptor::new(MediaType::OciIndex, root.clone(), 0);
        let sheet = self.sheet(origin, &asked, true, observer).await?;
        let Some((sheet, document)) = sheet else {
            return Err(store::Error::BlobMissing {
                digest: root.clone(),
            }
            .into());
        };
        let top = sheet.descriptor.clone();
        self.walk(origin, sheet, document, None, 0, &mut walk, observer)
            .await?;
        if let Some(wanted) = platform {
            let position = wanted.choose(walk.leaves.iter().map(|leaf| leaf.platform.as_ref()));
            let fits = |leaf: &&Leaf| {
                leaf.platform
                    .as_ref()
                    .is_some_and(|there| wanted.rank(there).is_some())
            };
            let chosen = position.filter(|at| walk.leaves.get(*at).as_ref().is_some_and(fits));
            return match chosen {
                Some(position) => Ok(Content::of_one(walk.leaves.swap_remove(position))),
                None => Err(Error::PlatformNotFound {
                    reference: root.to_string(),
                    wanted: Box::new(wanted.clone()),
                    offered: walk.platforms(),
                }),
            };
        }
        if walk.missing.is_empty() || self.has_all(destination, &walk.missing, observer).await? {
            return Ok(walk.whole(top));
        }
        let images = walk.leaves.iter().filter(|leaf| !leaf.is_attestation);
        match images.count() {
            1 => {
                let left_out = std::mem::take(&mut walk.missing);
                let position = walk.leaves.iter().position(|leaf| !leaf.is_attestation);
                let leaf = walk.leaves.swap_remove(position.unwrap_or_default());
                Ok(Content {
                    left_out,
                    ..Content::of_one(leaf)
                })
            }
            _ => Err(Error::PartlyHere {
                target: root.clone(),
                here: walk.platforms(),
                missing: walk
                    .missing
                    .into_iter()
                    .filter_map(|missing| missing.platform)
                    .collect(),
            }),
        }
    }

    /// Tells whether the registry has documents that are not here, so that an index that names them can be pushed.
    async fn has_all(
        &self,
        destination: &Reference,
        documents: &[LeftOut],
        observer: &dyn Observer,
    ) -> Result<bool, Error> {
        for LeftOut { digest, .. } in documents {
            let there = destination.without_tag().with_digest(digest.clone());
            match self.shared.registry.named(&there, observer).await {
                Ok(_) => {}
                // Who may not read there may still write: the push itself tells.
                Err(registry::Error::NotFound { .. } | registry::Error::Denied { .. }) => {
                    return Ok(false);
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(true)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a recursion carries its state along"
    )]
    fn walk<'a>(
        &'a self,
        origin: &'a Origin,
        sheet: Sheet,
        document: Document,
        named: Option<&'a Descriptor>,
        depth: usize,
        walk: &'a mut Walk,
        observer: &'a dyn Observer,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let platform = named.and_then(|named| named.platform.clone());
            let digest = sheet.descriptor.digest.clone();
            match document {
                Document::Manifest(manifest) => {
                    if !self.has_parts(origin, &manifest).await? {
                        if named.is_none() {
                            return Err(store::Error::Incomplete {
                                target: digest,
                                missing: Vec::new(),
                            }
                            .into());
                        }
                        walk.missing.push(LeftOut { platform, digest });
                        return Ok(());
                    }
                    let config = self.image_config(origin, &manifest, observer).await?;
                    let told = config.as_ref().map(ImageConfig::platform);
                    walk.leaves.push(Leaf {
                        platform: platform.or(told.filter(|told| !told.os.is_empty())),
                        is_attestation: named.is_some_and(Descriptor::is_attestation),
                        sheet,
                        manifest,
                        config,
                    });
                }
                Document::Index(index) => {
                    if depth >= MAX_INDEX_DEPTH {
                        return Err(Error::IndexTooDeep {
                            reference: digest.to_string(),
                        });
                    }
                    for child in &index.manifests {
                        if !walk.seen.insert(child.digest.clone()) {
                            continue;
                        }
                        match self.sheet(origin, child, false, observer).await? {
                            Some((sheet, document)) => {
                                self.walk(
                                    origin,
                                    sheet,
                                    document,
                                    Some(child),
                                    depth + 1,
                                    walk,
                                    observer,
                                )
                                .await?;
                            }
                            None => walk.missing.push(LeftOut {
                                platform: child
                                    .platform
                                    .clone()
                                    .filter(|_| !child.is_attestation()),
                                digest: child.digest.clone(),
                            }),
                        }
                    }
                    walk.indexes.push(sheet);
                }
            }
            Ok(())
        })
    }

    /// Reads a document, where the origin has it.
    async fn sheet(
        &self,
        origin: &Origin,
        descriptor: &Descriptor,
        is_root: bool,
        observer: &dyn Observer,
    ) -> Result<Option<(Sheet, Document)>, Error> {
        let digest = descriptor.digest.clone();
        let (bytes, document) = match origin {
            Origin::Store => {
                let wanted = digest.clone();
                let bytes = self
                    .with_store(move |store| match store.contains(&wanted)? {
                        true => Ok(Some(store.read_document(&wanted, MAX_MANIFEST_SIZE)?)),
                        false => Ok(None),
                    })
                    .await?;
                let Some(bytes) = bytes else { return Ok(None) };
                let document = Document::parse(&bytes, None).map_err(|source| Error::Document {
                    digest: digest.clone(),
                    source,
                })?;
                (Bytes::from(bytes), document)
            }
            Origin::Registry(repository) => {
                let resolved = match is_root {
                    true => {
                        let named = format!("{repository}@{digest}");
                        let reference = Reference::parse_normalized(&named)?;
                        self.shared.registry.resolve(&reference, observer).await?
                    }
                    false => {
                        self.shared
                            .registry
                            .manifest(repository, descriptor, observer)
                            .await?
                    }
                };
                (resolved.bytes, resolved.document)
            }
        };
        let subject = match &document {
            Document::Manifest(manifest) => manifest.subject.clone(),
            Document::Index(index) => index.subject.clone(),
        };
        let sheet = Sheet {
            descriptor: Descriptor::new(document.media_type().clone(), digest, bytes.len() as u64),
            bytes,
            subject,
        };
        Ok(Some((sheet, document)))
    }

    async fn has_parts(&self, origin: &Origin, manifest: &Manifest) -> Result<bool, Error> {
        if matches!(origin, Origin::Registry(_)) {
            return Ok(true);
        }
        let parts: Vec<Digest> = parts(manifest)
            .filter(|part| !is_foreign(part))
            .map(|part| part.digest.clone())
            .collect();
        self.with_store(move |store| {
            let states = store.blob_states(&parts)?;
            Ok(states
                .iter()
                .all(|state| matches!(state, store::BlobState::Present { .. })))
        })
        .await
    }

    /// Reads the config of an image, for its platform and diff IDs. One that cannot be read is pushed as it is.
    async fn image_config(
        &self,
        origin: &Origin,
        manifest: &Manifest,
        observer: &dyn Observer,
    ) -> Result<Option<ImageConfig>, Error> {
        if !manifest.is_image() || manifest.config.size > MAX_CONFIG_SIZE {
            return Ok(None);
        }
        let bytes = match origin {
            Origin::Store => {
                let digest = manifest.config.digest.clone();
                let read = self.with_store(move |store| {
                    Ok(Bytes::from(store.read_document(&digest, MAX_CONFIG_SIZE)?))
                });
                read.await?
            }
            Origin::Registry(repository) => {
                self.shared
                    .registry
                    .read_blob(repository, &manifest.config, MAX_CONFIG_SIZE, observer)
                    .await?
            }
        };
        Ok(ImageConfig::parse(&bytes).ok())
    }
}

impl Walk {
    fn platforms(&self) -> Vec<Platform> {
        let images = self.leaves.iter().filter(|leaf| !leaf.is_attestation);
        images.filter_map(|leaf| leaf.platform.clone()).collect()
    }

    /// Everything that was found, index and all.
    fn whole(self, root: Descriptor) -> Content {
        let platforms = self.platforms();
        let mut content = Content::of(root, self.leaves);
        content.sheets.extend(self.indexes);
        content.platforms = platforms;
        content
    }
}

impl Content {
    fn of_one(leaf: Leaf) -> Self {
        let platforms = leaf.platform.iter().cloned().collect();
        Self {
            platforms,
            ..Self::of(leaf.sheet.descriptor.clone(), vec![leaf])
        }
    }

    fn of(root: Descriptor, leaves: Vec<Leaf>) -> Self {
        let shown = leaves.iter().find(|leaf| !leaf.is_attestation);
        let id = shown.map_or(&root.digest, |leaf| &leaf.manifest.config.digest);
        let mut content = Self {
            id: id.clone(),
            root,
            sheets: Vec::new(),
            blobs: Vec::new(),
            platforms: Vec::new(),
            left_out: Vec::new(),
        };
        let mut configs = Vec::new();
        let mut seen = HashSet::new();
        for leaf in leaves {
            let diff_ids = leaf.config.map(|config| config.rootfs.diff_ids);
            for (position, layer) in leaf.manifest.layers.iter().enumerate() {
                let diff_id = diff_ids.as_ref().and_then(|ids| ids.get(position).cloned());
                if seen.insert(layer.digest.clone()) {
                    content.blobs.push(blob(layer, diff_id));
                }
            }
            if seen.insert(leaf.manifest.config.digest.clone()) {
                configs.push(blob(&leaf.manifest.config, None));
            }
            content.sheets.push(leaf.sheet);
        }
        content.blobs.extend(configs);
        content
    }
}

fn blob(descriptor: &Descriptor, diff_id: Option<Digest>) -> PushBlob {
    PushBlob {
        digest: descriptor.digest.clone(),
        size: descriptor.size,
        media_type: descriptor.media_type.clone(),
        diff_id,
        there: match is_foreign(descriptor) {
            true => BlobThere::Foreign,
            false => BlobThere::Missing,
        },
    }
}

fn parts(manifest: &Manifest) -> impl Iterator<Item = &Descriptor> {
    std::iter::once(&manifest.config).chain(&manifest.layers)
}

/// Tells whether a layer may not be distributed: its media type says so.
fn is_foreign(descriptor: &Descriptor) -> bool {
    matches!(descriptor.media_type, MediaType::Foreign(_))
}
