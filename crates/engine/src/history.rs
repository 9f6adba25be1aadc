//! How an image was made.

use jiff::Timestamp;
use oci::{Digest, Selector};

use crate::{Engine, Error};

/// One step of an image's making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// When.
    pub created: Option<Timestamp>,
    /// By which instruction.
    pub created_by: Option<String>,
    /// By whom.
    pub author: Option<String>,
    /// What was said about it.
    pub comment: Option<String>,
    /// Bytes of regular files in its layer; 0 without one.
    pub size: u64,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// Its layer's diff ID.
    pub diff_id: Option<Digest>,
    /// Its layer's place, counted from the base; `None` without one.
    pub layer: Option<usize>,
}

impl Engine {
    /// Tells how an image was made, newest step first.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn history(&self, selector: &Selector) -> Result<Vec<HistoryRow>, Error> {
        Ok(self.image(selector).await?.history)
    }
}
