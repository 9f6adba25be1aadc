//! Copying images between this computer and other engines.

use engine::{CopyRequest, MovePolicy, Selector};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::tags::TagMove;
use crate::desktop::Notice;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// One end of a copy.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CopyEnd {
    /// The engine, as in `places`; `null` = this computer.
    pub place: Option<String>,
    /// The image there: a name, or, where it comes from, also an ID.
    pub image: String,
}

/// What a copy did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CopyOutcome {
    /// The image in the place that it went to.
    pub target: String,
    /// The names that it has there, as people write them.
    pub names: Vec<String>,
    /// Names that were made or moved there.
    pub moved: Vec<TagMove>,
}

/// Copies an image from one place to another. Progress goes to `on_event`; the outcome is the answer, or `cancelled`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn copy(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    from: CopyEnd,
    to: CopyEnd,
    keep_names: bool,
    on_event: Channel<PullEvent>,
) -> Result<CopyOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    session
        .change(|engine| async move {
            let (name, into_store) = (to.image.trim().to_owned(), to.place.is_none());
            let request = CopyRequest {
                from: from.into(),
                to: to.into(),
                platform: None,
                move_policy: match keep_names {
                    true => MovePolicy::Keep,
                    false => MovePolicy::Move,
                },
            };
            let sink = ChannelSink::new(on_event);
            let verb = engine.copy(&request, &sink);
            let notice = |copied: &_| Notice::of_copy(&name, into_store, copied);
            let copied = session.follow(operations, &operation, &sink, verb, notice);
            Ok(copied.await?.into())
        })
        .await
}

impl From<CopyEnd> for engine::Place {
    fn from(end: CopyEnd) -> engine::Place {
        let CopyEnd { place, image } = end;
        let image = Selector::from(image.trim());
        match place {
            Some(engine) => engine::Place::Daemon {
                engine: Some(engine),
                image,
            },
            None => engine::Place::Store(image),
        }
    }
}

impl From<engine::Copied> for CopyOutcome {
    fn from(copied: engine::Copied) -> CopyOutcome {
        let engine::Copied {
            id: _,
            target,
            names,
            moved,
        } = copied;
        CopyOutcome {
            target: target.to_string(),
            names: names.iter().map(engine::ImageName::familiar).collect(),
            moved: moved.into_iter().map(TagMove::from).collect(),
        }
    }
}

impl Notice {
    /// Says how a copy ended.
    fn of_copy(name: &str, into_store: bool, copied: &Result<engine::Copied, Failure>) -> Notice {
        match copied {
            Ok(copied) => Notice {
                title: format!("{name} was copied"),
                body: format!("It is {} there.", copied.target.short()),
                target: into_store.then(|| copied.target.to_string()),
            },
            Err(failure) => Notice {
                title: format!("{name} could not be copied"),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}
