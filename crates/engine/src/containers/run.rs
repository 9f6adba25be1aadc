//! Running programs in containers: start, stop, exec, logs.

use std::path::PathBuf;
use std::time::Duration;

use runtime::{ExecOptions, LogReader, Network, Probe, RunOptions, RunSpec, Runtime, Start};
use store::{ContainerId, ContainerRecord, ContainerStatus};

use super::config::{self, Settings};
use super::ground::ROOTS;
use super::running::RunningContainer;
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
