//! Completing a reference while it is typed.

use crate::{Engine, Error};

/// Something that the text may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The reference, in its familiar form.
    pub reference: String,
    /// Where it comes from.
    pub kind: CompletionKind,
}

/// Where a completion comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// An image of the store has this name.
    Local,
    /// The registry lists this tag.
    Tag,
}

impl Engine {
    /// Completes a reference from the names in the store and, after `repository:`, from the registry's tag list.
    ///
    /// At most 50, local ones first. A registry that does not answer gives no tags, and no error.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn complete(&self, text: &str) -> Result<Vec<Completion>, Error> {
        let _ = text;
        todo!()
    }
}
