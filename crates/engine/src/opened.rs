//! An image of any place, opened for looking at it. Nothing of it is stored.

mod near;

use std::io::Read;
use std::sync::Arc;

use archive::{ArchivedManifest, Part};
use futures_util::{StreamExt, TryStreamExt, stream};
use layer::{FileIndex, Tree};
use oci::{Digest, ImageConfig, MediaType, Platform, Selector, chain_ids, pair_history};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use near::NearBlob;
use near::Watched;

use crate::engine::blocking;
use crate::files::{LayerBlob, broken};
use crate::image::settings;
use crate::load::follow;
use crate::probe::failed;
use crate::pull::{PlannedBlob, RemoteImage, RemoteLayer, scan};
use crate::{
    Analysis, BlobState, Engine, Error, Event, ImageConfigSummary, ImageFiles, LayerRow,
    MovePolicy, Place, Progress, PullRequest, copy,
};

/// An image of any place. Of one that is not in the store, manifest and config were read and verified, of the layers nothing yet.
pub struct OpenedImage {
    engine: Engine,
    /// The image ID.
    pub id: Digest,
    /// What its names name there: an index or a manifest. `None` in a docker-archive, which has neither.
    pub target: Option<Digest>,
    /// Its platform; `None` for an artifact.
    pub platform: Option<Platform>,
    /// Its settings; all empty for an artifact.
    pub config: ImageConfigSummary,
    /// Its layers, base first. Who shares them is known only of an image in the store.
    pub layers: Vec<LayerRow>,
    source: Source,
}

enum Source {
    /// The store has it.
    Stored(Selector),
    /// It is somewhere else.
    Away {
        manifest: Digest,
        layers: Vec<AwayLayer>,
    },
}

/// A layer that is not in the store.
#[derive(Clone)]
enum AwayLayer {
    Remote(RemoteLayer),
    Archived(NearBlob, PlannedBlob),
}

/// What of an image's layers will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Names, sizes and attributes. Layers of a registry stream by, and nothing of them is kept.
    Names,
    /// The content of files, too. Layers of a registry lie in the store's folder while the image is open, and belong to nothing.
    Content,
}

impl Engine {
    /// Opens an image of any place for looking at it. Nothing is stored.
    ///
    /// An archive that is compressed as a whole is decompressed into a file that goes with the result.
    ///
    /// # Errors
    /// For a name `not_found`, `ambiguous_reference`; for a registry as [`Engine::plan_pull`]; for an archive as
    /// [`Engine::probe_archive`], and `usage` where it has several images and the place names none, and for an engine.
    pub async fn open_image(
        &self,
        place: &Place,
        progress: &dyn Progress,
    ) -> Result<OpenedImage, Error> {
        match place {
            Place::Store(selector) => self.open_stored(selector).await,
            Place::Registry(reference) => {
                let request = PullRequest {
                    reference: reference.clone(),
                    platform: None,
                    move_policy: MovePolicy::Keep,
                };
                let image = Box::pin(self.remote(&request, progress)).await?;
                Ok(self.opened_remote(image))
            }
            // What an engine's layers hold is told by its whole export only: that is a copy, and `copy` makes it.
            Place::Daemon { .. } => Err(crate::PlaceError::Opaque {
                kind: "docker-daemon:".into(),
            }
            .into()),
            archive => self.open_archived(archive, progress).await,
        }
    }

    /// Makes an opened image of one of a registry that was looked at.
    pub(crate) fn opened_remote(&self, image: RemoteImage) -> OpenedImage {
        let blobs: Vec<_> = image
            .layers
            .iter()
            .map(|layer| layer.blob.clone())
            .collect();
        OpenedImage {
            engine: self.clone(),
            id: image.id,
            target: Some(image.target),
            platform: image.platform,
            layers: rows(&image.config, &blobs),
            config: settings(image.config),
            source: Source::Away {
                manifest: image.manifest,
                layers: image.layers.into_iter().map(AwayLayer::Remote).collect(),
            },
        }
    }

    async fn open_stored(&self, selector: &Selector) -> Result<OpenedImage, Error> {
        let detail = self.image(selector).await?;
        // By digest: the name may move while the image is looked at.
        let source = Source::Stored(Selector::digest_of(&detail.summary.target));
        Ok(OpenedImage {
            engine: self.clone(),
            id: detail.summary.id,
            target: Some(detail.summary.target),
            platform: detail.summary.platform.map(Arc::unwrap_or_clone),
            config: detail.config,
            layers: detail.layers,
            source,
        })
    }

    async fn open_archived(
        &self,
        place: &Place,
        progress: &dyn Progress,
    ) -> Result<OpenedImage, Error> {
        let (engine, place) = (self.clone(), place.clone());
        let stop = CancellationToken::new();
        let (stopping, _stops_when_dropped) = (stop.clone(), stop.drop_guard());
        let (count, mut counts) = watch::channel(0);
        let length = std::fs::metadata(copy::path(&place))
            .ok()
            .map(|found| found.len());
        let tell = |current| {
            progress.report(Event::Passed {
                current,
                total: length,
            });
        };
        let work = blocking(move || {
            let path = copy::path(&place).to_owned();
            let watched = |source| Watched::new(source, count, stopping);
            let opened = near::open_archive(&engine.shared.store, &path, watched)?;
            let contents = opened.archive.contents();
            if contents.format == archive::Format::RootFilesystem {
                return Err(failed(path.display().to_string())(
                    archive::Error::RootFilesystem,
                ));
            }
            let called: Vec<_> = contents
                .images
                .iter()
                .map(|image| (&*image.names, image.label.as_deref()))
                .collect();
            let missing = contents.incomplete.first().map(|it| it.missing.clone());
            let image = &contents.images[copy::meant(&place, &called, missing)?];
            let platforms = image.manifests.iter().map(|one| one.platform.as_ref());
            let best = engine.shared.settings.host_platform.choose(platforms);
            let manifest = image.manifests.get(best.unwrap_or_default());
            let manifest = manifest.ok_or_else(|| Error::NothingWhole {
                place: place.to_string(),
                missing: None,
            })?;
            let config = config_of(image, manifest);
            let layers: Vec<_> = manifest.layers.iter().filter_map(planned).collect();
            let blobs: Vec<_> = layers.iter().map(|(_, blob)| blob.clone()).collect();
            let near = |part: &Part| NearBlob::Part(opened.clone(), part.clone());
            let away = layers
                .into_iter()
                .map(|(part, blob)| AwayLayer::Archived(near(part), blob));
            Ok(OpenedImage {
                id: manifest.config.clone(),
                target: image.target.clone(),
                platform: manifest.platform.clone(),
                layers: rows(&config, &blobs),
                config: settings(config),
                source: Source::Away {
                    manifest: manifest.digest.clone().unwrap_or(manifest.config.clone()),
                    layers: away.collect(),
                },
                engine,
            })
        });
        let opened = follow(work, &mut counts, &tell).await?;
        let count = *counts.borrow();
        // Of a tar as it is nothing passed by.
        if count > 0 {
            tell(count);
        }
        Ok(opened)
    }
}

impl OpenedImage {
    /// Lists the files of the whole image, reading every layer whose file index is not here.
    ///
    /// # Errors
    /// As [`Engine::files`], and `digest_mismatch` and what a registry can fail with. With [`Reading::Content`] also `read_only`
    /// and `disk_full`, where a registry's layer finds no place.
    pub async fn files(
        &self,
        reading: Reading,
        progress: &dyn Progress,
    ) -> Result<ImageFiles, Error> {
        match &self.source {
            Source::Stored(selector) => self.engine.files(selector).await,
            Source::Away { layers, manifest } => {
                self.files_of(manifest, layers, reading, progress).await
            }
        }
    }

    /// Lists the files of one layer, counted from 1, reading only that one.
    ///
    /// In the result it is the only layer, so that everything in it was added, and what it removes is not to be seen.
    ///
    /// # Errors
    /// `usage`, where there is no such layer, and those of [`OpenedImage::files`].
    pub async fn layer_files(
        &self,
        layer: usize,
        reading: Reading,
        progress: &dyn Progress,
    ) -> Result<ImageFiles, Error> {
        let Source::Away { layers, manifest } = &self.source else {
            return self.files(reading, progress).await;
        };
        let wanted = layer.checked_sub(1).and_then(|at| layers.get(at));
        let wanted = wanted.ok_or(Error::NoSuchLayer {
            layer,
            layers: layers.len(),
        })?;
        let wanted = std::slice::from_ref(wanted);
        self.files_of(manifest, wanted, reading, progress).await
    }

    /// Finds out what of the image's layers is of no use.
    ///
    /// # Errors
    /// As [`OpenedImage::files`].
    pub async fn analyze(&self, progress: &dyn Progress) -> Result<Analysis, Error> {
        match &self.source {
            Source::Stored(selector) => self.engine.analyze(selector).await,
            Source::Away { .. } => {
                let files = self.files(Reading::Names, progress).await?;
                blocking(move || files.analysis()).await
            }
        }
    }

    /// Tells whether the store has the image.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self.source, Source::Stored(_))
    }

    async fn files_of(
        &self,
        manifest: &Digest,
        layers: &[AwayLayer],
        reading: Reading,
        progress: &dyn Progress,
    ) -> Result<ImageFiles, Error> {
        self.announce(layers, reading, progress).await?;
        // Collected, not lazy: a closure in the stream's type would keep the whole future from being `Send`.
        let brings: Vec<_> = layers
            .iter()
            .map(|layer| self.bring_near(layer, reading, progress))
            .collect();
        let parallel = self.engine.shared.settings.parallel_downloads.max(1);
        let blobs: Vec<LayerBlob> = stream::iter(brings)
            .buffered(parallel)
            .try_collect()
            .await?;
        let (store, manifest) = (self.engine.shared.store.clone(), manifest.clone());
        blocking(move || {
            let mut tree = Tree::new();
            for blob in &blobs {
                let index: &[u8] = blob.index.as_deref().unwrap_or_default();
                FileIndex::open(index)
                    .and_then(|index| tree.push(index))
                    .map_err(|source| broken(&blob.digest, source))?;
            }
            Ok(ImageFiles::of(store, manifest, blobs, tree))
        })
        .await
    }

    /// Tells which layers will be streamed or read, so that the bytes that come can be counted against something.
    async fn announce(
        &self,
        layers: &[AwayLayer],
        reading: Reading,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let mut away: Vec<(PlannedBlob, Reading)> = Vec::new();
        for layer in layers {
            let blob = layer.planned();
            if away.iter().all(|(other, _)| other.digest != blob.digest) {
                // The content of an archive's layer is read where it lies: once, for its names.
                let reading = match layer {
                    AwayLayer::Remote(_) => reading,
                    AwayLayer::Archived(..) => Reading::Names,
                };
                away.push((blob.clone(), reading));
            }
        }
        if away.is_empty() {
            return Ok(());
        }
        let states = self
            .engine
            .with_store(move |store| {
                let state = |(blob, reading): (PlannedBlob, Reading)| -> Result<BlobState, Error> {
                    let present = match (reading, &blob.diff_id) {
                        (Reading::Content, _) | (_, None) => store.contains(&blob.digest)?,
                        (Reading::Names, Some(diff_id)) => store.open_index(diff_id)?.is_some(),
                    };
                    Ok(BlobState {
                        digest: blob.digest,
                        size: blob.size,
                        present,
                        partial: 0,
                        diff_id: blob.diff_id,
                    })
                };
                away.into_iter().map(state).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let missing = states.iter().filter(|state| !state.present);
        progress.report(Event::Resolved {
            name: String::new(),
            download_bytes: missing.map(|state| state.size).sum(),
            total_bytes: states.iter().map(|state| state.size).sum(),
            blobs: states,
        });
        Ok(())
    }

    /// Takes a layer's file index from the store, or makes it; and brings the layer's bytes near where they will be read.
    async fn bring_near(
        &self,
        layer: &AwayLayer,
        reading: Reading,
        progress: &dyn Progress,
    ) -> Result<LayerBlob, Error> {
        let planned = layer.planned();
        let mut blob = LayerBlob::stored(planned.digest.clone());
        let wanted = planned.clone();
        let (here, index) = self
            .engine
            .with_store(move |store| {
                let index = wanted
                    .diff_id
                    .as_ref()
                    .map(|diff_id| known_index(store, diff_id));
                Ok((
                    store.contains(&wanted.digest)?,
                    index.transpose()?.flatten(),
                ))
            })
            .await?;
        match layer {
            AwayLayer::Archived(near, _) => blob.near = Some(near.clone()),
            AwayLayer::Remote(remote) if reading == Reading::Content && !here => {
                let scratch = remote.fetch(progress).await?;
                blob.near = Some(NearBlob::Fetched(Arc::new(scratch)));
            }
            AwayLayer::Remote(_) => {}
        }
        let index = match (index, layer, blob.near.clone()) {
            (Some(index), ..) => index,
            (None, AwayLayer::Remote(remote), None) => remote.index(progress).await?,
            (None, _, None) => {
                return Err(Error::LayerNotHere {
                    digest: planned.digest.clone(),
                });
            }
            (None, _, Some(near)) => {
                let (store, planned) = (self.engine.shared.store.clone(), planned.clone());
                let archived = matches!(layer, AwayLayer::Archived(..));
                let stop = CancellationToken::new();
                let _stops_when_dropped = stop.clone().drop_guard();
                let (count, mut counts) = watch::channel(0);
                let digest = planned.digest.clone();
                // What was fetched has been counted as it came.
                let tell = |current| {
                    if archived {
                        let digest = digest.clone();
                        progress.report(Event::Fetched { digest, current });
                    }
                };
                let work = blocking(move || {
                    let source = Watched::new(near.open()?, count, stop);
                    scan(&store, &planned, source)
                });
                let index = follow(work, &mut counts, &tell).await?;
                tell(*counts.borrow());
                index
            }
        };
        blob.index = Some(index.into());
        Ok(blob)
    }
}

impl AwayLayer {
    fn planned(&self) -> &PlannedBlob {
        match self {
            Self::Remote(layer) => &layer.blob,
            Self::Archived(_, blob) => blob,
        }
    }
}

/// Reads a whole file index of the store; one that is damaged is made again from the layer.
fn known_index(store: &store::Store, diff_id: &Digest) -> Result<Option<Vec<u8>>, Error> {
    let Some(mut file) = store.open_index(diff_id)? else {
        return Ok(None);
    };
    let mut index = Vec::new();
    let read = file.read_to_end(&mut index).is_ok();
    Ok(Some(index).filter(|index| read && FileIndex::verify(index.as_slice()).is_ok()))
}

/// Reads the config out of the image's documents, which were verified; an artifact has an empty one.
fn config_of(image: &archive::ArchivedImage, manifest: &ArchivedManifest) -> ImageConfig {
    let documents = image.documents.iter();
    let mut found = documents.filter(|(digest, _)| *digest == manifest.config);
    let parsed = found
        .next()
        .and_then(|(_, bytes)| ImageConfig::parse(bytes).ok());
    parsed.unwrap_or_default()
}

/// Describes a part that is a layer. One whose digest nobody tells is named by its content's.
fn planned(part: &Part) -> Option<(&Part, PlannedBlob)> {
    let diff_id = part.diff_id.clone()?;
    let blob = PlannedBlob {
        digest: part.digest.clone().unwrap_or_else(|| diff_id.clone()),
        size: part.size,
        media_type: part.media_type.clone().unwrap_or(MediaType::OciLayer),
        present: false,
        partial: 0,
        diff_id: Some(diff_id),
    };
    Some((part, blob))
}

fn rows(config: &ImageConfig, blobs: &[PlannedBlob]) -> Vec<LayerRow> {
    let chain = chain_ids(&config.rootfs.diff_ids);
    let history = pair_history(config, blobs.len());
    let rows = blobs.iter().enumerate().map(|(position, blob)| {
        let made = history.iter().find(|entry| entry.layer == Some(position));
        let named = |digest: Option<&Digest>| digest.unwrap_or(&blob.digest).clone();
        LayerRow {
            digest: blob.digest.clone(),
            diff_id: named(blob.diff_id.as_ref()),
            chain_id: named(chain.get(position)),
            media_type: blob.media_type.clone(),
            size: blob.size,
            uncompressed_size: None,
            content_size: None,
            created_by: made.and_then(|entry| entry.record.created_by.clone()),
            shared_with: Vec::new(),
            shared_count: 0,
        }
    });
    rows.collect()
}
