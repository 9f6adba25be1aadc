use oci::Digest;

use crate::{Result, Store};

/// What the store takes on disk, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Live images.
    pub images: u64,
    /// Bytes of all blobs that live images hold, each once.
    pub images_size: u64,
    /// Layer blobs that live images hold.
    pub layers: u64,
    /// Bytes of these, each once.
    pub layers_size: u64,
    /// Bytes of those that more than one live image holds, each once.
    pub layers_shared: u64,
    /// Containers that use images.
    pub containers: u64,
    /// File indexes of layers.
    pub indexes_size: u64,
    /// Partial downloads.
    pub partial_size: u64,
    /// Damaged files that were set aside.
    pub quarantine_size: u64,
    /// All files in the folder.
    pub total_size: u64,
    /// What a prune of dangling images with `now` would free: these images, removed ones in their grace, and content that
    /// nothing holds.
    pub reclaimable: u64,
}

/// A container that uses an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    /// The image.
    pub target: Digest,
    /// The container's ID.
    pub container: String,
    /// The container's name.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
}

impl Store {
    /// Adds up what is on disk.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        todo!()
    }

    /// Notes that a container uses an image, or changes that note. Removal and prune honour it.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound).
    pub fn set_in_use(&self, usage: &InUse) -> Result<()> {
        let _ = usage;
        todo!()
    }

    /// Notes that a container is gone.
    pub fn clear_in_use(&self, container: &str) -> Result<()> {
        let _ = container;
        todo!()
    }

    /// Returns which containers use which images.
    pub fn in_use(&self) -> Result<Vec<InUse>> {
        todo!()
    }
}
