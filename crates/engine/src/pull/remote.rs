//! Looks into an image of a registry without pulling it.

use std::io::{self, Read};

use bytes::Bytes;
use layer::LayerScan;
use oci::{Digest, Document, ImageConfig, Manifest, Platform, Reference};
use registry::{Repository, What};
use store::Scratch;
use tokio::sync::mpsc;

use super::{OfferedPlatform, PlannedBlob, PullRequest, Retries};
use crate::engine::blocking;
use crate::files::broken;
use crate::pipeline::{self, Message};
use crate::{Engine, Error, Progress};

/// An image of a registry. Manifest and config were read and verified, of the layers nothing yet.
pub(crate) struct RemoteImage {
    /// What was asked for, in full.
    pub(crate) reference: Reference,
    pub(crate) target: Digest,
    pub(crate) manifest: Digest,
    pub(crate) id: Digest,
    pub(crate) platform: Option<Platform>,
    pub(crate) foreign: bool,
    pub(crate) offered: Vec<OfferedPlatform>,
    pub(crate) config: ImageConfig,
    /// The layers, base first; in an image one can stand twice.
    pub(crate) layers: Vec<RemoteLayer>,
    /// Indexes, manifest and config, byte for byte.
    pub(crate) documents: Vec<(Digest, Vec<u8>)>,
    /// Config first, then the distinct layers, base first.
    pub(crate) blobs: Vec<PlannedBlob>,
    /// Whether a pull would change nothing.
    pub(crate) up_to_date: bool,
}

/// A layer of a registry.
#[derive(Clone)]
pub(crate) struct RemoteLayer {
    engine: Engine,
    repository: Repository,
    pub(crate) blob: PlannedBlob,
}

/// Pieces of a blob that may wait to be read.
const QUEUE: usize = 16;

impl Engine {
    /// Looks at an image of a registry. Nothing is stored.
    pub(crate) async fn remote(
        &self,
        request: &PullRequest,
        progress: &dyn Progress,
    ) -> Result<RemoteImage, Error> {
        let prepared = self.prepare(request, &Retries { progress }).await?;
        let bytes_of = |wanted: &Digest| {
            let found = prepared
                .documents
                .iter()
                .find(|(digest, _)| digest == wanted);
            found.map(|(_, bytes)| bytes)
        };
        let parsed = bytes_of(&prepared.manifest).map(|bytes| Document::parse(bytes, None));
        let Some(Ok(Document::Manifest(manifest))) = parsed else {
            return Err(Error::Internal(
                "the manifest that was prepared is none".into(),
            ));
        };
        // An artifact has no config of an image.
        let config = bytes_of(&prepared.id).and_then(|bytes| ImageConfig::parse(bytes).ok());
        let repository = Repository::of(&prepared.reference);
        let layers = self.layers_of(&manifest, &prepared.blobs, &repository);
        let up_to_date = self.is_up_to_date(&prepared).await?;
        Ok(RemoteImage {
            reference: prepared.reference,
            target: prepared.target,
            manifest: prepared.manifest,
            id: prepared.id,
            platform: prepared.platform,
            foreign: prepared.foreign,
            offered: prepared.offered,
            config: config.unwrap_or_default(),
            layers,
            documents: prepared.documents,
            blobs: prepared.blobs,
            up_to_date,
        })
    }

    /// Lists what the manifest lists. The plan has each blob once.
    fn layers_of(
        &self,
        manifest: &Manifest,
        planned: &[PlannedBlob],
        repository: &Repository,
    ) -> Vec<RemoteLayer> {
        let planned = |digest: &Digest| planned.iter().find(|blob| blob.digest == *digest);
        let layers = manifest
            .layers
            .iter()
            .filter_map(|layer| planned(&layer.digest));
        layers
            .filter(|blob| blob.diff_id.is_some())
            .map(|blob| RemoteLayer {
                engine: self.clone(),
                repository: repository.clone(),
                blob: blob.clone(),
            })
            .collect()
    }
}

impl RemoteLayer {
    /// Makes the layer's file index while it streams by; nothing of it is kept.
    pub(crate) async fn index(&self, progress: &dyn Progress) -> Result<Vec<u8>, Error> {
        let (store, blob) = (self.engine.shared.store.clone(), self.blob.clone());
        let host = self.repository.host().to_owned();
        self.stream(progress, move |pieces| {
            let mut arriving = Arriving::new(pieces, blob.digest.algorithm());
            let scanned = scan(&store, &blob, &mut arriving);
            // That these are other bytes says more than what is wrong with them, and another host may have the right ones.
            arriving.verify(&blob.digest, &host)?;
            scanned
        })
        .await
    }

    /// Fetches the layer's blob into a scratch file, and verifies it.
    pub(crate) async fn fetch(&self, progress: &dyn Progress) -> Result<Scratch, Error> {
        let (store, expected) = (self.engine.shared.store.clone(), self.blob.digest.clone());
        let host = self.repository.host().to_owned();
        self.stream(progress, move |pieces| {
            let mut scratch = store.scratch()?;
            let mut arriving = Arriving::new(pieces, expected.algorithm());
            loop {
                let piece = arriving
                    .next_piece()
                    .map_err(|source| broken(&expected, layer::Error::from_read(source)))?;
                if piece.is_empty() {
                    break;
                }
                scratch.append(&piece)?;
            }
            arriving.verify(&expected, &host)?;
            Ok(scratch)
        })
        .await
    }

    /// Fetches the blob, and hands its pieces to a reader that blocks; once more where they were wrong, as in a pull.
    async fn stream<T: Send + 'static>(
        &self,
        progress: &dyn Progress,
        read: impl Fn(mpsc::Receiver<Message>) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let registry = &self.engine.shared.registry;
        let mut attempts = registry.attempts(What::Blob(self.blob.digest.clone()));
        loop {
            let (sender, receiver) = mpsc::channel(QUEUE);
            let read = read.clone();
            let reading = blocking(move || read(receiver));
            let transfer = self.engine.transfer(
                (None, &self.repository),
                &self.blob,
                0,
                sender,
                &mut attempts,
                progress,
            );
            let error = match futures_util::future::join(transfer, reading).await {
                // Who reads has stopped, and says why.
                (Err(Error::Cancelled) | Ok(()), Err(Error::Registry(error))) => error,
                (Err(Error::Cancelled) | Ok(()), read) => return read,
                (Err(error), _) => return Err(error),
            };
            attempts.again(*error, &Retries { progress }).await?;
        }
    }
}

/// Reads a layer and returns its file index. The diff ID proves the content; the config that has it was verified.
pub(crate) fn scan(
    store: &store::Store,
    blob: &PlannedBlob,
    source: impl Read,
) -> Result<Vec<u8>, Error> {
    let mut index = Vec::new();
    let algorithm = pipeline::algorithm_of(blob.diff_id.as_ref());
    let limit = pipeline::bound(store, Some(blob.size));
    let scan = LayerScan::with_algorithm(algorithm, &mut index).limit(limit);
    let (_, facts) = scan
        .read(source)
        .map_err(|source| broken(&blob.digest, source))?;
    if let Some(expected) = &blob.diff_id {
        pipeline::verify(&blob.digest, expected, &facts.diff_id)?;
    }
    Ok(index)
}

/// The pieces as a reader, hashed as they come. A sender that goes away without an end is an error.
struct Arriving {
    pieces: mpsc::Receiver<Message>,
    current: Bytes,
    ended: bool,
    hasher: oci::Hasher,
}

impl Arriving {
    fn new(pieces: mpsc::Receiver<Message>, algorithm: oci::Algorithm) -> Self {
        Self {
            pieces,
            current: Bytes::new(),
            ended: false,
            hasher: oci::Hasher::new(algorithm),
        }
    }

    /// Waits for the next piece; an empty one is the end.
    fn next_piece(&mut self) -> io::Result<Bytes> {
        while !self.ended {
            match self.pieces.blocking_recv() {
                Some(Message::Piece(piece)) if piece.is_empty() => {}
                Some(Message::Piece(piece)) => {
                    self.hasher.update(&piece);
                    return Ok(piece);
                }
                Some(Message::End) => self.ended = true,
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        Ok(Bytes::new())
    }

    /// Reads to the end, and compares all that came with what was asked for.
    fn verify(mut self, expected: &Digest, host: &str) -> Result<(), Error> {
        let ended = loop {
            match self.next_piece() {
                Ok(piece) if piece.is_empty() => break Ok(()),
                Ok(_) => {}
                Err(source) => break Err(source),
            }
        };
        ended.map_err(|source| broken(expected, layer::Error::from_read(source)))?;
        let found = self.hasher.finish();
        if found == *expected {
            return Ok(());
        }
        Err(registry::Error::DigestMismatch {
            host: host.to_owned(),
            what: What::Blob(expected.clone()),
            expected: expected.clone(),
            found,
        }
        .into())
    }
}

impl Read for Arriving {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            self.current = self.next_piece()?;
        }
        let count = out.len().min(self.current.len());
        out[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
