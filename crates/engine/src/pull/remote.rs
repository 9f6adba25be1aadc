//! Looks into an image of a registry without pulling it.

use std::io::{self, Read};

use bytes::Bytes;
use layer::{Decompressor, FileIndex, LayerScan, Tree};
use oci::{Digest, Document};
use registry::{Repository, What};
use tokio::sync::mpsc;

use super::{PlannedBlob, PullRequest, Retries};
use crate::engine::blocking;
use crate::files::broken;
use crate::pipeline::{self, Message};
use crate::{Engine, Error, ImageFiles, Progress};

/// An image of a registry. Manifest and config were read and verified, of the layers nothing yet.
pub struct RemoteImage {
    engine: Engine,
    repository: Repository,
    manifest: Digest,
    layers: Vec<PlannedBlob>,
}

/// Pieces of a blob that may wait to be read.
const QUEUE: usize = 16;

impl Engine {
    /// Looks at an image of a registry. Nothing is stored.
    ///
    /// # Errors
    /// As [`Engine::pull`], but for those of the store.
    pub async fn remote(
        &self,
        request: &PullRequest,
        progress: &dyn Progress,
    ) -> Result<RemoteImage, Error> {
        let prepared = self.prepare(request, &Retries { progress }).await?;
        let document = prepared
            .documents
            .iter()
            .find(|(digest, _)| *digest == prepared.manifest);
        let parsed = document.and_then(|(_, bytes)| Document::parse(bytes, None).ok());
        let Some(Document::Manifest(manifest)) = parsed else {
            return Err(Error::Internal(
                "the manifest that was prepared is none".into(),
            ));
        };
        // The plan has each blob once; in an image a layer can stand twice.
        let planned = |digest: &Digest| prepared.blobs.iter().find(|blob| blob.digest == *digest);
        let layers = manifest
            .layers
            .iter()
            .filter_map(|layer| planned(&layer.digest));
        let layers = layers
            .filter(|blob| blob.diff_id.is_some())
            .cloned()
            .collect();
        Ok(RemoteImage {
            engine: self.clone(),
            repository: Repository::of(&prepared.reference),
            manifest: prepared.manifest,
            layers,
        })
    }
}

impl RemoteImage {
    /// Returns the layers, base first: what each would cost to fetch, and whether it is here.
    #[must_use]
    pub fn layers(&self) -> &[PlannedBlob] {
        &self.layers
    }

    /// Lists the files of one layer, counted from 1, by reading only that layer; nothing of it is kept.
    ///
    /// In the result it is the only layer, so that everything in it was added, and what it removes is not to be seen.
    ///
    /// # Errors
    /// `usage`, where there is no such layer; `corrupt_layer`, `digest_mismatch`, and what a registry can fail with.
    pub async fn layer_files(
        &self,
        layer: usize,
        progress: &dyn Progress,
    ) -> Result<ImageFiles, Error> {
        let blob = layer.checked_sub(1).and_then(|at| self.layers.get(at));
        let blob = blob.ok_or(Error::NoSuchLayer {
            layer,
            layers: self.layers.len(),
        })?;
        self.files_of(std::slice::from_ref(blob), progress).await
    }

    /// Lists the files of the whole image by reading every layer that is not here; nothing of them is kept.
    ///
    /// # Errors
    /// As [`RemoteImage::layer_files`].
    pub async fn files(&self, progress: &dyn Progress) -> Result<ImageFiles, Error> {
        self.files_of(&self.layers, progress).await
    }

    async fn files_of(
        &self,
        layers: &[PlannedBlob],
        progress: &dyn Progress,
    ) -> Result<ImageFiles, Error> {
        let mut tree = Tree::new();
        for blob in layers {
            let index = self.index(blob, progress).await?;
            tree = blocking({
                let digest = blob.digest.clone();
                move || {
                    let pushed =
                        FileIndex::open(index.as_slice()).and_then(|index| tree.push(index));
                    pushed
                        .map(|()| tree)
                        .map_err(|source| broken(&digest, source))
                }
            })
            .await?;
        }
        let blobs = layers.iter().map(|blob| blob.digest.clone());
        let store = self.engine.shared.store.clone();
        Ok(ImageFiles::of(store, self.manifest.clone(), blobs, tree))
    }

    /// Takes a layer's file index from the store, or makes it while the layer streams by.
    async fn index(&self, blob: &PlannedBlob, progress: &dyn Progress) -> Result<Vec<u8>, Error> {
        let diff_id = blob.diff_id.clone();
        let here = self.engine.with_store(move |store| {
            let Some(mut file) = diff_id
                .map(|diff_id| store.open_index(&diff_id))
                .transpose()?
                .flatten()
            else {
                return Ok(None);
            };
            let mut index = Vec::new();
            let read = file.read_to_end(&mut index).is_ok();
            Ok((read && FileIndex::verify(index.as_slice()).is_ok()).then_some(index))
        });
        if let Some(index) = here.await? {
            return Ok(index);
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (digest, expected) = (blob.digest.clone(), blob.diff_id.clone());
        let reading = blocking(move || scan(&digest, expected.as_ref(), receiver));
        let transfer = async {
            let registry = &self.engine.shared.registry;
            let mut attempts = registry.attempts(What::Blob(blob.digest.clone()));
            let sent = self
                .engine
                .transfer(
                    (None, &self.repository),
                    blob,
                    0,
                    &sender,
                    &mut attempts,
                    progress,
                )
                .await;
            if sent.is_ok() {
                // Where the other side has ended already, its own error says why.
                drop(sender.send(Message::End).await);
            }
            drop(sender);
            sent
        };
        match futures_util::future::join(transfer, reading).await {
            // Who reads has stopped, and says why.
            (Err(Error::Cancelled) | Ok(()), read) => read,
            (Err(error), _) => Err(error),
        }
    }
}

/// Reads a layer as it comes and returns its file index. The diff ID proves the content; the config that has it was verified.
fn scan(
    digest: &Digest,
    expected: Option<&Digest>,
    pieces: mpsc::Receiver<Message>,
) -> Result<Vec<u8>, Error> {
    let read = |source| broken(digest, layer::Error::from_read(source));
    let mut index = Vec::new();
    let source = Arriving {
        pieces,
        current: Bytes::new(),
    };
    let mut decompressor = Decompressor::new(source).map_err(read)?;
    let mut scan = LayerScan::new(&mut index);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = decompressor.read(&mut buffer).map_err(read)?;
        if count == 0 {
            break;
        }
        scan.write(&buffer[..count])
            .map_err(|source| broken(digest, source))?;
    }
    let facts = scan.finish().map_err(|source| broken(digest, source))?;
    if let Some(expected) = expected {
        pipeline::verify(digest, expected, &facts.diff_id)?;
    }
    Ok(index)
}

/// The pieces as a reader. A sender that goes away without an end is an error.
struct Arriving {
    pieces: mpsc::Receiver<Message>,
    current: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Message::Piece(piece)) => self.current = piece,
                Some(Message::End) => return Ok(0),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        let count = out.len().min(self.current.len());
        out[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
