//! Making an image of a container: the image's layers, and one with what was changed.

mod documents;
mod layer;

use std::collections::BTreeSet;
use std::thread;

use ::layer::Compression;
use jiff::Timestamp;
use oci::{Digest, ImageName, Reference};
use serde_json::Value;
use store::{ContainerEdit, ContainerId, Lease, LeasePurpose, NewImage, NewLayer, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::layer::Layer;
use super::changeset::{Change, ChangeSet};
use super::config;
use super::edit::clean;
use super::editing::replay;
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
    /// future cancels, until [`Event::Recording`]: no name moves, and a layer that was written goes with a later collection.
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
        let move_policy = request.move_policy;
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
            commit.prepare(&changes, now)
        });
        let prepared = follow(work, &mut counts, &told).await?;
        told(*counts.borrow());
        progress.report(Event::Recording);
        let store = self.shared.store.clone();
        blocking(move || prepared.record(&store, name, move_policy, now)).await
    }
}

/// An image that is made, and that nobody sees yet.
struct Prepared {
    /// Nobody changes the container meanwhile: what is committed is one state.
    _log: ContainerEdit,
    lease: Lease,
    layer: Option<Layer>,
    written: Option<NewLayer>,
    config: String,
    manifest: String,
}

impl Prepared {
    fn record(
        self,
        store: &Store,
        name: Option<ImageName>,
        move_policy: MovePolicy,
        now: Timestamp,
    ) -> Result<Committed, Error> {
        let documents = [self.config.as_bytes(), self.manifest.as_bytes()];
        let [config, target] = documents.map(Digest::sha256);
        store.bring_in(&self.lease, self.written, &documents)?;
        let image = NewImage {
            target: &target,
            manifests: std::slice::from_ref(&target),
            names: name.as_slice(),
            repo_digest: None,
            operation: "commit",
            move_policy: match move_policy {
                MovePolicy::Move => store::MovePolicy::Move,
                MovePolicy::Keep => store::MovePolicy::Refuse,
            },
            now,
        };
        let moved = store.record_image(&self.lease, &image)?.moved;
        Ok(Committed {
            id: config,
            target,
            name,
            moved: moved.into_iter().map(TagMove::from).collect(),
            layer_bytes: self.layer.as_ref().map_or(0, |layer| layer.size),
            layer: self.layer.map(|layer| layer.digest),
        })
    }
}

struct Commit<'a> {
    shared: &'a Shared,
    request: &'a CommitRequest,
    stop: CancellationToken,
    count: watch::Sender<(u64, u64)>,
}

impl Commit<'_> {
    fn prepare(&self, changes: &Changes, now: Timestamp) -> Result<Prepared, Error> {
        let store = &self.shared.store;
        let id = &self.request.container;
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
        let config = Value::Object(config).to_string();
        let digest = Digest::sha256(config.as_bytes());
        let manifest = self.manifest(&record, &base, (&digest, config.len()), layer.as_ref())?;
        if self.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(Prepared {
            _log: log,
            lease,
            layer,
            written,
            config,
            manifest: manifest.to_string(),
        })
    }
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
