//! Making an image of a file system.

#[cfg(unix)]
pub(crate) mod pack;

use std::io::{Read, Write};
use std::sync::Arc;

use bytes::Bytes;
use oci::{Digest, ImageName, MediaType, Platform, Reference};
use serde_json::{Map, Value, json};
use store::{Lease, LeasePurpose, NewImage, Store};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::changes::Changes;
use crate::engine::blocking;
use crate::load::follow;
use crate::pipeline::{self, Message, Sink, Stored};
use crate::probe::failed;
use crate::{ArchiveSource, Engine, Error, Event, MovePolicy, Progress, TagMove, tag};

/// Pieces that may wait for the disk.
const QUEUE: usize = 16;

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// What to import.
#[derive(Debug)]
pub struct ImportRequest {
    /// The tar of a file system, plain or compressed, or a folder.
    pub source: ArchiveSource,
    /// The name to give the image; `None` = none.
    pub name: Option<Reference>,
    /// The comment in its history; `None` = docker's.
    pub message: Option<String>,
    /// Dockerfile instructions that set how it runs.
    pub changes: Vec<String>,
    /// For which platform it is; `None` = the host's.
    pub platform: Option<Platform>,
    /// What to do where the name names another image.
    pub move_policy: MovePolicy,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The image ID.
    pub id: Digest,
    /// Its manifest.
    pub target: Digest,
    /// The name that it got.
    pub name: Option<ImageName>,
    /// Its platform.
    pub platform: Platform,
    /// The name, if it was made or moved.
    pub moved: Vec<TagMove>,
    /// Bytes of the layer.
    pub layer_bytes: u64,
}

impl Engine {
    /// Makes an image with one layer: the tar as it came, with plain, gzip and zstd kept, and bzip2 and xz packed anew with gzip.
    ///
    /// Dropping the future cancels. Where it is cancelled or fails, no name moves and nothing stays of what it brought.
    ///
    /// # Errors
    /// `usage` (a change is none), `bad_reference`, `invalid_archive` (no tar), `name_taken`, `disk_full`, `read_only`, `io`.
    pub async fn import(
        &self,
        request: ImportRequest,
        progress: &dyn Progress,
    ) -> Result<Imported, Error> {
        let ImportRequest {
            source,
            name,
            message,
            changes,
            platform,
            move_policy,
        } = request;
        let name = name.as_ref().map(tag::given_name).transpose()?;
        let changes = Changes::parse(&changes)?;
        let mut settings = Map::new();
        changes.apply(&mut settings)?;
        let host = &self.shared.settings.host_platform;
        let platform = platform.unwrap_or_else(|| host.clone()).normalized();
        let now = self.now();
        let lease = self
            .with_store(move |store| {
                let purpose = LeasePurpose::Local {
                    operation: "import".into(),
                };
                let mut lease = store.lease(&purpose, now)?;
                lease.forget_when_dropped();
                Ok(Arc::new(lease))
            })
            .await?;
        let layer = self.take_in(source, &lease, progress).await?;
        let config = config(&layer, &platform, &settings, message, &now.to_string());
        progress.report(Event::Recording);
        self.with_store(move |store| {
            let config = store.put_document(&lease, config.to_string().as_bytes())?;
            let manifest = manifest(store, &config, &layer)?;
            let target = store.put_document(&lease, manifest.to_string().as_bytes())?;
            let image = NewImage {
                target: &target,
                manifests: std::slice::from_ref(&target),
                names: name.as_slice(),
                repo_digest: None,
                operation: "import",
                move_policy: match move_policy {
                    MovePolicy::Move => store::MovePolicy::Move,
                    MovePolicy::Keep => store::MovePolicy::Refuse,
                },
                now,
            };
            let moved = store.record_image(&lease, &image)?.moved;
            Ok(Imported {
                id: config,
                target,
                name,
                platform,
                moved: moved.into_iter().map(TagMove::from).collect(),
                layer_bytes: layer.size,
            })
        })
        .await
    }

    /// Brings the layer in.
    async fn take_in(
        &self,
        source: ArchiveSource,
        lease: &Arc<Lease>,
        progress: &dyn Progress,
    ) -> Result<Layer, Error> {
        let total = source.length();
        let tell = |current| progress.report(Event::Passed { current, total });
        tell(0);
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let (count, mut counts) = watch::channel(0);
        let (store, lease) = (self.shared.store.clone(), Arc::clone(lease));
        let work = blocking(move || {
            let place = source.to_string();
            let sink = Sink::Unnamed(store.ingest_unnamed()?, lease, None);
            let (sender, receiver) = mpsc::channel(QUEUE);
            let mut pieces = Pieces {
                sender,
                stop,
                count,
                sent: 0,
            };
            let (sent, stored) = std::thread::scope(|scope| {
                let storing = scope.spawn(|| pipeline::store_layer(&store, sink, None, receiver));
                let sent = send(source, &place, &mut pieces);
                let sent = sent.and_then(|()| {
                    pieces
                        .sender
                        .blocking_send(Message::End)
                        .map_err(|_| Error::Cancelled)
                });
                drop(pieces);
                let stored = storing
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                (sent, stored)
            });
            let stored = match (sent, stored) {
                (Ok(()), stored) => stored?,
                // The writing side ended first, and says why.
                (Err(Error::Cancelled), Err(error)) => return Err(error),
                (Err(error), _) => return Err(error),
            };
            Layer::of(stored, &place)
        });
        let layer = follow(work, &mut counts, &tell).await?;
        tell(total.unwrap_or(layer.size));
        Ok(layer)
    }
}

/// The one layer of an imported image.
struct Layer {
    digest: Digest,
    size: u64,
    diff_id: Digest,
    compression: layer::Compression,
}

impl Layer {
    fn of(stored: Stored, place: &str) -> Result<Self, Error> {
        let Stored {
            digest,
            size,
            compression,
            facts,
        } = stored;
        let facts =
            facts.map_err(|error| failed(place.to_owned())(archive::Error::from_layer(error)))?;
        Ok(Self {
            digest,
            size,
            diff_id: facts.diff_id,
            compression,
        })
    }
}

/// Sends a tar or a folder on its way into the store.
fn send(source: ArchiveSource, place: &str, pieces: &mut Pieces) -> Result<(), Error> {
    let fail = failed(place.to_owned());
    let reader: Box<dyn Read + Send> = match source {
        ArchiveSource::Stream(reader) => reader,
        ArchiveSource::Path(path) if path.is_dir() => {
            return folder(&path, pieces).map_err(|error| pieces.why(error, &fail));
        }
        ArchiveSource::Path(path) => {
            let file =
                std::fs::File::open(path).map_err(|error| fail(archive::Error::Read(error)))?;
            Box::new(file)
        }
    };
    let mut layer = archive::as_layer(reader).map_err(&fail)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = layer.read(&mut buffer).map_err(&fail)?;
        if count == 0 {
            return Ok(());
        }
        pieces
            .write_all(&buffer[..count])
            .map_err(|_| Error::Cancelled)?;
    }
}

#[cfg(unix)]
fn folder(path: &std::path::Path, pieces: &mut Pieces) -> std::io::Result<()> {
    let mut buffered = std::io::BufWriter::with_capacity(PIECE, pieces);
    pack::pack(path, &mut buffered)?;
    buffered.flush()
}

#[cfg(not(unix))]
fn folder(_: &std::path::Path, _: &mut Pieces) -> std::io::Result<()> {
    // Owners and modes are what a root file system is made of, and here a folder has none.
    Err(std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        "a folder can be imported on a Unix system; elsewhere give a tar",
    ))
}

/// The way into the pipeline, as a writer.
struct Pieces {
    sender: mpsc::Sender<Message>,
    stop: CancellationToken,
    count: watch::Sender<u64>,
    sent: u64,
}

impl Pieces {
    /// Tells a reader's error from the end of the work.
    fn why(&self, error: std::io::Error, fail: &dyn Fn(archive::Error) -> Error) -> Error {
        if self.stop.is_cancelled() || error.kind() == std::io::ErrorKind::BrokenPipe {
            return Error::Cancelled;
        }
        fail(archive::Error::Read(error))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let piece = Message::Piece(Bytes::copy_from_slice(bytes));
        if self.stop.is_cancelled() || self.sender.blocking_send(piece).is_err() {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.sent += bytes.len() as u64;
        self.count.send_replace(self.sent);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn config(
    layer: &Layer,
    platform: &Platform,
    settings: &Map<String, Value>,
    message: Option<String>,
    now: &str,
) -> Value {
    // docker's words for what its client sends.
    let comment = message.unwrap_or_else(|| "Imported from -".into());
    let mut config = json!({
        "created": now,
        "architecture": platform.architecture,
        "os": platform.os,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id.as_str()]},
        "history": [{"created": now, "comment": comment}],
        "comment": comment,
    });
    if let Some(variant) = &platform.variant {
        config["variant"] = json!(variant);
    }
    config
}

fn manifest(store: &Store, config: &Digest, layer: &Layer) -> Result<Value, Error> {
    let size = store
        .read_document(config, crate::pull::MAX_CONFIG_SIZE)?
        .len();
    let media_type = match layer.compression {
        layer::Compression::None => MediaType::OciLayer,
        layer::Compression::Gzip => MediaType::OciLayerGzip,
        layer::Compression::Zstd => MediaType::OciLayerZstd,
    };
    Ok(json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OciManifest.as_str(),
        "config": {
            "mediaType": MediaType::OciConfig.as_str(),
            "digest": config.as_str(),
            "size": size,
        },
        "layers": [{
            "mediaType": media_type.as_str(),
            "digest": layer.digest.as_str(),
            "size": layer.size,
        }],
    }))
}
