//! The containers of other engines.

use engine::places::Commit;
use engine::{ImageName as Name, Reference};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::places::at;
use crate::{Failure, Session};

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
