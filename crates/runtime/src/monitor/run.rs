//! Starts a container and stays with it.

use std::fs;
use std::path::Path;

use rustix::process::Pid;

use super::bundle::Bundle;
use super::cgroup::Group;
use super::log::Log;
use super::prepare::prepare;
use super::start::{ID, Start, runtime, start};
use super::state::{self, Ended, ProcessId, Recorded};
use super::{Caller, namespace, remove, root};
use crate::config;
use crate::error::Context;
use crate::message::{Report, Run};
use crate::programs::RuntimeKind;
use crate::{Failure, Identity};

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
