//! Names of images: giving, moving, taking back, and what happened to them.

use engine::{Reference, Selector};
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::places;
use crate::{Failure, Session};

/// What giving a name would do.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TagPlan {
    /// The name, in full.
    pub name: String,
    /// The same as people write it.
    pub familiar: String,
    /// What it would name.
    pub to: String,
    /// What it names now, where that is another image.
    pub from: Option<MovedFrom>,
    /// Whether it names that image already.
    pub same: bool,
}

/// The image from which a name would be taken.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MovedFrom {
    /// What the name names now.
    pub target: String,
    /// That image's ID.
    pub id: String,
    /// When that image was made, RFC 3339.
    pub created: Option<String>,
}

/// A name that was made, moved or taken away.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TagMove {
    /// The name, as people write it.
    pub name: String,
    /// What it named before; `null` where it was free.
    pub from: Option<String>,
    /// What it names now; `null` where it was taken away.
    pub to: Option<String>,
}

/// The operation that undo would take back.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Undoable {
    /// Its verb: `pull`, `tag`, `rmi`, `prune`, `undo`.
    pub operation: String,
    /// When it was done, RFC 3339.
    pub time: String,
    /// The names that it changed, as people write them.
    pub names: Vec<String>,
}

/// A change of a name.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// When, RFC 3339.
    pub time: String,
    /// Which name, as people write it.
    pub name: String,
    /// What it named before.
    pub from: Option<String>,
    /// What it named after.
    pub to: Option<String>,
    /// By which verb: `pull`, `tag`, `rmi`, `prune`, `undo`.
    pub operation: String,
}

/// Computes what `tag` would do.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_tag(
    session: State<'_, Session>,
    source: String,
    name: String,
) -> Result<TagPlan, Failure> {
    session
        .with(|engine| async move {
            let name = name.trim().parse::<Reference>()?;
            Ok(engine
                .plan_tag(&Selector::from(&*source), &name)
                .await?
                .into())
        })
        .await
}

/// Tells which image has a name that somebody is about to give, here or at an engine; `null` where it is free.
#[tauri::command]
#[specta::specta]
pub(crate) async fn name_holder(
    session: State<'_, Session>,
    place: Option<String>,
    name: String,
) -> Result<Option<MovedFrom>, Failure> {
    let name = name.trim().parse::<Reference>()?;
    let holder = match place {
        None => {
            session
                .with(|engine| async move { Ok(engine.name_holder(&name).await?) })
                .await?
        }
        Some(place) => {
            places::at(session.inner(), &place, async |place| {
                Ok(place.name_holder(&name).await?)
            })
            .await?
        }
    };
    Ok(holder.map(MovedFrom::from))
}

/// Gives an image one more name; a name that another image has moves.
#[tauri::command]
#[specta::specta]
pub(crate) async fn tag(
    session: State<'_, Session>,
    source: String,
    name: String,
) -> Result<TagMove, Failure> {
    let name = name.trim().to_owned();
    let moved = session.with(|engine| async move {
        let name = name.parse::<Reference>()?;
        Ok(engine.tag(&Selector::from(&*source), &name).await?.into())
    });
    moved.await.inspect(|_| session.changed())
}

/// Takes the last operation on names back: a removal, a prune, or a move by pull or tag.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undo(session: State<'_, Session>) -> Result<Vec<TagMove>, Failure> {
    let undone = session.with(|engine| async move {
        let moves = engine.undo().await?;
        Ok(moves.into_iter().map(TagMove::from).collect())
    });
    undone.await.inspect(|_| session.changed())
}

/// Tells what `undo` would take back, if anything.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undoable(session: State<'_, Session>) -> Result<Option<Undoable>, Failure> {
    session
        .with(|engine| async move { Ok(engine.undoable().await?.map(Undoable::from)) })
        .await
}

/// Lists the changes of one name, or of all, newest first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn journal(
    session: State<'_, Session>,
    name: Option<String>,
) -> Result<Vec<JournalEntry>, Failure> {
    session
        .with(|engine| async move {
            let name = name.map(|name| name.parse::<Reference>()).transpose()?;
            let entries = engine.journal(name.as_ref()).await?;
            Ok(entries.into_iter().map(JournalEntry::from).collect())
        })
        .await
}

impl From<engine::TagPlan> for TagPlan {
    fn from(plan: engine::TagPlan) -> TagPlan {
        let engine::TagPlan {
            name,
            to,
            from,
            same,
        } = plan;
        TagPlan {
            name: name.to_string(),
            familiar: name.familiar(),
            to: to.to_string(),
            from: from.map(MovedFrom::from),
            same,
        }
    }
}

impl From<engine::MovedFrom> for MovedFrom {
    fn from(holder: engine::MovedFrom) -> MovedFrom {
        let engine::MovedFrom {
            target,
            id,
            created,
        } = holder;
        MovedFrom {
            target: target.to_string(),
            id: id.to_string(),
            created: created.map(|time| time.to_string()),
        }
    }
}

impl From<engine::TagMove> for TagMove {
    fn from(moved: engine::TagMove) -> TagMove {
        let engine::TagMove { name, from, to } = moved;
        TagMove {
            name: name.familiar(),
            from: from.map(|digest| digest.to_string()),
            to: to.map(|digest| digest.to_string()),
        }
    }
}

impl From<engine::Undoable> for Undoable {
    fn from(last: engine::Undoable) -> Undoable {
        let engine::Undoable {
            operation,
            time,
            names,
        } = last;
        Undoable {
            operation,
            time: time.to_string(),
            names: names.iter().map(engine::ImageName::familiar).collect(),
        }
    }
}

impl From<engine::JournalEntry> for JournalEntry {
    fn from(entry: engine::JournalEntry) -> JournalEntry {
        let engine::JournalEntry {
            time,
            name,
            from,
            to,
            operation,
        } = entry;
        JournalEntry {
            time: time.to_string(),
            name: name.familiar(),
            from: from.map(|digest| digest.to_string()),
            to: to.map(|digest| digest.to_string()),
            operation,
        }
    }
}
