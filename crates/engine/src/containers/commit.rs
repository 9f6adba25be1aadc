//! Making an image of a container: the image's layers, and one with what was changed.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::num::NonZero;
use std::thread;

use jiff::Timestamp;
use layer::{CompressedSink, Compression, LayerScan, SeekTableBuilder};
use oci::{Digest, ImageName, MediaType, Reference};
use serde_json::{Map, Value, json};
use store::{
    ContainerId, ContainerRecord, LeasePurpose, ManifestDetail, NewImage, NewLayer, UnnamedWriter,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::changeset::{Change, ChangeSet};
use super::config;
use super::editing::{image_of, replay};
use super::steps;
use super::stream::clean;
use super::tar::{Contents, LayerTar, unreadable};
use super::view::{beneath, parents};
use crate::changes::Changes;
use crate::engine::{Shared, blocking};
use crate::load::follow;
use crate::{Engine, Error, Event, MovePolicy, Progress, TagMove, tag};

/// What to commit.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// The container.
    pub container: ContainerId,
    /// The name to give the image; `None` = none.
    pub name: Option<Reference>,
    /// What was done, for the history.
    pub message: Option<String>,
    /// Who did it.
    pub author: Option<String>,
    /// Dockerfile instructions that change how the image runs.
    pub changes: Vec<String>,
    /// The changed paths that go in, as the list of changes has them, each with all that is below it; `None` = all.
    pub only: Option<Vec<Vec<u8>>>,
    /// How the new layer is compressed: gzip, which everybody reads, or zstd.
    pub compression: Compression,
    /// The time for all that is made (`SOURCE_DATE_EPOCH`), and the latest that a file has; `None` = now, and files as they are.
    pub epoch: Option<Timestamp>,
    /// What to do where the name names another image.
    pub move_policy: MovePolicy,
    /// Whether what runs in the container is held while its changes are read, so that they are of one moment.
    pub pause: bool,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The image ID.
    pub id: Digest,
    /// Its manifest.
    pub target: Digest,
    /// The name that it got.
    pub name: Option<ImageName>,
    /// The name, if it was made or moved.
    pub moved: Vec<TagMove>,
    /// The new layer; `None` where no file was changed.
    pub layer: Option<Digest>,
    /// Bytes of the new layer.
    pub layer_bytes: u64,
}

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

impl CommitRequest {
    /// Makes a request for all of a container, with nothing else set.
    #[must_use]
    pub fn new(container: ContainerId) -> Self {
        Self {
            container,
            name: None,
            message: None,
            author: None,
            changes: Vec::new(),
            only: None,
            compression: Compression::Gzip,
            epoch: None,
            move_policy: MovePolicy::Move,
            pause: true,
        }
    }
}

impl Engine {
    /// Makes an image of a container. The container stays as it is, and so does the image that it was made of.
    ///
    /// The new layer has what was changed and the folders on the way to it, and the same changes give the same bytes on every
    /// computer. Nothing of the layers below is read, but for files that were moved or only got other attributes. Dropping the
    /// future cancels: no name moves, and a layer that was written goes with a later collection.
    ///
    /// # Errors
    /// `usage` (a change is none), `bad_reference`, `not_found`, `name_taken`,
    /// `container_damaged`, `corrupt_layer`, `disk_full`, `read_only`, `io`.
    pub async fn commit(
        &self,
        request: CommitRequest,
        progress: &dyn Progress,
    ) -> Result<Committed, Error> {
        let name = request.name.as_ref().map(tag::given_name).transpose()?;
        let changes = Changes::parse(&request.changes)?;
        Box::pin(self.up_to_date(&request.container, request.pause, true)).await?;
        let now = self.now();
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let (count, mut counts) = watch::channel((0, 0));
        let told = |(current, total)| {
            progress.report(Event::Passed {
                current,
                total: Some(total),
            });
        };
        let shared = self.shared.clone();
        let work = blocking(move || {
            let commit = Commit {
                shared: &shared,
                request: &request,
                stop,
                count,
            };
            commit.run(name, &changes, now)
        });
        let committed = follow(work, &mut counts, &told).await?;
        told(*counts.borrow());
        Ok(committed)
    }
}

struct Commit<'a> {
    shared: &'a Shared,
    request: &'a CommitRequest,
    stop: CancellationToken,
    count: watch::Sender<(u64, u64)>,
}

/// The layer that was written.
struct Layer {
    digest: Digest,
    size: u64,
    diff_id: Digest,
}

impl Commit<'_> {
    fn run(
        &self,
        name: Option<ImageName>,
        changes: &Changes,
        now: Timestamp,
    ) -> Result<Committed, Error> {
        let store = &self.shared.store;
        let id = &self.request.container;
        // Nobody changes it meanwhile: what is committed is one state.
        let log = store.edit_container(id)?;
        let record = store.container(id)?;
        let purpose = LeasePurpose::Local {
            operation: "commit".into(),
        };
        let base = store.manifest(&record.manifest)?;
        let mut set = replay(&record, log.batches())?;
        if let Some(only) = &self.request.only {
            set = chosen(&set, only)?;
        }
        // A lease waits for the disk, and nothing of it is needed before the layer gets its name.
        let (lease, layer) = thread::scope(|scope| {
            let lease = scope.spawn(|| store.lease(&purpose, now));
            let layer = match set.is_empty() {
                true => Ok(None),
                false => self.layer(&record, &set).map(Some),
            };
            let lease = lease
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (lease, layer)
        });
        let (lease, layer) = (lease?, layer?);
        let (layer, written) = layer.unzip();
        let created = self.request.epoch.unwrap_or(now);
        let mut settings = config::current(store, &record)?;
        let command = words(settings.get("Cmd"));
        changes.apply(&mut settings)?;
        let config = self.config(&base, settings, &command, layer.as_ref(), created)?;
        let config_bytes = Value::Object(config).to_string();
        let config = Digest::sha256(config_bytes.as_bytes());
        let size = config_bytes.len();
        let manifest = self.manifest(&record, &base, (&config, size), layer.as_ref())?;
        let manifest_bytes = manifest.to_string();
        let target = Digest::sha256(manifest_bytes.as_bytes());
        if self.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let documents = [config_bytes.as_bytes(), manifest_bytes.as_bytes()];
        store.bring_in(&lease, written, &documents)?;
        let image = NewImage {
            target: &target,
            manifests: std::slice::from_ref(&target),
            names: name.as_slice(),
            repo_digest: None,
            operation: "commit",
            move_policy: match self.request.move_policy {
                MovePolicy::Move => store::MovePolicy::Move,
                MovePolicy::Keep => store::MovePolicy::Refuse,
            },
            now,
        };
        let moved = store.record_image(&lease, &image)?.moved;
        Ok(Committed {
            id: config,
            target,
            name,
            moved: moved.into_iter().map(TagMove::from).collect(),
            layer_bytes: layer.as_ref().map_or(0, |layer| layer.size),
            layer: layer.map(|layer| layer.digest),
        })
    }

    /// Writes the layer, its file index and its seek table in one pass.
    fn layer(&self, record: &ContainerRecord, set: &ChangeSet) -> Result<(Layer, NewLayer), Error> {
        let store = &self.shared.store;
        let contents = Contents {
            image: match needs_image(set) {
                true => image_of(self.shared, record)?,
                false => crate::ImageFiles::none(store.clone(), record.manifest.clone()),
            },
            store: store.clone(),
            container: record.id.clone(),
        };
        let latest = self.request.epoch.map(Timestamp::as_second);
        let tar = LayerTar::of_changes(contents, set, latest);
        let total = tar.length();
        let mut reader = tar
            .read_from(0)
            .ok_or_else(|| Error::Internal("a layer has no start".into()))?;
        let mut index = store.index_writer()?;
        let mut sink = Sink {
            writer: store.ingest_unnamed()?,
            table: SeekTableBuilder::default(),
            failed: None,
        };
        let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let mut scan = LayerScan::new(&mut index);
        let compression = self.request.compression;
        let read = layer::compress(compression, threads, &mut sink, |out| {
            let mut buffer = vec![0; PIECE];
            let mut done = 0;
            loop {
                if self.stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let count = reader
                    .read(&mut buffer)
                    .map_err(|error| unreadable(&record.name, error))?;
                if count == 0 {
                    return Ok(());
                }
                scan.write(&buffer[..count]).map_err(scan_failed)?;
                out.write_all(&buffer[..count])
                    .map_err(|source| Error::ContainerContent {
                        container: record.name.clone(),
                        source,
                    })?;
                done += count as u64;
                self.count.send_replace((done, total));
            }
        });
        // Why nobody takes the bytes any more is what the disk said.
        if let Some(failed) = sink.failed.take() {
            return Err(failed.into());
        }
        read.map_err(|source| Error::ContainerContent {
            container: record.name.clone(),
            source,
        })??;
        let facts = scan.finish().map_err(scan_failed)?;
        let facts = crate::pipeline::facts_of(facts);
        let (digest, size) = (sink.writer.digest(), sink.writer.size());
        let mut table = store.seek_table_writer(&digest)?;
        if compression == Compression::Gzip
            && let Err(error) = sink.table.finish(facts.uncompressed_size, table.file())
        {
            // It is made when somebody reads from the middle.
            tracing::warn!(%error, "a seek table could not be written");
            table = store.seek_table_writer(&digest)?;
        }
        let layer = Layer {
            digest,
            size,
            diff_id: facts.diff_id.clone(),
        };
        let written = NewLayer {
            blob: sink.writer,
            index,
            facts,
            table,
        };
        Ok((layer, written))
    }

    fn config(
        &self,
        base: &ManifestDetail,
        settings: Map<String, Value>,
        command: &str,
        layer: Option<&Layer>,
        created: Timestamp,
    ) -> Result<Map<String, Value>, Error> {
        let CommitRequest {
            message, author, ..
        } = self.request;
        let mut config = config::document(&self.shared.store, &base.config)?;
        // What they say is of the image below, or of docker's own container.
        config.retain(|key, _| {
            !matches!(
                key.as_str(),
                "author"
                    | "comment"
                    | "container"
                    | "container_config"
                    | "docker_version"
                    | "id"
                    | "parent"
            ) && !key.starts_with("moby.buildkit.")
        });
        let created = json!(created.to_string());
        let made = config.insert("created".into(), created.clone());
        let mut step = json!({"created": created, "created_by": command});
        if let Some(author) = author {
            config.insert("author".into(), json!(author));
            step["author"] = json!(author);
        }
        if let Some(message) = message {
            // docker has it in the history alone, podman here too.
            step["comment"] = json!(message);
        }
        match layer {
            None => step["empty_layer"] = json!(true),
            Some(layer) => {
                let root = config
                    .entry("rootfs")
                    .or_insert_with(|| json!({"type": "layers"}));
                if !root["diff_ids"].is_array() {
                    root["diff_ids"] = json!([]);
                }
                if let Some(list) = root["diff_ids"].as_array_mut() {
                    list.push(json!(layer.diff_id.as_str()));
                }
            }
        }
        let history = config.remove("history");
        let history = steps::add(history, base.layers.len(), made.as_ref(), step);
        config.insert("history".into(), history);
        config.insert("config".into(), Value::Object(settings));
        Ok(config)
    }

    fn manifest(
        &self,
        record: &ContainerRecord,
        base: &ManifestDetail,
        (config, config_size): (&Digest, usize),
        layer: Option<&Layer>,
    ) -> Result<Value, Error> {
        let bytes = self
            .shared
            .store
            .read_document(&record.manifest, oci::MAX_MANIFEST_SIZE)?;
        let below: Value = serde_json::from_slice(&bytes).map_err(|_| Error::Document {
            digest: record.manifest.clone(),
            source: oci::DocumentError::Neither,
        })?;
        let mut layers = below["layers"].as_array().cloned().unwrap_or_default();
        // docker's types know no zstd: the whole is then told in OCI's, of the same bytes.
        let zstd = self.request.compression == Compression::Zstd;
        let docker = base.media_type.is_docker() && !zstd;
        if base.media_type.is_docker() && zstd {
            for layer in &mut layers {
                let told = MediaType::parse(layer["mediaType"].as_str().unwrap_or_default());
                let told = match told {
                    MediaType::DockerLayer => MediaType::OciLayer,
                    MediaType::DockerLayerGzip => MediaType::OciLayerGzip,
                    MediaType::DockerLayerZstd => MediaType::OciLayerZstd,
                    other => other,
                };
                layer["mediaType"] = json!(told.as_str());
            }
        }
        if let Some(layer) = layer {
            let media_type = match (self.request.compression, docker) {
                (Compression::None, true) => MediaType::DockerLayer,
                (Compression::None, false) => MediaType::OciLayer,
                (Compression::Gzip, true) => MediaType::DockerLayerGzip,
                (Compression::Gzip, false) => MediaType::OciLayerGzip,
                (Compression::Zstd, _) => MediaType::OciLayerZstd,
            };
            layers.push(json!({
                "mediaType": media_type.as_str(),
                "size": layer.size,
                "digest": layer.digest.as_str(),
            }));
        }
        let (manifest_type, config_type) = match docker {
            true => (MediaType::DockerManifest, MediaType::DockerConfig),
            false => (MediaType::OciManifest, MediaType::OciConfig),
        };
        Ok(json!({
            "schemaVersion": 2,
            "mediaType": manifest_type.as_str(),
            "config": {
                "mediaType": config_type.as_str(),
                "size": config_size,
                "digest": config.as_str(),
            },
            "layers": layers,
        }))
    }
}

/// Takes the compressed layer. The store's own error is kept beside the one that the compressor understands.
struct Sink {
    writer: UnnamedWriter,
    table: SeekTableBuilder,
    failed: Option<store::Error>,
}

impl CompressedSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.append(bytes).map_err(|error| {
            self.failed = Some(error);
            io::ErrorKind::BrokenPipe.into()
        })
    }

    fn place(&mut self, input: u64, output: u64) -> io::Result<()> {
        self.table.place(input, output);
        Ok(())
    }
}

/// Says what is wrong with a layer of our own: its index could not be written, in the end.
fn scan_failed(error: layer::Error) -> Error {
    match error {
        layer::Error::WriteIndex(source) => Error::ContainerContent {
            container: "index".into(),
            source,
        },
        other => Error::Internal(other.to_string()),
    }
}

/// Tells whether contents of the image's own layers are to be read.
fn needs_image(set: &ChangeSet) -> bool {
    use super::changeset::{Content, Kind, Node};
    set.values().any(|change| {
        matches!(
            change,
            Change::Placed(Node {
                kind: Kind::File {
                    content: Content::Image { .. },
                    ..
                },
                ..
            })
        )
    })
}

/// Returns the changes at and below these paths, with the folders that they need.
///
/// # Errors
/// `usage` for a path at and below which nothing was changed.
fn chosen(set: &ChangeSet, only: &[Vec<u8>]) -> Result<ChangeSet, Error> {
    let mut kept: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut needed: BTreeSet<Vec<u8>> = BTreeSet::new();
    for path in only {
        let path = &clean(path);
        let listed = set.get(path).map(|_| path.clone());
        let mut any = false;
        for path in listed.into_iter().chain(beneath(set, path).cloned()) {
            needed.extend(parents(&path).map(<[u8]>::to_vec));
            kept.insert(path);
            any = true;
        }
        if !any {
            return Err(Error::NotChanged {
                path: crate::files::escaped(path),
            });
        }
    }
    let mut chosen = ChangeSet::new();
    for (path, change) in set {
        let change = match change {
            // A folder that only the way leads through hides nothing that was not chosen.
            Change::Placed(node) if !kept.contains(path) && needed.contains(path) => {
                let mut node = node.clone();
                if let super::changeset::Kind::Folder { opaque, .. } = &mut node.kind {
                    *opaque = false;
                }
                Change::Placed(node)
            }
            _ if kept.contains(path) => change.clone(),
            _ => continue,
        };
        chosen.insert(path.clone(), change);
    }
    Ok(chosen)
}

fn words(list: Option<&Value>) -> String {
    let words = list.and_then(Value::as_array).into_iter().flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    words.join(" ")
}
