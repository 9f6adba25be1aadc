use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::{ProcessIdentity, Result};

/// A store, open. Clones are the same store; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The time, for what is written while opening.
    pub now: Timestamp,
    /// Who opens it.
    pub process: ProcessIdentity,
    /// Open for reading only, even where writing would be possible.
    pub read_only: bool,
}

/// What was done on open because the database was missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// When it was rebuilt. An earlier recovery is reported until a check has passed.
    pub at: Timestamp,
    /// What was wrong with the old database, for people.
    pub reason: String,
    /// Where the old database now is, if there was one.
    pub set_aside: Option<PathBuf>,
    /// How many images were found again.
    pub images: u64,
    /// How many names were found again.
    pub names: u64,
}

impl Store {
    /// Opens the store in a folder, and makes it where there is none (mode 0700).
    ///
    /// A damaged or missing database is set aside as `strata.db.damaged-<time>` and rebuilt from the files; [`Self::recovery`]
    /// tells. A folder that cannot be written is opened for reading.
    ///
    /// # Errors
    /// [`Newer`](crate::Error::Newer), [`NetworkFileSystem`](crate::Error::NetworkFileSystem), [`NotAStore`](crate::Error::NotAStore)
    /// leave everything untouched. [`Busy`](crate::Error::Busy) means that another process still uses a damaged database.
    pub fn open(root: &Path, options: &OpenOptions) -> Result<Self> {
        let _ = (root, options);
        todo!()
    }

    /// Returns the store's folder.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Tells whether the store can only be read. Every writing method then fails with [`ReadOnly`](crate::Error::ReadOnly).
    pub fn is_read_only(&self) -> bool {
        todo!()
    }

    /// Returns what was recovered, until a check has passed since.
    pub fn recovery(&self) -> Option<Recovery> {
        todo!()
    }

    /// Returns a number that grows with every change to images or names, by any process. Costs microseconds.
    pub fn generation(&self) -> Result<u64> {
        todo!()
    }

    /// Rebuilds the database from the files, as on open after a loss. The journal and removed images' grace are lost.
    ///
    /// # Errors
    /// [`Busy`](crate::Error::Busy) while another process has the store open.
    pub fn rebuild(&self, now: Timestamp) -> Result<Recovery> {
        let _ = now;
        todo!()
    }
}
