//! What happened to containers while nobody looked: which of them ended, and what their programs changed.

use runtime::Runtime;
use store::{ContainerId, ContainerRecord, ContainerStatus};

use super::config::Settings;
use super::upper::{self, Overlay};
use crate::engine::blocking;
use crate::{Engine, Error};

impl Engine {
    /// Notes of containers that ended while nobody looked that they did, and removes those that were to go then.
    pub(crate) async fn settle_all(&self) -> Result<(), Error> {
        if self.shared.store.is_read_only() {
            return Ok(());
        }
        let all = self.with_store(|store| Ok(store.containers()?)).await?;
        for record in all {
            if record.status.is_running()
                && let Err(error) = self.settle(&record.id).await
            {
                tracing::warn!(container = record.name, %error, "it could not be seen whether a container runs");
            }
        }
        Ok(())
    }

    /// Notes that a container has ended, if it has.
    pub(super) async fn settle(&self, id: &ContainerId) -> Result<(), Error> {
        let folder = self.run_folder(id);
        let known = id.clone();
        let gone = self
            .with_store(move |store| {
                let runs = |record: &ContainerRecord| -> Result<Option<i32>, Error> {
                    if !record.status.is_running() {
                        return Ok(None);
                    }
                    Ok(match Runtime::status_of(&folder)? {
                        runtime::Status::Running { .. } => None,
                        runtime::Status::Exited { code, .. } => {
                            if code.is_none() {
                                // Its monitor was killed: what runs in it would stay unseen.
                                Runtime::end_abandoned(&folder)?;
                            }
                            // As docker says it of one that nobody saw ending.
                            Some(code.map_or(255, i32::from))
                        }
                        runtime::Status::New => Some(255),
                    })
                };
                if runs(&store.container(&known)?)?.is_none() {
                    return Ok(false);
                }
                // Whoever starts it is done with that then.
                let _alone = store.edit_container(&known)?;
                let record = store.container(&known)?;
                let Some(code) = runs(&record)? else {
                    return Ok(false);
                };
                store.set_container_status(&known, ContainerStatus::Exited, Some(code))?;
                Ok(Settings::of(&record).remove)
            })
            .await?;
        if gone {
            self.discard(id).await?;
        }
        Ok(())
    }

    /// Takes in what a container changed, after its end; nothing where it is gone with that.
    pub(super) async fn after_the_end(&self, id: &ContainerId) -> Result<(), Error> {
        let settled = async {
            self.settle(id).await?;
            self.up_to_date(id, true, true).await
        };
        match settled.await {
            Err(Error::Store(error))
                if matches!(*error, store::Error::ContainerNotFound { .. }) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// Makes a container's change set tell what programs changed until now. What runs is held meanwhile, if that is wanted;
    /// with `exact` no file counts as unchanged by its size and time alone.
    pub(crate) async fn up_to_date(
        &self,
        id: &ContainerId,
        pause: bool,
        exact: bool,
    ) -> Result<(), Error> {
        if self.shared.store.is_read_only() {
            return Ok(());
        }
        self.settle(id).await?;
        let known = id.clone();
        let stale = self
            .with_store(move |store| is_stale(store, &known))
            .await?;
        if stale.is_none() {
            return Ok(());
        }
        // Nobody puts files into it meanwhile: half of them would be found.
        let known = id.clone();
        let (log, runs) = self
            .with_store(move |store| {
                let log = store.edit_container(&known)?;
                Ok((log, is_stale(store, &known)?))
            })
            .await?;
        let Some(runs) = runs else {
            return Ok(());
        };
        let runtime = self.runtime()?;
        let folder = self.run_folder(id);
        let (ours, place) = (runtime.clone(), folder.clone());
        let paused = match pause && runs {
            true => match blocking(move || Ok(ours.pause(&place))).await? {
                Ok(paused) => Some(paused),
                // It has just ended.
                Err(runtime::Error::Failure(runtime::Failure::NotRunning)) => None,
                Err(error) => return Err(error.into()),
            },
            false => None,
        };
        let told = match exact {
            true => None,
            false => {
                let changes = runtime.changes(&folder, false).await?;
                let (shared, id) = (self.shared.clone(), id.clone());
                blocking(move || upper::known(&shared, &id, changes)).await?
            }
        };
        let told = match told {
            Some(told) => told,
            None => upper::Told::Whole(Box::new(runtime.changes(&folder, true).await?)),
        };
        let (shared, id) = (self.shared.clone(), id.clone());
        let taken = blocking(move || upper::take(&shared, &id, log, told, exact)).await;
        drop(paused);
        taken
    }
}

/// Tells of a container whose writable layer may hold more than its change set whether it runs.
fn is_stale(store: &store::Store, id: &ContainerId) -> Result<Option<bool>, Error> {
    let record = store.container(id)?;
    let runs = record.status.is_running();
    let overlay = Overlay::of(store, &record)?;
    Ok(overlay
        .filter(|overlay| runs || !overlay.is_taken())
        .map(|_| runs))
}
