//! Copying an image from one place to another.

use std::collections::BTreeSet;

use archive::{Compression, Style};
use oci::{Digest, ImageName, Platform, Reference, Selector};
use registry::Repository;

use crate::probe::failed;
use crate::pull::Retries;
use crate::push::{Delivery, Origin};
use crate::save::Called;
use crate::{
    ArchiveImage, ArchiveSource, ChosenImage, Engine, Error, LoadRequest, MovePolicy, Place,
    Progress, PullRequest, PushRequest, SaveRequest, SaveTarget, TagMove, tag,
};

/// What to copy.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// Where the image is.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// Only this platform of an image that has several.
    pub platform: Option<Platform>,
    /// What to do where the name in the store names another image.
    pub move_policy: MovePolicy,
}

/// What a copy did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The image ID.
    pub id: Digest,
    /// The manifest or index in the place that it went to.
    pub target: Digest,
    /// The names that it has there.
    pub names: Vec<ImageName>,
    /// Names that were made or moved there.
    pub moved: Vec<TagMove>,
}

impl Engine {
    /// Copies an image. Between two engines it goes through a pipe; between two other places that are both not the store it goes
    /// through the store, which keeps nothing of it but for the grace time, unless it had the image before. From registry to registry the blobs that are missing
    /// pass through without being kept but hashed, and the image is copied whole, with all its platforms, unless one is asked for. What the
    /// other side has already is not sent.
    ///
    /// Dropping the future cancels, with what [`Engine::pull`], [`Engine::push`], [`Engine::load`] and [`Engine::save`] say of it;
    /// an engine may then have layers that no image has.
    ///
    /// # Errors
    /// Those of the four, and those of [`Engine::place`].
    pub async fn copy(
        &self,
        request: &CopyRequest,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        if let Place::Registry(destination) = &request.to {
            return Box::pin(self.take_away(request, destination, progress)).await;
        }
        if let (Place::Daemon { .. }, Place::Daemon { .. }) = (&request.from, &request.to) {
            return Box::pin(self.send_between_engines(request, progress)).await;
        }
        if let Place::Store(selector) = &request.to {
            let name = given(selector)?;
            return self.bring_in(request, Some(name), progress).await;
        }
        if let Place::Store(selector) = &request.from {
            return self.take_out(request, selector, None, progress).await;
        }
        let named = self.name_at_source(request).await?;
        let before = self.nameless().await?;
        let brought = self.bring_in(request, None, progress).await?;
        let selector = Selector::digest_of(&brought.target);
        let taken = self
            .take_out(request, &selector, named.as_ref(), progress)
            .await;
        self.forget(&brought.target, &before).await;
        taken
    }

    /// Brings an image to a registry.
    async fn take_away(
        &self,
        request: &CopyRequest,
        destination: &Reference,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        let push = |source| PushRequest {
            source,
            destination: Some(destination.clone()),
            platform: request.platform.clone(),
            move_policy: request.move_policy,
        };
        let pushed = match &request.from {
            Place::Store(selector) => self.push(&push(selector.clone()), progress).await?,
            Place::Registry(source) => {
                let observer = Retries { progress };
                let root = self
                    .shared
                    .registry
                    .resolve(source, &observer)
                    .await?
                    .digest;
                let delivery = Delivery {
                    origin: Origin::Registry(Repository::of(source)),
                    root,
                    platform: request.platform.clone(),
                    destination: destination.clone().with_default_tag(),
                    move_policy: request.move_policy,
                };
                Box::pin(self.deliver(&delivery, progress)).await?
            }
            _ => {
                let before = self.nameless().await?;
                let brought = self.bring_in(request, None, progress).await?;
                let source = Selector::digest_of(&brought.target);
                let pushed = self.push(&push(source), progress).await;
                self.forget(&brought.target, &before).await;
                pushed?
            }
        };
        let name = ImageName::of(&pushed.reference);
        Ok(Copied {
            id: pushed.id,
            target: pushed.digest,
            names: Some(name)
                .filter(|name| name.tag().is_some())
                .into_iter()
                .collect(),
            moved: Vec::new(),
        })
    }

    /// Brings an image into the store, under one name or none.
    async fn bring_in(
        &self,
        request: &CopyRequest,
        name: Option<Reference>,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        match &request.from {
            Place::Store(source) => {
                let Some(name) = name else {
                    return Err(Error::Internal("a copy from the store to nowhere".into()));
                };
                let plan = self.plan_tag(source, &name).await?;
                if let (MovePolicy::Keep, Some(from)) = (request.move_policy, plan.from) {
                    return Err(Error::NameTaken {
                        name: plan.name,
                        holder: from.target,
                    });
                }
                let id = self.image_id(&plan.to).await?;
                let moved = self.tag(source, &name).await?;
                Ok(Copied {
                    id,
                    target: plan.to,
                    names: vec![plan.name],
                    moved: Some(moved).filter(|_| !plan.same).into_iter().collect(),
                })
            }
            Place::Registry(reference) => {
                let pull = PullRequest {
                    reference: reference.clone(),
                    platform: request.platform.clone(),
                    move_policy: request.move_policy,
                };
                let name = name.as_ref().map(tag::given_name).transpose()?;
                let pulled = self.pull_as(&pull, name.clone(), progress).await?;
                let image = pulled.images.into_iter().next().ok_or_else(|| {
                    Error::Internal("a pull brought no image and said nothing".into())
                })?;
                Ok(Copied {
                    id: image.id,
                    target: image.target,
                    names: name.into_iter().collect(),
                    moved: pulled.moved,
                })
            }
            Place::Daemon { .. } => Box::pin(self.bring_from_engine(request, name, progress)).await,
            archive => {
                let image = self.find_in(archive).await?;
                let load = LoadRequest {
                    source: ArchiveSource::Path(path(archive).to_owned()),
                    chosen: Some(vec![ChosenImage {
                        id: image.id,
                        names: Some(name.into_iter().collect()),
                    }]),
                    platform: request.platform.clone(),
                    move_policy: request.move_policy,
                };
                let loaded = self.load(load, progress).await?;
                let image = loaded.images.into_iter().next().ok_or_else(|| {
                    Error::Internal("a load brought no image and said nothing".into())
                })?;
                Ok(Copied {
                    id: image.id,
                    target: image.target,
                    names: image.names,
                    moved: loaded.moved,
                })
            }
        }
    }

    /// Writes an image of the store into an archive, or sends it to an engine.
    async fn take_out(
        &self,
        request: &CopyRequest,
        selector: &Selector,
        named: Option<&ImageName>,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        if let Place::Daemon { .. } = &request.to {
            return Box::pin(self.send_to_engine(request, selector, progress)).await;
        }
        let (target, style) = match &request.to {
            Place::OciFolder { path, .. } => (SaveTarget::Folder(path.clone()), Style::Oci),
            Place::OciArchive { path, .. } => (SaveTarget::File(path.clone()), Style::Oci),
            Place::DockerArchive { path, .. } => (SaveTarget::File(path.clone()), Style::Docker),
            Place::Store(_) | Place::Registry(_) | Place::Daemon { .. } => {
                return Err(Error::Internal("this place is no archive".into()));
            }
        };
        let called = match (reference(&request.to), named) {
            (Some(text), _) => Some(called(&request.to, text)?),
            (None, Some(name)) => Some(Called {
                names: vec![name.clone()],
                label: None,
            }),
            // What the store calls it.
            (None, None) => None,
        };
        let save = SaveRequest {
            images: vec![selector.clone()],
            style,
            compression: Compression::None,
            platforms: request.platform.iter().cloned().collect(),
            target,
        };
        let saved = self.save_as(save, called, progress).await?;
        let image = saved
            .images
            .into_iter()
            .next()
            .ok_or_else(|| Error::Internal("a save wrote no image and said nothing".into()))?;
        Ok(Copied {
            id: image.id,
            target: image.target,
            names: image.names,
            moved: Vec::new(),
        })
    }

    /// Finds the image of an archive that a place means.
    async fn find_in(&self, place: &Place) -> Result<ArchiveImage, Error> {
        let mut contents = self.probe_archive(path(place)).await?;
        if contents.format == archive::Format::RootFilesystem {
            let place = path(place).display().to_string();
            return Err(failed(place)(archive::Error::RootFilesystem));
        }
        let called = contents.images.iter();
        let called: Vec<_> = called
            .map(|image| (&*image.names, image.label.as_deref()))
            .collect();
        let missing = contents.incomplete.first().map(|it| it.missing.clone());
        let meant = meant(place, &called, missing)?;
        Ok(contents.images.swap_remove(meant))
    }

    /// Tells what an image is called in the place that it comes from, where that is a name.
    async fn name_at_source(&self, request: &CopyRequest) -> Result<Option<ImageName>, Error> {
        match &request.from {
            Place::Store(_) => Ok(None),
            Place::Registry(reference) => {
                let reference = reference.clone().with_default_tag();
                Ok(Some(ImageName::of(&reference)).filter(|name| name.tag().is_some()))
            }
            daemon @ Place::Daemon { .. } => Box::pin(self.name_at_engine(daemon)).await,
            archive => Ok(self.find_in(archive).await?.names.into_iter().next()),
        }
    }

    async fn image_id(&self, target: &Digest) -> Result<Digest, Error> {
        let wanted = target.clone();
        self.with_store(move |store| {
            let image = store.images_of(std::slice::from_ref(&wanted))?.pop();
            image
                .map(|image| image.id)
                .ok_or_else(|| Error::NoSuchImage {
                    wanted: wanted.to_string(),
                })
        })
        .await
    }

    /// Lists the images of the store that have no name: they are the user's, also when they pass through.
    async fn nameless(&self) -> Result<BTreeSet<Digest>, Error> {
        self.with_store(|store| {
            let images = store.image_keys()?.into_iter();
            let nameless = images.filter(|image| image.first_name.is_none());
            Ok(nameless.map(|image| image.target).collect())
        })
        .await
    }

    /// Puts an image that only passed through out of sight, unless it was there before. What became of the copy is not changed by
    /// that: where it fails, an image without a name stays, which a prune takes.
    async fn forget(&self, target: &Digest, before: &BTreeSet<Digest>) {
        if before.contains(target) {
            return;
        }
        let (passed, now) = (target.clone(), self.now());
        let withdrawn = self
            .with_store(move |store| Ok(store.withdraw(&passed, now)?))
            .await;
        if let Err(error) = withdrawn {
            tracing::warn!(%target, %error, "an image that only passed through stays in the store");
        }
    }
}

/// The name that a text in the store's place must be.
fn given(selector: &Selector) -> Result<Reference, Error> {
    match selector.reference() {
        Some(reference) => Ok(reference.clone()),
        None => Ok(selector.text().parse::<Reference>()?),
    }
}

/// Returns which image of an archive a place means, of the names and labels there: the one that is called so, or the only one.
pub(crate) fn meant(
    place: &Place,
    called: &[(&[ImageName], Option<&str>)],
    missing: Option<String>,
) -> Result<usize, Error> {
    let Some(text) = reference(place) else {
        return match called.len() {
            1 => Ok(0),
            0 => Err(Error::NothingWhole {
                place: place.to_string(),
                missing,
            }),
            count => Err(Error::WhichImage {
                place: place.to_string(),
                count,
            }),
        };
    };
    let name = Reference::parse_normalized(text)
        .ok()
        .map(|reference| ImageName::of(&reference));
    let is_called = |(names, label): &(&[ImageName], Option<&str>)| {
        *label == Some(text)
            || name.as_ref().is_some_and(|name| names.contains(name))
            // skopeo's word for an image of a layout may be the tag alone.
            || names
                .iter()
                .any(|name| name.tag().is_some_and(|tag| tag.as_str() == text))
    };
    let found = called.iter().position(is_called);
    found.ok_or_else(|| Error::NotInArchive {
        place: path(place).display().to_string(),
        wanted: text.to_owned(),
    })
}

pub(crate) fn path(place: &Place) -> &std::path::Path {
    match place {
        Place::OciFolder { path, .. }
        | Place::OciArchive { path, .. }
        | Place::DockerArchive { path, .. } => path,
        Place::Store(_) | Place::Registry(_) | Place::Daemon { .. } => std::path::Path::new(""),
    }
}

fn reference(place: &Place) -> Option<&str> {
    match place {
        Place::OciFolder { reference, .. }
        | Place::OciArchive { reference, .. }
        | Place::DockerArchive { reference, .. } => reference.as_deref(),
        Place::Store(_) | Place::Registry(_) | Place::Daemon { .. } => None,
    }
}

/// What an image is called by the text behind a path: in a docker-archive a name, in a layout also any word.
fn called(place: &Place, text: &str) -> Result<Called, Error> {
    let is_docker = matches!(place, Place::DockerArchive { .. });
    if is_docker || text.contains(['/', ':']) {
        let name = tag::given_name(&text.parse::<Reference>()?)?;
        return Ok(Called {
            names: vec![name],
            label: (!is_docker).then(|| text.to_owned()),
        });
    }
    Ok(Called {
        names: Vec::new(),
        label: Some(text.to_owned()),
    })
}
