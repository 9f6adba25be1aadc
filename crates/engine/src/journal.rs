//! Every change of every name, and taking the last one back.

use jiff::Timestamp;
use oci::{Digest, ImageName, Reference};
use store::ChangeId;

use crate::{Engine, Error, TagMove};

/// A change of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// When.
    pub time: Timestamp,
    /// Which name.
    pub name: ImageName,
    /// What it named before.
    pub from: Option<Digest>,
    /// What it named after.
    pub to: Option<Digest>,
    /// By which verb: `pull`, `tag`, `rmi`, `prune`, `undo`.
    pub operation: String,
}

/// The operation that undo would take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undoable {
    /// Which change it was, for [`Engine::undo_change`].
    pub change: ChangeId,
    /// Its verb.
    pub operation: String,
    /// The names that it changed.
    pub names: Vec<ImageName>,
}

/// What an undo brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The change that was taken back.
    pub change: ChangeId,
    /// Names that were made, moved or taken away by that.
    pub moves: Vec<TagMove>,
}

impl Engine {
    /// Lists the changes of one name, or of all, newest first.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn journal(&self, name: Option<&Reference>) -> Result<Vec<JournalEntry>, Error> {
        let name = name.map(ImageName::of);
        self.with_store(move |store| {
            let entries = store.journal(name.as_ref())?.into_iter();
            Ok(entries
                .map(
                    |store::JournalEntry {
                         time,
                         name,
                         from,
                         to,
                         operation,
                     }| JournalEntry {
                        time,
                        name,
                        from,
                        to,
                        operation,
                    },
                )
                .collect())
        })
        .await
    }

    /// Tells what [`Engine::undo`] would take back, if anything.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn undoable(&self) -> Result<Option<Undoable>, Error> {
        self.with_store(|store| {
            let undoable = store.undoable()?;
            Ok(undoable.map(
                |store::Undoable {
                     change,
                     operation,
                     names,
                     images: _,
                 }| Undoable {
                    change,
                    operation,
                    names,
                },
            ))
        })
        .await
    }

    /// Takes the last operation on names back: a removal, a prune, or a move by pull or tag.
    ///
    /// Every name gets back what it named; images whose bytes are still here come back with it. Undoing again goes one
    /// operation further back.
    ///
    /// # Errors
    /// `nothing_to_undo`, `read_only`.
    pub async fn undo(&self) -> Result<Undone, Error> {
        let now = self.now();
        self.with_store(move |store| Ok(store.undo(now)?.into()))
            .await
    }

    /// Takes one change of names back, or nothing: it must be the one that [`Engine::undo`] would take.
    ///
    /// # Errors
    /// `plan_stale` where another change came after it, `nothing_to_undo`, `read_only`.
    pub async fn undo_change(&self, change: ChangeId) -> Result<Undone, Error> {
        let now = self.now();
        self.with_store(move |store| Ok(store.undo_change(change, now)?.into()))
            .await
    }
}

impl From<store::Undone> for Undone {
    fn from(undone: store::Undone) -> Self {
        let store::Undone { change, moves } = undone;
        Undone {
            change,
            moves: moves.into_iter().map(TagMove::from).collect(),
        }
    }
}
