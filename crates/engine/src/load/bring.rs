//! Bringing the layers of an archive that can be read in any order.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archive, Part};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Digest, MediaType};
use store::{Ingest, Lease, Store};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Work;
use super::select::Selected;
use crate::engine::blocking;
use crate::pipeline::{self, Message, Sink};
use crate::probe::failed;
use crate::{BlobState, Engine, Error, Event, Progress};

/// How often a listener hears of bytes at most.
const REPORT_EVERY: Duration = Duration::from_millis(50);

/// How long to wait before looking again at a blob that another program is bringing.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Pieces that may wait for the disk.
const QUEUE: usize = 16;

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// A blob of an archive that is in the store now.
#[derive(Clone)]
pub(super) struct Brought {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) compression: layer::Compression,
    /// The digest of its content; `None` where it is no layer.
    pub(super) diff_id: Option<Digest>,
    /// Why it is no layer.
    pub(super) broken: Option<Arc<layer::Error>>,
    /// Whether it was here before.
    pub(super) reused: bool,
}

/// The blobs by the member that holds them.
pub(super) type Parts = HashMap<String, Brought>;

impl Engine {
    /// Brings every layer of the images that is not here.
    pub(super) async fn bring_parts(
        &self,
        work: &Work,
        archive: &Arc<Archive>,
        selected: &[Selected],
        progress: &dyn Progress,
    ) -> Result<Parts, Error> {
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        for image in selected {
            // An image that is here is not read again: its names are all that is new.
            let (wanted, known) = (image.clone(), image.image.target.is_none());
            if known
                && self
                    .with_store(move |store| wanted.found(store))
                    .await?
                    .is_some()
            {
                continue;
            }
            for part in image.manifests().iter().flat_map(|image| &image.layers) {
                parts
                    .entry(part.member.clone())
                    .or_insert_with(|| part.clone());
            }
        }
        let parts: Vec<Part> = parts.into_values().collect();
        let states = self.states(&parts).await?;
        let total: u64 = states.iter().map(|state| state.size).sum();
        let missing = states.iter().filter(|state| !state.present);
        progress.report(Event::Resolved {
            name: work.place.clone(),
            download_bytes: missing.map(|state| state.size).sum(),
            total_bytes: total,
            blobs: states,
        });
        // Collected, not lazy: a closure in the stream's type would keep the whole future from being `Send`.
        let brings: Vec<_> = parts
            .iter()
            .map(|part| self.bring_part(work, archive, part, progress))
            .collect();
        let parallel = self.shared.settings.parallel_downloads.max(1);
        let brought: Vec<Brought> = stream::iter(brings)
            .buffered(parallel)
            .try_collect()
            .await?;
        Ok(parts
            .into_iter()
            .map(|part| part.member)
            .zip(brought)
            .collect())
    }

    async fn states(&self, parts: &[Part]) -> Result<Vec<BlobState>, Error> {
        let parts = parts.to_vec();
        self.with_store(move |store| {
            let digests: Vec<Digest> = parts.iter().map(shown).collect();
            let states = store.blob_states(&digests)?;
            Ok(parts
                .into_iter()
                .zip(states)
                .map(|(part, state)| BlobState {
                    digest: shown(&part),
                    size: part.size,
                    present: matches!(state, store::BlobState::Present { size } if size == part.size),
                    partial: 0,
                    diff_id: part.diff_id,
                })
                .collect())
        })
        .await
    }

    /// Brings one blob: verified, durable and, where it is a layer, indexed.
    async fn bring_part(
        &self,
        work: &Work,
        archive: &Arc<Archive>,
        part: &Part,
        progress: &dyn Progress,
    ) -> Result<Brought, Error> {
        let tell = |current| {
            progress.report(Event::Fetched {
                digest: shown(part),
                current,
            });
        };
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let bringing = Bringing {
            store: self.shared.store.clone(),
            lease: Arc::clone(&work.lease),
            archive: Arc::clone(archive),
            part: part.clone(),
            place: work.place.clone(),
            stop,
        };
        let brought = loop {
            let (count, mut counts) = watch::channel(0);
            let bringing = bringing.clone();
            let attempt = blocking(move || bringing.run(&count));
            match follow(attempt, &mut counts, &tell).await? {
                Some(brought) => break brought,
                None => tokio::time::sleep(BUSY_PAUSE).await,
            }
        };
        if !brought.reused {
            tell(part.size);
            progress.report(Event::Stored {
                digest: shown(part),
            });
        }
        Ok(brought)
    }
}

/// Waits for work, and tells how far it is meanwhile.
pub(crate) async fn follow<T, C: Clone>(
    work: impl Future<Output = T>,
    counts: &mut watch::Receiver<C>,
    tell: &(dyn Fn(C) + Sync),
) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(REPORT_EVERY, &mut work).await {
            Ok(done) => return done,
            Err(_) => {
                if counts.has_changed().unwrap_or_default() {
                    let count = counts.borrow_and_update().clone();
                    tell(count);
                }
            }
        }
    }
}

/// Returns the digest that progress names a part by: its own, or its content's where its own shows only in the end.
pub(super) fn shown(part: &Part) -> Digest {
    let known = part.digest.as_ref().or(part.diff_id.as_ref());
    known
        .cloned()
        .unwrap_or_else(|| Digest::sha256(part.member.as_bytes()))
}

/// Reads in this thread what another one writes meanwhile, and returns what was written.
pub(super) fn write_while<T: Send>(
    write: impl FnOnce(mpsc::Receiver<Message>) -> Result<T, Error> + Send,
    read: impl FnOnce(&mpsc::Sender<Message>) -> Result<(), Error>,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (read, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(move || write(receiver));
        let read = read(&sender);
        drop(sender);
        let written = writing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (read, written)
    });
    match (read, written) {
        // Where the writing side ended first, it says why.
        (Ok(()), written) => written,
        (Err(Error::Cancelled), Err(error)) => Err(error),
        (Err(error), _) => Err(error),
    }
}

/// Says which member of the archive has the wrong bytes: nobody knows a blob by its digest yet.
pub(super) fn of_member(place: &str, member: &str, error: Error) -> Error {
    let Error::Store(inner) = error else {
        return error;
    };
    match *inner {
        store::Error::DigestMismatch { expected, found } => {
            failed(place.to_owned())(archive::Error::DigestMismatch {
                member: member.to_owned(),
                expected,
                found,
            })
        }
        other => other.into(),
    }
}

/// One blob on its way, on threads that block.
#[derive(Clone)]
struct Bringing {
    store: Store,
    lease: Arc<Lease>,
    archive: Arc<Archive>,
    part: Part,
    place: String,
    stop: CancellationToken,
}

impl Bringing {
    /// Brings the blob; `None` where another program is at it.
    fn run(&self, count: &watch::Sender<u64>) -> Result<Option<Brought>, Error> {
        let part = &self.part;
        let compression = self.compression()?;
        // A plain layer is its own content: its digest is known before a byte is read.
        let known = match (&part.digest, compression) {
            (Some(digest), _) => Some(digest),
            (None, layer::Compression::None) => part.diff_id.as_ref(),
            (None, _) => None,
        };
        let sink = match known {
            None => Sink::Unnamed(
                self.store.ingest_unnamed()?,
                Arc::clone(&self.lease),
                Some(part.size),
            ),
            Some(digest) => match self.store.ingest(&self.lease, digest, part.size)? {
                Ingest::Busy => return Ok(None),
                Ingest::Present => return self.present(digest, compression).map(Some),
                Ingest::Partial(writer) => Sink::anew(writer)?,
            },
        };
        let is_layer =
            part.diff_id.is_some() || part.media_type.as_ref().is_some_and(MediaType::is_layer);
        let write = |receiver| match (sink, is_layer) {
            (Sink::Named(writer), false) => {
                let (digest, size) = (writer.digest().clone(), writer.size());
                pipeline::store(&self.store, writer, None, receiver)?;
                Ok((digest, size, None))
            }
            (sink, _) => {
                let stored =
                    pipeline::store_layer(&self.store, sink, part.diff_id.as_ref(), receiver)?;
                Ok((stored.digest, stored.size, Some(stored.facts)))
            }
        };
        let (digest, size, facts) = write_while(write, |sender| self.send(sender, count))
            .map_err(|error| of_member(&self.place, &part.member, error))?;
        let (diff_id, broken) = match facts {
            None => (None, None),
            Some(Ok(facts)) => (Some(facts.diff_id), None),
            Some(Err(error)) => (None, Some(Arc::new(error))),
        };
        Ok(Some(Brought {
            digest,
            size,
            compression,
            diff_id,
            broken,
            reused: false,
        }))
    }

    /// Makes sure that a blob that is here is indexed.
    fn present(&self, digest: &Digest, compression: layer::Compression) -> Result<Brought, Error> {
        let diff_id = match &self.part.diff_id {
            None => None,
            Some(expected) => {
                pipeline::index_stored(&self.store, digest, Some(expected))?;
                Some(expected.clone())
            }
        };
        Ok(Brought {
            digest: digest.clone(),
            size: self.part.size,
            compression,
            diff_id,
            broken: None,
            reused: true,
        })
    }

    fn compression(&self) -> Result<layer::Compression, Error> {
        let fail = failed(self.place.clone());
        let mut start = Vec::new();
        self.archive
            .open_part(&self.part)
            .and_then(|part| {
                part.take(layer::Compression::DETECT_BYTES as u64)
                    .read_to_end(&mut start)
                    .map_err(archive::Error::Read)
            })
            .map_err(fail)?;
        Ok(layer::Compression::detect(&start))
    }

    fn send(
        &self,
        sender: &mpsc::Sender<Message>,
        count: &watch::Sender<u64>,
    ) -> Result<(), Error> {
        let fail = failed(self.place.clone());
        let mut reader = self.archive.open_part(&self.part).map_err(&fail)?;
        let mut sent = 0;
        loop {
            let mut piece = vec![0; PIECE];
            let read = reader
                .read(&mut piece)
                .map_err(|error| fail(archive::Error::Read(error)))?;
            if read == 0 {
                break;
            }
            piece.truncate(read);
            if self.stop.is_cancelled()
                || sender
                    .blocking_send(Message::Piece(Bytes::from(piece)))
                    .is_err()
            {
                return Err(Error::Cancelled);
            }
            sent += read as u64;
            count.send_replace(sent);
        }
        sender
            .blocking_send(Message::End)
            .map_err(|_| Error::Cancelled)
    }
}
