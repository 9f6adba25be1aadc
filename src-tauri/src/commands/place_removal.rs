//! Removing at other engines, by their own rules.

use engine::{Digest, EnginePlace, PruneRequest};
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::images::ImageRow;
use super::places::at;
use super::removal::{Blocked, DeletedImage, Plan, Removed, Selection, Untagged};
use crate::plans::KeptPlace;
use crate::{Failure, Session};

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

/// Does what the plan says: nothing and `plan_stale` when the engine's images have changed since. Where the engine refuses in the
/// middle, what went before stays gone.
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
