use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};

use crate::{Result, Store};

/// A name that changed, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// The name.
    pub name: ImageName,
    /// Where it pointed; `None` where it was free.
    pub from: Option<Digest>,
    /// Where it points now; `None` where it was taken away.
    pub to: Option<Digest>,
}

impl Store {
    /// Says what naming an image so would do. `from` equals `to` where it has that name already.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn plan_tag(&self, source: &Selector, name: &ImageName) -> Result<TagMove> {
        let _ = (source, name);
        todo!()
    }

    /// Does what [`Self::plan_tag`] said. On return it is on disk.
    ///
    /// # Errors
    /// [`PlanStale`](crate::Error::PlanStale) where the name moved or the image went since; nothing changed.
    pub fn tag(&self, planned: &TagMove, now: Timestamp) -> Result<()> {
        let _ = (planned, now);
        todo!()
    }
}
