//! What the store takes on disk.

use crate::{Engine, Error};

/// What the store takes on disk, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskUsage {
    /// Images, and the bytes of all their blobs, each blob once.
    pub images: Counted,
    /// Layers.
    pub layers: LayerUsage,
    /// Working containers.
    pub containers: Counted,
    /// File indexes.
    pub indexes_size: u64,
    /// Partial downloads.
    pub partial_size: u64,
    /// Unpacked files that containers run on, as far as they can be looked at.
    pub unpacked_size: u64,
    /// What the folder takes.
    pub total_size: u64,
    /// What a prune, or time, would bring back.
    pub reclaimable: u64,
    /// Of that what time brings back: what removals keep for undo.
    pub kept_size: u64,
}

/// How many, and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub size: u64,
}

/// Layers on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerUsage {
    /// How many different layers.
    pub count: u64,
    /// Their bytes, each layer once.
    pub size: u64,
    /// Of those, the bytes of layers that more than one image has.
    pub shared: u64,
}

impl Engine {
    /// Adds up what the store takes on disk.
    ///
    /// # Errors
    /// `io`.
    pub async fn df(&self) -> Result<DiskUsage, Error> {
        self.with_store(|store| {
            let usage = store.disk_usage()?;
            Ok(DiskUsage {
                images: Counted {
                    count: usage.images,
                    size: usage.images_size,
                },
                layers: LayerUsage {
                    count: usage.layers,
                    size: usage.layers_size,
                    shared: usage.layers_shared,
                },
                containers: Counted {
                    count: usage.containers,
                    size: usage.containers_size,
                },
                indexes_size: usage.indexes_size,
                partial_size: usage.partial_size,
                unpacked_size: usage.unpacked_size,
                total_size: usage.total_size,
                reclaimable: usage.reclaimable,
                kept_size: usage.kept_size,
            })
        })
        .await
    }
}
