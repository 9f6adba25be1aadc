//! Finding and repairing damage.

mod refetch;

use std::ops::ControlFlow;
use std::path::PathBuf;

use jiff::Timestamp;
use oci::{Digest, ImageName};
use store::{ProblemKind, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::load::follow;
use crate::{Engine, Error, Event, Progress};

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
    /// The listener hears how many bytes were read. Dropping the future stops the reading.
    ///
    /// # Errors
    /// Only where the store cannot be read at all: damage is in the report.
    pub async fn check(
        &self,
        options: CheckOptions,
        progress: &dyn Progress,
    ) -> Result<CheckReport, Error> {
        let report = self.look_through(options, self.now(), progress).await?;
        self.with_store(move |store| {
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
        let report = self.look_through(options, now, progress).await?;
        let is_unfinished =
            |problem: &store::Problem| problem.kind == ProblemKind::UnfinishedUnpack;
        if report.problems.iter().any(is_unfinished)
            && let Err(error) = self.sweep_unfinished().await
        {
            // It is in the report as still there.
            tracing::warn!(%error, "what was left of unpacking images could not be removed");
        }
        let (found, repaired) = self
            .with_store(move |store| {
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
        self.with_store(read_again).await?;
        report.remaining = self.check(options, progress).await?.problems;
        Ok(report)
    }
}

impl Engine {
    /// Runs the store's check on threads that block: they tell how far they are, and stop when nobody waits any more.
    async fn look_through(
        &self,
        options: CheckOptions,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<store::Report, Error> {
        let options = store::CheckOptions {
            read_data: options.read_data,
            now,
        };
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let (count, mut counts) = watch::channel(0);
        let tell = |current| {
            progress.report(Event::Passed {
                current,
                total: None,
            });
        };
        let work = self.with_store(move |store| {
            let step = |read: u64| {
                // The threads are not in step, and what was told must not go back.
                count.send_if_modified(|told: &mut u64| {
                    let more = read > *told;
                    *told = read.max(*told);
                    more
                });
                match stop.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let mut report = store.check(&options, &step)?;
            let containers = crate::containers::check::check(store, options.read_data)?;
            report.problems.extend(containers);
            let unpacked = crate::containers::check::check_unpacked(store)?;
            report.problems.extend(unpacked);
            Ok(report)
        });
        let report = follow(work, &mut counts, &tell).await?;
        if report.bytes_read > 0 {
            tell(report.bytes_read);
        }
        Ok(report)
    }
}

/// Reads the layers once more of which a rebuild found nothing known, so that they count as what they are and their files show.
fn read_again(store: &Store) -> Result<(), Error> {
    for (blob, diff_id) in store.layers_without_facts()? {
        if store.contains(&blob)?
            && let Err(error) = crate::pipeline::index_anew(store, &blob, Some(&diff_id))
        {
            // The check that follows lists it.
            tracing::warn!(%blob, %error, "a layer could not be read again");
        }
    }
    Ok(())
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
