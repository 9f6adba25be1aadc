//! What is known about registries that hold what the store holds.

use std::collections::HashMap;

use oci::{Digest, ImageName};

use crate::database::Text;
use crate::{Result, Store};

impl Store {
    /// Returns under which names (`host/repository@digest`) registries are known to hold an image that a blob belongs to: those
    /// that it was pulled from or pushed to. Blobs without any are left out.
    ///
    /// A registry can lend such a blob from one of its repositories to another instead of being sent it.
    pub fn known_at(&self, blobs: &[Digest]) -> Result<HashMap<Digest, Vec<ImageName>>> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT DISTINCT repo_digests.name FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id
                 JOIN repo_digests ON repo_digests.image = image_blobs.image WHERE blobs.digest = ? ORDER BY repo_digests.name",
            )?;
            let mut known = HashMap::new();
            for blob in blobs {
                let names = statement
                    .query_map([Text(blob)], |row| Ok(row.get::<_, Text<ImageName>>(0)?.0))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                if !names.is_empty() {
                    known.insert(blob.clone(), names);
                }
            }
            Ok(known)
        })
    }

    /// Notes that a registry holds an image under this name (`host/repository@digest`). An image that went since is no error.
    pub fn note_pushed(&self, target: &Digest, name: &ImageName) -> Result<()> {
        self.refuse_read_only()?;
        self.change(|change| {
            let row = change.one::<i64>(
                "SELECT id FROM images WHERE target = ? AND removed IS NULL",
                [Text(target)],
            )?;
            if let Some(row) = row {
                change.know_as(row, name)?;
                change.touch(row)?;
            }
            Ok(())
        })
    }
}
