//! Naming images.

use oci::{Digest, ImageName, Reference, Selector};

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
        let _ = (source, name);
        todo!()
    }

    /// Gives an image one more name; a name that another image has moves. Without a tag it means `latest`.
    ///
    /// The journal keeps what the name named before, so [`Engine::undo`] can give it back.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `bad_reference` (a name with a digest), `read_only`.
    pub async fn tag(&self, source: &Selector, name: &Reference) -> Result<TagMove, Error> {
        let _ = (source, name);
        todo!()
    }
}
