//! Removing names and images: a plan first, then exactly that.

use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};

use crate::{Engine, Error, Filter};

/// What to remove.
#[derive(Debug, Clone, Default)]
pub struct RemovalRequest {
    /// Names, or images by ID or digest.
    pub selections: Vec<Selector>,
    /// docker's force: an ID with several names loses all of them, and what is not there is no error.
    pub force: bool,
    /// Keep parents that no name names.
    pub no_prune: bool,
    /// Drop the bytes at once, without the grace time in which undo can bring them back.
    pub now: bool,
}

/// What to prune.
#[derive(Debug, Clone, Default)]
pub struct PruneRequest {
    /// Every image that no container uses, not only those without a name.
    pub all: bool,
    /// Of those, only these.
    pub filter: Filter,
    /// Drop the bytes at once, and also what earlier removals left for undo.
    pub now: bool,
}

/// What a removal or a prune will do, and nothing else.
#[derive(Debug, Clone)]
pub struct RemovalPlan {
    /// Names that go.
    pub untagged: Vec<Untagged>,
    /// Images that go.
    pub deleted: Vec<DeletedImage>,
    /// Blobs that go.
    pub blobs: usize,
    /// Bytes on disk that come back: at once, or when the grace time is over.
    pub freed_bytes: u64,
    /// Bytes of the removed images that stay, because other images need them.
    pub kept_bytes: u64,
    /// What was asked for and cannot be.
    pub blocked: Vec<Blocked>,
}

/// A name that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untagged {
    /// The name.
    pub name: ImageName,
    /// What it names.
    pub target: Digest,
}

/// An image that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedImage {
    /// What its names name.
    pub target: Digest,
    /// Its ID.
    pub id: Digest,
    /// The names that it has.
    pub names: Vec<ImageName>,
    /// Its unpacked size.
    pub size: u64,
}

/// Something that cannot be removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What was asked for.
    pub name: String,
    /// Why it stays.
    pub reason: String,
    /// What would unblock it, in words.
    pub unblock: Option<String>,
    /// The error code that belongs to it: `not_found`, `ambiguous_reference` or `conflict`.
    pub code: &'static str,
}

/// What a removal did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names that went.
    pub untagged: Vec<Untagged>,
    /// Images that went.
    pub deleted: Vec<DeletedImage>,
    /// Bytes on disk that came back, or will when the grace time is over.
    pub freed_bytes: u64,
    /// What was asked for and stayed.
    pub blocked: Vec<Blocked>,
    /// Until when [`Engine::undo`] can bring it back; `None` = it cannot.
    pub undoable_until: Option<Timestamp>,
}

impl Engine {
    /// Computes what removing would do, by docker's rules. The store is not changed.
    ///
    /// # Errors
    /// Only where the store cannot be read: a selection that cannot be removed is in [`RemovalPlan::blocked`].
    pub async fn plan_removal(&self, request: &RemovalRequest) -> Result<RemovalPlan, Error> {
        let _ = request;
        todo!()
    }

    /// Computes what pruning would do. The store is not changed.
    ///
    /// # Errors
    /// `usage` for a filter that prune does not know.
    pub async fn plan_prune(&self, request: &PruneRequest) -> Result<RemovalPlan, Error> {
        let _ = request;
        todo!()
    }

    /// Does exactly what the plan says, or nothing.
    ///
    /// # Errors
    /// `plan_stale` when a name or an image of the plan has changed since, `read_only`.
    pub async fn execute(&self, plan: &RemovalPlan) -> Result<Removed, Error> {
        let _ = plan;
        todo!()
    }
}
