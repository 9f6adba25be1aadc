//! Images between engines and the store, and between two engines: streamed, with no file in between.

use docker::Connection;
use futures_util::StreamExt;
use oci::{Digest, ImageName, Reference, Selector};

use super::{EnginePlace, stream};
use crate::{
    Compression, Copied, CopyRequest, Engine, Error, Event, MovePolicy, Place, PlaceError,
    Progress, SaveRequest, SaveStyle, SaveTarget, TagMove, tag,
};

impl Engine {
    /// Brings an image of an engine into the store, under one name or none. One that is here is not sent again.
    pub(crate) async fn bring_from_engine(
        &self,
        request: &CopyRequest,
        name: Option<Reference>,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        let (place, id, names) = self.source(&request.from).await?;
        if request.platform.is_none()
            && let Some(target) = self.has(&id).await?
        {
            return self.name_here(request, target, name).await;
        }
        let pieces = place.connection.export_image(&id).await?;
        let (input, reader) = stream::reading();
        let called = names
            .first()
            .map_or_else(|| id.short().to_owned(), ImageName::familiar);
        let named = format!("{called} of {}", place.title);
        let load = self.load_only(
            named,
            Box::new(reader),
            name.into_iter().collect(),
            (request.platform.clone(), request.move_policy),
            progress,
        );
        let (pumped, loaded) = tokio::join!(input.pump(pieces), Box::pin(load));
        // Where the engine ended in the middle, what the reader made of the rest says less.
        pumped?;
        let loaded = loaded?;
        let found = loaded.images.into_iter().next();
        let found = found
            .ok_or_else(|| Error::Internal("a load brought no image and said nothing".into()))?;
        Ok(Copied {
            id: found.id,
            target: found.target,
            names: found.names,
            moved: loaded.moved,
        })
    }

    /// Sends an image of the store to an engine. One that is there is not sent again.
    pub(crate) async fn send_to_engine(
        &self,
        request: &CopyRequest,
        source: &Selector,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        let (place, name) = self.destination(&request.to).await?;
        let (target, id) = self.here(source).await?;
        place
            .refuse_taken(request.move_policy, &name, &[&id, &target])
            .await?;
        // An engine that keeps manifests knows an image by its manifest's digest.
        for known in [id, target.clone()] {
            if request.platform.is_none()
                && let Some(there) = place.connection.has_image(known.as_str()).await?
            {
                let moved = place.name_there(&there, &name).await?;
                return Ok(copied(there, target, name, moved));
            }
        }
        let (writer, pieces) = stream::writing();
        let save = SaveRequest {
            images: vec![Selector::digest_of(&target)],
            style: SaveStyle::Docker,
            compression: Compression::None,
            platforms: request.platform.iter().cloned().collect(),
            target: SaveTarget::Stream(Box::new(writer)),
        };
        let (saved, loaded) = tokio::join!(
            Box::pin(self.save(save, progress)),
            place.connection.load_images(pieces)
        );
        let (saved, told) = match (saved, loaded) {
            (Ok(saved), Ok(told)) => (saved, told),
            (Err(error), Ok(_)) => return Err(error),
            // A save that fails by itself breaks the engine's load; one whose pipe broke has nothing to say.
            (Err(error), Err(_)) if !is_broken_pipe(&error) => return Err(error),
            (_, Err(error)) => return Err(error.into()),
        };
        let image = saved.images.into_iter().next();
        let image = image
            .ok_or_else(|| Error::Internal("a save wrote no image and said nothing".into()))?;
        let there = place.arrived(&[&image.id, &image.target], &told).await?;
        let moved = place.name_there(&there, &name).await?;
        Ok(copied(there, image.target, name, moved))
    }

    /// Copies an image from one engine to another, through a pipe.
    pub(crate) async fn send_between_engines(
        &self,
        request: &CopyRequest,
        progress: &dyn Progress,
    ) -> Result<Copied, Error> {
        let (from, id, _) = self.source(&request.from).await?;
        let (to, name) = self.destination(&request.to).await?;
        to.refuse_taken(request.move_policy, &name, &[&id]).await?;
        let there = match to.connection.has_image(id.as_str()).await? {
            Some(there) => there,
            None => {
                let told = pass(&from.connection, &id, &to.connection, progress).await?;
                to.arrived(&[&id], &told).await?
            }
        };
        let moved = to.name_there(&there, &name).await?;
        Ok(copied(there.clone(), there, name, moved))
    }

    /// Tells what an image of an engine is called there.
    pub(crate) async fn name_at_engine(&self, place: &Place) -> Result<Option<ImageName>, Error> {
        let (_, _, names) = self.source(place).await?;
        Ok(names.into_iter().next())
    }

    /// Connects to the engine that an image comes from; its ID and its names there.
    async fn source(&self, place: &Place) -> Result<(EnginePlace, Digest, Vec<ImageName>), Error> {
        let (place, selector) = self.daemon(place).await?;
        let (id, names) = place.connection.find_image(selector).await?;
        Ok((place, id, names))
    }

    /// Connects to the engine that an image goes to; the name that it gets there has a tag.
    async fn destination(&self, place: &Place) -> Result<(EnginePlace, ImageName), Error> {
        let (place, selector) = self.daemon(place).await?;
        let name = match selector.reference() {
            Some(reference) => tag::given_name(reference)?,
            None => tag::given_name(&selector.text().parse::<Reference>()?)?,
        };
        Ok((place, name))
    }

    async fn daemon<'a>(&self, place: &'a Place) -> Result<(EnginePlace, &'a Selector), Error> {
        match place {
            Place::Daemon { engine, image } => Ok((self.place(engine.as_deref()).await?, image)),
            other => Err(PlaceError::Unknown {
                kind: other.to_string(),
            }
            .into()),
        }
    }

    /// Returns the target of an image that is here whole, by the ID that an engine gives it.
    async fn has(&self, id: &Digest) -> Result<Option<Digest>, Error> {
        let wanted = id.clone();
        self.with_store(move |store| {
            let target = match store.resolve(&Selector::digest_of(&wanted)) {
                Ok(resolved) => resolved.target,
                Err(store::Error::ImageNotFound { .. }) => return Ok(None),
                Err(other) => return Err(other.into()),
            };
            let found = store.images_of(&[target])?.pop();
            Ok(found
                .filter(|image| !image.damaged)
                .map(|image| image.target))
        })
        .await
    }

    /// Returns an image's target and ID.
    async fn here(&self, source: &Selector) -> Result<(Digest, Digest), Error> {
        let source = source.clone();
        self.with_store(move |store| {
            let target = store.resolve(&source)?.target;
            let id = store.image(&target)?.config;
            Ok((target, id))
        })
        .await
    }

    /// Gives an image that was here before its new name.
    async fn name_here(
        &self,
        request: &CopyRequest,
        target: Digest,
        name: Option<Reference>,
    ) -> Result<Copied, Error> {
        let selector = Selector::digest_of(&target);
        let (_, id) = self.here(&selector).await?;
        let Some(name) = name else {
            return Ok(Copied {
                id,
                target,
                names: Vec::new(),
                moved: Vec::new(),
            });
        };
        let plan = self.plan_tag(&selector, &name).await?;
        if let (MovePolicy::Keep, Some(from)) = (request.move_policy, plan.from) {
            return Err(Error::NameTaken {
                name: plan.name,
                holder: from.target,
            });
        }
        let moved = self.tag(&selector, &name).await?;
        Ok(Copied {
            id,
            target,
            names: vec![plan.name],
            moved: Some(moved).filter(|_| !plan.same).into_iter().collect(),
        })
    }
}

impl EnginePlace {
    /// Refuses where a name must not move and would: it names an image, and none of these.
    async fn refuse_taken(
        &self,
        policy: MovePolicy,
        name: &ImageName,
        same: &[&Digest],
    ) -> Result<(), Error> {
        if policy == MovePolicy::Move {
            return Ok(());
        }
        match self.connection.has_image(&name.to_string()).await? {
            Some(holder) if !same.contains(&&holder) => Err(Error::NameTaken {
                name: name.clone(),
                holder,
            }),
            _ => Ok(()),
        }
    }

    /// Makes sure that an image that was sent is there: under the ID that it has elsewhere, or the one that the engine told.
    async fn arrived(&self, known: &[&Digest], told: &[String]) -> Result<Digest, Error> {
        for digest in known {
            if let Some(there) = self.connection.has_image(digest.as_str()).await? {
                return Ok(there);
            }
        }
        // An engine that keeps manifests makes one where the archive had none, and only then knows its digest.
        if let [only] = told
            && let Ok(digest) = only.parse::<Digest>()
            && let Some(there) = self.connection.has_image(digest.as_str()).await?
        {
            return Ok(there);
        }
        Err(docker::Error::Answer {
            reason: "it took the image and does not have it".into(),
        }
        .into())
    }

    /// Gives an image of the engine a name. An image comes without one, so that nothing else that it is called moves.
    pub(super) async fn name_there(
        &self,
        id: &Digest,
        name: &ImageName,
    ) -> Result<Option<TagMove>, Error> {
        let from = self.connection.has_image(&name.to_string()).await?;
        if from.as_ref() == Some(id) {
            return Ok(None);
        }
        self.connection.tag_image(id, name).await?;
        Ok(Some(TagMove {
            name: name.clone(),
            from,
            to: Some(id.clone()),
        }))
    }
}

/// Lets an image through from one engine into the other.
async fn pass(
    from: &Connection,
    id: &Digest,
    to: &Connection,
    progress: &dyn Progress,
) -> Result<Vec<String>, Error> {
    let mut current = 0;
    let pieces = from.export_image(id).await?.map(|piece| {
        if let Ok(piece) = &piece {
            current += piece.len() as u64;
            progress.report(Event::Passed {
                current,
                total: None,
            });
        }
        piece
    });
    let (input, relayed) = stream::relaying();
    let (sent, loaded) = tokio::join!(input.pump(pieces), to.load_images(relayed));
    // The engine that sends says why it ended; the other one only that it did.
    sent?;
    Ok(loaded?)
}

fn copied(id: Digest, target: Digest, name: ImageName, moved: Option<TagMove>) -> Copied {
    Copied {
        id,
        target,
        names: vec![name],
        moved: moved.into_iter().collect(),
    }
}

fn is_broken_pipe(error: &Error) -> bool {
    let Error::Archive { source, .. } = error else {
        return false;
    };
    matches!(source.as_ref(), archive::Error::Write(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}
