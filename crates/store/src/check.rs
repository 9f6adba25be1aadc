use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;

use jiff::Timestamp;
use oci::{Digest, ImageName};

use crate::{BlobFault, Result, Store};

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
    pub fn check(&self, options: &CheckOptions, progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync)) -> Result<Report> {
        let _ = (options, progress);
        todo!()
    }

    /// Repairs what a check found: damaged files are moved to `quarantine/` (nothing is deleted), rows and `index.json` are put right.
    pub fn repair(&self, report: &Report, now: Timestamp) -> Result<Repaired> {
        let _ = (report, now);
        todo!()
    }
}
