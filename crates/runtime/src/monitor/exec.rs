//! Starts one more process in a container that runs.

use std::fs;
use std::path::Path;

use super::bundle::Bundle;
use super::inside::Inside;
use super::prepare::unmapped;
use super::run::own;
use super::start::{Start, start};
use super::{Caller, cgroup, namespace};
use crate::config;
use crate::error::Context;
use crate::message::{Exec, Kept, Report};
use crate::options::{Network, target_path};
use crate::spec::{Process, given};
use crate::user::User;
use crate::{Failure, Identity};

pub(super) fn exec(
    exec: &Exec,
    identity: &Identity,
    caller: &mut Caller,
) -> Result<Report, Failure> {
    let parent = Some(rustix::process::getpid());
    cgroup::join(exec.first)?;
    namespace::join(exec.monitor)?;
    // Only now: what is started in other namespaces is the child of who asked for it from there.
    rustix::process::set_child_subreaper(parent).context("become the process's parent")?;
    let bundle = Bundle::enter(&exec.folder)?;
    let kept = fs::read("kept.json").context("read what the container is")?;
    let kept: Kept = serde_json::from_slice(&kept).context("read what the container is")?;
    let wanted = &exec.process;
    let mut environment = kept.process.environment;
    if wanted.terminal {
        environment.push("TERM=xterm".to_owned());
    }
    environment.extend_from_slice(&wanted.environment);
    let folder = given(wanted.folder.as_ref())
        .map(|folder| target_path(folder).unwrap_or_else(|| "/".to_owned()));
    let process = Process {
        arguments: wanted.arguments.clone(),
        environment,
        folder: folder.unwrap_or(kept.process.folder),
        user: given(wanted.user.as_ref())
            .cloned()
            .unwrap_or(kept.process.user),
        terminal: wanted.terminal,
        stdin: wanted.stdin,
    };
    let process = process.checked().context("start the process")?;
    let inside = Inside::open(Path::new("root")).context("open the container's root")?;
    let read = |path| {
        inside
            .read(path)
            .context(format!("read the container's {path}"))
    };
    let user = User::resolve(&process.user, &read("/etc/passwd")?, &read("/etc/group")?)?;
    let user = user.in_own_group(identity);
    if let Some(id) = unmapped(identity, &user) {
        return Err(Failure::Unmapped { id });
    }
    let file = format!("process-{}.json", own());
    bundle.write_json(
        &file,
        &config::process(&process, &user, kept.no_new_privileges),
    )?;
    let started = start(
        &exec.programs,
        &bundle,
        &Start {
            process: Some(&file),
            terminal: process.terminal,
            stdin: process.stdin,
            read_only: false,
            network: Network::None,
            ports: &[],
        },
    );
    let _ = fs::remove_file(&file);
    Ok(Report::Exited {
        code: started?.follow(caller, None, false, true)?,
    })
}
