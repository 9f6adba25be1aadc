use oci::{Digest, ImageName, Selector};

use crate::{Result, Store};

/// The image that somebody meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The image.
    pub target: Digest,
    /// The name by which it was found; `None` if by digest or ID. Removing by name only takes that name away.
    pub name: Option<ImageName>,
}

impl Store {
    /// Finds the live image that is meant, by Docker's rules: whole digest (of config, manifest or index), then the exact name
    /// (`:latest` where there is no tag), then the start of an ID. A name that looks like an ID wins.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound), [`Ambiguous`](crate::Error::Ambiguous).
    pub fn resolve(&self, selector: &Selector) -> Result<Resolved> {
        let _ = selector;
        todo!()
    }
}
