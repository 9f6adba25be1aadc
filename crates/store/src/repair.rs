//! Putting right what a check found.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci::{Digest, Hasher, ImageName};

use crate::blobs::open_plain;
use crate::check::{PIECE, ProblemKind, REFS, Report, TOTAL, UNIQUE};
use crate::database::{Text, micros};
use crate::write::put_blob;
use crate::{Error, Problem, Result, Store, durable, lock, mirror};

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Problems that are gone.
    pub fixed: Vec<Problem>,
    /// Where damaged files were moved.
    pub quarantined: Vec<PathBuf>,
    /// Images that need a pull, and what they lack.
    pub unfetched: Vec<Unfetched>,
}

/// An image that lacks content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfetched {
    /// The image.
    pub target: Digest,
    /// Its names.
    pub names: Vec<ImageName>,
    /// Under which digests registries have it.
    pub repo_digests: Vec<ImageName>,
    /// The missing blobs.
    pub missing: Vec<Digest>,
}

impl Store {
    /// Repairs what a check found: damaged files are moved to `quarantine/` (nothing is deleted), rows and `index.json` are put right.
    ///
    /// One problem after the other: what was mended before an error or a crash stays mended, and a new check finds the rest. What
    /// only a registry can mend is in [`Repaired::unfetched`].
    ///
    /// # Errors
    /// [`ReadOnly`](crate::Error::ReadOnly), [`Io`](crate::Error::Io).
    pub fn repair(&self, report: &Report, now: Timestamp) -> Result<Repaired> {
        self.refuse_read_only()?;
        let mut repaired = Repaired::default();
        let mut lacking: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let mut recount = false;
        for problem in &report.problems {
            let fixed = match (problem.kind, &problem.digest, &problem.path) {
                (ProblemKind::Blob(_), Some(digest), _) => {
                    let mended = self.set_blob_aside(digest, micros(now), &mut repaired)?;
                    if mended {
                        repaired.fixed.push(problem.clone());
                        continue;
                    }
                    for image in &problem.images {
                        lacking
                            .entry(image.clone())
                            .or_default()
                            .push(digest.clone());
                    }
                    // Nobody needs it: with the file out of the way, so can be its row.
                    problem.images.is_empty() && self.forget_blob(digest)?
                }
                (ProblemKind::MissingBlobRow, Some(digest), _) => {
                    for image in &problem.images {
                        lacking
                            .entry(image.clone())
                            .or_default()
                            .push(digest.clone());
                    }
                    false
                }
                (ProblemKind::UnknownBlob, Some(digest), Some(path)) => {
                    let adopted = self.adopt_stranger(digest, path, micros(now))?;
                    if !adopted {
                        repaired.quarantined.extend(self.quarantine(path)?);
                    }
                    true
                }
                (ProblemKind::StrangeFile | ProblemKind::UnknownIndex, _, Some(path)) => {
                    repaired.quarantined.extend(self.quarantine(path)?);
                    true
                }
                (ProblemKind::LayerIndex, Some(diff_id), Some(path)) => {
                    repaired.quarantined.extend(self.quarantine(path)?);
                    self.note(|sql| {
                        sql.execute(
                            "UPDATE layers SET index_size = NULL WHERE diff_id = ?",
                            [Text(diff_id)],
                        )
                        .map(drop)
                    })?;
                    true
                }
                (ProblemKind::Counters, ..) => {
                    recount = true;
                    true
                }
                (ProblemKind::Mirror, ..) => {
                    self.rewrite_mirror()?;
                    true
                }
                (ProblemKind::Layout, _, Some(path)) => {
                    let temporary = self.locks().join("oci-layout.new");
                    durable::prepare(&temporary, b"{\"imageLayoutVersion\":\"1.0.0\"}")?;
                    durable::rename(&temporary, path)?;
                    true
                }
                _ => false,
            };
            if fixed {
                repaired.fixed.push(problem.clone());
            }
        }
        if recount {
            self.note(|sql| count_anew(sql))?;
        }
        for (target, missing) in lacking {
            let Some(image) = self.images_of(std::slice::from_ref(&target))?.pop() else {
                continue;
            };
            repaired.unfetched.push(Unfetched {
                target,
                names: image.names,
                repo_digests: image.repo_digests,
                missing,
            });
        }
        Ok(repaired)
    }

    /// Moves a damaged blob's file aside, unless it was mended since the report was made. Returns whether it was.
    ///
    /// Where another writer has the blob's lock, it is bringing the blob in, and the file is left to it.
    fn set_blob_aside(&self, digest: &Digest, now: i64, repaired: &mut Repaired) -> Result<bool> {
        let place = self.blob_path(digest);
        let Some(_lock) = lock::try_named(&self.ingest_path(digest))? else {
            return Ok(false);
        };
        let mended = self.adopt_stranger(digest, &place, now)?;
        if !mended {
            repaired.quarantined.extend(self.quarantine(&place)?);
            self.mark_damaged(digest)?;
        }
        self.drop_empty_partial(digest)?;
        Ok(mended)
    }

    /// Removes the row of a damaged blob that no image holds.
    fn forget_blob(&self, digest: &Digest) -> Result<bool> {
        self.note(|sql| {
            let gone = sql.execute(
                "DELETE FROM blobs WHERE digest = ? AND damaged = 1
                 AND NOT EXISTS (SELECT 1 FROM image_blobs WHERE image_blobs.blob = blobs.id)",
                [Text(digest)],
            )?;
            Ok(gone > 0)
        })
    }

    /// Gives a file without a row its row, if its bytes are what its name says.
    fn adopt_stranger(&self, digest: &Digest, path: &Path, now: i64) -> Result<bool> {
        if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
            return Ok(false);
        }
        let mut file = open_plain(path).map_err(Error::io("read", path))?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; PIECE];
        let mut length = 0;
        loop {
            match file.read(&mut buffer).map_err(Error::io("read", path))? {
                0 => break,
                count => {
                    hasher.update(&buffer[..count]);
                    length += count as u64;
                }
            }
        }
        let right = hasher.finish() == *digest;
        if right {
            self.note(|sql| put_blob(sql, digest, length, now))?;
        }
        Ok(right)
    }

    fn rewrite_mirror(&self) -> Result<()> {
        let _serial = lock::exclusive(&self.locks().join("write"))?;
        let generation = self.mirror_generation()?;
        let text = self.read(|sql| mirror::whole(sql, generation))?;
        durable::prepare(&self.locks().join("index.json.new"), text.as_bytes())?;
        mirror::publish(self.root())
    }
}

/// Counts anew what is kept for speed.
pub(crate) fn count_anew(sql: &rusqlite::Connection) -> rusqlite::Result<()> {
    sql.execute(&format!("UPDATE blobs SET refs = {REFS}"), [])?;
    sql.execute(
        &format!("UPDATE images SET unique_size = {UNIQUE}, total_size = {TOTAL}"),
        [],
    )
    .map(drop)
}
