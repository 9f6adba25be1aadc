//! The rules by which an engine removes images.
//!
//! Docker's: <https://docs.docker.com/reference/cli/docker/image/rm/>. Podman's differ: its force removes containers too,
//! <https://docs.podman.io/en/latest/markdown/podman-rmi.1.html>.

use oci::{Digest, ImageName, Selector};

use super::{Blocked, Plan, Reason, Removal, Step};
use crate::image::{find, named};
use crate::{Container, Error, Image, Kind};

/// What the engine has left while the plan is made.
pub(super) struct Model {
    kind: Kind,
    images: Vec<Image>,
    containers: Vec<Container>,
    plan: Plan,
}

impl Model {
    /// Begins with what the engine has.
    pub(super) fn new(kind: Kind, images: Vec<Image>, containers: Vec<Container>) -> Self {
        Self {
            kind,
            images,
            containers,
            plan: Plan::default(),
        }
    }

    /// Returns what would be done, and the images that would be left.
    pub(super) fn end(self) -> (Plan, Vec<Image>) {
        (self.plan, self.images)
    }

    /// Removes what was selected, or notes why it stays.
    pub(super) fn remove(&mut self, selection: &Selector, removal: &Removal) {
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
        // Also where other images stand on it: they keep its layers, and Podman lets go of the image all the same.
        self.delete(&image.id, removal.no_prune);
        Ok(())
    }

    /// Removes images with all their names, those on top first.
    pub(super) fn prune(&mut self, wanted: &[Digest]) {
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
