//! Naming images.

use oci::{Digest, ImageName, Reference, Selector};
use store::Store;

use crate::{Engine, Error, MovedFrom};

/// A name that was made, moved or taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMove {
    /// The name.
    pub name: ImageName,
    /// What it named before; `None` where it was free.
    pub from: Option<Digest>,
    /// What it names now; `None` where it was taken away.
    pub to: Option<Digest>,
}

/// What giving a name would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagPlan {
    /// The name, in full.
    pub name: ImageName,
    /// What it would name.
    pub to: Digest,
    /// What it names now, where that is another image.
    pub from: Option<MovedFrom>,
    /// Whether it names that image already.
    pub same: bool,
}

impl Engine {
    /// Computes what [`Engine::tag`] would do.
    ///
    /// # Errors
    /// As [`Engine::tag`].
    pub async fn plan_tag(&self, source: &Selector, name: &Reference) -> Result<TagPlan, Error> {
        let (source, name) = (source.clone(), given_name(name)?);
        self.with_store(move |store| plan(store, &source, &name))
            .await
    }

    /// Tells which image has a name that somebody is about to give; `None` where it is free.
    ///
    /// # Errors
    /// `bad_reference` (a name with a digest).
    pub async fn name_holder(&self, name: &Reference) -> Result<Option<MovedFrom>, Error> {
        let name = given_name(name)?;
        self.with_store(move |store| match crate::pull::holder(store, &name)? {
            Some(holder) => moved_from(store, holder),
            None => Ok(None),
        })
        .await
    }

    /// Gives an image one more name; a name that another image has moves. Without a tag it means `latest`.
    ///
    /// The journal keeps what the name named before, so [`Engine::undo`] can give it back.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `bad_reference` (a name with a digest), `read_only`.
    pub async fn tag(&self, source: &Selector, name: &Reference) -> Result<TagMove, Error> {
        let (source, name, now) = (source.clone(), given_name(name)?, self.now());
        self.with_store(move |store| {
            let planned = store.plan_tag(&source, &name)?;
            store.tag(&planned, now)?;
            Ok(TagMove::from(planned))
        })
        .await
    }
}

impl From<store::TagMove> for TagMove {
    fn from(store::TagMove { name, from, to }: store::TagMove) -> Self {
        Self { name, from, to }
    }
}

/// A name that somebody gives has a tag: a digest is not theirs to choose.
pub(crate) fn given_name(reference: &Reference) -> Result<ImageName, Error> {
    if reference.digest().is_some() {
        return Err(Error::NameWithDigest {
            name: reference.familiar(),
        });
    }
    Ok(ImageName::of(reference))
}

fn plan(store: &Store, source: &Selector, name: &ImageName) -> Result<TagPlan, Error> {
    let store::TagMove { name, from, to } = store.plan_tag(source, name)?;
    let to = to.ok_or_else(|| Error::NoSuchImage {
        wanted: source.text().to_owned(),
    })?;
    let same = from.as_ref() == Some(&to);
    let from = from
        .filter(|_| !same)
        .map(|target| moved_from(store, target))
        .transpose()?
        .flatten();
    Ok(TagPlan {
        name,
        to,
        from,
        same,
    })
}

/// Describes the image that a name is taken from.
pub(crate) fn moved_from(store: &Store, target: Digest) -> Result<Option<MovedFrom>, Error> {
    let image = store.images_of(std::slice::from_ref(&target))?.pop();
    Ok(image.map(|image| MovedFrom {
        target,
        id: image.id,
        created: image.created,
    }))
}
