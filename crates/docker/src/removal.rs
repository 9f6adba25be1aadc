//! Removing images: what it would do, and doing just that.

mod rules;

use std::collections::BTreeSet;

use bollard::query_parameters::RemoveImageOptionsBuilder;
use oci::{Digest, ImageName, Selector};

use self::rules::Model;
use crate::image::id;
use crate::{Connection, Container, Error, Image, Kind, Result};

/// What is to be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// Names, or images by ID or its beginning.
    pub selections: Vec<Selector>,
    /// docker's force: an ID with several names loses all of them, stopped containers are no obstacle. Podman removes the
    /// containers, also running ones.
    pub force: bool,
    /// Keep parents that no name names.
    pub no_prune: bool,
}

/// What a removal will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Names that go, and what they name.
    pub untagged: Vec<(ImageName, Digest)>,
    /// Images that go.
    pub deleted: Vec<Image>,
    /// Containers that go: only Podman takes any.
    pub containers: Vec<Container>,
    /// Bytes of layers that only the removed images have, as the engine counts them; `None` where it does not tell.
    pub freed_bytes: Option<u64>,
    /// What was asked for and cannot be.
    pub blocked: Vec<Blocked>,
    steps: Vec<Step>,
    origin: Origin,
}

/// Something that cannot be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What was asked for.
    pub name: String,
    /// Why it stays.
    pub reason: Reason,
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is no such image.
    #[error("there is no such image")]
    NotFound,
    /// Several images have such an ID.
    #[error("several images have an ID that begins so")]
    Ambiguous,
    /// It has several names.
    #[error("it has {count} names")]
    SeveralNames {
        /// How many.
        count: usize,
    },
    /// A container that runs uses it.
    #[error("the running container {container} uses it")]
    RunningContainer {
        /// Its name.
        container: String,
    },
    /// A container that does not run uses it.
    #[error("the container {container} uses it")]
    StoppedContainer {
        /// Its name.
        container: String,
    },
    /// Other images stand on it.
    #[error("{} on it", standing(.images))]
    Children {
        /// What they are called, or the beginnings of their IDs.
        images: Vec<String>,
    },
}

/// Names some images that stand on another, and counts the rest.
fn standing(images: &[String]) -> String {
    const NAMED: usize = 3;
    let named = images[..images.len().min(NAMED)].join(", ");
    match images.len() {
        0 | 1 => format!("the image {named} stands"),
        count if count > NAMED => format!("the images {named} and {} more stand", count - NAMED),
        _ => format!("the images {named} stand"),
    }
}

impl Reason {
    /// Tells whether force removes it all the same.
    #[must_use]
    pub fn yields_to_force(&self) -> bool {
        matches!(
            self,
            Self::SeveralNames { .. } | Self::StoppedContainer { .. }
        )
    }
}

/// What an engine removed, in its own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Names that went, as the engine writes them.
    pub untagged: Vec<String>,
    /// Images that went; layers are not among them.
    pub deleted: Vec<Digest>,
}

/// One request to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    what: String,
    force: bool,
    no_prune: bool,
}

/// What a plan was made of, to make it again before it is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Removal(Removal),
    Prune(Vec<Digest>),
}

impl Default for Origin {
    fn default() -> Self {
        Self::Prune(Vec::new())
    }
}

impl Connection {
    /// Computes what a removal would do. Nothing is changed.
    ///
    /// # Errors
    /// Where the engine does not answer: what cannot be removed is in [`Plan::blocked`].
    pub async fn plan_removal(&self, removal: &Removal) -> Result<Plan> {
        self.plan(&Origin::Removal(removal.clone())).await
    }

    /// Computes what removing these images would do, with all their names, but for those that a container uses or another image
    /// stands on. Nothing is changed.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn plan_prune(&self, images: &[Digest]) -> Result<Plan> {
        self.plan(&Origin::Prune(images.to_vec())).await
    }

    /// Does what the plan says, one request after the other.
    ///
    /// # Errors
    /// [`Error::Stale`] where the engine's images are others since, and then nothing was done. What the engine refuses in the
    /// middle ends it; what went until then is gone.
    pub async fn execute(&self, plan: &Plan) -> Result<Done> {
        let mut now = self.plan(&plan.origin).await?;
        // A container's status tells the time.
        for (container, then) in now.containers.iter_mut().zip(&plan.containers) {
            container.status.clone_from(&then.status);
        }
        if now != *plan {
            return Err(Error::Stale);
        }
        let mut done = Done::default();
        for step in &plan.steps {
            let options = RemoveImageOptionsBuilder::default()
                .force(step.force)
                .noprune(step.no_prune)
                .build();
            let removed = self.docker.remove_image(&step.what, Some(options), None);
            for item in removed.await.map_err(self.failed())? {
                done.untagged.extend(item.untagged);
                if let Some(deleted) = item.deleted.and_then(|text| id(&text).ok()) {
                    done.deleted.push(deleted);
                }
            }
        }
        if self.about().kind == Kind::Podman {
            // It does not count an image as deleted whose layers others keep.
            done.deleted = plan.deleted.iter().map(|image| image.id.clone()).collect();
        }
        // Docker lists layers among the images that went.
        let planned = |id: &Digest| plan.deleted.iter().any(|image| image.id == *id);
        done.deleted.retain(planned);
        Ok(done)
    }

    async fn plan(&self, origin: &Origin) -> Result<Plan> {
        let (images, containers) = tokio::join!(self.images(), self.containers());
        let mut model = Model::new(self.about().kind, images?, containers?);
        match origin {
            Origin::Removal(removal) => {
                for selection in &removal.selections {
                    model.remove(selection, removal);
                }
            }
            Origin::Prune(images) => model.prune(images),
        }
        let (mut plan, left) = model.end();
        plan.origin = origin.clone();
        plan.freed_bytes = freed(&plan.deleted, &left);
        Ok(plan)
    }
}

/// Adds up the layers that only the removed images have.
fn freed(deleted: &[Image], left: &[Image]) -> Option<u64> {
    let mut stays: BTreeSet<Digest> = left.iter().flat_map(Image::chain).collect();
    let mut freed = 0;
    for image in deleted {
        for (chain, layer) in image.chain().into_iter().zip(&image.layers) {
            if stays.insert(chain) {
                freed += layer.size?;
            }
        }
    }
    Some(freed)
}
