//! What programs in a container changed, on its way between the writable layer of the runtime and the change set.
//!
//! The runtime stands a container on the image's unpacked files, on those of the change set as it was then (`edits/`), and on a
//! writable layer (`run/upper`). What it was put on is kept (`overlay.json`), so that the change set is at any time what it was
//! then with the writable layer over it, however often that was read. An edit that comes after that makes the next start begin
//! with a writable layer that is empty.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use layer::LayerScan;
use oci::Digest;
use runtime::{ChangedKind, ChangedPath};
use serde::{Deserialize, Serialize};
use store::{ContainerEdit, ContainerId, ContainerRecord, OutputFile, Store};

use super::changeset::{Batch, Bytes, Change, ChangeSet, Kind, Node};
use super::edit::refuse_marked;
use super::editing::{Editing, edit_alone, image_of, replay};
use super::tar::{Contents, LayerTar, unreadable};
use crate::Error;
use crate::engine::Shared;

/// The file that says on what the writable layer stands.
const OVERLAY: &str = "overlay.json";

/// The folder of what was changed before, and what it is made of.
pub(super) const EDITS: &str = "edits";
const EDITS_TAR: &str = "edits.tar";
const EDITS_INDEX: &str = "edits.index";

/// On what the writable layer stands, and whether it was taken in.
#[derive(Serialize, Deserialize)]
pub(super) struct Overlay {
    /// The change set when the writable layer was empty.
    base: Batch,
    /// The log with all of the writable layer; `None` from a start on until it was taken in.
    taken: Option<String>,
}

impl Overlay {
    /// Reads what is kept of a container's writable layer; `None` where nothing ran yet.
    pub(super) fn of(store: &Store, record: &ContainerRecord) -> Result<Option<Self>, Error> {
        let path = store.container_folder(&record.id).join(OVERLAY);
        let damaged = |source| Error::ContainerContent {
            container: record.name.clone(),
            source,
        };
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| damaged(error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(damaged(error)),
        }
    }

    /// Tells whether the writable layer was read since the last start.
    pub(super) fn is_taken(&self) -> bool {
        self.taken.is_some()
    }

    /// Tells whether the change set is what the writable layer and what is below it make.
    fn stands(&self, batches: &[String]) -> bool {
        self.taken.as_ref() == Some(&mark(batches))
    }

    fn keep(&self, store: &Store, id: &ContainerId) -> Result<(), Error> {
        let path = store.container_folder(id).join(OVERLAY);
        let text = serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))?;
        let mut file = OutputFile::begin(&path)?;
        file.write_all(&text)
            .map_err(|source| Error::Io { path, source })?;
        Ok(file.commit()?)
    }
}

/// What the lower folders of a start are, and whether the writable layer can go on.
pub(super) struct Ground {
    /// Keeps others away.
    _log: ContainerEdit,
    pub(super) record: ContainerRecord,
    set: ChangeSet,
    /// Whether the writable layer that is there is the right one.
    pub(super) goes_on: bool,
}

impl Ground {
    /// Looks on what a container would stand, and keeps others from changing it.
    pub(super) fn of(store: &Store, id: &ContainerId) -> Result<Self, Error> {
        let log = store.edit_container(id)?;
        let record = store.container(id)?;
        if record.status.is_running() {
            return Err(Error::ContainerRunning { name: record.name });
        }
        let overlay = Overlay::of(store, &record)?;
        Ok(Self {
            goes_on: overlay.is_some_and(|overlay| overlay.stands(log.batches())),
            set: replay(&record, log.batches())?,
            _log: log,
            record,
        })
    }

    /// Tells whether something was changed, so that it has to be below the writable layer.
    pub(super) fn has_edits(&self) -> bool {
        !self.set.is_empty()
    }

    /// Writes the layer of what was changed, and its file index, into the container's folder.
    pub(super) fn write_layer(&self, shared: &Shared) -> Result<(), Error> {
        let folder = shared.store.container_folder(&self.record.id);
        let contents = Contents {
            image: image_of(shared, &self.record)?,
            store: shared.store.clone(),
            container: self.record.id.clone(),
        };
        let tar = LayerTar::of_changes(contents, &self.set, None);
        write_tar(
            &tar,
            &self.record.name,
            &folder.join(EDITS_TAR),
            &folder.join(EDITS_INDEX),
        )
    }

    /// Notes that the writable layer stands on this from now on, and is about to be written to.
    pub(super) fn begin(&self, store: &Store) -> Result<(), Error> {
        let overlay = match Overlay::of(store, &self.record)? {
            Some(overlay) if self.goes_on => Overlay {
                taken: None,
                ..overlay
            },
            _ => Overlay {
                base: whole(&self.set),
                taken: None,
            },
        };
        overlay.keep(store, &self.record.id)
    }
}

/// Writes a tar, and its file index, into files.
pub(super) fn write_tar(
    tar: &LayerTar,
    container: &str,
    path: &Path,
    index: &Path,
) -> Result<(), Error> {
    let mut reader = tar
        .read_from(0)
        .ok_or_else(|| Error::Internal("a layer has no start".into()))?;
    let mut layer = OutputFile::begin(path)?;
    let mut index = OutputFile::begin(index)?;
    let mut scan = LayerScan::new(io::BufWriter::new(&mut index));
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| unreadable(container, error))?;
        if count == 0 {
            break;
        }
        scan.write(&buffer[..count]).map_err(not_a_layer)?;
        layer
            .write_all(&buffer[..count])
            .map_err(|source| Error::Io {
                path: path.to_owned(),
                source,
            })?;
    }
    scan.finish().map_err(not_a_layer)?;
    layer.commit()?;
    Ok(index.commit()?)
}

/// Returns the layer that [`Ground::write_layer`] wrote, and its file index.
pub(super) fn layer_files(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    (folder.join(EDITS_TAR), folder.join(EDITS_INDEX))
}

/// What a writable layer holds, as it is taken in.
pub(super) enum Told {
    /// With the content of files.
    Whole(Box<runtime::Changes>),
    /// Without: each file is one that is known already.
    Known(std::vec::IntoIter<ChangedPath>, io::Empty),
}

impl Told {
    fn next_path(&mut self) -> Result<Option<ChangedPath>, Error> {
        match self {
            Self::Whole(changes) => Ok(changes.next_path()?),
            Self::Known(paths, _) => Ok(paths.next()),
        }
    }

    fn content(&mut self) -> &mut dyn Read {
        match self {
            Self::Whole(changes) => changes,
            Self::Known(_, nothing) => nothing,
        }
    }
}

/// Looks at what a writable layer holds, without the content of files. `None` where one has another size or time than when it was
/// taken in last, so that its content is wanted.
pub(super) fn known(
    shared: &Shared,
    id: &ContainerId,
    mut changes: runtime::Changes,
) -> Result<Option<Told>, Error> {
    let record = shared.store.container(id)?;
    let before = replay(&record, &shared.store.container_batches(id)?)?;
    let mut paths = Vec::new();
    while let Some(changed) = changes.next_path()? {
        if let ChangedKind::File { size } = changed.kind {
            let Some(Change::Placed(node)) = before.get(&changed.path) else {
                return Ok(None);
            };
            if !is_as_before(node, size, changed.modified) {
                return Ok(None);
            }
        }
        paths.push(changed);
    }
    Ok(Some(Told::Known(paths.into_iter(), io::empty())))
}

fn is_as_before(node: &Node, size: u64, modified: (i64, u32)) -> bool {
    node.modified == modified
        && matches!(node.kind, Kind::File { size: known, .. } if known == size)
}

/// Makes the change set what the writable layer and what is below it are now.
///
/// With `exact` every file is read; without, those that have size and time of before count as they were.
pub(super) fn take(
    shared: &Arc<Shared>,
    id: &ContainerId,
    mut log: ContainerEdit,
    mut told: Told,
    exact: bool,
) -> Result<(), Error> {
    let store = &shared.store;
    let record = store.container(id)?;
    let Some(overlay) = Overlay::of(store, &record)? else {
        return Ok(());
    };
    if overlay.is_taken() {
        // Another was faster.
        return Ok(());
    }
    let before = replay(&record, log.batches())?;
    let base: ChangeSet = overlay
        .base
        .0
        .iter()
        .filter_map(|(Bytes(path), change)| Some((path.clone(), change.clone()?)))
        .collect();
    edit_alone(shared, &record, &mut log, |editing| {
        editing.edits.reset(&base);
        let mut links = editing.edits.free_group();
        while let Some(changed) = told.next_path()? {
            let known = match before.get(&changed.path) {
                Some(Change::Placed(node)) => Some(node),
                _ => None,
            };
            put(editing, &mut told, changed, (known, exact), &mut links)?;
        }
        Ok(())
    })?;
    if !record.status.is_running() {
        let taken = Overlay {
            taken: Some(mark(log.batches())),
            ..overlay
        };
        taken.keep(store, id)?;
    }
    Ok(())
}

fn put(
    editing: &mut Editing<'_>,
    told: &mut Told,
    changed: ChangedPath,
    (known, exact): (Option<&Node>, bool),
    links: &mut u64,
) -> Result<(), Error> {
    let ChangedPath {
        path,
        kind,
        mode,
        uid,
        gid,
        modified,
        xattrs,
    } = changed;
    if path.is_empty() {
        return Ok(());
    }
    refuse_marked(&path)?;
    let mut hides = false;
    let kind = match kind {
        ChangedKind::Deleted => {
            editing.edits.take_away(&path);
            return Ok(());
        }
        ChangedKind::HardLink { to } => {
            if let Some(mut node) = editing.edits.view().at(&to) {
                if node.links.is_none() {
                    node.links = Some(*links);
                    *links += 1;
                    editing.edits.place(&to, node.clone());
                }
                editing.edits.place(&path, node);
            }
            return Ok(());
        }
        ChangedKind::Folder { opaque } => {
            hides = opaque;
            Kind::Folder {
                opaque: false,
                unchanged: false,
            }
        }
        ChangedKind::File { size } => match known {
            Some(node) if !exact && is_as_before(node, size, modified) => node.kind.clone(),
            // What is read and found to be what it was is not kept a second time.
            _ => editing.content_unless(known, told.content())?,
        },
        ChangedKind::Symlink { target } => Kind::Symlink {
            target: Bytes(target),
        },
        ChangedKind::Pipe => Kind::Fifo,
        ChangedKind::CharDevice { major, minor } => Kind::CharDevice {
            major: i64::from(major),
            minor: i64::from(minor),
        },
        ChangedKind::BlockDevice { major, minor } => Kind::BlockDevice {
            major: i64::from(major),
            minor: i64::from(minor),
        },
    };
    let node = Node {
        kind,
        mode: mode & 0o7777,
        uid: i64::from(uid),
        gid: i64::from(gid),
        modified,
        xattrs: xattrs
            .into_iter()
            .filter(|xattr| {
                xattr.name == b"security.capability" || xattr.name.starts_with(b"user.")
            })
            .map(|xattr| (Bytes(xattr.name), Bytes(xattr.value)))
            .collect(),
        links: None,
    };
    editing.edits.place(&path, node);
    if hides {
        editing.edits.make_opaque(&path);
    }
    Ok(())
}

/// Names a state of the log.
fn mark(batches: &[String]) -> String {
    Digest::sha256(batches.join("\n").as_bytes()).to_string()
}

fn whole(set: &ChangeSet) -> Batch {
    let all = set
        .iter()
        .map(|(path, change)| (Bytes(path.clone()), Some(change.clone())));
    Batch(all.collect())
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn not_a_layer(source: layer::Error) -> Error {
    Error::Internal(format!("the changes are no layer: {source}"))
}
