//! Other engines: Docker and Podman where they run, their images and containers.

use engine::places::{Commit, Kind};
use engine::{
    Digest, EnginePlace, ImageName as Name, PlaceInfo, PruneRequest, Reference, Selector,
};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::image::{HistoryRow, ImageConfig};
use super::images::{ImageName, ImagePage, ImageQuery, ImageRow, LayerStripe};
use super::removal::{Blocked, DeletedImage, Plan, Removed, Selection, Untagged};
use super::tags::{self, TagMove, TagPlan};
use crate::plans::KeptPlace;
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

/// A container of an engine.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceContainer {
    /// Its ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image that it was made of, as it was named then.
    pub image: String,
    /// The command, as one line.
    pub command: String,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// Whether it has processes.
    pub running: bool,
    /// Its state in a few words: `Up 3 minutes`.
    pub status: String,
}

/// A path that a container changed.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceChange {
    /// The path.
    pub path: String,
    /// `added`, `changed` or `deleted`.
    pub kind: String,
}

/// What a commit of an engine's container is given.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlaceCommitForm {
    /// The name of the new image; empty for none.
    pub name: String,
    /// What is said about it.
    pub message: String,
    /// Who made it.
    pub author: String,
    /// Dockerfile instructions that change its settings.
    pub changes: Vec<String>,
    /// Whether the container's processes stand still meanwhile.
    pub pause: bool,
}

/// What a removal at an engine would do.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlacePlan {
    /// The same as for an image of this computer.
    pub plan: Plan,
    /// Containers that go too: only Podman takes any, and only by force.
    pub containers: Vec<String>,
    /// Whether the engine tells how many bytes come back.
    pub counts_bytes: bool,
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

/// Computes what removing at an engine would do, by that engine's rules. The plan is kept until it is executed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_place_removal(
    session: State<'_, Session>,
    place: String,
    selections: Vec<Selection>,
    force: bool,
) -> Result<PlacePlan, Failure> {
    let session = session.inner();
    at(session, &place, async |place| {
        let request = Selection::request(selections, force);
        let plan = place.plan_removal(&request).await?;
        Ok(PlacePlan::shown(session, place, plan))
    })
    .await
}

/// Computes what pruning an engine would do: images without a name, or with `all` every image that no container uses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_place_prune(
    session: State<'_, Session>,
    place: String,
    all: bool,
) -> Result<PlacePlan, Failure> {
    let session = session.inner();
    at(session, &place, async |place| {
        let request = PruneRequest {
            all,
            ..PruneRequest::default()
        };
        let plan = place.plan_prune(&request).await?;
        Ok(PlacePlan::shown(session, place, plan))
    })
    .await
}

/// Does exactly what the plan says, or nothing: `plan_stale` when the engine's images have changed since.
#[tauri::command]
#[specta::specta]
pub(crate) async fn execute_place_plan(
    session: State<'_, Session>,
    plan_id: String,
) -> Result<Removed, Failure> {
    crate::error::caught(async {
        let kept = session.place_plans().take(&plan_id)?;
        let removed = Box::pin(kept.place.execute(&kept.plan)).await?;
        Ok(Removed {
            untagged: removed.untagged,
            deleted: removed.deleted.iter().map(Digest::to_string).collect(),
            freed_bytes: removed.freed_bytes.unwrap_or_default(),
            undoable: false,
        })
    })
    .await
}

/// Lists an engine's containers, running or not.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_containers(
    session: State<'_, Session>,
    place: String,
) -> Result<Vec<PlaceContainer>, Failure> {
    at(session.inner(), &place, async |place| {
        let found = place.containers().await?;
        Ok(found.into_iter().map(PlaceContainer::from).collect())
    })
    .await
}

/// Tells what a container of an engine changed, in the engine's order.
#[tauri::command]
#[specta::specta]
pub(crate) async fn place_container_changes(
    session: State<'_, Session>,
    place: String,
    container: String,
) -> Result<Vec<PlaceChange>, Failure> {
    at(session.inner(), &place, async |place| {
        let found = place.container_changes(&container).await?;
        let changes = found.into_iter().map(|(path, change)| PlaceChange {
            path,
            kind: match change {
                engine::places::Change::Added => "added".into(),
                engine::places::Change::Changed => "changed".into(),
                engine::places::Change::Removed => "deleted".into(),
            },
        });
        Ok(changes.collect())
    })
    .await
}

/// Makes an image of an engine's container, in that engine, and returns its ID.
#[tauri::command]
#[specta::specta]
pub(crate) async fn commit_place_container(
    session: State<'_, Session>,
    place: String,
    container: String,
    form: PlaceCommitForm,
) -> Result<String, Failure> {
    at(session.inner(), &place, async |place| {
        let PlaceCommitForm {
            name,
            message,
            author,
            changes,
            pause,
        } = form;
        let text = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let name = text(name)
            .map(|name| name.parse::<Reference>())
            .transpose()?
            .map(|name| Name::of(&name.with_default_tag()));
        let commit = Commit {
            name,
            message: text(message),
            author: text(author),
            changes: changes.into_iter().filter_map(text).collect(),
            without_pause: !pause,
        };
        Ok(place.commit(&container, &commit).await?.to_string())
    })
    .await
}

/// Runs a question to an engine over the connection that is kept for it, or a new one.
async fn at<T>(
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

impl From<engine::places::Container> for PlaceContainer {
    fn from(container: engine::places::Container) -> PlaceContainer {
        PlaceContainer {
            running: container.is_running(),
            id: container.id,
            name: container.name,
            image: container.image,
            command: container.command,
            created: container.created.map(|time| time.to_string()),
            status: container.status,
        }
    }
}

impl PlacePlan {
    /// Keeps a plan under a name and tells all that the plan sheet shows.
    fn shown(session: &Session, place: EnginePlace, plan: engine::places::PlacePlan) -> PlacePlan {
        let plan_id = session.place_plans().keep(KeptPlace {
            place,
            plan: plan.clone(),
        });
        let gone: std::collections::HashSet<Digest> =
            plan.deleted.iter().map(|image| image.id.clone()).collect();
        let untagged = plan.untagged.clone();
        let deleted = plan.deleted.into_iter().map(|image| {
            // The plan's image has no names any more: it is what is left once they went.
            let names = untagged.iter().filter(|name| name.target == image.id);
            let names = names.map(|name| name.name.familiar()).collect();
            let row = ImageRow::from(image);
            DeletedImage {
                target: row.target,
                id: row.id,
                names,
                size: row.size,
                layers: row.layers,
            }
        });
        PlacePlan {
            containers: plan
                .containers
                .into_iter()
                .map(|container| container.name)
                .collect(),
            counts_bytes: plan.freed_bytes.is_some(),
            plan: Plan {
                plan_id,
                deleted: deleted.collect(),
                untagged_only: plan
                    .untagged
                    .iter()
                    .filter(|name| !gone.contains(&name.target))
                    .cloned()
                    .map(Untagged::from)
                    .collect(),
                untagged: plan.untagged.into_iter().map(Untagged::from).collect(),
                blobs: 0,
                freed_bytes: plan.freed_bytes.unwrap_or_default(),
                kept_bytes: 0,
                blocked: plan.blocked.into_iter().map(Blocked::from).collect(),
            },
        }
    }
}
