//! Which images of an archive are meant, and what their names do.

use std::collections::HashSet;

use archive::{ArchivedImage, ArchivedManifest, Contents, Format, Part};
use oci::{Digest, ImageName, Platform, Selector};
use store::Store;

use super::bring::shown;
use super::{PlannedImage, PlannedLayer, PlannedName, Wanted};
use crate::{Error, tag};

/// An image to be loaded.
#[derive(Clone)]
pub(super) struct Selected {
    /// With the platforms that are wanted, the host's first.
    pub(super) image: ArchivedImage,
    /// The names to give it.
    pub(super) names: Vec<ImageName>,
}

/// Chooses images and platforms.
pub(super) fn select(
    contents: &Contents,
    place: &str,
    wanted: &Wanted,
    platform: Option<&Platform>,
    host: &Platform,
) -> Result<Vec<Selected>, Error> {
    if contents.format == Format::RootFilesystem {
        return Err(crate::probe::failed(place.to_owned())(
            archive::Error::RootFilesystem,
        ));
    }
    let mut selected = Vec::new();
    match wanted {
        Wanted::Only(names) => {
            let [only] = contents.images.as_slice() else {
                return Err(match contents.images.len() {
                    0 => Error::NothingWhole {
                        place: place.to_owned(),
                        missing: contents.incomplete.first().map(|it| it.missing.clone()),
                    },
                    count => Error::WhichImage {
                        place: place.to_owned(),
                        count,
                    },
                });
            };
            let names = names.iter().map(tag::given_name);
            selected.push(Selected {
                image: narrowed(only, place, platform, host)?,
                names: names.collect::<Result<_, _>>()?,
            });
        }
        Wanted::All => {
            for image in &contents.images {
                let names = image.names.clone();
                selected.push(Selected {
                    image: narrowed(image, place, platform, host)?,
                    names,
                });
            }
        }
        Wanted::These(chosen) => {
            for wanted in chosen {
                let image = contents
                    .images
                    .iter()
                    .find(|image| {
                        image
                            .manifests
                            .iter()
                            .any(|manifest| manifest.config == wanted.id)
                    })
                    .ok_or_else(|| Error::NotInArchive {
                        place: place.to_owned(),
                        wanted: wanted.id.to_string(),
                    })?;
                let names = match &wanted.names {
                    None => image.names.clone(),
                    Some(names) => names
                        .iter()
                        .map(tag::given_name)
                        .collect::<Result<_, _>>()?,
                };
                selected.push(Selected {
                    image: narrowed(image, place, platform, host)?,
                    names,
                });
            }
        }
    }
    if selected.is_empty()
        && let Some(first) = contents.incomplete.first()
    {
        return Err(Error::NothingWhole {
            place: place.to_owned(),
            missing: Some(first.missing.clone()),
        });
    }
    Ok(selected)
}

/// Keeps the platforms that are wanted, and puts the one first that this computer would run.
fn narrowed(
    image: &ArchivedImage,
    place: &str,
    wanted: Option<&Platform>,
    host: &Platform,
) -> Result<ArchivedImage, Error> {
    let platforms = || {
        image
            .manifests
            .iter()
            .map(|manifest| manifest.platform.as_ref())
    };
    let mut narrowed = image.clone();
    match wanted {
        Some(wanted) => {
            let best = wanted
                .choose(platforms())
                .and_then(|position| image.manifests.get(position))
                // An image that tells no platform fits every wish in an index, but not a wish alone.
                .filter(|best| {
                    best.platform
                        .as_ref()
                        .is_none_or(|platform| wanted.rank(platform).is_some())
                });
            let best = best.ok_or_else(|| Error::PlatformNotFound {
                reference: image
                    .names
                    .first()
                    .map_or_else(|| place.to_owned(), ImageName::familiar),
                wanted: Box::new(wanted.clone()),
                offered: platforms().flatten().cloned().collect(),
            })?;
            narrowed.manifests = vec![best.clone()];
            // The documents of the others would be nobody's.
            let others = image
                .manifests
                .iter()
                .filter(|other| other.config != best.config);
            let left_out: Vec<&Digest> = others
                .flat_map(|other| other.digest.iter().chain([&other.config]))
                .collect();
            narrowed
                .documents
                .retain(|(digest, _)| !left_out.contains(&digest));
            narrowed
                .attestations
                .retain(|attestation| attestation.subject == best.digest);
        }
        None => {
            if let Some(best) = host.choose(platforms())
                && best < narrowed.manifests.len()
            {
                narrowed.manifests[..=best].rotate_right(1);
            }
        }
    }
    Ok(narrowed)
}

impl Selected {
    /// Returns the image ID.
    pub(super) fn id(&self) -> Option<&Digest> {
        self.image.manifests.first().map(|first| &first.config)
    }

    /// Returns all its platforms' layers.
    pub(super) fn manifests(&self) -> &[ArchivedManifest] {
        &self.image.manifests
    }

    /// Says what loading it would do to names.
    pub(super) fn plan(&self, store: &Store) -> Result<PlannedImage, Error> {
        let id = self
            .id()
            .cloned()
            .ok_or_else(|| Error::Internal("an image without a platform was selected".into()))?;
        let mut names = Vec::with_capacity(self.names.len());
        for name in &self.names {
            let holder = match crate::pull::holder(store, name)? {
                Some(holder) => tag::moved_from(store, holder)?,
                None => None,
            };
            let same = holder
                .as_ref()
                .is_some_and(|holder| self.is(&holder.target, &holder.id));
            names.push(PlannedName {
                name: name.clone(),
                from: holder.filter(|_| !same),
                same,
            });
        }
        Ok(PlannedImage {
            present: self.found(store)?.is_some(),
            id,
            target: self.image.target.clone(),
            names,
            size: self
                .manifests()
                .iter()
                .flat_map(|manifest| &manifest.layers)
                .map(|layer| layer.size)
                .sum(),
            layers: self.planned_layers(store)?,
        })
    }

    fn planned_layers(&self, store: &Store) -> Result<Vec<PlannedLayer>, Error> {
        let mut parts: Vec<&Part> = Vec::new();
        let mut known = HashSet::new();
        for (position, manifest) in self.manifests().iter().enumerate() {
            for part in &manifest.layers {
                // A stack may have a layer twice; what the other platforms share with it is told once.
                if known.insert(shown(part)) || position == 0 {
                    parts.push(part);
                }
            }
        }
        let digests: Vec<Digest> = parts.iter().map(|part| shown(part)).collect();
        let states = store.blob_states(&digests)?;
        let planned = parts.into_iter().zip(digests).zip(states);
        Ok(planned
            .map(|((part, digest), state)| PlannedLayer {
                digest,
                diff_id: part.diff_id.clone(),
                size: part.size,
                present: matches!(state, store::BlobState::Present { size } if size == part.size),
            })
            .collect())
    }

    /// Whether an image of the store is this one. A docker-archive has no manifest, so there the ID decides.
    pub(super) fn is(&self, target: &Digest, id: &Digest) -> bool {
        match &self.image.target {
            Some(own) => own == target,
            None => self.id() == Some(id),
        }
    }

    /// Returns what the store has of it already: its target, whole.
    pub(super) fn found(&self, store: &Store) -> Result<Option<Digest>, Error> {
        let Some(wanted) = self.image.target.as_ref().or(self.id()) else {
            return Ok(None);
        };
        let target = match store.resolve(&Selector::digest_of(wanted)) {
            Ok(resolved) => resolved.target,
            Err(store::Error::ImageNotFound { .. }) => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let found = store.images_of(std::slice::from_ref(&target))?.pop();
        Ok(found
            .filter(|image| !image.damaged && self.is(&image.target, &image.id))
            .map(|image| image.target))
    }
}
