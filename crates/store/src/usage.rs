use std::fs;
use std::io;
use std::path::Path;

use crate::database::size;
use crate::{Error, Result, Store};

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
    /// Bytes of the unpacked files that containers run on, as far as they can be looked at.
    pub unpacked_size: u64,
    /// Containers that use images.
    pub containers: u64,
    /// Bytes of what was changed in containers.
    pub containers_size: u64,
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
    /// Of that what a prune without `now` leaves to time: removed images in their grace, and content that nothing holds.
    pub kept_size: u64,
}

impl Store {
    /// Returns how many bytes the disk has free; `None` where the system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        crate::filesystem::available(self.root())
    }

    /// Adds up what is on disk.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let mut usage = self.read(|sql| {
            let number = |query: &str| sql.query_row(query, [], |row| row.get(0).map(size));
            let layers = "FROM blobs WHERE refs > 0 AND EXISTS (SELECT 1 FROM layers WHERE layers.blob = blobs.digest)";
            Ok(DiskUsage {
                images: number("SELECT count(*) FROM images WHERE removed IS NULL")?,
                images_size: number("SELECT coalesce(sum(size), 0) FROM blobs WHERE refs > 0")?,
                layers: number(&format!("SELECT count(*) {layers}"))?,
                layers_size: number(&format!("SELECT coalesce(sum(size), 0) {layers}"))?,
                layers_shared: number(&format!("SELECT coalesce(sum(size), 0) {layers} AND refs > 1"))?,
                containers: number("SELECT count(*) FROM in_use")?,
                kept_size: number(
                    "SELECT coalesce(sum(size), 0) FROM blobs WHERE refs = 0
                     AND NOT EXISTS (SELECT 1 FROM lease_blobs WHERE lease_blobs.digest = blobs.digest)
                     AND NOT EXISTS (SELECT 1 FROM image_blobs JOIN in_use ON in_use.image = image_blobs.image WHERE image_blobs.blob = blobs.id)",
                )?,
                reclaimable: number(
                    "SELECT coalesce(sum(size), 0) FROM blobs
                     WHERE NOT EXISTS (SELECT 1 FROM lease_blobs WHERE lease_blobs.digest = blobs.digest)
                     AND NOT EXISTS (SELECT 1 FROM image_blobs JOIN images ON images.id = image_blobs.image
                        WHERE image_blobs.blob = blobs.id AND images.removed IS NULL
                        AND EXISTS (SELECT 1 FROM tags WHERE tags.image = images.id))
                     AND NOT EXISTS (SELECT 1 FROM image_blobs JOIN in_use ON in_use.image = image_blobs.image WHERE image_blobs.blob = blobs.id)",
                )?,
                ..DiskUsage::default()
            })
        })?;
        let root = self.root();
        usage.indexes_size = folder_size(&root.join("layers"))?;
        usage.partial_size = folder_size(&root.join("ingest"))?;
        usage.containers_size = folder_size(&root.join("containers"))?;
        usage.unpacked_size = folder_size(&root.join("roots"))?;
        usage.quarantine_size = folder_size(&root.join("quarantine"))?;
        usage.total_size = folder_size(root)?;
        Ok(usage)
    }

    /// Adds up the blobs that live images need, each once.
    pub fn images_size(&self) -> Result<u64> {
        self.read(|sql| {
            sql.query_row(
                "SELECT coalesce(sum(size), 0) FROM blobs WHERE refs > 0",
                [],
                |row| row.get(0).map(size),
            )
        })
    }
}

/// Adds up the files below a folder; one that is not there has none, and so has one that cannot be looked into: what a container
/// wrote may belong to other users. Links are not followed.
pub(crate) fn folder_size(folder: &Path) -> Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ) =>
        {
            return Ok(0);
        }
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let mut total = 0;
    for entry in entries {
        let entry = entry.map_err(Error::io("read", folder))?;
        // A file that went while we looked counts nothing.
        let Ok(found) = entry.metadata() else {
            continue;
        };
        total += if found.is_dir() {
            folder_size(&entry.path())?
        } else {
            found.len()
        };
    }
    Ok(total)
}
