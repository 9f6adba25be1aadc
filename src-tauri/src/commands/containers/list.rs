//! The containers: which there are, a new one, one less.

use engine::{CreateRequest, Selector};
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::id_of;
use crate::{Failure, Session};

/// A working container.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRow {
    /// Its ID, which names it to the commands.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image, as it was called when the container was made; the short ID of one without a name.
    pub image: String,
    /// The image's ID.
    pub image_id: String,
    /// What the image's names named then, which names the image to the commands.
    pub target: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// What it does: `created`, `running`, `paused` or `exited`.
    pub status: String,
    /// Whether something runs in it, so that its files cannot be changed from here.
    pub running: bool,
    /// The code with which the last program in it ended.
    pub exit_code: Option<i32>,
    /// Since when it runs, where it does, RFC 3339.
    pub started: Option<String>,
    /// When it ended, where that is known, RFC 3339.
    pub ended: Option<String>,
    /// How many paths were changed.
    pub changes: u64,
    /// Bytes of their content.
    pub size: u64,
}

/// Lists all containers, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn containers(session: State<'_, Session>) -> Result<Vec<ContainerRow>, Failure> {
    session
        .with(|engine| async move {
            let found = engine.containers().await?;
            Ok(found.into_iter().map(ContainerRow::from).collect())
        })
        .await
}

/// Tells what the list shows of one container.
#[tauri::command]
#[specta::specta]
pub(crate) async fn container(
    session: State<'_, Session>,
    container: String,
) -> Result<ContainerRow, Failure> {
    session
        .with(|engine| async move { Ok(engine.container(&container).await?.into()) })
        .await
}

/// Makes a container of an image. Without a name one is made up.
#[tauri::command]
#[specta::specta]
pub(crate) async fn create_container(
    session: State<'_, Session>,
    image: String,
    name: String,
) -> Result<ContainerRow, Failure> {
    session
        .change(|engine| async move {
            let name = name.trim();
            let request = CreateRequest {
                image: Selector::from(&*image),
                name: (!name.is_empty()).then(|| name.to_owned()),
            };
            Ok(engine.create_container(request).await?.into())
        })
        .await
}

/// Removes a container with all that was changed in it, and tells the bytes that came back. There is no undo.
#[tauri::command]
#[specta::specta]
pub(crate) async fn remove_container(
    session: State<'_, Session>,
    container: String,
) -> Result<u64, Failure> {
    session
        .change(
            |engine| async move { Ok(engine.remove_container(&id_of(&container)?, false).await?) },
        )
        .await
}

impl From<engine::Container> for ContainerRow {
    fn from(container: engine::Container) -> ContainerRow {
        let called = container.image_called();
        let engine::Container {
            id,
            name,
            image: _,
            image_id,
            target,
            created,
            status,
            exit_code,
            changes,
            size,
            started,
            ended,
        } = container;
        ContainerRow {
            id: id.to_string(),
            name,
            image: called,
            image_id: image_id.to_string(),
            target: target.to_string(),
            created: created.to_string(),
            status: status.as_str().to_owned(),
            running: status.is_running(),
            exit_code,
            started: started.map(|time| time.to_string()),
            ended: ended.map(|time| time.to_string()),
            changes,
            size,
        }
    }
}
