//! Starts containers, looks at them and takes them away. Each verb starts a monitor, which does it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::changes::Changes;
use crate::ids::{IdRange, Identity};
use crate::message::{self, Order, Report, Word, Work};
use crate::monitor::{self, LogReader};
use crate::pause::Paused;
use crate::programs::Programs;
use crate::running::{Link, Running};
use crate::start::{ExecOptions, Leftovers, Settings, Start, Status};
use crate::{Error, Failure};

/// Runs containers.
#[derive(Debug, Clone)]
pub struct Runtime {
    settings: Settings,
    programs: Programs,
    identity: Identity,
}

impl Runtime {
    /// Finds the programs, and out as whom containers are made. That they can be made is not tried; [`crate::Probe`] does.
    ///
    /// # Errors
    /// [`Error::NoRuntime`].
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let programs = Programs::find(&settings.path)?;
        let identity = identity(&programs);
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

    /// Holds a container still until what is returned is dropped. It takes some milliseconds, and blocks for them.
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
                let file = files.into_iter().next();
                let file = file.ok_or_else(|| Error::MonitorEnded {
                    said: String::new(),
                })?;
                let source =
                    std::io::BufReader::with_capacity(256 * 1024, std::fs::File::from(file));
                return Ok(Changes::new(Box::new(source), contents));
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

    /// Returns the folder with the files of an image, unpacked if it was not before: blob and file index of each layer, base first, and
    /// a name for the stack, which is its last chain ID.
    ///
    /// Folders are kept below [`Settings::roots`], for containers of all images that have the same layers, apart for each user who
    /// makes them, because owners differ. Dropping the future leaves an unfinished folder, which the next [`Self::sweep`] removes. `told` hears
    /// how many bytes of files were written.
    ///
    /// # Errors
    /// [`Failure::Unpack`].
    pub async fn unpack(
        &self,
        chain_id: &oci::Digest,
        layers: Vec<(PathBuf, PathBuf)>,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        let target = self.root_of(chain_id);
        if target.is_dir() {
            return Ok(target);
        }
        let parent = self.roots();
        std::fs::create_dir_all(&parent).map_err(Error::io("make", &parent))?;
        let target = absolute(&parent)?.join(chain_id.hex());
        let work = Work::Unpack(message::Unpack {
            layers,
            target: target.clone(),
            marks: false,
        });
        self.until_done(work, told).await?;
        Ok(target)
    }

    /// Makes a folder of one layer, to be put on top of others in [`Start::lower`]: what the layer removes becomes overlay's marks.
    ///
    /// The layer must have the folders above each of its entries, as those do that a commit writes: a folder that is not in it would
    /// hide the attributes of the one below. That the folder is there already is fine; what it holds is not looked at then.
    ///
    /// # Errors
    /// [`Failure::Unpack`], [`Failure::Step`].
    pub async fn unpack_layer(
        &self,
        blob: PathBuf,
        index: PathBuf,
        target: &Path,
    ) -> Result<(), Error> {
        let work = Work::Unpack(message::Unpack {
            layers: vec![(blob, index)],
            target: absolute(target)?,
            marks: true,
        });
        self.until_done(work, &|_| ()).await
    }

    /// Removes unfinished folders whose monitor has ended, and the unpacked files of all images but those that are to be kept.
    /// Files that a container stands on at this moment stay.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn sweep(&self, keep: &(dyn Fn(&str) -> bool + Send + Sync)) -> Result<(), Error> {
        let roots = self.roots();
        for path in entries(&roots)? {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            let stays = match unfinished(&name) {
                Some(Some(pid)) => monitor::is_running(pid),
                _ => keep(&name),
            };
            if stays {
                continue;
            }
            let locked = monitor::try_lock(&path).map_err(Error::io("lock", &path))?;
            let Some(lock) = locked else { continue };
            // Half of an image's files must never have the name of the whole.
            let aside = roots.join(format!("{name}.0.new"));
            std::fs::rename(&path, &aside).map_err(Error::io("remove", &path))?;
            drop(lock);
            self.remove(&aside).await?;
        }
        Ok(())
    }

    /// Lists what does not belong among unpacked files: folders that a crash left half made, and things that are none of ours.
    /// Nothing is changed, and no program is needed for it.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn leftovers(roots: &Path) -> Result<Leftovers, Error> {
        let mut left = Leftovers::default();
        for user in entries(roots)? {
            if !user.is_dir() {
                left.strange.push(user);
                continue;
            }
            for path in entries(&user)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let name: &str = &name;
                match unfinished(name) {
                    Some(Some(monitor)) if monitor::is_running(monitor) => {}
                    Some(Some(_)) => left.unfinished.push(path),
                    None if path.is_dir() && is_chain_id(name) => {}
                    _ => left.strange.push(path),
                }
            }
        }
        Ok(left)
    }

    /// Returns where the files of a stack of layers are, or would be.
    pub fn root_of(&self, chain_id: &oci::Digest) -> PathBuf {
        self.roots().join(chain_id.hex())
    }

    fn roots(&self) -> PathBuf {
        self.settings.roots.join(self.identity.key())
    }

    pub(crate) async fn until_done(
        &self,
        work: Work,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), Error> {
        let mut line = self.ask(work).await?;
        loop {
            match line.hear().await?.0 {
                Report::Done => return Ok(()),
                Report::Progress { bytes } => told(bytes),
                _ => {}
            }
        }
    }

    /// Tries everything that a container needs, in a folder that is there.
    pub(crate) async fn try_all(&self, folder: &Path) -> Result<(), Error> {
        self.until_done(
            Work::Try {
                folder: absolute(folder)?,
            },
            &|_| (),
        )
        .await
    }

    /// Starts a monitor, gives it its order, and maps its users where it has to be done from outside.
    pub(crate) async fn ask(&self, work: Work) -> Result<Link, Error> {
        let (socket, other) = UnixStream::pair().map_err(Error::Monitor)?;
        let other = other.into_std().map_err(Error::Monitor)?;
        other.set_nonblocking(false).map_err(Error::Monitor)?;
        // The others enter a user namespace that is there.
        let makes_namespace = !matches!(work, Work::Exec(_) | Work::Put(_) | Work::Look(_));
        let needs_mapping = makes_namespace && matches!(self.identity, Identity::Mapped { .. });
        let monitor = tokio::process::Command::new(&self.settings.monitor)
            .arg(monitor::ARGUMENT)
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(other))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::Monitor)?;
        let mut line = Link::new(socket, monitor);
        line.say(&Order {
            identity: self.identity,
            work,
        })
        .await?;
        if needs_mapping {
            while !matches!(line.hear().await?.0, Report::Unshared) {}
            self.map(line.pid()).await?;
            line.say(&Word::Mapped).await?;
        }
        Ok(line)
    }

    async fn map(&self, monitor: Option<u32>) -> Result<(), Error> {
        let (
            Some(monitor),
            Identity::Mapped {
                uid,
                gid,
                uids,
                gids,
            },
        ) = (monitor, self.identity)
        else {
            return Ok(());
        };
        let users = map_with(
            self.programs.newuidmap.as_deref(),
            "newuidmap",
            monitor,
            uid,
            uids,
        );
        let groups = map_with(
            self.programs.newgidmap.as_deref(),
            "newgidmap",
            monitor,
            gid,
            gids,
        );
        let (users, groups) = tokio::join!(users, groups);
        users.and(groups)
    }
}

/// Lists what is in a folder, in the order of the names; nothing where it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let found = match std::fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let paths = found.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths
        .collect::<Result<_, _>>()
        .map_err(Error::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

/// Reads of which monitor a folder is that is not complete: `NAME.PID.new`. `Some(None)` where the name is none that a monitor gives.
fn unfinished(name: &str) -> Option<Option<i32>> {
    let name = name.strip_suffix(".new")?;
    Some(name.rsplit('.').next().and_then(|pid| pid.parse().ok()))
}

fn is_chain_id(name: &str) -> bool {
    name.len() >= 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn map_with(
    program: Option<&Path>,
    name: &'static str,
    monitor: u32,
    own: u32,
    range: IdRange,
) -> Result<(), Error> {
    let failed = |message: String| Error::Mapping {
        program: name,
        message,
    };
    let program = program.ok_or_else(|| failed("it is not installed".to_owned()))?;
    let numbers = [monitor, 0, own, 1, 1, range.start, range.count];
    let output = tokio::process::Command::new(program)
        .args(numbers.map(|number| number.to_string()))
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}

/// Finds out as whom containers are made.
fn identity(programs: &Programs) -> Identity {
    let (uid, gid) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    if uid == 0 {
        return Identity::Root;
    }
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let name = user_name(&read("/etc/passwd"), uid);
    let range = |path: &str| IdRange::find(&read(path), &name, uid);
    match (range("/etc/subuid"), range("/etc/subgid")) {
        (Some(uids), Some(gids))
            if programs.newuidmap.is_some() && programs.newgidmap.is_some() =>
        {
            Identity::Mapped {
                uid,
                gid,
                uids,
                gids,
            }
        }
        _ => Identity::Single { uid, gid },
    }
}

/// Finds a user's name; empty where there is none, as of users who are kept elsewhere.
fn user_name(passwd: &str, uid: u32) -> String {
    let line = passwd
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
    line.and_then(|line| line.split(':').next())
        .unwrap_or_default()
        .to_owned()
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
