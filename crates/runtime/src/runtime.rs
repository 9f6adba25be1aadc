//! Starts containers, looks at them and takes them away. Each verb starts a monitor, which does it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::net::unix::pipe;

use crate::changes::Changes;
use crate::ids::Identity;
use crate::message::{self, Report, Work};
use crate::monitor::{self, LogReader};
use crate::pause::Paused;
use crate::programs::Programs;
use crate::running::Running;
use crate::spec::{absolute_folder, given, has_program};
use crate::start::{ExecOptions, Settings, Start, Status};
use crate::{Error, Failure};

/// Runs containers.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub(crate) settings: Settings,
    pub(crate) programs: Programs,
    pub(crate) identity: Identity,
}

impl Runtime {
    /// Finds the programs, and out as whom containers are made. That they can be made is not tried; [`crate::Probe`] does.
    ///
    /// # Errors
    /// [`Error::NoRuntime`].
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let programs = Programs::find(&settings.path)?;
        let identity = Identity::own(&programs);
        Ok(Self {
            settings,
            programs,
            identity,
        })
    }

    /// Uses other programs.
    pub fn with_programs(mut self, programs: Programs) -> Self {
        self.programs = programs;
        self
    }

    /// Makes containers as someone else; only tests need to.
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Returns the programs that are used.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Returns as whom containers are made.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Starts a container, and returns when its process runs.
    ///
    /// Dropping the future before kills what was begun; the container's folder stays as it is then.
    ///
    /// # Errors
    /// [`Failure::Running`], [`Failure::UnknownUser`], [`Failure::CommandNotFound`] and the others of [`Failure`]; [`Error::Mapping`].
    pub async fn start(&self, start: Start) -> Result<Running, Error> {
        let (terminal, stdin) = (start.spec.process.terminal, start.spec.process.stdin);
        std::fs::create_dir_all(&start.folder).map_err(Error::io("make", &start.folder))?;
        let order = Work::Run(Box::new(message::Run {
            folder: absolute(&start.folder)?,
            lower: start
                .lower
                .iter()
                .map(|lower| absolute(lower))
                .collect::<Result<_, _>>()?,
            spec: start.spec,
            programs: self.programs.clone(),
            volumes: self.settings.volumes.clone(),
            detached: start.detached,
            remove: start.remove,
            log: start.log,
        }));
        self.begin(order, terminal, stdin).await
    }

    /// Starts one more process in a container that runs, whoever started that.
    ///
    /// # Errors
    /// [`Failure::NotRunning`], and as [`Self::start`].
    pub async fn exec(&self, folder: &Path, options: ExecOptions) -> Result<Running, Error> {
        has_program(&options.arguments)?;
        if let Some(folder) = given(options.folder.as_ref()) {
            absolute_folder(folder)?;
        }
        let recorded = self.recorded(folder)?.ok_or(Failure::NotRunning)?;
        let (terminal, stdin) = (options.terminal, options.stdin);
        let order = Work::Exec(Box::new(message::Exec {
            folder: absolute(folder)?,
            monitor: recorded.monitor.pid,
            first: recorded.process.ok_or(Failure::NotRunning)?.pid,
            process: message::ExecProcess {
                arguments: options.arguments,
                environment: options.environment,
                folder: options.folder,
                user: options.user,
                terminal,
                stdin,
            },
            programs: self.programs.clone(),
        }));
        self.begin(order, terminal, stdin).await
    }

    async fn begin(&self, work: Work, terminal: bool, stdin: bool) -> Result<Running, Error> {
        let mut line = self.ask(work).await?;
        loop {
            if let (Report::Started { pid }, files) = line.hear().await? {
                return Running::new(line, pid, files, terminal, stdin).map_err(Error::Monitor);
            }
        }
    }

    /// Tells whether a container runs.
    ///
    /// # Errors
    /// Where its folder cannot be read.
    pub fn status(&self, folder: &Path) -> Result<Status, Error> {
        Self::status_of(folder)
    }

    /// As [`Self::status`], where nothing but that is wanted: no program is looked for.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn status_of(folder: &Path) -> Result<Status, Error> {
        let time = |at: i64| jiff::Timestamp::from_nanosecond(i128::from(at)).unwrap_or_default();
        let recorded = monitor::read_state(folder).map_err(Error::io("read", folder))?;
        let Some(recorded) = recorded else {
            return Ok(Status::New);
        };
        if let Some(ended) = recorded.ended {
            return Ok(Status::Exited {
                code: Some(ended.code),
                at: Some(time(ended.at)),
            });
        }
        match recorded.process {
            Some(process) if monitor::is_alive(recorded.monitor) => Ok(Status::Running {
                pid: process.pid,
                since: time(recorded.started),
                stop_signal: recorded.stop_signal,
            }),
            _ => Ok(Status::Exited {
                code: None,
                at: None,
            }),
        }
    }

    /// Ends what runs in a container whose monitor was killed: nobody keeps what it writes any more, and nobody would see its end.
    /// One that has its monitor goes on. It blocks until the processes have ended.
    ///
    /// # Errors
    /// Where the system does not let them be signalled.
    pub fn end_abandoned(folder: &Path) -> Result<(), Error> {
        Ok(monitor::end_what_was_left(folder)?)
    }

    pub(crate) fn recorded(&self, folder: &Path) -> Result<Option<monitor::Recorded>, Error> {
        let recorded = monitor::read_state(folder).map_err(Error::io("read", folder))?;
        Ok(recorded
            .filter(|recorded| recorded.ended.is_none() && monitor::is_alive(recorded.monitor)))
    }

    /// Asks a container to stop, kills it when it has not within the time given, and returns when it has ended, with all that belongs
    /// to it. One that does not run is fine.
    ///
    /// # Errors
    /// Where the system does not let it be signalled.
    pub async fn stop(&self, folder: &Path, patience: Duration) -> Result<(), Error> {
        let Some(recorded) = self.recorded(folder)? else {
            return Ok(());
        };
        let Some(process) = recorded.process else {
            return Ok(());
        };
        let Some(handle) = open_process(process.pid).map_err(Error::io("stop", folder))? else {
            return Ok(());
        };
        let monitor = open_process(recorded.monitor.pid).map_err(Error::io("stop", folder))?;
        // Its number may be another's by now.
        if !monitor::is_alive(process) {
            return Ok(());
        }
        let signal = monitor::signal(recorded.stop_signal).unwrap_or(Signal::TERM);
        send(&handle, signal).map_err(Error::io("stop", folder))?;
        if tokio::time::timeout(patience, ended(&handle))
            .await
            .is_err()
        {
            send(&handle, Signal::KILL).map_err(Error::io("stop", folder))?;
            ended(&handle).await;
        }
        if let Some(monitor) = monitor {
            ended(&monitor).await;
        }
        Ok(())
    }

    /// Sends a signal to a container's first process.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; [`Error::Option`].
    pub fn signal(&self, folder: &Path, number: i32) -> Result<(), Error> {
        let recorded = self.recorded(folder)?.ok_or(Failure::NotRunning)?;
        let process = recorded.process.ok_or(Failure::NotRunning)?;
        let signal = monitor::signal(number).ok_or_else(|| Error::Option {
            option: "signal",
            text: number.to_string(),
            problem: "there is no such signal",
        })?;
        let handle = open_process(process.pid).map_err(Error::io("signal", folder))?;
        let handle = handle
            .filter(|_| monitor::is_alive(process))
            .ok_or(Failure::NotRunning)?;
        send(&handle, signal).map_err(Error::io("signal", folder))
    }

    /// Holds a container still until what is returned is dropped. It takes some milliseconds, on a busy computer more, and blocks
    /// for them.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; where its processes cannot be stopped, and then they go on.
    pub fn pause(&self, folder: &Path) -> Result<Paused, Error> {
        let recorded = self.recorded(folder)?.ok_or(Failure::NotRunning)?;
        let process = recorded
            .process
            .filter(|process| monitor::is_alive(*process));
        let process = process.ok_or(Failure::NotRunning)?;
        Paused::all_with(process.pid).map_err(Error::io("pause", folder))
    }

    /// Opens the log of a container.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn logs(&self, folder: &Path) -> Result<LogReader, Error> {
        LogReader::open(folder).map_err(Error::io("read the log of", folder))
    }

    /// Tells what a container changed, also while it runs; with what files hold, if that is asked for.
    ///
    /// # Errors
    /// As [`Changes::next_path`].
    pub async fn changes(&self, folder: &Path, contents: bool) -> Result<Changes, Error> {
        let folder = absolute(folder)?;
        let mut line = self
            .ask(Work::Changes(message::Changes { folder, contents }))
            .await?;
        loop {
            if let (Report::Changes, files) = line.hear().await? {
                return Ok(Changes::from_pipe(files)?.with_contents(contents));
            }
        }
    }

    /// Removes a container's folder, or any other whose files belong to others outside of its user namespace. That it is not there is
    /// fine; what was removed before a failure is gone.
    ///
    /// # Errors
    /// [`Failure::Running`]; [`Failure::Step`] names what could not be removed.
    pub async fn remove(&self, folder: &Path) -> Result<(), Error> {
        for attempt in 1.. {
            match monitor::try_lock(folder) {
                Ok(Some(_)) => break,
                Ok(None) if attempt < monitor::ATTEMPTS && monitor::has_ended(folder) => {
                    tokio::time::sleep(monitor::PAUSE).await;
                }
                Ok(None) => return Err(Failure::Running.into()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                // The monitor meets it too, and says where.
                Err(_) => break,
            }
        }
        let path = absolute(folder)?;
        self.until_done(Work::Remove { path }, &|_| ()).await
    }
}

pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(Error::io("find", path))
}

/// Opens a process, so that its number cannot become another's; `None` where it has ended.
fn open_process(pid: i32) -> std::io::Result<Option<pipe::Receiver>> {
    let Some(pid) = Pid::from_raw(pid) else {
        return Ok(None);
    };
    match rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK) {
        // It is no pipe, and is waited for as one.
        Ok(handle) => pipe::Receiver::from_owned_fd_unchecked(handle).map(Some),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn send(process: &pipe::Receiver, signal: Signal) -> std::io::Result<()> {
    match rustix::process::pidfd_send_signal(process, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn ended(process: &pipe::Receiver) {
    // It becomes readable when the process has ended, and has no error.
    drop(process.readable().await);
}
