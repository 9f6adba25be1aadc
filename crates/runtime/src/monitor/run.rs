//! Starts a container and stays with it.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::pipe::PipeFlags;
use rustix::process::Pid;

use super::bundle::Bundle;
use super::cgroup::Group;
use super::console::Console;
use super::inside::{self, Inside};
use super::log::Log;
use super::pump::Pump;
use super::state::{self, Ended, ProcessId, Recorded};
use super::watch::Watch;
use super::{Caller, copy, namespace, network, remove, root};
use crate::config::{self, Surroundings};
use crate::error::Context;
use crate::message::{Kept, Report, Run};
use crate::options::{Network, Source};
use crate::programs::{Programs, RuntimeKind};
use crate::start::Stream;
use crate::user::User;
use crate::{Failure, Identity};

/// The name under which the runtime knows the container: there is one in each monitor's folder.
pub(super) const ID: &str = "container";

/// The file with the paths that were made only to mount something on them.
pub(crate) const STUBS: &str = "stubs.json";

pub(super) fn run(run: &Run, identity: &Identity, caller: &mut Caller) -> Result<Report, Failure> {
    let _lock = state::lock(&run.folder)?;
    end_what_was_left(&run.folder)?;
    let _lower = run
        .lower
        .iter()
        .map(|lower| state::lock_shared(lower))
        .collect::<Result<Vec<_>, _>>()?;
    namespace::unshare_mounts()?;
    if run.programs.kind == RuntimeKind::Crun {
        namespace::hide_mixed_cgroups();
    }
    let bundle = Bundle::make(&run.folder)?;
    root::mount(run)?;
    prepare(run, identity, &bundle)?;
    let lived = live(run, &bundle, caller);
    if run.programs.kind == RuntimeKind::Runc {
        // It made control groups, which would stay.
        let _ = runtime(&run.programs)
            .args(["delete", "--force", ID])
            .output();
    }
    let recorded = lived?;
    bundle.clear()?;
    if run.remove {
        remove::remove(&run.folder)?;
    } else {
        state::write(&run.folder, &recorded)?;
    }
    let code = recorded.ended.map_or(125, |ended| ended.code);
    Ok(Report::Exited { code })
}

/// Starts the process and stays with it to its end.
fn live(run: &Run, bundle: &Bundle, caller: &mut Caller) -> Result<Recorded, Failure> {
    let process = &run.spec.process;
    let how = Start {
        process: None,
        terminal: process.terminal,
        stdin: process.stdin,
        read_only: run.spec.read_only,
        network: run.spec.network,
        ports: &run.spec.ports,
    };
    let group = Group::make(&run.spec.limits, &config::control_group(own()))?;
    if let Some(group) = &group {
        group.enter()?;
    }
    let started = start(&run.programs, bundle, &how);
    if let Some(group) = &group {
        group.leave()?;
    }
    let started = started?;
    let mut recorded = Recorded {
        monitor: ProcessId::of(own()).ok_or(Failure::NotRunning)?,
        process: ProcessId::of(started.pid.as_raw_nonzero().get()),
        started: state::now(),
        stop_signal: run.spec.stop_signal,
        terminal: process.terminal,
        ended: None,
    };
    state::write(&run.folder, &recorded)?;
    let log = run.log.map(|limit| Log::open(&run.folder, limit));
    let log = log.transpose().context("open the log")?;
    let code = started.follow(caller, log, run.detached, false)?;
    recorded.ended = Some(Ended {
        code,
        at: state::now(),
    });
    Ok(recorded)
}

/// Returns the number of this process.
pub(super) fn own() -> i32 {
    rustix::process::getpid().as_raw_nonzero().get()
}

/// Ends what a monitor that was itself killed left behind, and waits for that. What has a monitor stays.
pub(crate) fn end_what_was_left(folder: &Path) -> Result<(), Failure> {
    let step = "end what an earlier run left";
    let recorded = state::read(folder).context(step)?;
    let left =
        recorded.filter(|recorded| recorded.ended.is_none() && !state::is_alive(recorded.monitor));
    let Some(recorded) = left else {
        return Ok(());
    };
    let process = recorded.process.filter(|process| state::is_alive(*process));
    let open = |process: ProcessId| {
        let pid = Pid::from_raw(process.pid)?;
        let handle = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
        // Its number may have become another's before it was opened.
        Some(handle).filter(|_| state::is_alive(process))
    };
    if let Some(handle) = process.and_then(open) {
        let handle = handle.context(step)?;
        rustix::process::pidfd_send_signal(&handle, rustix::process::Signal::KILL).context(step)?;
        let mut polled = [rustix::event::PollFd::new(
            &handle,
            rustix::event::PollFlags::IN,
        )];
        rustix::event::poll(&mut polled, None).context(step)?;
    }
    // Those that runc made. One with a process in it stays.
    let (top, name) = (
        Path::new("/sys/fs/cgroup"),
        config::control_group(recorded.monitor.pid),
    );
    let _ = fs::remove_dir(top.join(&name));
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(entry.path().join(&name));
    }
    Ok(())
}

/// Writes the configuration and what it needs.
fn prepare(run: &Run, identity: &Identity, bundle: &Bundle) -> Result<(), Failure> {
    let spec = &run.spec;
    let inside = Inside::open(Path::new("root")).context("open the container's root")?;
    let read = |path| {
        inside
            .read(path)
            .context(format!("read the image's {path}"))
    };
    let user = User::resolve(
        &spec.process.user,
        &read("/etc/passwd")?,
        &read("/etc/group")?,
    )?;
    if let Some(id) = unmapped(identity, &user) {
        return Err(Failure::Unmapped { id });
    }
    let folder = &spec.process.folder;
    inside
        .make(folder, true)
        .context(format!("make the folder {folder}"))?;
    let mut stubs = Stubs::read(&run.folder)?;
    let mut binds = Vec::new();
    let mut memory = Vec::new();
    for path in ["/proc", "/dev", "/sys"] {
        stubs.make(&inside, path, true)?;
    }
    network::write_files(spec, &run.programs, bundle)?;
    for name in network::FILES {
        let target = format!("/etc/{name}");
        if spec.mounts.iter().all(|mount| mount.target != target) {
            stubs.make(&inside, &target, false)?;
            // An image may have an `/etc` that is a link to nowhere: it does without.
            if inside.has(&target) {
                binds.push((bundle.at(name), target, false));
            }
        }
    }
    for mount in &spec.mounts {
        let source = match &mount.source {
            Source::Memory => {
                stubs.make(&inside, &mount.target, true)?;
                memory.push((mount.target.clone(), mount.read_only));
                continue;
            }
            Source::Host(path) => path.clone(),
            Source::Volume(name) => volume(&run.volumes.join(name), &inside, &mount.target)?,
            Source::Anonymous => {
                // Any text is a path's; a digest of it is a name.
                let name = oci::Digest::sha256(mount.target.as_bytes());
                let folder = run.folder.join("volumes").join(name.hex());
                volume(&folder, &inside, &mount.target)?
            }
        };
        let step = format!("mount {}", source.display());
        let is_folder = match inside::is_folder(&source).context(&*step)? {
            Some(is_folder) => is_folder,
            None => {
                // As docker does.
                fs::create_dir_all(&source).context(&*step)?;
                true
            }
        };
        stubs.make(&inside, &mount.target, is_folder)?;
        let source = source.to_str().ok_or_else(|| Failure::Step {
            step,
            message: "its path is no UTF-8".to_owned(),
        })?;
        binds.push((source.to_owned(), mount.target.clone(), mount.read_only));
    }
    stubs.write(&run.folder)?;
    let surroundings = Surroundings {
        user: &user,
        user_namespace: namespace::is_user_namespace(),
        terminal_group: namespace::has_group(5),
        monitor: own(),
        binds: &binds,
        memory: &memory,
    };
    bundle.write_json("config.json", &config::container(spec, &surroundings))?;
    let kept = Kept {
        process: spec.process.clone(),
        no_new_privileges: spec.no_new_privileges,
    };
    bundle.write_json("kept.json", &kept)
}

/// Returns a number of the user that the container cannot have.
pub(super) fn unmapped(identity: &Identity, user: &User) -> Option<u32> {
    let groups = user.groups.iter().chain([&user.gid]);
    (!identity.has(user.uid, 0))
        .then_some(user.uid)
        .or_else(|| groups.copied().find(|&gid| !identity.has(0, gid)))
}

/// Returns the folder of a volume, which begins as a copy of what the image has in its place.
fn volume(folder: &Path, inside: &Inside, target: &str) -> Result<PathBuf, Failure> {
    let step = format!("make the volume of {target}");
    let data = folder.join("_data");
    if inside::is_folder(&data).context(&*step)?.is_none() {
        let new = folder.join("new");
        remove::remove(&new)?;
        fs::create_dir_all(&new).context(&*step)?;
        if let Ok(from) = inside.folder(target) {
            copy::open_tree(from.as_fd(), &new).context(&*step)?;
        }
        fs::rename(&new, &data).context(&*step)?;
    }
    Ok(data)
}

/// Paths that are there only so that something can be mounted on them; they are no changes of the container's.
struct Stubs(BTreeSet<String>);

impl Stubs {
    fn read(folder: &Path) -> Result<Self, Failure> {
        match fs::read(folder.join(STUBS)) {
            Ok(bytes) => Ok(Self(serde_json::from_slice(&bytes).unwrap_or_default())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self(BTreeSet::new())),
            Err(error) => Err(error).context("read what was mounted"),
        }
    }

    fn make(&mut self, inside: &Inside, path: &str, folder: bool) -> Result<(), Failure> {
        let made = inside
            .make(path, folder)
            .context(format!("make a place for {path}"))?;
        self.0.extend(made);
        Ok(())
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(&self.0).context("write down what is mounted")?;
        fs::write(folder.join(STUBS), bytes).context("write down what is mounted")
    }
}

/// How a process is started.
pub(super) struct Start<'a> {
    /// The file that describes it, where it is not the container's first.
    pub(super) process: Option<&'a str>,
    pub(super) terminal: bool,
    pub(super) stdin: bool,
    pub(super) read_only: bool,
    pub(super) network: Network,
    pub(super) ports: &'a [crate::options::Port],
}

/// A process that was started. It is killed when this is dropped before it has ended, as when something else fails.
pub(super) struct Started {
    pid: Pid,
    has_ended: bool,
    /// Where its input goes.
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    errors: Option<OwnedFd>,
    /// The program that connects it, which ends with this.
    _network: Option<network::Connected>,
}

/// Returns a command of the runtime, which needs nothing of the environment.
pub(super) fn runtime(programs: &Programs) -> Command {
    let mut command = Command::new(&programs.runtime);
    command
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .args(["--root", "state"])
        .stdin(Stdio::null());
    if programs.kind == RuntimeKind::Crun {
        command.arg("--cgroup-manager=disabled");
    }
    command
}

/// Starts the process. The runtime ends once it runs, and leaves it to the monitor.
pub(super) fn start(
    programs: &Programs,
    bundle: &Bundle,
    how: &Start<'_>,
) -> Result<Started, Failure> {
    let step = "start the container";
    let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context(step);
    let own = own();
    let (pid_file, console_name) = (format!("pid-{own}"), format!("console-{own}"));
    let console = how.terminal.then(|| Console::listen(&console_name));
    let console = console.transpose().context("make a terminal")?;
    let log = format!("log-{own}");
    let mut command = runtime(programs);
    // Or its warnings would look like the process's own.
    // A relative name, because a colon would end the kind of log.
    command.args(["--log", &log]);
    match how.process {
        Some(process) => command.args(["exec", "--detach", "--process", process]),
        // Not `run`, where a process that ends at once may be waited for by crun, and how it ended is lost.
        None => command.args(["create", "--bundle", "."]),
    };
    command.args(["--pid-file", &bundle.at(&pid_file)]);
    if console.is_some() {
        command.args(["--console-socket", &console_name]);
    }
    command.arg(ID);
    let mut input = None;
    if how.stdin && console.is_none() {
        let (read, write) = pipe()?;
        command.stdin(read);
        input = Some(write);
    }
    let (output, write) = pipe()?;
    command.stdout(write);
    let (errors, write) = pipe()?;
    command.stderr(write);
    let status = command
        .status()
        .context(format!("start {}", programs.kind.name()))?;
    // With it go the other ends of the pipes.
    drop(command);
    if !status.success() {
        return Err(refused(programs, bundle, how, &[errors, output], &log));
    }
    let text = fs::read_to_string(&pid_file).context(step)?;
    let pid = text
        .trim()
        .parse()
        .ok()
        .and_then(Pid::from_raw)
        .ok_or(Failure::NotRunning)?;
    let mut started = Started {
        pid,
        has_ended: false,
        input,
        output: Some(output),
        errors: Some(errors),
        _network: None,
    };
    if let Some(console) = console {
        let terminal = console.receive().context("take the terminal")?;
        started.input = Some(terminal.try_clone().context("take the terminal")?);
        started.output = Some(terminal);
        started.errors = None;
    }
    if how.process.is_none() {
        namespace::forbid_devices(pid.as_raw_nonzero().get(), how.read_only)?;
        if how.network == Network::Private {
            started._network = Some(network::connect(programs, bundle, pid, how.ports)?);
        }
        let output = runtime(programs)
            .args(["start", ID])
            .output()
            .context(step)?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(classify(programs, command_of(bundle, how), &words));
        }
    }
    Ok(started)
}

impl Started {
    /// Stays with it until it has ended; returns its exit code.
    pub(super) fn follow(
        mut self,
        caller: &mut Caller,
        log: Option<Log>,
        detached: bool,
        shared: bool,
    ) -> Result<u8, Failure> {
        let watch = Watch {
            pid: self.pid,
            pumps: self.tell(caller, detached)?,
            log,
            detached,
            shared,
        };
        let code = watch.until_end(caller)?;
        self.has_ended = true;
        Ok(code)
    }

    /// Tells the caller, who gets its ends of the streams.
    fn tell(&mut self, caller: &Caller, detached: bool) -> Result<Vec<Pump>, Failure> {
        let step = "pass on what the container writes";
        let mut pumps = Vec::new();
        let mut ends = Vec::new();
        ends.extend(self.input.take());
        let streams = [
            (Stream::Output, self.output.take()),
            (Stream::Error, self.errors.take()),
        ];
        for (stream, from) in streams {
            let Some(from) = from else { continue };
            let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context(step)?;
            pumps.push(Pump::new(stream, from, write).context(step)?);
            ends.push(read);
        }
        let ends: Vec<_> = ends.iter().map(AsFd::as_fd).collect();
        let pid = self.pid.as_raw_nonzero().get();
        match caller.say(&Report::Started { pid }, &ends) {
            Err(error) if !detached => Err(error).context("speak with the caller"),
            _ => Ok(pumps),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = rustix::process::kill_process(self.pid, rustix::process::Signal::KILL);
        }
    }
}

/// Says why the runtime did not start the process, from what it wrote.
fn refused(
    programs: &Programs,
    bundle: &Bundle,
    how: &Start<'_>,
    written: &[OwnedFd],
    log: &str,
) -> Failure {
    let mut words = String::new();
    for end in written {
        let mut bytes = vec![0; 16 * 1024];
        // What it wrote is in the pipe already; what it left running may have it open still.
        let flags = rustix::fs::fcntl_getfl(end).unwrap_or(rustix::fs::OFlags::empty());
        let _ = rustix::fs::fcntl_setfl(end, flags | rustix::fs::OFlags::NONBLOCK);
        let count = rustix::io::read(end, &mut bytes[..]).unwrap_or(0);
        words.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    // Some say it in one place, some in both.
    if words.trim().is_empty() {
        words = fs::read_to_string(log).unwrap_or_default();
    }
    classify(programs, command_of(bundle, how), &words)
}

/// Returns the program that was to be started.
fn command_of(bundle: &Bundle, how: &Start<'_>) -> String {
    let file = how.process.unwrap_or("config.json");
    let text = fs::read(bundle.at(file)).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let process = if how.process.is_some() {
        &value
    } else {
        &value["process"]
    };
    process["args"][0].as_str().unwrap_or_default().to_owned()
}

/// Tells docker's two special cases apart by the runtimes' words: neither has codes for them.
fn classify(programs: &Programs, command: String, words: &str) -> Failure {
    let words = words.trim();
    let is_about_the_program = ["executable", "exec:", "exec "]
        .iter()
        .any(|part| words.contains(part));
    let says = |parts: &[&str]| parts.iter().any(|part| words.to_lowercase().contains(part));
    if is_about_the_program && says(&["not found", "no such file"]) {
        return Failure::CommandNotFound { command };
    }
    if is_about_the_program && says(&["permission denied", "not permitted", "is a directory"]) {
        return Failure::CommandNotExecutable { command };
    }
    Failure::Runtime {
        program: programs.kind.name().to_owned(),
        message: if words.is_empty() {
            "it failed without a word".to_owned()
        } else {
            words.to_owned()
        },
    }
}
