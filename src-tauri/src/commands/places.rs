//! Other engines: Docker and Podman where they run, and their images.

use engine::places::Kind;
use engine::{EnginePlace, ImageName as Name, PlaceInfo, Selector};
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::image::{HistoryRow, ImageConfig};
use super::images::{ImageName, ImagePage, ImageQuery, ImageRow, LayerStripe};
use super::tags::{self, TagMove, TagPlan};
use crate::{Failure, Session};

/// An engine that the user has, whether it answers or not.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Names it to every command about it.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What its context says of itself.
    pub description: Option<String>,
    /// Where it is; `null` where that cannot be known.
    pub address: Option<String>,
    /// Whether it is on another computer.
    pub remote: bool,
    /// Whether what is said to it travels unencrypted over a network.
    pub in_the_clear: bool,
    /// Whether it is the one that `docker` would use.
    pub current: bool,
}

/// An engine that answered.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceState {
    /// Whose it is: `Docker` or `Podman`.
    pub kind: String,
    /// Its version.
    pub version: String,
    /// Where it is.
    pub address: String,
    /// How many images it has, intermediate ones left out.
    pub images: u32,
}

/// Everything that an engine tells about an image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceImage {
    /// What the list shows of it.
    pub row: ImageRow,
    /// `host/repository@digest` for every repository that it came from.
    pub repo_digests: Vec<String>,
    /// Its settings.
    pub config: ImageConfig,
    /// Its history, newest first.
    pub history: Vec<HistoryRow>,
    /// What the engine's own inspect says, as indented JSON.
    pub inspect: String,
}

/// Lists the engines that the user has. Nothing is connected to.
#[tauri::command]
#[specta::specta]
pub(crate) async fn places(session: State<'_, Session>) -> Result<Vec<Place>, Failure> {
    let keeping = session.inner().clone();
    session
        .with(|engine| async move {
            let places = engine.places().await?;
            // A context may lead somewhere else by now; a place that is only an address is in no list.
            keeping.keep_places_at(|id, address| {
                let mut known = places.iter().filter(|place| place.id == id);
                known
                    .next()
                    .is_none_or(|place| place.address.as_deref() == Some(address))
            });
            Ok(places.into_iter().map(Place::from).collect())
        })
        .await
}

/// Connects to an engine and asks who it is; its errors say why it cannot be used.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_state(
    session: State<'_, Session>,
    place: String,
) -> Result<PlaceState, Failure> {
    let asked = session.inner().clone();
    session
        .with(|engine| async move {
            let connected = Box::pin(engine.place(Some(&place))).await?;
            asked.keep_place(&place, connected.clone());
            let images = connected.images(&engine::ImageQuery::default()).await?;
            let about = connected.about();
            Ok(PlaceState {
                kind: match about.kind {
                    Kind::Docker => "Docker".into(),
                    Kind::Podman => "Podman".into(),
                },
                version: about.version.clone(),
                address: connected.address().to_owned(),
                images: u32::try_from(images.total_all).unwrap_or(u32::MAX),
            })
        })
        .await
}

/// Lists an engine's images.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_images(
    session: State<'_, Session>,
    place: String,
    query: ImageQuery,
) -> Result<ImagePage, Failure> {
    let session = session.inner();
    at(session, &place, async |place| {
        let found = place.images(&query.parse()?).await?;
        Ok(ImagePage {
            total: found.total as u64,
            total_all: found.total_all as u64,
            // Shared layers are counted once nowhere: an engine's list does not tell which bytes they are.
            total_size: 0,
            rows: found.images.into_iter().map(ImageRow::from).collect(),
        })
    })
    .await
}

/// Finds an image of an engine and tells everything that the engine tells about it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_image(
    session: State<'_, Session>,
    place: String,
    image: String,
) -> Result<PlaceImage, Failure> {
    at(session.inner(), &place, async |place| {
        let selector = Selector::from(&*image);
        let detail = place.image(&selector).await?;
        let inspect = place.inspect(&selector).await?;
        let engine::places::PlaceImageDetail {
            summary,
            config,
            history,
            layers,
        } = detail;
        let repo_digests = summary.repo_digests.iter().map(Name::familiar).collect();
        let mut row = ImageRow::from(summary);
        // The list does not know how large the layers are; here the history tells.
        row.layers = layers
            .into_iter()
            .map(|layer| LayerStripe {
                diff_id: layer.diff_id.to_string(),
                size: layer.size.unwrap_or_default(),
            })
            .collect();
        Ok(PlaceImage {
            row,
            repo_digests,
            config: config.into(),
            history: history.into_iter().map(HistoryRow::from).collect(),
            inspect: format!("{inspect:#}"),
        })
    })
    .await
}

/// Computes what giving an image of an engine one more name would do.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_place_tag(
    session: State<'_, Session>,
    place: String,
    source: String,
    name: String,
) -> Result<TagPlan, Failure> {
    at(session.inner(), &place, async |place| {
        let (image, name) = tags::wanted(&source, &name)?;
        Ok(place.plan_tag(&image, &name).await?.into())
    })
    .await
}

/// Gives an image of an engine one more name. An engine has no undo.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_tag(
    session: State<'_, Session>,
    place: String,
    source: String,
    name: String,
) -> Result<TagMove, Failure> {
    at(session.inner(), &place, async |place| {
        let (image, name) = tags::wanted(&source, &name)?;
        Ok(place.tag(&image, &name).await?.into())
    })
    .await
}

/// Runs a question to an engine over the connection that is kept for it, or a new one.
pub(super) async fn at<T>(
    session: &Session,
    id: &str,
    question: impl AsyncFnOnce(EnginePlace) -> Result<T, Failure>,
) -> Result<T, Failure> {
    session
        .with(|engine| async move {
            let place = match session.place(id) {
                Some(place) => place,
                None => {
                    let place = Box::pin(engine.place(Some(id))).await?;
                    session.keep_place(id, place.clone());
                    place
                }
            };
            Box::pin(question(place)).await
        })
        .await
}

impl From<PlaceInfo> for Place {
    fn from(info: PlaceInfo) -> Place {
        let PlaceInfo {
            id,
            title,
            description,
            address,
            remote,
            in_the_clear,
            current,
            problem: _,
        } = info;
        Place {
            id,
            title,
            description,
            address,
            remote,
            in_the_clear,
            current,
        }
    }
}

impl From<engine::places::PlaceImage> for ImageRow {
    fn from(image: engine::places::PlaceImage) -> ImageRow {
        let engine::places::PlaceImage {
            id,
            names,
            repo_digests: _,
            size,
            unique_size,
            created,
            platform,
            foreign,
            dangling,
            in_use,
            layers,
        } = image;
        ImageRow {
            target: id.to_string(),
            id: id.to_string(),
            names: names.iter().map(ImageName::from).collect(),
            size,
            download_size: 0,
            unique_size: unique_size.unwrap_or_default(),
            shared_size: size.saturating_sub(unique_size.unwrap_or_default()),
            created: created.map(|time| time.to_string()),
            platform: platform
                .map(|platform| platform.to_string())
                .unwrap_or_default(),
            foreign,
            dangling,
            damaged: false,
            runnable: true,
            in_use,
            layers: layers
                .into_iter()
                .map(|layer| LayerStripe {
                    diff_id: layer.diff_id.to_string(),
                    size: layer.size.unwrap_or_default(),
                })
                .collect(),
        }
    }
}
