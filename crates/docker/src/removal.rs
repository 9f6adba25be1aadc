//! What removing images would do, by the rules of the engine that does it.
//!
//! Docker's rules: <https://docs.docker.com/reference/cli/docker/image/rm/>. Podman's differ: its force removes containers
//! too, <https://docs.podman.io/en/latest/markdown/podman-rmi.1.html>.

use std::collections::BTreeSet;

use bollard::query_parameters::RemoveImageOptionsBuilder;
use oci::{Digest, ImageName, Selector};

use crate::image::{find, id, named};
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
        // Docker lists layers among the images that went.
        let planned = |id: &Digest| plan.deleted.iter().any(|image| image.id == *id);
        done.deleted.retain(planned);
        Ok(done)
    }

    async fn plan(&self, origin: &Origin) -> Result<Plan> {
        let (images, containers) = tokio::join!(self.images(), self.containers());
        let mut model = Model {
            kind: self.about().kind,
            images: images?,
            containers: containers?,
            plan: Plan {
                origin: origin.clone(),
                ..Plan::default()
            },
        };
        match origin {
            Origin::Removal(removal) => {
                for selection in &removal.selections {
                    model.remove(selection, removal);
                }
            }
            Origin::Prune(images) => model.prune(images),
        }
        let Model {
            mut plan, images, ..
        } = model;
        plan.freed_bytes = freed(&plan.deleted, &images);
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

/// What the engine has while the plan is made.
struct Model {
    kind: Kind,
    images: Vec<Image>,
    containers: Vec<Container>,
    plan: Plan,
}

impl Model {
    fn remove(&mut self, selection: &Selector, removal: &Removal) {
        let name = selection.reference().and_then(|reference| {
            let image = named(&self.images, reference)?;
            let is_whole_id = selection.digest().is_some_and(|digest| *digest == image.id);
            let reference = reference.clone().with_default_tag();
            (!is_whole_id).then(|| ImageName::of(&reference))
        });
        let image = match find(&self.images, selection) {
            Ok(image) => image.clone(),
            Err(error) => {
                let reason = match error {
                    Error::Ambiguous { .. } => Reason::Ambiguous,
                    // docker's force makes no error of what is not there.
                    _ if removal.force => return,
                    _ => Reason::NotFound,
                };
                return self.block(selection.text(), reason);
            }
        };
        let done = match (self.kind, name) {
            (Kind::Docker, Some(name)) => self.docker_name(&image, &name, removal),
            (Kind::Docker, None) => self.docker_id(&image, removal),
            (Kind::Podman, name) => self.podman(&image, name.as_ref(), removal),
        };
        if let Err(reason) = done {
            self.block(selection.text(), reason);
        }
    }

    fn block(&mut self, name: &str, reason: Reason) {
        self.plan.blocked.push(Blocked {
            name: name.to_owned(),
            reason,
        });
    }

    fn step(&mut self, what: String, removal: &Removal) {
        self.plan.steps.push(Step {
            what,
            force: removal.force,
            no_prune: removal.no_prune,
        });
    }

    /// Docker, by a name: the name goes; with the last one the image, unless something else holds it.
    fn docker_name(
        &mut self,
        image: &Image,
        name: &ImageName,
        removal: &Removal,
    ) -> std::result::Result<(), Reason> {
        if !removal.force
            && is_single(image)
            && let Some(container) = self.using(&image.id, None)
        {
            return Err(reason(container));
        }
        self.step(name.to_string(), removal);
        self.untag(&image.id, name);
        // With the last tag of a repository its digests go.
        let repository = |name: &ImageName| name.reference().name();
        let left = self.names(&image.id);
        let tags_left = left
            .iter()
            .any(|other| other.tag().is_some() && repository(other) == repository(name));
        if name.tag().is_some() && !tags_left {
            for digest in left
                .iter()
                .filter(|other| other.tag().is_none() && repository(other) == repository(name))
            {
                self.untag(&image.id, digest);
            }
        }
        // What holds it is quietly left to hold it; to force only what runs does.
        let holds = removal.force.then_some(true);
        if self.names(&image.id).is_empty()
            && self.using(&image.id, holds).is_none()
            && self.children(&image.id) == 0
        {
            self.delete(&image.id, removal.no_prune);
        }
        Ok(())
    }

    /// Docker, by an ID: all its names go and the image with them, or nothing.
    fn docker_id(&mut self, image: &Image, removal: &Removal) -> std::result::Result<(), Reason> {
        if let Some(container) = self.using(&image.id, Some(true)) {
            return Err(reason(container));
        }
        let standing = self.standing_on(&image.id);
        if !standing.is_empty() {
            return Err(Reason::Children { images: standing });
        }
        if !removal.force {
            if let Some(container) = self.using(&image.id, Some(false)) {
                return Err(reason(container));
            }
            if !is_single(image) {
                return Err(Reason::SeveralNames {
                    count: image.names.len().max(image.repo_digests.len()),
                });
            }
        }
        self.step(image.id.to_string(), removal);
        for name in self.names(&image.id) {
            self.untag(&image.id, &name);
        }
        self.delete(&image.id, removal.no_prune);
        Ok(())
    }

    /// Podman: a name of several goes alone; else everything goes, by force with the containers.
    fn podman(
        &mut self,
        image: &Image,
        name: Option<&ImageName>,
        removal: &Removal,
    ) -> std::result::Result<(), Reason> {
        let count = image.names.len();
        match name {
            Some(name) if count > 1 => {
                self.step(name.to_string(), removal);
                self.untag(&image.id, name);
                return Ok(());
            }
            None if count > 1 && !removal.force => return Err(Reason::SeveralNames { count }),
            _ => {}
        }
        let using: Vec<Container> = self
            .containers
            .iter()
            .filter(|container| container.image_id.as_ref() == Some(&image.id))
            .cloned()
            .collect();
        if let (false, Some(first)) = (removal.force, using.first()) {
            return Err(reason(first));
        }
        self.step(
            name.map_or_else(|| image.id.to_string(), ToString::to_string),
            removal,
        );
        self.containers
            .retain(|container| container.image_id.as_ref() != Some(&image.id));
        self.plan.containers.extend(using);
        for name in self.tags(&image.id) {
            self.untag(&image.id, &name);
        }
        if self.children(&image.id) == 0 {
            self.delete(&image.id, removal.no_prune);
        }
        Ok(())
    }

    /// Removes images with all their names, those on top first.
    fn prune(&mut self, wanted: &[Digest]) {
        let removal = Removal::default();
        let mut wanted: Vec<Digest> = wanted.to_vec();
        loop {
            let ready = wanted.iter().position(|id| {
                self.children(id) == 0
                    && self.using(id, None).is_none()
                    && self.images.iter().any(|image| image.id == *id)
            });
            let Some(ready) = ready else {
                return;
            };
            let id = wanted.swap_remove(ready);
            let names = match self.kind {
                Kind::Docker => self.names(&id),
                Kind::Podman => self.tags(&id),
            };
            for name in &names {
                // What went with the one before has no name any more.
                if self.names(&id).contains(name)
                    && let Some(image) = self.images.iter().find(|image| image.id == id).cloned()
                {
                    let done = match self.kind {
                        Kind::Docker => self.docker_name(&image, name, &removal),
                        Kind::Podman => self.podman(&image, Some(name), &removal),
                    };
                    if let Err(reason) = done {
                        self.block(&name.familiar(), reason);
                    }
                }
            }
            if let Some(image) = self.images.iter().find(|image| image.id == id).cloned() {
                let done = match self.kind {
                    Kind::Docker => self.docker_id(&image, &removal),
                    Kind::Podman => self.podman(&image, None, &removal),
                };
                if let Err(reason) = done {
                    self.block(id.short(), reason);
                }
            }
        }
    }

    /// Finds a container that uses an image; running or not running ones where that is said.
    fn using(&self, image: &Digest, running: Option<bool>) -> Option<&Container> {
        self.containers.iter().find(|container| {
            container.image_id.as_ref() == Some(image)
                && running.is_none_or(|running| container.is_running() == running)
        })
    }

    fn children(&self, image: &Digest) -> usize {
        let children = self.images.iter();
        children
            .filter(|child| child.parent.as_ref() == Some(image))
            .count()
    }

    /// What the images that stand on one are called. What has no name is a step to one that has, unless nothing stands on it.
    fn standing_on(&self, image: &Digest) -> Vec<String> {
        let mut found = Vec::new();
        let mut below = vec![image.clone()];
        while let Some(parent) = below.pop() {
            for child in &self.images {
                if child.parent.as_ref() != Some(&parent) {
                    continue;
                }
                match child.names.first() {
                    Some(name) => found.push(name.familiar()),
                    None if self.children(&child.id) == 0 => {
                        found.push(child.id.short().to_owned());
                    }
                    None => below.push(child.id.clone()),
                }
            }
        }
        found.sort();
        found
    }

    fn tags(&self, image: &Digest) -> Vec<ImageName> {
        let found = self.images.iter().find(|other| other.id == *image);
        found.map(|image| image.names.clone()).unwrap_or_default()
    }

    /// All its names, those with a tag first.
    fn names(&self, image: &Digest) -> Vec<ImageName> {
        let found = self.images.iter().find(|other| other.id == *image);
        found
            .map(|image| [image.names.clone(), image.repo_digests.clone()].concat())
            .unwrap_or_default()
    }

    fn untag(&mut self, image: &Digest, name: &ImageName) {
        if let Some(image) = self.images.iter_mut().find(|other| other.id == *image) {
            image.names.retain(|other| other != name);
            image.repo_digests.retain(|other| other != name);
            self.plan.untagged.push((name.clone(), image.id.clone()));
        }
    }

    /// Deletes an image, and then what stands below it and is held by nothing.
    fn delete(&mut self, image: &Digest, no_prune: bool) {
        let Some(position) = self.images.iter().position(|other| other.id == *image) else {
            return;
        };
        let gone = self.images.swap_remove(position);
        let parent = gone.parent.clone();
        self.plan.deleted.push(gone);
        if let Some(parent) = parent.filter(|_| !no_prune)
            && self.names(&parent).is_empty()
            && self.using(&parent, None).is_none()
            && self.children(&parent) == 0
        {
            self.delete(&parent, false);
        }
    }
}

/// Whether an image has at most one tag, and digests of its repository only.
fn is_single(image: &Image) -> bool {
    let repository = |name: &ImageName| name.reference().name();
    let mut repositories: Vec<String> = image
        .names
        .iter()
        .chain(&image.repo_digests)
        .map(repository)
        .collect();
    repositories.sort();
    repositories.dedup();
    image.names.len() <= 1 && repositories.len() <= 1
}

fn reason(container: &Container) -> Reason {
    let name = container.name.clone();
    match container.is_running() {
        true => Reason::RunningContainer { container: name },
        false => Reason::StoppedContainer { container: name },
    }
}
