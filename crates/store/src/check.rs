//! Finding every disagreement between rows, files, sizes, digests and `index.json`.

mod blobs;
mod containers;
mod content;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::{fmt, fs, io};

use jiff::Timestamp;
use oci::Digest;

use crate::database::{Text, size};
use crate::{BlobFault, Error, Result, Store, lock, mirror};

/// How thorough a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckOptions {
    /// Hash every blob, on all cores.
    pub read_data: bool,
    /// The time.
    pub now: Timestamp,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Everything that is wrong; empty is well.
    pub problems: Vec<Problem>,
    /// How many blobs were looked at.
    pub blobs: u64,
    /// How many bytes were hashed.
    pub bytes_read: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What.
    pub kind: ProblemKind,
    /// The blob or image.
    pub digest: Option<Digest>,
    /// The file.
    pub path: Option<PathBuf>,
    /// Targets of the live images that are affected.
    pub images: Vec<Digest>,
    /// Whether [`Store::repair`] (with a pull, for lost content) puts it right.
    pub repairable: bool,
}

/// Kinds of things that can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A blob's file is missing or damaged.
    Blob(BlobFault),
    /// A file under `blobs/` has no row.
    UnknownBlob,
    /// Something under `blobs/` is not named like a blob.
    StrangeFile,
    /// An image's manifest or config cannot be read as one.
    Document,
    /// An image needs a blob that has no row.
    MissingBlobRow,
    /// Sizes or counts that are kept for speed are not what a recount gives.
    Counters,
    /// A layer's file index is missing or has another size, or nothing is known of the layer. It is to be read once more.
    LayerIndex,
    /// A file under `layers/` belongs to no layer.
    UnknownIndex,
    /// `index.json` is not what the database says.
    Mirror,
    /// `oci-layout` is missing or wrong.
    Layout,
    /// What was changed in a container cannot be read.
    Container,
    /// Of an image's files, unpacked for containers, a crash left a part.
    UnfinishedUnpack,
    /// SQLite finds its file inconsistent.
    Database,
}

impl ProblemKind {
    /// Returns the name for scripts, in `snake_case`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blob(BlobFault::Missing) => "blob_missing",
            Self::Blob(BlobFault::NotAFile) => "blob_not_a_file",
            Self::Blob(BlobFault::Size) => "blob_size",
            Self::Blob(BlobFault::Content) => "blob_content",
            Self::UnknownBlob => "unknown_blob",
            Self::StrangeFile => "strange_file",
            Self::Document => "document",
            Self::MissingBlobRow => "missing_blob_row",
            Self::Counters => "counters",
            Self::LayerIndex => "layer_index",
            Self::UnknownIndex => "unknown_index",
            Self::Mirror => "mirror",
            Self::Layout => "layout",
            Self::Container => "container",
            Self::UnfinishedUnpack => "unfinished_unpack",
            Self::Database => "database",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Report {
    /// Tells whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Compares rows, files, sizes, digests and `index.json`, and finds every disagreement.
    ///
    /// Content that is found damaged counts as absent from then on, so that a pull replaces it. A check that reads every
    /// byte and finds nothing lifts the lock that a recovery puts on the collector. `progress` gets the bytes hashed so far and can stop it.
    ///
    /// # Errors
    /// [`Stopped`](crate::Error::Stopped) if `progress` said so.
    pub fn check(
        &self,
        options: &CheckOptions,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<Report> {
        let mut report = Report::default();
        self.check_database(&mut report)?;
        let whole = self.check_blob_files(&mut report)?;
        if options.read_data {
            self.check_content(&whole, &mut report, progress)?;
        }
        self.check_strangers(&mut report)?;
        self.check_images(&mut report)?;
        self.check_counters(&mut report)?;
        self.check_indexes(&mut report)?;
        self.check_containers(&mut report)?;
        self.check_mirror(&mut report)?;
        if !self.is_read_only() {
            for problem in std::mem::take(&mut report.problems) {
                if self.is_still_wrong(&problem)? {
                    report.problems.push(problem);
                }
            }
            // A rebuild takes files for what their names say: only reading them tells that they are.
            if report.is_ok() && options.read_data && self.recovery().is_some() {
                self.clear_recovery()?;
            }
        }
        Ok(report)
    }

    fn check_database(&self, report: &mut Report) -> Result<()> {
        let verdict: String =
            self.read(|sql| sql.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))?;
        if verdict != "ok" {
            let path = Some(self.root().join("strata.db"));
            report.problems.push(Problem {
                kind: ProblemKind::Database,
                digest: None,
                path,
                images: Vec::new(),
                repairable: false,
            });
        }
        Ok(())
    }

    /// Reads the documents of every live image, and compares what they name with what the image holds.
    fn check_images(&self, report: &mut Report) -> Result<()> {
        let targets = self.read(|sql| {
            let mut statement = sql.prepare(
                "SELECT target, manifests FROM images WHERE removed IS NULL ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, Text<Digest>>(0)?.0, row.get::<_, String>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for (target, manifests) in targets {
            let kind = match self.gather(&target, &crate::record::manifest_list(&manifests)) {
                Ok(_) => continue,
                // What is missing or damaged was reported with its blob; a row that is missing was not.
                Err(Error::Incomplete { missing, .. }) => {
                    let mut rowless = Vec::new();
                    for digest in missing {
                        if !self.has_row(&digest)? {
                            rowless.push(digest);
                        }
                    }
                    for digest in rowless {
                        let images = vec![target.clone()];
                        report.problems.push(Problem {
                            kind: ProblemKind::MissingBlobRow,
                            path: Some(self.blob_path(&digest)),
                            digest: Some(digest),
                            images,
                            repairable: true,
                        });
                    }
                    continue;
                }
                // The document that is damaged, which need not be the one that the image is known by. Seldom found here: reading
                // every byte finds it before.
                Err(Error::BlobDamaged { digest, fault }) => {
                    if !is_reported(report, &digest) {
                        self.report_blob(&digest, fault, report)?;
                    }
                    continue;
                }
                Err(Error::BlobMissing { digest }) => {
                    if !is_reported(report, &digest) {
                        report.problems.push(Problem {
                            kind: ProblemKind::MissingBlobRow,
                            path: Some(self.blob_path(&digest)),
                            digest: Some(digest),
                            images: vec![target],
                            repairable: true,
                        });
                    }
                    continue;
                }
                Err(
                    Error::Document { .. }
                    | Error::Config { .. }
                    | Error::NotInImage { .. }
                    | Error::TooLarge { .. },
                ) => ProblemKind::Document,
                Err(other) => return Err(other),
            };
            report.problems.push(Problem {
                kind,
                digest: Some(target.clone()),
                path: None,
                images: vec![target],
                repairable: false,
            });
        }
        Ok(())
    }

    /// Recounts what is kept for speed.
    fn check_counters(&self, report: &mut Report) -> Result<()> {
        let digests = |query: &str| {
            self.read(|sql| {
                let mut statement = sql.prepare(query)?;
                let rows = statement.query_map([], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            })
        };
        for digest in digests(&format!("SELECT digest FROM blobs WHERE refs <> {REFS}"))? {
            report.problems.push(Problem {
                kind: ProblemKind::Counters,
                digest: Some(digest),
                path: None,
                images: Vec::new(),
                repairable: true,
            });
        }
        for target in digests(&format!(
            "SELECT target FROM images WHERE removed IS NULL AND (unique_size <> {UNIQUE} OR total_size <> {TOTAL})"
        ))? {
            let images = vec![target.clone()];
            report.problems.push(Problem {
                kind: ProblemKind::Counters,
                digest: Some(target),
                path: None,
                images,
                repairable: true,
            });
        }
        Ok(())
    }

    /// Compares the files of layer indexes with the rows.
    fn check_indexes(&self, report: &mut Report) -> Result<()> {
        let rows = self.read(|sql| {
            let mut statement =
                sql.prepare("SELECT diff_id, max(index_size) FROM layers GROUP BY diff_id")?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, Text<Digest>>(0)?.0,
                    row.get::<_, Option<i64>>(1)?,
                ))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut known = BTreeSet::new();
        for (diff_id, expected) in rows {
            let path = self.index_path(&diff_id);
            known.insert(path.clone());
            let found = fs::symlink_metadata(&path)
                .ok()
                .filter(fs::Metadata::is_file)
                .map(|found| found.len());
            if expected.is_some() && expected.map(size) != found {
                let problem = Problem {
                    kind: ProblemKind::LayerIndex,
                    digest: Some(diff_id),
                    path: Some(path),
                    images: Vec::new(),
                    repairable: true,
                };
                report.problems.push(problem);
            }
        }
        // Their files may be there and right; but what they hold was lost with the log of facts, and nobody can use them.
        for (blob, diff_id) in self.layers_without_facts()? {
            known.insert(self.index_path(&diff_id));
            if self.contains(&blob)? {
                report.problems.push(Problem {
                    kind: ProblemKind::LayerIndex,
                    digest: Some(diff_id),
                    path: None,
                    images: self.holders_of(&blob)?,
                    repairable: true,
                });
            }
        }
        for path in files_in(&self.root().join("layers"))? {
            if path
                .extension()
                .is_some_and(|extension| extension == "index")
                && !known.contains(&path)
            {
                let problem = Problem {
                    kind: ProblemKind::UnknownIndex,
                    digest: None,
                    path: Some(path),
                    images: Vec::new(),
                    repairable: true,
                };
                report.problems.push(problem);
            }
        }
        Ok(())
    }

    fn check_mirror(&self, report: &mut Report) -> Result<()> {
        let layout = self.root().join("oci-layout");
        if fs::read_to_string(&layout).map_or(true, |text| !text.contains("imageLayoutVersion")) {
            report.problems.push(Problem {
                kind: ProblemKind::Layout,
                digest: None,
                path: Some(layout),
                images: Vec::new(),
                repairable: true,
            });
        }
        let path = mirror::path(self.root());
        if !self.mirror_agrees(&path)? {
            report.problems.push(Problem {
                kind: ProblemKind::Mirror,
                digest: None,
                path: Some(path),
                images: Vec::new(),
                repairable: true,
            });
        }
        Ok(())
    }

    fn mirror_agrees(&self, path: &std::path::Path) -> Result<bool> {
        let compare = || -> Result<bool> {
            let generation = self.mirror_generation()?;
            let expected = self.read(|sql| mirror::whole(sql, generation))?;
            let found = fs::read_to_string(path).unwrap_or_default();
            // An empty list may have an empty line or none.
            let lines = |text: &str| {
                text.lines()
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            Ok(lines(&expected) == lines(&found))
        };
        if compare()? || self.is_read_only() {
            return compare();
        }
        // A writer renames the file after its commit: with its lock held a difference is one.
        let _serial = lock::exclusive(&self.locks().join("write"))?;
        compare()
    }
}

fn is_reported(report: &Report, digest: &Digest) -> bool {
    let mut problems = report.problems.iter();
    problems.any(|problem| problem.digest.as_ref() == Some(digest))
}

/// How much of a blob is read at once.
pub(crate) const PIECE: usize = 1024 * 1024;

/// What a blob's count of live images should be.
pub(crate) const REFS: &str =
    "(SELECT count(*) FROM image_blobs JOIN images ON images.id = image_blobs.image
    WHERE image_blobs.blob = blobs.id AND images.removed IS NULL)";

/// What an image's own bytes should be. Only for live images.
pub(crate) const UNIQUE: &str = "(SELECT coalesce(sum(CASE WHEN blobs.refs = 1 THEN blobs.size ELSE 0 END), 0) FROM image_blobs
    JOIN blobs ON blobs.id = image_blobs.blob WHERE image_blobs.image = images.id AND images.removed IS NULL)";

/// What all bytes of an image should be.
pub(crate) const TOTAL: &str = "(SELECT coalesce(sum(blobs.size), 0) FROM image_blobs JOIN blobs ON blobs.id = image_blobs.blob
    WHERE image_blobs.image = images.id)";

/// Lists what is in a folder, sorted; a folder that is not there is empty.
pub(crate) fn files_in(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(Error::io("read", folder))?;
    paths.sort();
    Ok(paths)
}
