//! Names of images: giving, moving, taking back, and what happened to them.

use engine::{Reference, Selector};
use serde::{Deserialize, Serialize};
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

/// One change of names among all that were made in the store.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChangeId {
    /// Its number in its store.
    pub number: u64,
    /// When it was made, RFC 3339: another store has a change of that number, too.
    pub time: String,
}

/// The operation that undo would take back.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Undoable {
    /// Names it to `undo`.
    pub change: ChangeId,
    /// Its verb: `pull`, `tag`, `rmi`, `prune`, `undo`.
    pub operation: String,
    /// The names that it changed, as people write them.
    pub names: Vec<String>,
}

/// What an undo brought about.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Undone {
    /// The change that was taken back.
    pub change: ChangeId,
    /// Names that were made, moved or taken away by that.
    pub moves: Vec<TagMove>,
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
            let (image, name) = wanted(&source, &name)?;
            Ok(engine.plan_tag(&image, &name).await?.into())
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
    session
        .change(|engine| async move {
            let (image, name) = wanted(&source, &name)?;
            Ok(engine.tag(&image, &name).await?.into())
        })
        .await
}

/// Takes the last operation on names back: a removal, a prune, or a move by pull or tag.
///
/// With `only` nothing but that change: `plan_stale` where another came after it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn undo(
    session: State<'_, Session>,
    only: Option<ChangeId>,
) -> Result<Undone, Failure> {
    session
        .change(|engine| async move {
            let undone = match only {
                Some(change) => engine.undo_change(change.parse()?).await?,
                None => engine.undo().await?,
            };
            Ok(undone.into())
        })
        .await
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

/// Reads which image is to get which name.
pub(super) fn wanted(source: &str, name: &str) -> Result<(Selector, Reference), Failure> {
    Ok((Selector::from(source), name.trim().parse()?))
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

impl ChangeId {
    fn parse(self) -> Result<engine::ChangeId, Failure> {
        let ChangeId { number, time } = self;
        let time = time.parse::<jiff::Timestamp>();
        let time = time.map_err(|error| Failure::new("usage", error.to_string()))?;
        Ok(engine::ChangeId { number, time })
    }
}

impl From<engine::ChangeId> for ChangeId {
    fn from(change: engine::ChangeId) -> ChangeId {
        let engine::ChangeId { number, time } = change;
        ChangeId {
            number,
            time: time.to_string(),
        }
    }
}

impl From<engine::Undone> for Undone {
    fn from(undone: engine::Undone) -> Undone {
        let engine::Undone { change, moves } = undone;
        Undone {
            change: change.into(),
            moves: moves.into_iter().map(TagMove::from).collect(),
        }
    }
}

impl From<engine::Undoable> for Undoable {
    fn from(last: engine::Undoable) -> Undoable {
        let engine::Undoable {
            change,
            operation,
            names,
        } = last;
        Undoable {
            change: change.into(),
            operation,
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
