//! Has the runtime start a process, and stays with it.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::pipe::PipeFlags;
use rustix::process::Pid;

use super::bundle::Bundle;
use super::console::Console;
use super::log::Log;
use super::pump::Pump;
use super::run::own;
use super::watch::Watch;
use super::{Caller, namespace, network};
use crate::Failure;
use crate::error::Context;
use crate::message::Report;
use crate::options::Network;
use crate::programs::{Programs, RuntimeKind};
use crate::start::Stream;

/// The name under which the runtime knows the container: there is one in each monitor's folder.
pub(super) const ID: &str = "container";

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
    pub(super) pid: Pid,
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
