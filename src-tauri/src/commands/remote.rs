//! An image of a registry, looked at before any pull.

use engine::{ImageName as Name, NoProgress, Reading, Referrer as Found, ReferrerKind as Kind};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use super::image::{HistoryRow, ImageConfig, ImageDocument, IndexPlatform, KeyValue, LayerRow};
use super::images::{ImageName, ImageRow, LayerStripe};
use super::pull::{self, PlannedBlob};
use crate::looks::Looked;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// Everything that a registry tells about an image without its layers.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RemoteImage {
    /// Names it to the other commands about it.
    pub id: String,
    /// What was asked for, as people write it.
    pub reference: String,
    /// Its repository, as people write it.
    pub repository: String,
    /// Exactly this image for this platform, by digest, whatever becomes of the tag: `host/repository@sha256:…`.
    pub pinned: String,
    /// As the row of an image here; its sizes are those of the compressed blobs.
    pub row: ImageRow,
    /// The digest of its manifest.
    pub manifest_digest: String,
    /// The digest that the reference names: of the index, or of the manifest where there is none.
    pub target_digest: String,
    /// The digest of its config, which is the image ID.
    pub config_digest: String,
    /// The platforms of the index, attestations left out; empty where there is no index.
    pub index_platforms: Vec<IndexPlatform>,
    /// Its settings; all empty for an artifact.
    pub config: ImageConfig,
    /// Its history, newest first; sizes are those of the compressed layers.
    pub history: Vec<HistoryRow>,
    /// Its layers, base first.
    pub layers: Vec<LayerRow>,
    /// The distinct blobs, config first, then the layers, base first, with what of each is here.
    pub blobs: Vec<PlannedBlob>,
    /// Bytes that a pull would fetch.
    pub download_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// Whether a pull would change nothing.
    pub up_to_date: bool,
    /// The command line that pulls it.
    pub command_line: String,
}

/// Something that refers to an image of a registry. Nothing of it was verified.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Its manifest.
    pub digest: String,
    /// Bytes of that manifest.
    pub size: u64,
    /// What it is.
    pub kind: ReferrerKind,
    /// The artifact type, or what it states, in its own words.
    pub artifact_type: Option<String>,
    /// Its notes.
    pub annotations: Vec<KeyValue>,
}

/// What refers to an image.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ReferrerKind {
    /// Somebody's signature.
    Signature,
    /// A list of what the image is made of.
    Sbom,
    /// A statement about the image, such as how it was built.
    Attestation,
    /// Anything else.
    Other,
}

/// Looks at an image of a registry. Only manifests and the config are asked for. `cancel` with the same operation stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn look_at_remote(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    reference: String,
    platform: Option<String>,
) -> Result<RemoteImage, Failure> {
    let keeping = session.inner().clone();
    session
        .with(|engine| async move {
            let request = pull::request(&reference, platform.as_deref())?;
            let look = Box::pin(engine.look_at_remote(&request, &NoProgress));
            let detail = operations.run(&operation, look).await?;
            let (id, looked) = keeping.looks().keep(Looked { engine, detail });
            Ok(RemoteImage::new(id, &looked.detail, platform.as_deref()))
        })
        .await
}

/// Reads the documents of an image that was looked at: the index where there is one, the manifest, the config.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remote_documents(
    session: State<'_, Session>,
    image: String,
) -> Result<Vec<ImageDocument>, Failure> {
    let looked = session.looks().get(&image)?;
    let documents = looked.detail.documents.iter().cloned();
    Ok(documents.map(ImageDocument::from).collect())
}

/// Lists the signatures, SBOMs, attestations and whatever else refers to an image that was looked at.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remote_referrers(
    session: State<'_, Session>,
    image: String,
) -> Result<Vec<Referrer>, Failure> {
    let looked = session.looks().get(&image)?;
    crate::error::caught(async {
        let found = Box::pin(looked.engine.said_about(&looked.detail)).await?;
        Ok(found.into_iter().map(Referrer::from).collect())
    })
    .await
}

/// Reads one layer of an image that was looked at, counted from 1, so that its files can be listed.
///
/// It streams by and nothing of it is stored; with `content` it lies in a file of the store's folder, which belongs to nothing and
/// goes with the window, so that its files can be read. `cancel` with the same operation stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn read_remote_layer(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    image: String,
    layer: u32,
    content: bool,
    on_event: Channel<PullEvent>,
) -> Result<(), Failure> {
    let looked = session.looks().get(&image)?;
    let reading = match content {
        true => Reading::Content,
        false => Reading::Names,
    };
    crate::error::caught(async {
        let sink = ChannelSink::new(on_event);
        let read = looked
            .detail
            .image
            .layer_files(layer as usize, reading, &sink);
        let read = operations.run(&operation, Box::pin(sink.tell(read)));
        session.looks().keep_layer(&image, layer, read.await?);
        Ok(())
    })
    .await
}

impl RemoteImage {
    fn new(id: String, detail: &engine::RemoteDetail, platform: Option<&str>) -> RemoteImage {
        let engine::RemoteDetail {
            image,
            reference,
            target,
            manifest,
            foreign,
            offered,
            history,
            documents: _,
            blobs,
            download_bytes,
            total_bytes,
            up_to_date,
        } = detail;
        let familiar = reference.familiar();
        let config = ImageConfig::from(image.config.clone());
        let row = ImageRow {
            target: target.to_string(),
            id: image.id.to_string(),
            names: vec![ImageName::from(&Name::of(reference))],
            size: *total_bytes,
            download_size: *total_bytes,
            unique_size: *download_bytes,
            shared_size: total_bytes - download_bytes,
            created: config.created.clone(),
            platform: image
                .platform
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            foreign: *foreign,
            dangling: false,
            damaged: false,
            runnable: image.platform.is_some(),
            in_use: Vec::new(),
            layers: image
                .layers
                .iter()
                .map(|layer| LayerStripe {
                    diff_id: layer.diff_id.to_string(),
                    size: layer.size,
                })
                .collect(),
        };
        RemoteImage {
            id,
            repository: reference.familiar_name(),
            pinned: reference
                .without_tag()
                .with_digest(manifest.clone())
                .familiar(),
            command_line: match platform {
                Some(platform) => format!("strata pull --platform {platform} {familiar}"),
                None => format!("strata pull {familiar}"),
            },
            reference: familiar,
            row,
            manifest_digest: manifest.to_string(),
            target_digest: target.to_string(),
            config_digest: image.id.to_string(),
            index_platforms: offered
                .iter()
                .map(|offered| IndexPlatform {
                    platform: offered.platform.as_ref().map(ToString::to_string),
                    digest: offered.digest.to_string(),
                    present: false,
                    attestation: false,
                })
                .collect(),
            config,
            history: history.iter().cloned().map(HistoryRow::from).collect(),
            blobs: blobs.iter().cloned().map(PlannedBlob::from).collect(),
            layers: image.layers.iter().cloned().map(LayerRow::from).collect(),
            download_bytes: *download_bytes,
            total_bytes: *total_bytes,
            up_to_date: *up_to_date,
        }
    }
}

impl From<Found> for Referrer {
    fn from(referrer: Found) -> Referrer {
        let Found {
            digest,
            size,
            kind,
            artifact_type,
            annotations,
        } = referrer;
        Referrer {
            digest: digest.to_string(),
            size,
            kind: match kind {
                Kind::Signature => ReferrerKind::Signature,
                Kind::Sbom => ReferrerKind::Sbom,
                Kind::Attestation => ReferrerKind::Attestation,
                Kind::Other => ReferrerKind::Other,
            },
            artifact_type,
            annotations: annotations.into_iter().map(KeyValue::from).collect(),
        }
    }
}
