//! Making loaded images visible: verified against their configs, all of them and all their names at once.

use archive::{ArchivedManifest, Contents};
use oci::{Digest, ImageName, MediaType};
use serde_json::json;
use store::{NewImage, Store};

use super::bring::{Brought, Parts};
use super::select::Selected;
use super::{Loaded, LoadedImage, Work};
use crate::{Engine, Error, IncompleteImage, MovePolicy, TagMove, pipeline};

/// An image that is ready to be recorded.
struct Ready {
    target: Digest,
    manifests: Vec<Digest>,
    names: Vec<ImageName>,
    loaded: LoadedImage,
}

impl Engine {
    /// Verifies that the layers are the ones that the configs name, stores the documents and records everything.
    pub(super) async fn record_loaded(
        &self,
        work: &Work,
        selected: Vec<Selected>,
        contents: &Contents,
        parts: Parts,
    ) -> Result<Loaded, Error> {
        let incomplete: Vec<IncompleteImage> = contents
            .incomplete
            .iter()
            .map(IncompleteImage::from)
            .collect();
        let (mut fetched_bytes, mut reused_bytes) = (0, 0);
        for part in parts.values() {
            if part.reused {
                reused_bytes += part.size;
            } else {
                fetched_bytes += part.size;
            }
        }
        let (lease, place, now) = (work.lease.clone(), work.place.clone(), self.now());
        let move_policy = match work.move_policy {
            MovePolicy::Move => store::MovePolicy::Move,
            MovePolicy::Keep => store::MovePolicy::Refuse,
        };
        self.with_store(move |store| {
            let mut ready = Vec::with_capacity(selected.len());
            for image in selected {
                ready.push(prepare(store, &lease, &place, image, &parts)?);
            }
            let images: Vec<NewImage<'_>> = ready
                .iter()
                .map(|image| NewImage {
                    target: &image.target,
                    manifests: &image.manifests,
                    names: &image.names,
                    repo_digest: None,
                    operation: "load",
                    move_policy,
                    now,
                })
                .collect();
            let moved = store
                .record_images(&lease, &images)?
                .into_iter()
                .flat_map(|recorded| recorded.moved)
                .map(TagMove::from)
                .collect();
            Ok(Loaded {
                images: ready.into_iter().map(|image| image.loaded).collect(),
                moved,
                incomplete,
                fetched_bytes,
                reused_bytes,
            })
        })
        .await
    }
}

fn prepare(
    store: &Store,
    lease: &store::Lease,
    place: &str,
    selected: Selected,
    parts: &Parts,
) -> Result<Ready, Error> {
    let plan = selected.plan(store)?;
    let loaded = |target: &Digest, selected: &Selected| LoadedImage {
        id: plan.id.clone(),
        target: target.clone(),
        names: selected.names.clone(),
        label: selected.image.label.clone(),
        platforms: selected
            .manifests()
            .iter()
            .filter_map(|manifest| manifest.platform.clone())
            .collect(),
    };
    if selected.image.target.is_none()
        && let Some(target) = selected.found(store)?
    {
        // The very image is here, under a manifest that came with it; a name that names it already stays.
        let detail = store.image(&target)?;
        let names = plan
            .names
            .iter()
            .filter(|name| !name.same)
            .map(|name| name.name.clone())
            .collect();
        return Ok(Ready {
            loaded: loaded(&target, &selected),
            manifests: vec![detail.manifest],
            target,
            names,
        });
    }
    let attested = selected.image.attestations.iter();
    let attested = attested.flat_map(|attestation| &attestation.documents);
    for (digest, bytes) in selected.image.documents.iter().chain(attested) {
        store.put_verified(lease, digest, bytes)?;
    }
    let mut manifests = Vec::with_capacity(selected.manifests().len());
    for manifest in selected.manifests() {
        let layers = verified(store, place, manifest, parts)?;
        manifests.push(match &manifest.digest {
            Some(digest) => digest.clone(),
            None => {
                let bytes = made_manifest(store, manifest, &layers)?;
                store.put_document(lease, &bytes)?
            }
        });
    }
    let target = match (&selected.image.target, manifests.first()) {
        (Some(target), _) => target.clone(),
        (None, Some(made)) => made.clone(),
        (None, None) => {
            return Err(Error::Internal(
                "an image without a platform was selected".into(),
            ));
        }
    };
    Ok(Ready {
        loaded: loaded(&target, &selected),
        names: selected.names,
        manifests,
        target,
    })
}

/// Compares every layer with what the image says of it.
fn verified<'a>(
    store: &Store,
    place: &str,
    manifest: &ArchivedManifest,
    parts: &'a Parts,
) -> Result<Vec<&'a Brought>, Error> {
    let fail = crate::probe::failed(place.to_owned());
    let mut layers = Vec::with_capacity(manifest.layers.len());
    for layer in &manifest.layers {
        // A stream takes what has a layer's name; one that has none was passed over.
        let brought = parts.get(&layer.member).ok_or_else(|| {
            fail(archive::Error::Missing {
                member: layer.member.clone(),
                wanted_by: "the image".into(),
            })
        })?;
        if let Some(expected) = &layer.diff_id {
            match (&brought.diff_id, &brought.broken) {
                (Some(found), _) => {
                    // What came by before anybody knew the image was hashed as nearly all are.
                    let compared = match found.algorithm() == expected.algorithm() {
                        true => pipeline::verify(&brought.digest, expected, found),
                        false => pipeline::index_stored(store, &brought.digest, Some(expected)),
                    };
                    compared.map_err(|error| match error {
                        Error::DiffId {
                            expected, found, ..
                        } if layer.digest.is_none() => fail(archive::Error::DigestMismatch {
                            member: layer.member.clone(),
                            expected,
                            found,
                        }),
                        other => other,
                    })?;
                }
                (None, Some(broken)) => {
                    return Err(Error::BrokenMember {
                        place: place.to_owned(),
                        member: layer.member.clone(),
                        source: broken.clone(),
                    });
                }
                (None, None) => {}
            }
        }
        layers.push(brought);
    }
    Ok(layers)
}

/// Makes the manifest that a docker-archive has not, the same bytes every time.
///
/// OCI's types, whatever the config holds: every tool reads them from the store's folder, and the image ID is the config's.
fn made_manifest(
    store: &Store,
    manifest: &ArchivedManifest,
    layers: &[&Brought],
) -> Result<Vec<u8>, Error> {
    let config = store.read_document(&manifest.config, crate::pull::MAX_CONFIG_SIZE)?;
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            let media_type = match layer.compression {
                layer::Compression::None => MediaType::OciLayer,
                layer::Compression::Gzip => MediaType::OciLayerGzip,
                layer::Compression::Zstd => MediaType::OciLayerZstd,
            };
            json!({
                "mediaType": media_type.as_str(),
                "digest": layer.digest.as_str(),
                "size": layer.size,
            })
        })
        .collect();
    let document = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OciManifest.as_str(),
        "config": {
            "mediaType": MediaType::OciConfig.as_str(),
            "digest": manifest.config.as_str(),
            "size": config.len(),
        },
        "layers": layers,
    });
    Ok(document.to_string().into_bytes())
}
