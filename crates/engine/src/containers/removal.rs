//! How a container goes: first nobody finds it any more, then its files.

use runtime::Runtime;
use store::ContainerId;

use super::run::RUN;
use super::upper::EDITS;
use crate::{Engine, Error};

impl Engine {
    /// Removes a container, and then all that the runtime has of it. What keeps files from being removed does not keep the container:
    /// the next collection tries again.
    pub(super) async fn discard(&self, id: &ContainerId) -> Result<u64, Error> {
        let (known, run) = (id.clone(), self.run_folder(id));
        self.with_store(move |store| {
            let name = store.container(&known)?.name;
            // Another may have started it since it was looked at.
            let rests = || {
                !matches!(
                    Runtime::status_of(&run),
                    Ok(runtime::Status::Running { .. })
                )
            };
            match store.forget_container(&known, rests)? {
                true => Ok(()),
                false => Err(Error::ContainerRunning { name }),
            }
        })
        .await?;
        let removed = self.remove_files(id).await;
        Ok(removed.unwrap_or_else(|error| {
            tracing::warn!(container = id.short(), %error, "files of a container that was removed stay for now");
            0
        }))
    }

    /// Removes the files of a container that is gone, also those that belong to its user namespace. Returns the bytes that came back.
    async fn remove_files(&self, id: &ContainerId) -> Result<u64, Error> {
        let folder = self.shared.store.container_folder(id);
        let (run, edits) = (folder.join(RUN), folder.join(EDITS));
        // Without a runtime nothing can be removed that belongs to others, and most often nothing of it does.
        if (run.exists() || edits.exists())
            && let Ok(runtime) = self.runtime()
        {
            runtime.remove(&run).await?;
            runtime.remove(&edits).await?;
        }
        let id = id.clone();
        self.with_store(move |store| Ok(store.remove_container_files(&id)?))
            .await
    }

    /// Removes what a crash left of containers that are gone, and what could not be removed before. Returns the bytes that came back.
    pub(crate) async fn sweep_containers(&self) -> Result<u64, Error> {
        let now = self.now();
        let left = self
            .with_store(move |store| Ok(store.forgotten_containers(now)?))
            .await?;
        let mut freed = 0;
        for id in left {
            match self.remove_files(&id).await {
                Ok(bytes) => freed += bytes,
                Err(error) => {
                    tracing::warn!(container = id.short(), %error, "what is left of a container stays for now");
                }
            }
        }
        Ok(freed)
    }
}
