//! Finding and repairing damage.

use std::path::PathBuf;

use oci::{Digest, ImageName};

use crate::{Engine, Error, Progress};

/// How thoroughly to check.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckOptions {
    /// Read and hash every byte, on every core.
    pub read_data: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// Everything that is wrong; empty = all is well.
    pub problems: Vec<Problem>,
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Bytes that were read and hashed.
    pub read_bytes: u64,
}

/// One disagreement between rows, files, sizes and digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind, a stable word such as `missing_blob`.
    pub kind: String,
    /// The blob, where there is one.
    pub digest: Option<Digest>,
    /// The file, relative to the store, where there is one.
    pub path: Option<PathBuf>,
    /// Names (or IDs) of the images that it touches.
    pub images: Vec<String>,
    /// Whether [`Engine::repair`] can mend it.
    pub repairable: bool,
}

/// What a repair did.
#[derive(Debug, Clone, Default)]
pub struct RepairReport {
    /// What the check before the repair found.
    pub found: Vec<Problem>,
    /// Files that were moved to `quarantine/`; none is ever deleted.
    pub quarantined: Vec<PathBuf>,
    /// Names whose missing blobs were fetched again.
    pub refetched: Vec<ImageName>,
    /// Names whose blobs could not be fetched again, and why.
    pub failed: Vec<(ImageName, String)>,
    /// What is still wrong.
    pub remaining: Vec<Problem>,
}

impl Engine {
    /// Compares rows, files, sizes and digests, and with `read_data` every byte. The store is not changed.
    ///
    /// # Errors
    /// Only where the store cannot be read at all: damage is in the report.
    pub async fn check(
        &self,
        options: CheckOptions,
        progress: &dyn Progress,
    ) -> Result<CheckReport, Error> {
        let _ = (options, progress);
        todo!()
    }

    /// Checks, moves what is damaged aside, and fetches it again from where the images came from.
    ///
    /// # Errors
    /// `read_only`; a blob that cannot be fetched is in the report.
    pub async fn repair(
        &self,
        options: CheckOptions,
        progress: &dyn Progress,
    ) -> Result<RepairReport, Error> {
        let _ = (options, progress);
        todo!()
    }
}
