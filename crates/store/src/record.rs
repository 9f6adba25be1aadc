use jiff::Timestamp;
use oci::{Digest, ImageName};

use crate::database::{Text, micros};
use crate::write::{Change, gone};
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
        let mut recorded = self.record_images(lease, std::slice::from_ref(image))?;
        recorded.pop().ok_or_else(|| gone(image.target))
    }

    /// As [`Store::record_image`], for several at once: all of them become visible, or none. One undo takes all names back.
    ///
    /// A name that two of them want is the last one's. The verb for the journal and the time are the first one's.
    pub fn record_images(&self, lease: &Lease, images: &[NewImage<'_>]) -> Result<Vec<Recorded>> {
        self.refuse_read_only()?;
        let Some(first) = images.first() else {
            return Ok(Vec::new());
        };
        let mut gathered = Vec::with_capacity(images.len());
        for image in images {
            let read = self.gather(image.target, image.manifests)?;
            lease.hold_for_now(&read.blobs)?;
            gathered.push(read);
        }
        self.change(|change| {
            for image in images {
                refuse_taken(change, image)?;
            }
            let batch = change.batch(first.operation, first.now)?;
            let mut rows = Vec::with_capacity(images.len());
            for (image, read) in images.iter().zip(&gathered) {
                let row = read.store(change, micros(image.now))?;
                let mut moved = Vec::new();
                for name in image.names {
                    moved.extend(change.set_name(name, Some(row), batch)?);
                }
                if let Some(name) = image.repo_digest {
                    change.know_as(row, name)?;
                }
                change.touch(row)?;
                rows.push(moved);
            }
            let mut recorded = Vec::with_capacity(images.len());
            for (image, moved) in images.iter().zip(rows) {
                let mut found =
                    images::rows(&change.sql, image.target.as_str(), images::Strips::Read)
                        .map_err(self.explain())?;
                recorded.push(Recorded {
                    image: found.pop().ok_or_else(|| gone(image.target))?,
                    moved,
                });
            }
            Ok(recorded)
        })
    }
}

/// Fails where a name that may not be moved names another image.
fn refuse_taken(change: &Change<'_>, image: &NewImage<'_>) -> Result<()> {
    if image.move_policy != MovePolicy::Refuse {
        return Ok(());
    }
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
    Ok(())
}
