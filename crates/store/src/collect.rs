use jiff::Timestamp;

use crate::{Result, Store};

/// What a collection freed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Images whose grace time was over.
    pub images: u64,
    /// Blobs that nothing held.
    pub blobs: u64,
    /// Partial downloads that nobody took up.
    pub partials: u64,
    /// File indexes of layers that are gone.
    pub indexes: u64,
    /// Bytes of all of these.
    pub freed_bytes: u64,
}

impl Store {
    /// Frees what no live image, lease or grace time holds; row first, file after. Works on a full disk.
    ///
    /// Safe at any moment and beside any other process. A second collector at the same time does nothing.
    ///
    /// # Errors
    /// [`Unchecked`](crate::Error::Unchecked) on a store that was recovered until a check has passed.
    pub fn collect(&self, now: Timestamp) -> Result<Collected> {
        let _ = now;
        todo!()
    }
}
