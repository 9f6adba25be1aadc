//! Bringing the layers of an archive that comes by once: everything that may be one is taken, and what it was shows in the end.

use std::sync::Arc;

use archive::{Contents, Kind, Passage, PassingMember};
use bytes::Bytes;
use store::{Ingest, Lease, Store};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::Work;
use super::bring::{Brought, Parts, follow, of_member, write_while};
use crate::engine::blocking;
use crate::pipeline::{self, Message, Sink};
use crate::probe::failed;
use crate::{Engine, Error, Event, Progress};

impl Engine {
    /// Lets an archive pass, and keeps what looks like a layer.
    pub(super) async fn pass(
        &self,
        work: &Work,
        passage: Passage,
        length: Option<u64>,
        progress: &dyn Progress,
    ) -> Result<(Contents, Parts), Error> {
        let tell = |current| {
            progress.report(Event::Passed {
                current,
                total: length,
            });
        };
        tell(0);
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let (count, mut counts) = watch::channel(0);
        let passing = Passing {
            store: self.shared.store.clone(),
            lease: Arc::clone(&work.lease),
            place: work.place.clone(),
            stop,
        };
        let passed = follow(
            blocking(move || passing.run(passage, &count)),
            &mut counts,
            &tell,
        )
        .await?;
        tell(length.unwrap_or_else(|| *counts.borrow()));
        Ok(passed)
    }
}

/// An archive on its way, on threads that block.
struct Passing {
    store: Store,
    lease: Arc<Lease>,
    place: String,
    stop: CancellationToken,
}

impl Passing {
    fn run(
        &self,
        mut passage: Passage,
        count: &watch::Sender<u64>,
    ) -> Result<(Contents, Parts), Error> {
        let fail = failed(self.place.clone());
        let mut parts = Parts::new();
        while let Some(member) = passage.next_member().map_err(&fail)? {
            let brought = self.take(&mut passage, &member, count)?;
            parts.insert(member.name, brought);
        }
        let contents = passage.finish().map_err(&fail)?;
        let images = contents.images.iter();
        let manifests = images.flat_map(|image| &image.manifests);
        for layer in manifests.flat_map(|manifest| &manifest.layers) {
            // What an artifact holds may be JSON, and was taken for a document as it came by.
            if let (Some(digest), Some(bytes)) = (&layer.digest, passage.kept(&layer.member))
                && !parts.contains_key(&layer.member)
            {
                self.store
                    .put_verified(&self.lease, digest, bytes)
                    .map_err(|error| of_member(&self.place, &layer.member, error.into()))?;
                let brought = Brought {
                    reused: false,
                    ..self.present(digest, layer.size)?
                };
                parts.insert(layer.member.clone(), brought);
            }
        }
        Ok((contents, parts))
    }

    fn take(
        &self,
        passage: &mut Passage,
        member: &PassingMember,
        count: &watch::Sender<u64>,
    ) -> Result<Brought, Error> {
        let sink = match &member.kind {
            Kind::Layer => self.unnamed(member.size)?,
            Kind::Blob(digest) => match self.store.ingest(&self.lease, digest, member.size)? {
                Ingest::Present => return self.present(digest, member.size),
                // Somebody brings the same blob: it is written once more, under no name until it is whole.
                Ingest::Busy => self.unnamed(member.size)?,
                Ingest::Partial(writer) => Sink::anew(writer)?,
            },
        };
        let stored = write_while(
            |receiver| pipeline::store_layer(&self.store, sink, None, receiver),
            |sender| self.send(passage, sender, count),
        )
        .map_err(|error| of_member(&self.place, &member.name, error))?;
        if let Kind::Blob(expected) = &member.kind
            && *expected != stored.digest
        {
            let mismatch = store::Error::DigestMismatch {
                expected: expected.clone(),
                found: stored.digest,
            };
            return Err(of_member(&self.place, &member.name, mismatch.into()));
        }
        let (diff_id, broken) = match stored.facts {
            Ok(facts) => (Some(facts.diff_id), None),
            Err(error) => (None, Some(Arc::new(error))),
        };
        Ok(Brought {
            digest: stored.digest,
            size: stored.size,
            compression: stored.compression,
            diff_id,
            broken,
            reused: false,
        })
    }

    fn unnamed(&self, size: u64) -> Result<Sink, Error> {
        Ok(Sink::Unnamed(
            self.store.ingest_unnamed()?,
            Arc::clone(&self.lease),
            Some(size),
        ))
    }

    /// Takes a blob that is here for what it is; where its content was never read, that is done now.
    fn present(&self, digest: &oci::Digest, size: u64) -> Result<Brought, Error> {
        let known = match pipeline::index_stored(&self.store, digest, None) {
            Ok(()) => Ok(self.store.layer(digest)?),
            Err(Error::Layer { source, .. }) => Err(Arc::from(source)),
            Err(other) => return Err(other),
        };
        let (diff_id, broken) = match known {
            Ok(record) => (record.map(|record| record.facts.diff_id), None),
            Err(error) => (None, Some(error)),
        };
        Ok(Brought {
            digest: digest.clone(),
            size,
            compression: layer::Compression::None,
            diff_id,
            broken,
            reused: true,
        })
    }

    fn send(
        &self,
        passage: &mut Passage,
        sender: &mpsc::Sender<Message>,
        count: &watch::Sender<u64>,
    ) -> Result<(), Error> {
        loop {
            let piece = passage.piece().map_err(failed(self.place.clone()))?;
            if piece.is_empty() {
                break;
            }
            let piece = Bytes::copy_from_slice(piece);
            if self.stop.is_cancelled() || sender.blocking_send(Message::Piece(piece)).is_err() {
                return Err(Error::Cancelled);
            }
            count.send_replace(passage.taken());
        }
        sender
            .blocking_send(Message::End)
            .map_err(|_| Error::Cancelled)
    }
}
