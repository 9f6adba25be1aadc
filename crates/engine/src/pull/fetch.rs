//! The second half of a pull: bringing what is missing, and making the image visible.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Descriptor, ImageName};
use registry::{Repository, What};
use store::{Ingest, Lease, LeasePurpose, NewImage};
use tokio::sync::mpsc;

use super::prepare::Prepared;
use super::{MovePolicy, PlannedBlob, PullRequest, Retries};
use crate::engine::blocking;
use crate::pipeline::{self, Message};
use crate::{Engine, Error, Event, Progress, TagMove};

/// How often a listener hears of a blob's bytes at most.
const REPORT_EVERY: Duration = Duration::from_millis(50);

/// How long to wait before looking again at a blob that another program is fetching.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// How often a long download says that it still wants what it holds.
const RENEW_EVERY: Duration = Duration::from_secs(600);

/// Pieces of a body that may wait for the disk.
const QUEUE: usize = 32;

impl Engine {
    /// Fetches what is missing and records the image.
    pub(super) async fn bring(
        &self,
        prepared: &Prepared,
        request: &PullRequest,
        total: u64,
        progress: &dyn Progress,
    ) -> Result<Vec<TagMove>, Error> {
        let lease = self.begin(prepared, request, total).await?;
        let repository = Repository::of(&prepared.reference);
        // The config is among the documents, so it is here by now.
        let config = prepared.blobs.first().map(|blob| blob.digest.clone());
        for blob in prepared
            .blobs
            .iter()
            .filter(|blob| Some(&blob.digest) == config.as_ref() && !blob.present)
        {
            report_whole(progress, blob);
        }
        let documents: Vec<_> = prepared
            .documents
            .iter()
            .map(|(digest, _)| digest)
            .collect();
        // Collected, not lazy: a closure in the stream's type would keep the whole future from being `Send`.
        let fetches: Vec<_> = prepared
            .blobs
            .iter()
            .filter(|blob| !documents.contains(&&blob.digest))
            .map(|blob| self.fetch(&lease, &repository, blob, progress))
            .collect();
        let parallel = self.shared.settings.parallel_downloads.max(1);
        stream::iter(fetches)
            .buffer_unordered(parallel)
            .try_collect::<()>()
            .await?;
        progress.report(Event::Recording);
        self.record(prepared, request, lease).await
    }

    /// Takes the lease and stores the documents.
    async fn begin(
        &self,
        prepared: &Prepared,
        request: &PullRequest,
        total: u64,
    ) -> Result<std::sync::Arc<Lease>, Error> {
        let purpose = LeasePurpose::Pull {
            reference: prepared.reference.clone(),
            platform: request.platform.clone(),
            total: Some(total),
        };
        let documents = prepared.documents.clone();
        let blobs: Vec<_> = prepared
            .blobs
            .iter()
            .map(|blob| blob.digest.clone())
            .collect();
        let now = self.now();
        self.with_store(move |store| {
            // An earlier attempt at the same that was cut off is this one now, and no longer to be offered.
            for earlier in store.interrupted(now)? {
                let same = match (&earlier.purpose, &purpose) {
                    (
                        LeasePurpose::Pull {
                            reference: a,
                            platform: p,
                            ..
                        },
                        LeasePurpose::Pull {
                            reference: b,
                            platform: q,
                            ..
                        },
                    ) => (a, p) == (b, q),
                    _ => false,
                };
                if same && let Ok(taken) = store.resume(earlier.id, now) {
                    taken.describe(&purpose)?;
                    taken.hold(&blobs)?;
                    store_documents(store, &taken, &documents)?;
                    return Ok(std::sync::Arc::new(taken));
                }
            }
            let lease = store.lease(&purpose, now)?;
            lease.hold(&blobs)?;
            store_documents(store, &lease, &documents)?;
            Ok(std::sync::Arc::new(lease))
        })
        .await
    }

    async fn record(
        &self,
        prepared: &Prepared,
        request: &PullRequest,
        lease: std::sync::Arc<Lease>,
    ) -> Result<Vec<TagMove>, Error> {
        let (target, manifest, name) = (
            prepared.target.clone(),
            prepared.manifest.clone(),
            prepared.name.clone(),
        );
        let repo_digest = ImageName::of(&prepared.reference.with_digest(prepared.target.clone()));
        let move_policy = match request.move_policy {
            MovePolicy::Move => store::MovePolicy::Move,
            MovePolicy::Keep => store::MovePolicy::Refuse,
        };
        let now = self.now();
        self.with_store(move |store| {
            let image = NewImage {
                target: &target,
                manifests: &[manifest],
                names: name.as_slice(),
                repo_digest: Some(&repo_digest),
                operation: "pull",
                move_policy,
                now,
            };
            Ok(store
                .record_image(&lease, &image)?
                .moved
                .into_iter()
                .map(TagMove::from)
                .collect())
        })
        .await
    }

    /// Brings one blob: verified, durable and, where it is a layer, indexed.
    pub(crate) async fn fetch(
        &self,
        lease: &std::sync::Arc<Lease>,
        repository: &Repository,
        blob: &PlannedBlob,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let observer = Retries { progress };
        let mut attempts = self
            .shared
            .registry
            .attempts(What::Blob(blob.digest.clone()));
        loop {
            let (held, digest, size) = (lease.clone(), blob.digest.clone(), blob.size);
            let begun = self
                .with_store(move |store| Ok(store.ingest(&held, &digest, size)?))
                .await?;
            let writer = match begun {
                Ingest::Present => {
                    if blob.diff_id.is_some() {
                        self.index_stored(blob).await?;
                    }
                    if !blob.present {
                        report_whole(progress, blob);
                    }
                    return Ok(());
                }
                Ingest::Busy => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                    continue;
                }
                Ingest::Partial(writer) => writer,
            };
            let offset = writer.offset();
            let (sender, receiver) = mpsc::channel(QUEUE);
            let (store, layer) = (self.shared.store.clone(), blob.diff_id.clone());
            let stored =
                blocking(move || pipeline::store(&store, writer, layer.as_ref(), receiver));
            let transfer = self.transfer(
                (Some(lease), repository),
                blob,
                offset,
                sender,
                &mut attempts,
                progress,
            );
            let (sent, stored) = futures_util::future::join(transfer, stored).await;
            match (sent, stored) {
                (Ok(()), Ok(())) => {
                    progress.report(Event::Stored {
                        digest: blob.digest.clone(),
                    });
                    return Ok(());
                }
                (Ok(()), Err(Error::Store(error)))
                    if matches!(*error, store::Error::DigestMismatch { .. }) =>
                {
                    // Wrong bytes are fetched once more from the beginning; the second time they are what the registry has.
                    if let store::Error::DigestMismatch { expected, found } = *error {
                        let wrong = registry::Error::DigestMismatch {
                            host: repository.host().to_owned(),
                            what: What::Blob(blob.digest.clone()),
                            expected,
                            found,
                        };
                        attempts.again(wrong, &observer).await?;
                    }
                }
                (Err(Error::Cancelled) | Ok(()), Err(error)) => return Err(error),
                (Err(error), _) => return Err(error),
            }
        }
    }

    /// Sends a blob's body on, and then its end.
    pub(super) async fn transfer(
        &self,
        from: (Option<&std::sync::Arc<Lease>>, &Repository),
        blob: &PlannedBlob,
        offset: u64,
        sender: mpsc::Sender<Message>,
        attempts: &mut registry::Attempts,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        self.send_pieces(from, blob, offset, &sender, attempts, progress)
            .await?;
        // Where the other side has ended already, its own error says why.
        drop(sender.send(Message::End).await);
        Ok(())
    }

    /// Sends a blob's body on, taking it up again where it breaks off.
    async fn send_pieces(
        &self,
        (lease, repository): (Option<&std::sync::Arc<Lease>>, &Repository),
        blob: &PlannedBlob,
        mut offset: u64,
        sender: &mpsc::Sender<Message>,
        attempts: &mut registry::Attempts,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let observer = Retries { progress };
        let descriptor = Descriptor::new(blob.media_type.clone(), blob.digest.clone(), blob.size);
        let tell = |current| {
            progress.report(Event::Fetched {
                digest: blob.digest.clone(),
                current,
            });
        };
        let (mut reported, mut told) = (Instant::now(), offset);
        let mut renewed = Instant::now();
        tell(offset);
        while offset < blob.size {
            let mut body = self
                .shared
                .registry
                .blob(repository, &descriptor, offset, &observer)
                .await?;
            // A server that begins at the beginning again sends what is here once more: it is passed over.
            let mut surplus = offset.saturating_sub(body.starts_at());
            let broken = loop {
                let next = if told < offset {
                    // A body that pauses has its last bytes told all the same.
                    match tokio::time::timeout(REPORT_EVERY, body.next()).await {
                        Ok(next) => next,
                        Err(_) => {
                            (reported, told) = (Instant::now(), offset);
                            tell(offset);
                            continue;
                        }
                    }
                } else {
                    body.next().await
                };
                let mut piece = match next {
                    None if offset >= blob.size => break None,
                    None => {
                        break Some(registry::Error::Interrupted {
                            host: repository.host().to_owned(),
                            reached: offset,
                            expected: blob.size,
                            reason: None,
                        });
                    }
                    Some(Err(error)) => break Some(error),
                    Some(Ok(piece)) => piece,
                };
                if surplus > 0 {
                    let skip = usize::try_from(surplus)
                        .unwrap_or(usize::MAX)
                        .min(piece.len());
                    surplus -= skip as u64;
                    drop(piece.split_to(skip));
                    if piece.is_empty() {
                        continue;
                    }
                }
                offset += piece.len() as u64;
                attempts.progressed_to(offset);
                if sender.send(Message::Piece(piece)).await.is_err() {
                    return Err(Error::Cancelled);
                }
                if let Some(lease) = lease
                    && renewed.elapsed() >= RENEW_EVERY
                {
                    renewed = Instant::now();
                    let (lease, now) = (lease.clone(), self.now());
                    self.with_store(move |_| Ok(lease.renew(now)?)).await?;
                }
                if reported.elapsed() >= REPORT_EVERY || offset == blob.size {
                    (reported, told) = (Instant::now(), offset);
                    tell(offset);
                }
            };
            if let Some(error) = broken {
                attempts.again(error, &observer).await?;
            }
        }
        Ok(())
    }

    /// Reads a layer that is here but not indexed: it came in another way, or its facts were lost.
    async fn index_stored(&self, blob: &PlannedBlob) -> Result<(), Error> {
        let (digest, expected) = (blob.digest.clone(), blob.diff_id.clone());
        self.with_store(move |store| pipeline::index_stored(store, &digest, expected.as_ref()))
            .await
    }
}

fn store_documents(
    store: &store::Store,
    lease: &Lease,
    documents: &[(oci::Digest, Vec<u8>)],
) -> Result<(), Error> {
    for (digest, bytes) in documents {
        store.put_verified(lease, digest, bytes)?;
    }
    Ok(())
}

/// Tells of a blob that is here by now without having been fetched by this pull.
fn report_whole(progress: &dyn Progress, blob: &PlannedBlob) {
    progress.report(Event::Fetched {
        digest: blob.digest.clone(),
        current: blob.size,
    });
    progress.report(Event::Stored {
        digest: blob.digest.clone(),
    });
}
