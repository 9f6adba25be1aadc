//! Running programs in containers: start, stop, exec, logs.

use std::path::PathBuf;
use std::time::Duration;

use oci::{Digest, chain_ids};
use runtime::{ExecOptions, LogReader, Network, Probe, RunOptions, RunSpec, Runtime, Start};
use store::{ContainerId, ContainerRecord, ContainerStatus};

use super::config::{self, Settings};
use super::running::RunningContainer;
use super::upper::{self, EDITS, Ground, Overlay};
use crate::engine::blocking;
use crate::{Engine, Error};

/// Bytes that the log of a container may take.
const LOG: u64 = 16 << 20;

/// The folder below a container's in which the runtime works.
pub(super) const RUN: &str = "run";

/// How a container is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartRequest {
    /// Whether it lives on when its [`RunningContainer`] is dropped or this program ends.
    pub detached: bool,
    /// Whether something is sent to its input, also where its options do not say so.
    pub stdin: bool,
    /// Whether it has a terminal, also where its options do not say so.
    pub terminal: bool,
}

impl Engine {
    /// Finds out whether containers can run here, and what would make more possible. It tries it, which takes some milliseconds.
    ///
    /// # Errors
    /// `run_failed` where this very program cannot be started again.
    pub async fn probe_runtime(&self) -> Result<Probe, Error> {
        #[cfg(target_os = "linux")]
        {
            let folder = self.shared.store.root().join("containers");
            std::fs::create_dir_all(&folder).map_err(|source| Error::Io {
                path: folder.clone(),
                source,
            })?;
            Ok(Probe::take(self.runtime_settings()?, &folder).await?)
        }
        #[cfg(not(target_os = "linux"))]
        {
            Ok(Probe::elsewhere())
        }
    }

    /// Tells which network a container gets when nobody says: its own where that can be had, else none.
    #[must_use]
    pub fn default_network(&self) -> Network {
        let has = self.runtime().is_ok_and(|runtime| {
            let programs = runtime.programs();
            programs.pasta.is_some() || programs.slirp4netns.is_some()
        });
        let tunnel = || {
            std::fs::File::options()
                .read(true)
                .write(true)
                .open("/dev/net/tun")
        };
        match has && tunnel().is_ok() {
            true => Network::Private,
            false => Network::None,
        }
    }

    /// Tells how a container is started, as it was said last.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn run_options(&self, id: &ContainerId) -> Result<RunOptions, Error> {
        let record = self.container_record(id).await?;
        Ok(self.options(&Settings::of(&record)))
    }

    /// Tells whether a container is removed when it has ended.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn removed_at_end(&self, id: &ContainerId) -> Result<bool, Error> {
        Ok(Settings::of(&self.container_record(id).await?).remove)
    }

    /// Says how a container is to be started, and whether it is removed when it has ended.
    ///
    /// # Errors
    /// `usage` where nothing could run so; `not_found`, `read_only`.
    pub async fn set_run_options(
        &self,
        id: &ContainerId,
        options: RunOptions,
        remove: bool,
    ) -> Result<(), Error> {
        let id = id.clone();
        self.with_store(move |store| {
            let _alone = store.edit_container(&id)?;
            let record = store.container(&id)?;
            let settings = Settings {
                run: Some(options),
                remove,
                ..Settings::of(&record)
            };
            let options = settings.run.clone().unwrap_or_default();
            refuse(store, &record, options)?;
            settings.keep(store, &id)
        })
        .await
    }

    /// Starts a container, and returns when its first program runs. The image is unpacked for it, once for all containers of it;
    /// `told` hears how many bytes of that were written.
    ///
    /// Dropping the future before kills what was begun.
    ///
    /// # Errors
    /// `conflict` where it is running; `cannot_run` where this computer does not let containers run, with what would change that;
    /// `not_found` for a program or user that the image does not have; `not_executable`; `usage` without a command; `run_failed`.
    pub async fn start_container(
        &self,
        id: &ContainerId,
        request: StartRequest,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<RunningContainer, Error> {
        let runtime = self.runtime()?;
        self.up_to_date(id, true, true).await?;
        let (chain_id, layers) = self.stack_of(id).await?;
        let root = runtime.unpack(&chain_id, layers, told).await?;
        let (ground, lower) = self.ground(&runtime, id, root).await?;
        let store = &self.shared.store;
        let settings = Settings::of(&ground.record);
        let mut options = self.options(&settings);
        options.stdin |= request.stdin;
        options.terminal |= request.terminal;
        let spec = spec(store, &ground.record, options)?;
        let before = (ground.record.status, ground.record.exit_code);
        ground.begin(store)?;
        store.set_container_status(id, ContainerStatus::Running, None)?;
        let started = runtime
            .start(Start {
                folder: self.run_folder(id),
                lower,
                spec,
                detached: request.detached,
                remove: settings.remove,
                log: Some(LOG),
            })
            .await;
        // From here on whoever looks finds it running, or not.
        let running = match started {
            Ok(running) => running,
            Err(error) => {
                store.set_container_status(id, before.0, before.1)?;
                return Err(error.into());
            }
        };
        drop(ground);
        Ok(RunningContainer::new(
            self.clone(),
            id.clone(),
            running,
            true,
        ))
    }

    /// Starts one more program in a container that runs, whoever started that.
    ///
    /// # Errors
    /// `conflict` where it is not running; as [`Engine::start_container`].
    pub async fn exec_container(
        &self,
        id: &ContainerId,
        options: ExecOptions,
    ) -> Result<RunningContainer, Error> {
        self.settle(id).await?;
        let running = self.runtime()?.exec(&self.run_folder(id), options).await?;
        Ok(RunningContainer::new(
            self.clone(),
            id.clone(),
            running,
            false,
        ))
    }

    /// Asks a container to stop, kills it when it has not within the time given, and returns when it has ended and what it changed
    /// is in its change set. One that does not run is fine.
    ///
    /// # Errors
    /// `not_found`, `run_failed`.
    pub async fn stop_container(&self, id: &ContainerId, patience: Duration) -> Result<(), Error> {
        self.settle(id).await?;
        if self.container_record(id).await?.status.is_running() {
            self.runtime()?.stop(&self.run_folder(id), patience).await?;
        }
        self.after_the_end(id).await
    }

    /// Sends a signal to a container's first program.
    ///
    /// # Errors
    /// `conflict` where it is not running; `usage` for a number that is no signal.
    pub fn signal_container(&self, id: &ContainerId, number: i32) -> Result<(), Error> {
        Ok(self.runtime()?.signal(&self.run_folder(id), number)?)
    }

    /// Opens what a container wrote, the last 16 MiB of it. The reader gives what is there, and later what came since.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub async fn container_logs(&self, id: &ContainerId) -> Result<LogReader, Error> {
        self.container_record(id).await?;
        Ok(self.runtime()?.logs(&self.run_folder(id))?)
    }

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
        let store = &self.shared.store;
        if store.is_read_only() {
            return Ok(());
        }
        self.settle(id).await?;
        let record = self.container_record(id).await?;
        let runs = record.status.is_running();
        match Overlay::of(store, &record)? {
            Some(overlay) if runs || !overlay.is_taken() => {}
            _ => return Ok(()),
        }
        let runtime = self.runtime()?;
        let folder = self.run_folder(id);
        let paused = match pause && runs {
            true => match runtime.pause(&folder) {
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
        let taken = blocking(move || upper::take(&shared, &id, told, exact)).await;
        drop(paused);
        taken
    }

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

    async fn stack_of(&self, id: &ContainerId) -> Result<Stack, Error> {
        let (id, shared) = (id.clone(), self.shared.clone());
        blocking(move || {
            let record = shared.store.container(&id)?;
            // So that there is an index of each layer.
            super::editing::image_of(&shared, &record)?;
            stack(&shared.store, &record)
        })
        .await
    }

    /// Prepares what a container stands on, the topmost folder first, and an empty writable layer where the one that is there
    /// stands on something else.
    async fn ground(
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

    fn options(&self, settings: &Settings) -> RunOptions {
        settings.run.clone().unwrap_or_else(|| RunOptions {
            network: self.default_network(),
            ..RunOptions::default()
        })
    }

    /// Ends a container at once. Nobody wants to know what it changed.
    pub(super) async fn kill(&self, id: &ContainerId) -> Result<(), Error> {
        self.runtime()?
            .stop(&self.run_folder(id), Duration::ZERO)
            .await?;
        Ok(())
    }

    pub(super) fn run_folder(&self, id: &ContainerId) -> PathBuf {
        folder(&self.shared.store, id)
    }

    async fn container_record(&self, id: &ContainerId) -> Result<ContainerRecord, Error> {
        let id = id.clone();
        self.with_store(move |store| Ok(store.container(&id)?))
            .await
    }

    fn runtime_settings(&self) -> Result<runtime::Settings, Error> {
        let settings = &self.shared.settings;
        let root = self.shared.store.root();
        let monitor = settings.monitor.clone().ok_or_else(|| {
            Error::Internal("this program has not said what a container's monitor is".into())
        })?;
        Ok(runtime::Settings {
            path: settings.program_path.clone(),
            monitor,
            volumes: root.join("volumes"),
            roots: root.join(ROOTS),
        })
    }

    pub(super) fn runtime(&self) -> Result<Runtime, Error> {
        Ok(Runtime::open(self.runtime_settings()?)?)
    }
}

/// Returns the folder in which the runtime works.
pub(super) fn folder(store: &store::Store, id: &ContainerId) -> PathBuf {
    store.container_folder(id).join(RUN)
}

/// The folder of unpacked images.
pub(super) const ROOTS: &str = "roots";

/// The last chain ID, and blob and file index of each layer, base first.
type Stack = (Digest, Vec<(PathBuf, PathBuf)>);

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

/// Refuses options with which nothing could run.
pub(super) fn refuse(
    store: &store::Store,
    record: &ContainerRecord,
    options: RunOptions,
) -> Result<(), Error> {
    match spec(store, record, options) {
        // It can still be changed and committed, and get one then.
        Err(Error::Runtime(error)) if matches!(*error, runtime::Error::NoCommand) => Ok(()),
        other => other.map(drop),
    }
}

/// Puts a container's options on top of its settings.
fn spec(
    store: &store::Store,
    record: &ContainerRecord,
    mut options: RunOptions,
) -> Result<RunSpec, Error> {
    let config = serde_json::Value::Object(config::current(store, record)?);
    let config: oci::ContainerConfig = serde_json::from_value(config).unwrap_or_default();
    if options.hostname.is_none() {
        options.hostname = Some(record.id.short().to_owned());
    }
    Ok(RunSpec::new(&config, &options)?)
}
