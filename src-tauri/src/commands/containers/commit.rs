//! Making an image of a container.

use engine::{CommitRequest, Committed, Reference, human};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::id_of;
use crate::commands::inside::paths;
use crate::commands::tags::TagMove;
use crate::desktop::Notice;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// What to commit.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CommitForm {
    /// The container.
    pub container: String,
    /// The name to give the image; empty = none.
    pub name: String,
    /// What was done; empty = nothing is said.
    pub message: String,
    /// Who did it; empty = nobody is named.
    pub author: String,
    /// The changed paths that go in, each with all that is below it; `null` = all.
    pub only: Option<Vec<String>>,
}

/// What a commit did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CommitOutcome {
    /// The new image, by its target.
    pub target: String,
    /// Its ID.
    pub id: String,
    /// The name, if it was made or moved.
    pub moved: Vec<TagMove>,
    /// Bytes of the new layer; 0 where no file was changed.
    pub layer_bytes: u64,
}

/// Makes an image of a container, which stays as it is. Progress goes to `on_event`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn commit(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    form: CommitForm,
    on_event: Channel<PullEvent>,
) -> Result<CommitOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .change(|engine| async move {
            let called = form.name.trim().to_owned();
            let request = form.parse()?;
            let sink = ChannelSink::new(on_event);
            let verb = engine.commit(request, &sink);
            let notice = |committed: &_| Notice::of_commit(&called, committed);
            session
                .follow(operations, &operation, &sink, verb, notice)
                .await
        })
        .await
}

impl CommitForm {
    fn parse(self) -> Result<CommitRequest, Failure> {
        let CommitForm {
            container,
            name,
            message,
            author,
            only,
        } = self;
        let said = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let only: Option<Result<Vec<_>, _>> =
            only.map(|only| only.iter().map(|key| paths::bytes(key)).collect());
        Ok(CommitRequest {
            name: said(name)
                .map(|name| name.parse::<Reference>())
                .transpose()?,
            message: said(message),
            author: said(author),
            only: only.transpose()?,
            ..CommitRequest::new(id_of(&container)?)
        })
    }
}

impl From<Committed> for CommitOutcome {
    fn from(committed: Committed) -> CommitOutcome {
        let Committed {
            id,
            target,
            name: _,
            moved,
            layer: _,
            layer_bytes,
        } = committed;
        CommitOutcome {
            target: target.to_string(),
            id: id.to_string(),
            moved: moved.into_iter().map(TagMove::from).collect(),
            layer_bytes,
        }
    }
}

impl Notice {
    /// Says how a commit ended.
    fn of_commit(called: &str, committed: &Result<CommitOutcome, Failure>) -> Notice {
        match committed {
            Ok(committed) => Notice {
                title: match called {
                    "" => "The image is there".to_owned(),
                    name => format!("{name} is there"),
                },
                body: match committed.layer_bytes {
                    0 => "It has the layers of the image below.".to_owned(),
                    bytes => format!("Its new layer has {}.", human::size(bytes)),
                },
                target: Some(committed.target.clone()),
            },
            Err(failure) => Notice {
                title: "Nothing was committed".to_owned(),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}
