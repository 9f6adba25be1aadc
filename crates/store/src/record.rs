use jiff::Timestamp;
use oci::{Digest, ImageName};
use rusqlite::params;

use crate::database::{Text, micros};
use crate::write::gone;
use crate::{Error, ImageSummary, Lease, Result, Store, TagMove, images};

pub(crate) use crate::graph::{manifest_list, unpack};

/// What to do with a name that points at another image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovePolicy {
    /// Move it and say so.
    Move,
    /// Fail with [`NameTaken`](crate::Error::NameTaken) and change nothing.
    Refuse,
}

/// An image whose blobs are all in the store, to be made visible.
#[derive(Clone, Copy, Debug)]
pub struct NewImage<'a> {
    /// What the names will point at: a manifest or an index.
    pub target: &'a Digest,
    /// The manifests (one per platform) that belong to it here; the first is the one that is shown. For a target that is a
    /// manifest: itself. Manifests of an earlier recording of the same index stay.
    pub manifests: &'a [Digest],
    /// The names; none makes a dangling image.
    pub names: &'a [ImageName],
    /// Under which digest a registry has it, as `host/repository@digest`.
    pub repo_digest: Option<&'a ImageName>,
    /// The verb for the journal, such as `pull`.
    pub operation: &'a str,
    /// What to do with names that point elsewhere.
    pub move_policy: MovePolicy,
    /// The time.
    pub now: Timestamp,
}

/// What became of a [`NewImage`].
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The image.
    pub image: ImageSummary,
    /// Names that are new or moved. A name that pointed here before is not among them.
    pub moved: Vec<TagMove>,
}

impl Store {
    /// Makes an image visible: manifest graph, image, names and journal in one transaction, then `index.json`.
    ///
    /// On return all of it is on disk. An image that was removed and still stands in its grace comes back.
    ///
    /// # Errors
    /// [`Incomplete`](crate::Error::Incomplete), [`NotInImage`](crate::Error::NotInImage), [`NameTaken`](crate::Error::NameTaken),
    /// [`Document`](crate::Error::Document), [`Config`](crate::Error::Config); nothing changed.
    pub fn record_image(&self, lease: &Lease, image: &NewImage<'_>) -> Result<Recorded> {
        self.refuse_read_only()?;
        let read = self.gather(image.target, image.manifests)?;
        lease.hold(&read.blobs)?;
        self.change(|change| {
            if image.move_policy == MovePolicy::Refuse {
                for name in image.names {
                    let holder: Option<i64> =
                        change.one("SELECT image FROM tags WHERE name = ?", [Text(name)])?;
                    if let Some(target) = change
                        .target_of(holder)?
                        .filter(|target| target != image.target)
                    {
                        return Err(Error::NameTaken {
                            name: name.clone(),
                            target,
                        });
                    }
                }
            }
            let row = read.store(change, micros(image.now))?;
            let batch = change.batch(image.operation, image.now)?;
            let mut moved = Vec::new();
            for name in image.names {
                moved.extend(change.set_name(name, Some(row), batch)?);
            }
            if let Some(name) = image.repo_digest {
                change.run(
                    "INSERT OR IGNORE INTO repo_digests (image, name) VALUES (?, ?)",
                    params![row, name.to_string()],
                )?;
            }
            change.touch(row)?;
            let mut rows =
                images::rows(&change.sql, image.target.as_str()).map_err(self.explain())?;
            let summary = rows.pop().ok_or_else(|| gone(image.target))?;
            Ok(Recorded {
                image: summary,
                moved,
            })
        })
    }
}
