//! Removing and pruning an engine's images: a plan first, then exactly that.

use docker::{Container, Plan, Reason, Removal};
use oci::{Digest, Selector};

use super::{EnginePlace, PlaceImage};
use crate::filter::{Bounds, Facts};
use crate::removal::Obstacle;
use crate::{Blocked, Error, PruneRequest, RemovalRequest, Untagged};

/// What a removal or a prune at an engine will do, and nothing else.
#[derive(Debug, Clone)]
pub struct PlacePlan {
    /// Names that go.
    pub untagged: Vec<Untagged>,
    /// Images that go.
    pub deleted: Vec<PlaceImage>,
    /// Containers that go with them: only Podman takes any, and only by force.
    pub containers: Vec<Container>,
    /// Bytes of layers that only the removed images have, as the engine counts them; `None` where it does not tell.
    pub freed_bytes: Option<u64>,
    /// What was asked for and cannot be.
    pub blocked: Vec<Blocked>,
    inner: Plan,
}

/// What a removal at an engine did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceRemoved {
    /// Names that went, as the engine writes them.
    pub untagged: Vec<String>,
    /// Images that went.
    pub deleted: Vec<Digest>,
    /// Containers that went with them.
    pub containers: Vec<String>,
    /// Bytes that came back, as the plan said.
    pub freed_bytes: Option<u64>,
    /// What was asked for and stayed.
    pub blocked: Vec<Blocked>,
}

impl EnginePlace {
    /// Computes what removing would do, by the rules of the engine. Nothing is changed.
    ///
    /// [`RemovalRequest::now`] means nothing here: an engine has no undo.
    ///
    /// # Errors
    /// Only where the engine does not answer: a selection that cannot be removed is in [`PlacePlan::blocked`].
    pub async fn plan_removal(&self, request: &RemovalRequest) -> Result<PlacePlan, Error> {
        let mut selections = request.selections.clone();
        if !request.images.is_empty() {
            let images = self.connection.images().await?;
            for selector in &request.images {
                match docker::find(&images, selector) {
                    Ok(image) if !image.names.is_empty() => selections.extend(
                        image
                            .names
                            .iter()
                            .map(|name| Selector::from(name.to_string().as_str())),
                    ),
                    _ => selections.push(selector.clone()),
                }
            }
        }
        let removal = Removal {
            selections,
            force: request.force,
            no_prune: request.no_prune,
        };
        let plan = self.connection.plan_removal(&removal).await?;
        Ok(self.shown(plan))
    }

    /// Computes what pruning would do: images that no container uses, and without [`PruneRequest::all`] only those without a
    /// name with a tag. Nothing is changed.
    ///
    /// # Errors
    /// `not_found` where the filter names an image that is not there.
    pub async fn plan_prune(&self, request: &PruneRequest) -> Result<PlacePlan, Error> {
        let until = request.filter.made_until(self.engine.now());
        let images = self.connection.images().await?;
        let bounds = Bounds::among(&images, &request.filter)?;
        let wanted = images.iter().filter(|image| {
            let old_enough =
                until.is_none_or(|until| image.created.is_some_and(|made| made < until));
            !image.intermediate
                && image.containers.is_empty()
                && (request.all || image.names.is_empty())
                && old_enough
                && request.filter.matches(&Facts::from(*image), &bounds)
        });
        let wanted: Vec<Digest> = wanted.map(|image| image.id.clone()).collect();
        let plan = self.connection.plan_prune(&wanted).await?;
        Ok(self.shown(plan))
    }

    /// Does what the plan says, or nothing where that would be something else by now.
    ///
    /// The engine takes one request for each image or name: where it refuses one in spite of the plan, what went before stays gone.
    ///
    /// # Errors
    /// `plan_stale` when the engine's images or containers have changed since, `conflict`.
    pub async fn execute(&self, plan: &PlacePlan) -> Result<PlaceRemoved, Error> {
        let done = self.connection.execute(&plan.inner).await?;
        Ok(PlaceRemoved {
            untagged: done.untagged,
            deleted: done.deleted,
            containers: plan
                .containers
                .iter()
                .map(|container| container.name.clone())
                .collect(),
            freed_bytes: plan.freed_bytes,
            blocked: plan.blocked.clone(),
        })
    }

    fn shown(&self, plan: Plan) -> PlacePlan {
        let untagged = plan.untagged.iter().map(|(name, target)| Untagged {
            name: name.clone(),
            target: target.clone(),
        });
        PlacePlan {
            untagged: untagged.collect(),
            deleted: plan
                .deleted
                .iter()
                .map(|image| self.summary(image, None))
                .collect(),
            containers: plan.containers.clone(),
            freed_bytes: plan.freed_bytes,
            blocked: plan.blocked.iter().map(blocked).collect(),
            inner: plan,
        }
    }
}

fn blocked(blocked: &docker::Blocked) -> Blocked {
    let obstacle = match &blocked.reason {
        Reason::NotFound => Obstacle::NotFound,
        Reason::Ambiguous => Obstacle::Ambiguous,
        Reason::SeveralNames { .. } => Obstacle::SeveralNames,
        Reason::RunningContainer { container } => Obstacle::Running(container),
        Reason::StoppedContainer { .. } => Obstacle::YieldsToForce,
        Reason::Children { .. } => Obstacle::Children,
    };
    Blocked::by(blocked.name.clone(), &blocked.reason, obstacle)
}
