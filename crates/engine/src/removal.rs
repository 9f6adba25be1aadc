//! Removing names and images: a plan first, then exactly that.

use std::fmt;

use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};

use crate::images::matching;
use crate::{Engine, Error, Filter};

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct RemovalRequest {
    /// Names, or images by ID or digest, by docker's rules: an ID with several tags needs force, a digest goes alone.
    pub selections: Vec<Selector>,
    /// Images that go as wholes, with every name that they have. For callers that show the plan, and so every name.
    pub images: Vec<Selector>,
    /// docker's force: an ID with several names loses all of them, and what is not there is no error.
    pub force: bool,
    /// Keep parents that no name names.
    pub no_prune: bool,
    /// Drop the bytes at once, without the grace time in which undo can bring them back.
    pub now: bool,
}

/// What to prune.
#[derive(Debug, Clone, Default)]
pub struct PruneRequest {
    /// Every image that no container uses, not only those without a name.
    pub all: bool,
    /// Of those, only these.
    pub filter: Filter,
    /// Drop the bytes at once, and also what earlier removals left for undo.
    pub now: bool,
}

/// What a removal or a prune will do, and nothing else.
#[derive(Debug, Clone)]
pub struct RemovalPlan {
    /// Names that go.
    pub untagged: Vec<Untagged>,
    /// Images that go.
    pub deleted: Vec<DeletedImage>,
    /// Blobs that go.
    pub blobs: usize,
    /// Bytes on disk that come back: at once, or when the grace time is over.
    pub freed_bytes: u64,
    /// Bytes of the removed images that stay, because other images need them.
    pub kept_bytes: u64,
    /// What was asked for and cannot be.
    pub blocked: Vec<Blocked>,
    inner: store::Plan,
}

/// A name that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untagged {
    /// The name.
    pub name: ImageName,
    /// What it names.
    pub target: Digest,
}

/// An image that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImage {
    /// What its names name.
    pub target: Digest,
    /// Its ID.
    pub id: Digest,
    /// The names that it has.
    pub names: Vec<ImageName>,
    /// Bytes of all its blobs.
    pub size: u64,
}

/// Something that cannot be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What was asked for.
    pub name: String,
    /// Why it stays.
    pub reason: String,
    /// What would unblock it, in words.
    pub unblock: Option<String>,
    /// The error code that belongs to it: `not_found`, `ambiguous_reference` or `conflict`.
    pub code: &'static str,
}

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that went.
    pub untagged: Vec<Untagged>,
    /// Images that went.
    pub deleted: Vec<DeletedImage>,
    /// Bytes on disk that came back, or will when the grace time is over.
    pub freed_bytes: u64,
    /// What was asked for and stayed.
    pub blocked: Vec<Blocked>,
    /// Until when [`Engine::undo`] can bring it back; `None` = it cannot.
    pub undoable_until: Option<Timestamp>,
}

impl Engine {
    /// Computes what removing would do, by docker's rules. The store is not changed.
    ///
    /// # Errors
    /// Only where the store cannot be read: a selection that cannot be removed is in [`RemovalPlan::blocked`].
    pub async fn plan_removal(&self, request: &RemovalRequest) -> Result<RemovalPlan, Error> {
        let (mut selections, images) = (request.selections.clone(), request.images.clone());
        let options = store::RemovalOptions {
            force: request.force,
            now_drop: request.now,
        };
        let force = request.force;
        self.with_store(move |store| {
            for image in images {
                let names = names_of(store, &image)?;
                if names.is_empty() {
                    selections.push(image);
                } else {
                    let named = names.iter().map(|name| name.to_string().as_str().into());
                    selections.extend(named);
                }
            }
            let mut plan = RemovalPlan::from(store.plan_removal(&selections, &options)?);
            if force {
                // docker's force makes no error of what is not there.
                plan.blocked.retain(|blocked| blocked.code != "not_found");
            }
            Ok(plan)
        })
        .await
    }

    /// Computes what pruning would do. The store is not changed.
    ///
    /// # Errors
    /// `usage` for a filter that prune does not know.
    pub async fn plan_prune(&self, request: &PruneRequest) -> Result<RemovalPlan, Error> {
        let (filter, all, now_drop, now) =
            (request.filter.clone(), request.all, request.now, self.now());
        self.with_store(move |store| {
            let only = if filter.is_empty() {
                None
            } else {
                let until = filter.made_until(now);
                let chosen = matching(store, &filter, store.images()?)?.into_iter();
                let old_enough = |image: &store::ImageSummary| {
                    until.is_none_or(|until| image.created.is_some_and(|made| made < until))
                };
                Some(
                    chosen
                        .filter(old_enough)
                        .map(|image| image.target)
                        .collect(),
                )
            };
            Ok(RemovalPlan::from(store.plan_prune(
                &store::PruneOptions {
                    all,
                    only,
                    now_drop,
                },
            )?))
        })
        .await
    }

    /// Does exactly what the plan says, or nothing.
    ///
    /// # Errors
    /// `plan_stale` when a name or an image of the plan has changed since, `read_only`.
    pub async fn execute(&self, plan: &RemovalPlan) -> Result<Removed, Error> {
        let (inner, blocked, now) = (plan.inner.clone(), plan.blocked.clone(), self.now());
        let removed = self
            .with_store(move |store| {
                let store::Removed {
                    untagged,
                    deleted,
                    freed_bytes,
                    undoable,
                } = store.execute(&inner, now)?;
                // What earlier removals left is over its grace by and by, also where no window runs to see to it.
                if let Err(error) = store.collect_if_due(now) {
                    tracing::warn!(%error, "what was removed earlier could not be collected");
                }
                Ok(Removed {
                    untagged: untagged.into_iter().map(Untagged::from).collect(),
                    deleted: deleted.into_iter().map(DeletedImage::from).collect(),
                    freed_bytes,
                    blocked,
                    undoable_until: undoable
                        .then(|| now.saturating_add(store::GRACE).unwrap_or(now)),
                })
            })
            .await?;
        if let Err(error) = self.sweep_unpacked().await {
            tracing::warn!(%error, "unpacked files that no container needs could not be removed");
        }
        Ok(removed)
    }
}

impl From<store::Plan> for RemovalPlan {
    fn from(plan: store::Plan) -> Self {
        Self {
            untagged: plan.untagged.iter().cloned().map(Untagged::from).collect(),
            deleted: plan
                .deleted
                .iter()
                .cloned()
                .map(DeletedImage::from)
                .collect(),
            blobs: plan.blobs.len(),
            freed_bytes: plan.freed_bytes,
            kept_bytes: plan.kept_bytes,
            blocked: plan.blocked.iter().cloned().map(Blocked::from).collect(),
            inner: plan,
        }
    }
}

impl From<store::Untagged> for Untagged {
    fn from(store::Untagged { name, target }: store::Untagged) -> Self {
        Self { name, target }
    }
}

impl From<store::DeletedImage> for DeletedImage {
    fn from(
        store::DeletedImage {
            target,
            id,
            names,
            size,
        }: store::DeletedImage,
    ) -> Self {
        Self {
            target,
            id,
            names,
            size,
        }
    }
}

/// What keeps an image where it is: the same in the store and in an engine, whose words for it differ.
#[derive(Clone, Copy)]
pub(crate) enum Obstacle<'a> {
    NotFound,
    Ambiguous,
    SeveralNames,
    /// The container of this name runs on it.
    Running(&'a str),
    /// Other images stand on it.
    Children,
    YieldsToForce,
    /// Nothing that could be named helps.
    Firm,
}

impl Blocked {
    /// Adds to a reason the code that belongs to it and what would unblock it.
    pub(crate) fn by(name: String, reason: &impl fmt::Display, obstacle: Obstacle<'_>) -> Self {
        let (code, unblock) = match obstacle {
            Obstacle::NotFound => ("not_found", None),
            Obstacle::Ambiguous => ("ambiguous_reference", Some("Give more of the ID.".into())),
            Obstacle::SeveralNames => (
                "conflict",
                Some("Remove its names one by one, or all at once with force.".into()),
            ),
            Obstacle::Running(container) => (
                "conflict",
                Some(format!("Stop and remove the container {container} first.")),
            ),
            Obstacle::Children => ("conflict", Some("Remove those first.".into())),
            Obstacle::YieldsToForce => ("conflict", Some("Force removes it all the same.".into())),
            Obstacle::Firm => ("conflict", None),
        };
        Self {
            name,
            reason: reason.to_string(),
            unblock,
            code,
        }
    }
}

impl From<store::Blocked> for Blocked {
    fn from(
        store::Blocked {
            name,
            target: _,
            reason,
        }: store::Blocked,
    ) -> Self {
        use store::BlockReason as Reason;
        let obstacle = match &reason {
            Reason::NotFound => Obstacle::NotFound,
            Reason::Ambiguous => Obstacle::Ambiguous,
            Reason::SeveralNames { .. } => Obstacle::SeveralNames,
            Reason::RunningContainer { container } => Obstacle::Running(container),
            other if other.yields_to_force() => Obstacle::YieldsToForce,
            _ => Obstacle::Firm,
        };
        Self::by(name, &reason, obstacle)
    }
}

/// Returns every name of an image; none also where there is no such image, which the plan then says.
fn names_of(store: &store::Store, image: &Selector) -> Result<Vec<ImageName>, Error> {
    let target = match store.resolve(image) {
        Ok(resolved) => resolved.target,
        Err(store::Error::ImageNotFound { .. } | store::Error::Ambiguous { .. }) => {
            return Ok(Vec::new());
        }
        Err(other) => return Err(other.into()),
    };
    let found = store.images_of(&[target])?.pop();
    Ok(found.map(|image| image.names).unwrap_or_default())
}
