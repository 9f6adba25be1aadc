//! Bringing back what a damaged image lacks: those blobs, from where its names say that it came from.

use std::sync::Arc;

use oci::{Digest, MAX_INDEX_DEPTH, Reference};
use registry::Repository;
use store::{Lacking, Lease, LeasePurpose, Unfetched};

use super::RepairReport;
use crate::pull::{PlannedBlob, Retries};
use crate::{Engine, Error, Progress};

/// What lies below a document shows when it is here: indexes in indexes, then a manifest, its config, its layers.
const ROUNDS: usize = MAX_INDEX_DEPTH + 3;

impl Engine {
    /// Brings back what an image lacks, from the first repository of its names that has all of it.
    ///
    /// Nothing else is fetched, and no name is made or moved.
    pub(super) async fn refetch(
        &self,
        image: &Unfetched,
        progress: &dyn Progress,
        report: &mut RepairReport,
    ) {
        // What it lacked may have been found here: a file without a row, or another program's pull.
        match self.mend(&image.target).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(target = %image.target, %error, "what an image lacks cannot be told");
            }
        }
        let (mut asked, mut failed) = (Vec::new(), Vec::new());
        for name in image.names.iter().chain(&image.repo_digests) {
            let repository = Repository::of(name.reference());
            if asked.contains(&repository) {
                continue;
            }
            // Boxed: what it holds while it waits would else lie on the stack of everyone who calls.
            let brought =
                Box::pin(self.bring_back(name.reference(), &repository, &image.target, progress));
            match brought.await {
                Ok(()) => {
                    report.refetched.push(name.clone());
                    return;
                }
                Err(error) => failed.push((name.clone(), error.message())),
            }
            asked.push(repository);
        }
        report.failed.extend(failed);
    }

    /// Puts an image right that lacks nothing any more; `false` where it does.
    async fn mend(&self, target: &Digest) -> Result<bool, Error> {
        let (target, now) = (target.clone(), self.now());
        self.with_store(move |store| {
            let lease = store.lease(&purpose(), now)?;
            let whole = store.lacking(&target)?.is_empty();
            if whole {
                store.mended(&lease, &target)?;
            }
            Ok(whole)
        })
        .await
    }

    async fn bring_back(
        &self,
        reference: &Reference,
        repository: &Repository,
        target: &Digest,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let now = self.now();
        let lease = self
            .with_store(move |store| Ok(Arc::new(store.lease(&purpose(), now)?)))
            .await?;
        for _ in 0..ROUNDS {
            let image = target.clone();
            let lacking = self
                .with_store(move |store| Ok(store.lacking(&image)?))
                .await?;
            if lacking.is_empty() {
                break;
            }
            for part in lacking {
                self.bring_part_back(&lease, reference, repository, part, progress)
                    .await?;
            }
        }
        let image = target.clone();
        self.with_store(move |store| Ok(store.mended(&lease, &image)?))
            .await
    }

    async fn bring_part_back(
        &self,
        lease: &Arc<Lease>,
        reference: &Reference,
        repository: &Repository,
        part: Lacking,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let Lacking {
            descriptor,
            is_document,
            diff_id,
        } = part;
        if !is_document {
            let blob = PlannedBlob {
                digest: descriptor.digest,
                size: descriptor.size,
                media_type: descriptor.media_type,
                present: false,
                partial: 0,
                diff_id,
            };
            return self.fetch(lease, repository, &blob, progress).await;
        }
        // By digest, so that exactly what was here comes back, whatever the tag names today.
        let reference = reference.with_digest(descriptor.digest.clone());
        let resolved = self
            .shared
            .registry
            .resolve(&reference, &Retries { progress })
            .await?;
        let lease = Arc::clone(lease);
        self.with_store(move |store| {
            Ok(store.put_verified(&lease, &descriptor.digest, &resolved.bytes)?)
        })
        .await
    }
}

fn purpose() -> LeasePurpose {
    LeasePurpose::Local {
        operation: "repair".to_owned(),
    }
}
