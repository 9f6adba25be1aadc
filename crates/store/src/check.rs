use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::{fmt, fs, io};

use jiff::Timestamp;
use oci::{Algorithm, Digest, Hasher, ImageName};

use crate::blobs::open_plain;
use crate::database::{Text, micros, size};
use crate::write::put_blob;
use crate::{BlobFault, Error, Result, Store, durable, lock, mirror};

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
    /// A layer's file index is missing or has another size.
    LayerIndex,
    /// A file under `layers/` belongs to no layer.
    UnknownIndex,
    /// `index.json` is not what the database says.
    Mirror,
    /// `oci-layout` is missing or wrong.
    Layout,
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
            Self::Database => "database",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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

impl Report {
    /// Tells whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Store {
    /// Compares rows, files, sizes, digests and `index.json`, and finds every disagreement.
    ///
    /// Content that is found damaged counts as absent from then on, so that a pull replaces it. A check that finds nothing
    /// lifts the lock that a recovery puts on the collector. `progress` gets the bytes hashed so far and can stop it.
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
        self.check_mirror(&mut report)?;
        if !self.is_read_only() {
            for problem in &report.problems {
                if let (ProblemKind::Blob(_), Some(digest)) = (problem.kind, &problem.digest) {
                    self.mark_damaged(digest)?;
                }
            }
            if report.is_ok() && self.recovery().is_some() {
                self.set_recovery(None)?;
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

    /// Looks at every blob's file without reading it. Returns those that can be read.
    fn check_blob_files(&self, report: &mut Report) -> Result<Vec<(Digest, u64)>> {
        let rows = self.read(|sql| {
            let mut statement =
                sql.prepare("SELECT digest, size, damaged FROM blobs ORDER BY id")?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, Text<Digest>>(0)?.0,
                    size(row.get(1)?),
                    row.get::<_, bool>(2)?,
                ))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut whole = Vec::new();
        for (digest, size, damaged) in rows {
            report.blobs += 1;
            let fault = match fs::symlink_metadata(self.blob_path(&digest)) {
                Ok(found) if !found.is_file() => Some(BlobFault::NotAFile),
                Ok(found) if found.len() != size => Some(BlobFault::Size),
                Ok(_) => damaged.then_some(BlobFault::Content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some(BlobFault::Missing),
                Err(error) => return Err(Error::io("look at", &self.blob_path(&digest))(error)),
            };
            match fault {
                Some(fault) => self.report_blob(&digest, fault, report)?,
                None => whole.push((digest, size)),
            }
        }
        Ok(whole)
    }

    fn report_blob(&self, digest: &Digest, fault: BlobFault, report: &mut Report) -> Result<()> {
        let images = self.holders_of(digest)?;
        let path = Some(self.blob_path(digest));
        report.problems.push(Problem {
            kind: ProblemKind::Blob(fault),
            digest: Some(digest.clone()),
            path,
            images,
            repairable: true,
        });
        Ok(())
    }

    fn holders_of(&self, digest: &Digest) -> Result<Vec<Digest>> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT images.target FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id
                 JOIN images ON images.id = image_blobs.image WHERE blobs.digest = ? AND images.removed IS NULL ORDER BY images.id",
            )?;
            let rows = statement.query_map([Text(digest)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
            rows.collect()
        })
    }

    /// Hashes blobs on all cores.
    fn check_content(
        &self,
        blobs: &[(Digest, u64)],
        report: &mut Report,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let read = AtomicU64::new(0);
        let stopped = AtomicBool::new(false);
        let work = || -> Result<Vec<(Digest, BlobFault)>> {
            let mut wrong = Vec::new();
            let mut buffer = vec![0; PIECE];
            while let Some((digest, size)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.hash_file(digest, &mut buffer, &read, &stopped, progress) {
                    Ok(Some(found)) if found == *digest => {}
                    Ok(Some(_)) => wrong.push((digest.clone(), BlobFault::Content)),
                    Ok(None) => return Err(Error::Stopped),
                    // It went or changed while we looked: a collector may have taken it, and then no row names it any more.
                    Err(Error::BlobMissing { .. }) => {}
                    Err(Error::BlobDamaged { fault, .. }) => wrong.push((digest.clone(), fault)),
                    // A sector that cannot be read is content that is lost.
                    Err(Error::Io { source, .. })
                        if *size > 0 && source.kind() != io::ErrorKind::PermissionDenied =>
                    {
                        wrong.push((digest.clone(), BlobFault::Content));
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok(wrong)
        };
        let threads = std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .min(blobs.len().max(1));
        let results: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            running
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect()
        });
        for result in results {
            let wrong = result.unwrap_or_else(|_| Err(Error::Stopped))?;
            for (digest, fault) in wrong {
                self.report_blob(&digest, fault, report)?;
            }
        }
        report.bytes_read = read.into_inner();
        Ok(())
    }

    /// Returns the digest of a blob's file; `None` if the caller wants to stop.
    fn hash_file(
        &self,
        digest: &Digest,
        buffer: &mut [u8],
        read: &AtomicU64,
        stopped: &AtomicBool,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<Option<Digest>> {
        let mut file = self.open_blob(digest)?;
        let mut hasher = Hasher::new(digest.algorithm());
        loop {
            let count = file
                .read(buffer)
                .map_err(Error::io("read", &self.blob_path(digest)))?;
            if count == 0 {
                return Ok(Some(hasher.finish()));
            }
            hasher.update(&buffer[..count]);
            let total = read.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
            if progress(total).is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
            if stopped.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
    }

    /// Finds files under `blobs/` that no row names.
    fn check_strangers(&self, report: &mut Report) -> Result<()> {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for path in files_in(&self.root().join("blobs").join(algorithm.as_str()))? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let digest = format!("{}:{name}", algorithm.as_str())
                    .parse::<Digest>()
                    .ok();
                let known = match &digest {
                    Some(digest) => self.has_row(digest)?,
                    None => false,
                };
                if !known {
                    let kind = if digest.is_some() {
                        ProblemKind::UnknownBlob
                    } else {
                        ProblemKind::StrangeFile
                    };
                    report.problems.push(Problem {
                        kind,
                        digest,
                        path: Some(path),
                        images: Vec::new(),
                        repairable: true,
                    });
                }
            }
        }
        Ok(())
    }

    fn has_row(&self, digest: &Digest) -> Result<bool> {
        self.read(|sql| {
            sql.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?")?
                .exists([Text(digest)])
        })
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
                Err(Error::BlobDamaged { digest, .. } | Error::BlobMissing { digest }) => {
                    let reported = report
                        .problems
                        .iter()
                        .any(|problem| problem.digest.as_ref() == Some(&digest));
                    if reported {
                        continue;
                    }
                    ProblemKind::Blob(BlobFault::Content)
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
            let generation = self.generation()?;
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

    /// Repairs what a check found: damaged files are moved to `quarantine/` (nothing is deleted), rows and `index.json` are put right.
    pub fn repair(&self, report: &Report, now: Timestamp) -> Result<Repaired> {
        self.refuse_read_only()?;
        let mut repaired = Repaired::default();
        let mut lacking: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        let mut recount = false;
        for problem in &report.problems {
            let fixed = match (problem.kind, &problem.digest, &problem.path) {
                (ProblemKind::Blob(_), Some(digest), _) => {
                    repaired
                        .quarantined
                        .extend(self.quarantine(&self.blob_path(digest))?);
                    self.mark_damaged(digest)?;
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
            self.note(|sql| {
                sql.execute(&format!("UPDATE blobs SET refs = {REFS}"), [])?;
                sql.execute(
                    &format!("UPDATE images SET unique_size = {UNIQUE}, total_size = {TOTAL}"),
                    [],
                )
                .map(drop)
            })?;
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
    fn adopt_stranger(&self, digest: &Digest, path: &std::path::Path, now: i64) -> Result<bool> {
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
        let generation = self.generation()?;
        let text = self.read(|sql| mirror::whole(sql, generation))?;
        durable::prepare(&self.locks().join("index.json.new"), text.as_bytes())?;
        mirror::publish(self.root())
    }
}

/// How much of a blob is read at once.
const PIECE: usize = 1024 * 1024;

/// What a blob's count of live images should be.
const REFS: &str = "(SELECT count(*) FROM image_blobs JOIN images ON images.id = image_blobs.image
    WHERE image_blobs.blob = blobs.id AND images.removed IS NULL)";

/// What an image's own bytes should be. Only for live images.
const UNIQUE: &str = "(SELECT coalesce(sum(CASE WHEN blobs.refs = 1 THEN blobs.size ELSE 0 END), 0) FROM image_blobs
    JOIN blobs ON blobs.id = image_blobs.blob WHERE image_blobs.image = images.id AND images.removed IS NULL)";

/// What all bytes of an image should be.
const TOTAL: &str = "(SELECT coalesce(sum(blobs.size), 0) FROM image_blobs JOIN blobs ON blobs.id = image_blobs.blob
    WHERE image_blobs.image = images.id)";

/// Lists what is in a folder, sorted; a folder that is not there is empty.
fn files_in(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
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
