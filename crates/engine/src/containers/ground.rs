//! What a container stands on when it runs: the unpacked files of its image, and what was changed before.

use std::path::PathBuf;

use oci::{Digest, chain_ids};
use runtime::Runtime;
use store::{ContainerId, ContainerRecord};

use super::editing::image_of;
use super::run::RUN;
use super::upper::{self, EDITS, Ground};
use crate::engine::blocking;
use crate::{Engine, Error};

/// The folder of unpacked images.
pub(super) const ROOTS: &str = "roots";

/// The last chain ID, and blob and file index of each layer, base first.
pub(super) type Stack = (Digest, Vec<(PathBuf, PathBuf)>);

impl Engine {
    /// Removes the unpacked files of images that no container needs.
    ///
    /// # Errors
    /// `run_failed`, `io`.
    pub(crate) async fn sweep_unpacked(&self) -> Result<(), Error> {
        if !self.shared.store.root().join(ROOTS).is_dir() {
            return Ok(());
        }
        let Ok(runtime) = self.runtime() else {
            return Ok(());
        };
        let needed: Vec<String> = self
            .with_store(|store| {
                let containers = store.containers()?;
                let stacks = containers.iter().map(|record| stack(store, record));
                stacks
                    .map(|stack| Ok(stack?.0.hex().to_owned()))
                    .collect::<Result<_, Error>>()
            })
            .await?;
        Ok(runtime
            .sweep(&|name| needed.iter().any(|needed| needed == name))
            .await?)
    }

    /// Removes what a crash left of unpacking images. What it is made of is in the layers.
    pub(crate) async fn sweep_unfinished(&self) -> Result<(), Error> {
        Ok(self.runtime()?.sweep(&|_| true).await?)
    }

    pub(super) async fn stack_of(&self, id: &ContainerId) -> Result<Stack, Error> {
        let (id, shared) = (id.clone(), self.shared.clone());
        blocking(move || {
            let record = shared.store.container(&id)?;
            // So that there is an index of each layer.
            image_of(&shared, &record)?;
            stack(&shared.store, &record)
        })
        .await
    }

    /// Prepares what a container stands on, the topmost folder first, and an empty writable layer where the one that is there
    /// stands on something else.
    pub(super) async fn ground(
        &self,
        runtime: &Runtime,
        id: &ContainerId,
        root: PathBuf,
    ) -> Result<(Ground, Vec<PathBuf>), Error> {
        let folder = self.shared.store.container_folder(id);
        let edits = folder.join(EDITS);
        let known = id.clone();
        let ground = self
            .with_store(move |store| Ground::of(store, &known))
            .await?;
        if ground.goes_on {
            let lower = edits.is_dir().then_some(edits);
            return Ok((ground, lower.into_iter().chain([root]).collect()));
        }
        for stale in [
            folder.join(RUN).join("upper"),
            folder.join(RUN).join("work"),
            edits.clone(),
        ] {
            runtime.remove(&stale).await?;
        }
        if !ground.has_edits() {
            return Ok((ground, vec![root]));
        }
        let shared = self.shared.clone();
        let ground = blocking(move || ground.write_layer(&shared).map(|()| ground)).await?;
        let (tar, index) = upper::layer_files(&folder);
        let made = runtime
            .unpack_layer(tar.clone(), index.clone(), &edits)
            .await;
        for file in [tar, index] {
            if let Err(error) = std::fs::remove_file(&file) {
                tracing::debug!(path = %file.display(), %error, "a layer that was unpacked could not be removed");
            }
        }
        made?;
        Ok((ground, vec![edits, root]))
    }
}

/// Returns the layers of a container's image.
fn stack(store: &store::Store, record: &ContainerRecord) -> Result<Stack, Error> {
    let layers = store.manifest(&record.manifest)?.layers;
    let diff_ids: Vec<Digest> = layers
        .iter()
        .filter_map(|layer| layer.diff_id.clone())
        .collect();
    let chain_id = chain_ids(&diff_ids)
        .pop()
        // Of an image without layers.
        .unwrap_or_else(|| Digest::sha256(b""));
    let paths = layers
        .iter()
        .zip(&diff_ids)
        .map(|(layer, diff_id)| (store.blob_path(&layer.digest), store.index_path(diff_id)));
    Ok((chain_id, paths.collect()))
}
