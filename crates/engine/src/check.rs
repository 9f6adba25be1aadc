//! Finding and repairing damage.

mod refetch;

use std::ops::ControlFlow;
use std::path::PathBuf;

use oci::{Digest, ImageName};
use store::Store;

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
        let _ = progress;
        let now = self.now();
        self.with_store(move |store| {
            let report = store.check(
                &store::CheckOptions {
                    read_data: options.read_data,
                    now,
                },
                &|_| ControlFlow::Continue(()),
            )?;
            Ok(CheckReport {
                problems: problems(store, &report.problems)?,
                blobs: report.blobs,
                read_bytes: report.bytes_read,
            })
        })
        .await
    }

    /// Checks, moves what is damaged aside, and fetches exactly that again from where the images came from. Names and the
    /// journal stay as they are.
    ///
    /// Dropping the future stops it; what was mended stays mended.
    ///
    /// # Errors
    /// `read_only`; a blob that cannot be fetched is in the report.
    pub async fn repair(
        &self,
        options: CheckOptions,
        progress: &dyn Progress,
    ) -> Result<RepairReport, Error> {
        let now = self.now();
        let check = store::CheckOptions {
            read_data: options.read_data,
            now,
        };
        let (found, repaired) = self
            .with_store(move |store| {
                let report = store.check(&check, &|_| ControlFlow::Continue(()))?;
                Ok((
                    problems(store, &report.problems)?,
                    store.repair(&report, now)?,
                ))
            })
            .await?;
        let mut report = RepairReport {
            found,
            quarantined: repaired.quarantined,
            ..RepairReport::default()
        };
        for image in repaired.unfetched {
            self.refetch(&image, progress, &mut report).await;
        }
        report.remaining = self.check(options, progress).await?.problems;
        Ok(report)
    }
}

/// Puts a report into the caller's words: paths below the store, images by name.
fn problems(store: &Store, found: &[store::Problem]) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::with_capacity(found.len());
    for problem in found {
        let touched = store.images_of(&problem.images)?;
        let called = |image: &store::ImageSummary| {
            image
                .names
                .first()
                .map_or_else(|| image.id.to_string(), ImageName::familiar)
        };
        let path = problem.path.as_deref();
        problems.push(Problem {
            kind: problem.kind.as_str().to_owned(),
            digest: problem.digest.clone(),
            path: path.map(|path| path.strip_prefix(store.root()).unwrap_or(path).to_owned()),
            images: touched.iter().map(called).collect(),
            repairable: problem.repairable,
        });
    }
    Ok(problems)
}
