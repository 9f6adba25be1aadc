//! Changes of a container that runs: worked out on its change set as of any other, and then done beneath the root that its programs
//! see. What they made of it is read back from its writable layer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use runtime::FoundPath;
use store::{ContainerEdit, ContainerId};

use super::changeset::{Batch, Bytes, ChangeSet, Node};
use super::editing::{Editing, Worked, edit_alone, image_of, replay, worked};
use super::tar::{Contents, LayerTar};
use super::upper::write_tar;
use super::view::View;
use crate::engine::Shared;
use crate::{Engine, Error, ImageFiles};

/// What is to be changed in a container that runs. Nobody else changes it meanwhile.
pub(super) struct Inside {
    _log: ContainerEdit,
    /// What goes first.
    removed: Vec<Vec<u8>>,
    tar: PathBuf,
    index: PathBuf,
}

/// Changes a container. Of one that does not run that is all; of one that runs nothing is changed yet, and what is to be comes back.
/// `looked` is where the destination of a copy leads in there.
pub(super) fn change<T>(
    shared: &Arc<Shared>,
    id: &ContainerId,
    looked: Option<FoundPath>,
    work: impl FnOnce(&mut Editing<'_>) -> Result<T, Error>,
) -> Result<(T, Option<Inside>), Error> {
    let store = &shared.store;
    let mut log = store.edit_container(id)?;
    let record = store.container(id)?;
    if !record.status.is_running() {
        let value = edit_alone(shared, &record, &mut log, work)?;
        return Ok((value, None));
    }
    let image = image_of(shared, &record)?;
    // Of what is in a volume neither the image nor the change set knows anything.
    let is_mounted = looked.as_ref().is_some_and(|found| found.is_mounted);
    let (known, before) = match is_mounted {
        true => {
            let nothing = ImageFiles::none(store.clone(), record.manifest.clone());
            (nothing, ChangeSet::new())
        }
        false => (image.clone(), replay(&record, log.batches())?),
    };
    let Worked {
        value,
        batch,
        set,
        mut pack,
    } = worked(shared, &known, before.clone(), &log, |editing| {
        editing.looked = looked;
        work(editing)
    })?;
    if batch.0.is_empty() {
        return Ok((value, None));
    }
    if let Some(pack) = &mut pack {
        let flushed = std::io::Write::flush(pack);
        flushed.map_err(|error| pack.failed(error))?;
    }
    let view = |set| View {
        tree: &known.inner.tree,
        set,
    };
    let (removed, placed) = differences(view(&before), view(&set), &batch);
    let contents = Contents {
        image: image.clone(),
        store: store.clone(),
        container: id.clone(),
    };
    let nodes = placed.iter().map(|(path, node)| (path.clone(), node));
    let tar = LayerTar::of_nodes(contents, nodes);
    let folder = store.container_folder(id);
    let inside = Inside {
        _log: log,
        removed,
        tar: folder.join("inside.tar"),
        index: folder.join("inside.index"),
    };
    write_tar(&tar, &record.name, &inside.tar, &inside.index)?;
    Ok((value, Some(inside)))
}

/// Tells what goes, and what is there then that was not there as such. What goes is what something else takes the place of, too.
fn differences(
    before: View<'_>,
    after: View<'_>,
    batch: &Batch,
) -> (Vec<Vec<u8>>, BTreeMap<Vec<u8>, Node>) {
    let (mut removed, mut placed) = (Vec::new(), BTreeMap::new());
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut waiting: Vec<Vec<u8>> = batch
        .0
        .iter()
        .map(|(Bytes(path), _)| path.clone())
        .collect();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let (old, new) = (before.at(&path), after.at(&path));
        let was_folder = old.as_ref().is_some_and(Node::is_folder);
        let goes = match &new {
            None => old.is_some(),
            Some(new) => old.is_some() && was_folder != new.is_folder(),
        };
        if goes {
            removed.push(path.clone());
        }
        let Some(new) = new else { continue };
        // It stands there for what is in it.
        if was_folder && new.is_unchanged() {
            continue;
        }
        // What the image has in it comes into sight again.
        if new.is_folder() && (!was_folder || old.as_ref().is_some_and(Node::is_opaque)) {
            waiting.extend(after.children(&path));
        }
        placed.insert(path, new);
    }
    // What is in a folder goes with it.
    removed.sort_unstable();
    (removed, placed)
}

impl Engine {
    /// Finds where a path leads in a container that runs; `None` where it does not run, or nothing can be there.
    pub(super) async fn look_inside(
        &self,
        id: &ContainerId,
        path: &[u8],
    ) -> Result<Option<FoundPath>, Error> {
        let known = id.clone();
        let record = self
            .with_store(move |store| Ok(store.container(&known)?))
            .await?;
        if !record.status.is_running() {
            return Ok(None);
        }
        match self.runtime()?.look(&self.run_folder(id), path).await {
            // It has just ended.
            Err(runtime::Error::Failure(runtime::Failure::NotRunning)) => Ok(None),
            found => Ok(found?),
        }
    }

    /// Does what is to be changed in a container that runs.
    pub(super) async fn put_inside(
        &self,
        id: &ContainerId,
        inside: Option<Inside>,
    ) -> Result<(), Error> {
        let Some(mut inside) = inside else {
            return Ok(());
        };
        let removed = std::mem::take(&mut inside.removed);
        let folder = self.run_folder(id);
        let done = self
            .runtime()?
            .put(&folder, removed, &inside.tar, &inside.index)
            .await;
        // It may have been done although nobody was told.
        drop(inside);
        let seen = self.up_to_date(id, true, true).await;
        for left in done? {
            tracing::warn!(container = %id.short(), %left, "what was there before could not be removed");
        }
        seen
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for file in [&self.tar, &self.index] {
            if let Err(error) = std::fs::remove_file(file) {
                // The next change writes over it.
                tracing::debug!(path = %file.display(), %error, "what was put into a container could not be removed");
            }
        }
    }
}
