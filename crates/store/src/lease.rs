use std::fmt;

use jiff::Timestamp;
use oci::{Digest, Platform, Reference};
use serde::{Deserialize, Serialize};

use crate::{Result, Store};

/// The number of a lease, and of the operation that it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub i64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a lease is for, so that an interrupted operation can be shown and taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeasePurpose {
    /// A pull.
    Pull {
        /// What is pulled.
        reference: Reference,
        /// For which platform, where one was asked for.
        platform: Option<Platform>,
        /// All bytes that the image has, once that is known.
        total: Option<u64>,
    },
    /// Images that are made or moved on this computer; not taken up again.
    Local {
        /// What is done, for people.
        operation: String,
    },
}

/// Holds content for an operation: nothing that it holds is collected.
///
/// Dropping it releases it. When its process dies instead, the content is kept until [`GRACE`](crate::GRACE) after the last
/// renewal, and [`Store::interrupted`] lists the operation.
pub struct Lease {
    _private: (),
}

/// An operation whose process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterruptedOperation {
    /// Its number, for [`Store::resume`] and [`Store::dismiss`].
    pub id: LeaseId,
    /// What it was.
    pub purpose: LeasePurpose,
    /// When it began.
    pub started: Timestamp,
    /// Bytes that are here, whole blobs and partial ones.
    pub done_bytes: u64,
    /// All bytes, where that was known.
    pub total_bytes: Option<u64>,
}

impl Store {
    /// Takes a lease.
    pub fn lease(&self, purpose: &LeasePurpose, now: Timestamp) -> Result<Lease> {
        let _ = (purpose, now);
        todo!()
    }

    /// Returns the operations whose process died, newest first. Those older than the grace time are gone.
    pub fn interrupted(&self, now: Timestamp) -> Result<Vec<InterruptedOperation>> {
        let _ = now;
        todo!()
    }

    /// Takes over the lease of an interrupted operation, with all that it holds.
    ///
    /// # Errors
    /// [`NoSuchOperation`](crate::Error::NoSuchOperation) also when somebody else took it first.
    pub fn resume(&self, id: LeaseId, now: Timestamp) -> Result<Lease> {
        let _ = (id, now);
        todo!()
    }

    /// Forgets an interrupted operation. Its content goes with the next collection, partial downloads at once.
    pub fn dismiss(&self, id: LeaseId) -> Result<()> {
        let _ = id;
        todo!()
    }
}

impl Lease {
    /// Returns its number.
    pub fn id(&self) -> LeaseId {
        todo!()
    }

    /// Holds these digests too, whether they are here yet or not.
    pub fn hold(&self, digests: &[Digest]) -> Result<()> {
        let _ = digests;
        todo!()
    }

    /// Says anew what it is for, as when the size of a pull becomes known.
    pub fn describe(&self, purpose: &LeasePurpose) -> Result<()> {
        let _ = purpose;
        todo!()
    }

    /// Moves the time from which the grace counts. Worth doing every few minutes of a long operation.
    pub fn renew(&self, now: Timestamp) -> Result<()> {
        let _ = now;
        todo!()
    }

    /// Releases it and reports a failure, which dropping only logs.
    pub fn release(self) -> Result<()> {
        todo!()
    }
}
