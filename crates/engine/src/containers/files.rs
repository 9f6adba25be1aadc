//! A container's files as they are now, and what was changed.

use std::sync::{Mutex, PoisonError};

use store::{ContainerId, ContainerRecord};

use super::changeset::{Change, ChangeSet, Kind, Node};
use super::editing::{image_of, replay};
use super::tar::{Contents, LayerTar};
use super::view::View;
use crate::engine::Shared;
use crate::{Engine, Error, FileChange, FileKind, ImageFiles};

/// One path that differs from the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerChange {
    /// The path, without a slash at either end. Not always UTF-8.
    pub path: Vec<u8>,
    /// What became of it.
    pub change: FileChange,
    /// What it is now; of what was removed, what it was.
    pub kind: FileKind,
    /// Bytes of its content.
    pub size: u64,
    /// Whether it is a folder that is as it was, and named only because of what is in it. docker calls those changed.
    pub only_inside: bool,
}

/// The files of the container that was looked at last.
#[derive(Default)]
pub(crate) struct ContainerFilesCache(Mutex<Option<Kept>>);

struct Kept {
    id: ContainerId,
    /// What was changed until then, by which a later look knows that more was.
    batches: Vec<String>,
    files: ImageFiles,
}

impl Engine {
    /// Opens a container's files: the image's with all changes. The layer on top, `layers()`, is what was changed, so that
    /// `FileView::UpTo(layers())` marks it.
    ///
    /// It stays as it is when the container is changed; open it again then.
    ///
    /// # Errors
    /// `not_found`; `corrupt_layer`, `container_damaged`.
    pub async fn container_files(&self, id: &ContainerId) -> Result<ImageFiles, Error> {
        self.up_to_date(id, true, false).await?;
        let (id, shared) = (id.clone(), self.shared.clone());
        crate::engine::blocking(move || files_of(&shared, &id)).await
    }

    /// Lists what was changed in a container, by path. A removed folder stands for all that was in it.
    ///
    /// # Errors
    /// As [`Engine::container_files`].
    pub async fn container_changes(&self, id: &ContainerId) -> Result<Vec<ContainerChange>, Error> {
        self.up_to_date(id, true, false).await?;
        let (id, shared) = (id.clone(), self.shared.clone());
        crate::engine::blocking(move || {
            let record = shared.store.container(&id)?;
            let set = replay(&record, &shared.store.container_batches(&id)?)?;
            if set.is_empty() {
                return Ok(Vec::new());
            }
            let image = image_of(&shared, &record)?;
            Ok(changes(&image, &set))
        })
        .await
    }
}

pub(super) fn files_of(shared: &Shared, id: &ContainerId) -> Result<ImageFiles, Error> {
    let store = &shared.store;
    let record = store.container(id)?;
    let batches = store.container_batches(id)?;
    let mut cache = shared
        .containers
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(kept) = cache
        .as_ref()
        .filter(|kept| kept.id == *id && kept.batches == batches)
    {
        return Ok(kept.files.clone());
    }
    let set = replay(&record, &batches)?;
    let files = merged(shared, &record, &set)?;
    *cache = Some(Kept {
        id: id.clone(),
        batches,
        files: files.clone(),
    });
    Ok(files)
}

fn merged(shared: &Shared, record: &ContainerRecord, set: &ChangeSet) -> Result<ImageFiles, Error> {
    let image = image_of(shared, record)?;
    let contents = Contents {
        image: image.clone(),
        store: shared.store.clone(),
        container: record.id.clone(),
    };
    image.with_top(LayerTar::of_changes(contents, set, None))
}

fn changes(image: &ImageFiles, set: &ChangeSet) -> Vec<ContainerChange> {
    let view = View {
        tree: &image.inner.tree,
        set,
    };
    set.iter()
        .map(|(path, change)| {
            let below = view.below(path);
            let (change, node) = match (change, below) {
                (Change::Removed, below) => (FileChange::Removed, below),
                (Change::Placed(node), Some(_)) => (FileChange::Changed, Some(node.clone())),
                (Change::Placed(node), None) => (FileChange::Added, Some(node.clone())),
            };
            ContainerChange {
                path: path.clone(),
                change,
                kind: node.as_ref().map_or(FileKind::File, kind),
                size: node.as_ref().map_or(0, Node::size),
                only_inside: node.as_ref().is_some_and(Node::is_unchanged),
            }
        })
        .collect()
}

fn kind(node: &Node) -> FileKind {
    match node.kind {
        Kind::File { .. } => FileKind::File,
        Kind::Folder { .. } => FileKind::Folder,
        Kind::Symlink { .. } => FileKind::Symlink,
        Kind::CharDevice { .. } => FileKind::CharDevice,
        Kind::BlockDevice { .. } => FileKind::BlockDevice,
        Kind::Fifo => FileKind::Fifo,
    }
}
