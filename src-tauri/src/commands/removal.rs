//! Removing names and images: a plan first, then exactly that.

use std::collections::{HashMap, HashSet};

use engine::{Digest, Engine, PruneRequest, RemovalPlan, RemovalRequest, Selector, human};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::images::LayerStripe;
use crate::error::caught;
use crate::plans::Kept;
use crate::{Failure, Session};

/// Something to remove.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// What `value` is.
    pub kind: SelectionKind,
    /// A name, or an image's target or ID.
    pub value: String,
}

/// What a selection is.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SelectionKind {
    /// One name; the image stays while it has others.
    Name,
    /// An image, with all its names.
    Image,
}

/// What a removal or a prune will do, and nothing else.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Names the plan to `executePlan`, once.
    pub plan_id: String,
    /// Names that go.
    pub untagged: Vec<Untagged>,
    /// Images that go.
    pub deleted: Vec<DeletedImage>,
    /// Names that go while their image stays, because it has others.
    pub untagged_only: Vec<Untagged>,
    /// Blobs that go.
    pub blobs: u32,
    /// Bytes on disk that come back: at once, or when the time for undo is over.
    pub freed_bytes: u64,
    /// Bytes of the removed images that stay, because other images need them.
    pub kept_bytes: u64,
    /// What was asked for and cannot be.
    pub blocked: Vec<Blocked>,
}

/// A name that goes.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Untagged {
    /// The name, as people write it.
    pub name: String,
    /// What it names.
    pub target: String,
}

/// An image that goes.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeletedImage {
    /// What its names name.
    pub target: String,
    /// Its ID.
    pub id: String,
    /// The names that it has, as people write them.
    pub names: Vec<String>,
    /// Bytes of all its blobs on disk.
    pub size: u64,
    /// Its layers, base first, for the layer strip.
    pub layers: Vec<LayerStripe>,
}

/// Something that cannot be removed, and why.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// What was asked for; a name as people write it.
    pub name: String,
    /// Why it stays.
    pub reason: String,
    /// What would unblock it, in words.
    pub unblock: Option<String>,
    /// The error code that belongs to it: `not_found`, `ambiguous_reference` or `conflict`.
    pub code: String,
}

/// What a removal did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Names that went, as people write them.
    pub untagged: Vec<String>,
    /// Targets of the images that went.
    pub deleted: Vec<String>,
    /// Bytes on disk that came back, or will when the time for undo is over.
    pub freed_bytes: u64,
    /// Whether `undo` can bring it back.
    pub undoable: bool,
}

/// Computes what removing would do. The store is not changed; the plan is kept until it is executed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_removal(
    session: State<'_, Session>,
    selections: Vec<Selection>,
    force: bool,
) -> Result<Plan, Failure> {
    let session = session.inner();
    session
        .with(|engine| async move {
            let request = Selection::request(selections, force);
            let plan = engine.plan_removal(&request).await?;
            shown(session, engine, plan).await
        })
        .await
}

/// Computes what pruning would do: images without a name, or with `all` every image that no container uses.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_prune(session: State<'_, Session>, all: bool) -> Result<Plan, Failure> {
    let session = session.inner();
    session
        .with(|engine| async move {
            let request = PruneRequest {
                all,
                ..PruneRequest::default()
            };
            let plan = engine.plan_prune(&request).await?;
            shown(session, engine, plan).await
        })
        .await
}

/// Does exactly what the plan says, or nothing: `plan_stale` when the store has changed since, or the plan is used up.
#[tauri::command]
#[specta::specta]
pub(crate) async fn execute_plan(
    session: State<'_, Session>,
    plan_id: String,
) -> Result<Removed, Failure> {
    let removed = caught(async {
        let Kept { engine, plan } = session.plans().take(&plan_id)?;
        Ok(engine.execute(&plan).await?.into())
    });
    removed.await.inspect(|_| session.changed())
}

/// Keeps a plan under a name and tells all that the plan sheet shows.
async fn shown(session: &Session, engine: Engine, plan: RemovalPlan) -> Result<Plan, Failure> {
    let deleted = plan.deleted.iter().map(|image| image.target.clone());
    let images = engine.images_of(deleted.collect()).await?;
    let mut strips: HashMap<Digest, Vec<LayerStripe>> = images
        .into_iter()
        .map(|image| {
            let strip = image.layers.layers().into_iter().map(LayerStripe::from);
            (image.target, strip.collect())
        })
        .collect();
    let plan_id = session.plans().keep(Kept {
        engine,
        plan: plan.clone(),
    });
    let RemovalPlan {
        untagged,
        deleted,
        blobs,
        freed_bytes,
        kept_bytes,
        blocked,
        ..
    } = plan;
    let gone: HashSet<Digest> = deleted.iter().map(|image| image.target.clone()).collect();
    Ok(Plan {
        plan_id,
        untagged_only: untagged
            .iter()
            .filter(|name| !gone.contains(&name.target))
            .cloned()
            .map(Untagged::from)
            .collect(),
        untagged: untagged.into_iter().map(Untagged::from).collect(),
        deleted: deleted
            .into_iter()
            .map(|image| {
                let strip = strips.remove(&image.target).unwrap_or_default();
                DeletedImage::new(image, strip)
            })
            .collect(),
        blobs: u32::try_from(blobs).unwrap_or(u32::MAX),
        freed_bytes,
        kept_bytes,
        blocked: blocked.into_iter().map(Blocked::from).collect(),
    })
}

impl Selection {
    /// Asks for the removal of all that is selected.
    pub(super) fn request(selections: Vec<Selection>, force: bool) -> RemovalRequest {
        let (images, names): (Vec<_>, Vec<_>) = selections
            .into_iter()
            .partition(|selection| matches!(selection.kind, SelectionKind::Image));
        RemovalRequest {
            selections: names.into_iter().map(Selector::from).collect(),
            images: images.into_iter().map(Selector::from).collect(),
            force,
            ..RemovalRequest::default()
        }
    }
}

impl From<Selection> for Selector {
    fn from(selection: Selection) -> Selector {
        let Selection { kind, value } = selection;
        match kind {
            // A name stays a name even where it looks like the start of an ID: `cafe` is `docker.io/library/cafe`.
            SelectionKind::Name => match value.parse::<engine::ImageName>() {
                Ok(name) => Selector::from(name.to_string().as_str()),
                Err(_) => Selector::from(value.as_str()),
            },
            SelectionKind::Image => Selector::from(value.as_str()),
        }
    }
}

impl From<engine::Untagged> for Untagged {
    fn from(untagged: engine::Untagged) -> Untagged {
        let engine::Untagged { name, target } = untagged;
        Untagged {
            name: name.familiar(),
            target: target.to_string(),
        }
    }
}

impl DeletedImage {
    fn new(image: engine::DeletedImage, layers: Vec<LayerStripe>) -> DeletedImage {
        let engine::DeletedImage {
            target,
            id,
            names,
            size,
        } = image;
        DeletedImage {
            target: target.to_string(),
            id: id.to_string(),
            names: names.iter().map(engine::ImageName::familiar).collect(),
            size,
            layers,
        }
    }
}

impl From<engine::Blocked> for Blocked {
    fn from(blocked: engine::Blocked) -> Blocked {
        let engine::Blocked {
            name,
            reason,
            unblock,
            code,
        } = blocked;
        Blocked {
            name: familiar(name),
            reason: human::whole_sentence(&reason),
            unblock,
            code: code.to_owned(),
        }
    }
}

/// Writes a full name as people write it, and leaves an ID as it is.
fn familiar(asked: String) -> String {
    match engine::Reference::parse_normalized(&asked) {
        Ok(reference) if reference.to_string() == asked => reference.familiar(),
        _ => asked,
    }
}

impl From<engine::Removed> for Removed {
    fn from(removed: engine::Removed) -> Removed {
        let engine::Removed {
            untagged,
            deleted,
            freed_bytes,
            blocked: _,
            undoable_until,
        } = removed;
        Removed {
            untagged: untagged
                .iter()
                .map(|untagged| untagged.name.familiar())
                .collect(),
            deleted: deleted
                .iter()
                .map(|image| image.target.to_string())
                .collect(),
            freed_bytes,
            undoable: undoable_until.is_some(),
        }
    }
}
