use jiff::Timestamp;
use oci::{Digest, ImageName};

use crate::{Result, Store, TagMove};

/// One change of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When.
    pub time: Timestamp,
    /// The name.
    pub name: ImageName,
    /// Where it pointed before.
    pub from: Option<Digest>,
    /// Where it pointed after.
    pub to: Option<Digest>,
    /// The verb: `pull`, `tag`, `remove`, `prune`, `undo`…
    pub operation: String,
}

/// What [`Store::undo`] would undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// The verb.
    pub operation: String,
    /// When it was done.
    pub time: Timestamp,
    /// The names that would change; empty where only nameless images come back.
    pub names: Vec<ImageName>,
    /// How many images would come back.
    pub images: u64,
}

impl Store {
    /// Returns the changes of one name, or of all, newest first.
    pub fn journal(&self, name: Option<&ImageName>) -> Result<Vec<JournalEntry>> {
        let _ = name;
        todo!()
    }

    /// Says what would be undone, or `None`.
    pub fn undoable(&self) -> Result<Option<Undoable>> {
        todo!()
    }

    /// Takes back the last removal or move that was not taken back yet: names point where they did, removed images are back.
    ///
    /// Called again it walks further back. A name that was changed otherwise since is left alone. A pull that only added names
    /// is not undone; one that moved a name is. What the grace time has ended for cannot come back.
    ///
    /// # Errors
    /// [`NothingToUndo`](crate::Error::NothingToUndo).
    pub fn undo(&self, now: Timestamp) -> Result<Vec<TagMove>> {
        let _ = now;
        todo!()
    }
}
