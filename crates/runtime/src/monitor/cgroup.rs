//! A control group for a container that has limits, where the system leaves one to this user: of version 2, and delegated.
//!
//! <https://docs.kernel.org/admin-guide/cgroup-v2.html#delegation>. The monitor enters the group while it starts the process, which
//! is then in it with all that it starts; so neither runtime has to know of it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::Failure;
use crate::limits::Limits;

/// Where version 2 is mounted, if it is the only one.
const TOP: &str = "/sys/fs/cgroup";

/// What is counted.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];

/// The group of one container. Dropping it removes it, unless something is in it.
pub(super) struct Group {
    path: PathBuf,
    /// Where the monitor was before.
    home: PathBuf,
}

/// Tells why no container can have limits here; `None` where one can.
pub(crate) fn hindrance() -> Option<String> {
    parent().err()
}

impl Group {
    /// Makes a group with these limits; none where there is none.
    pub(super) fn make(limits: &Limits, name: &str) -> Result<Option<Self>, Failure> {
        if !limits.any() {
            return Ok(None);
        }
        let failed = |message: String| Failure::Limits { message };
        let parent = parent().map_err(failed)?;
        let home = own().map_err(failed)?;
        let path = parent.join(name);
        let write = |path: PathBuf, text: String| {
            fs::write(&path, text).map_err(|error| failed(format!("{}: {error}", path.display())))
        };
        for controller in CONTROLLERS {
            write(
                parent.join("cgroup.subtree_control"),
                format!("+{controller}"),
            )?;
        }
        fs::create_dir(&path).map_err(|error| failed(format!("{}: {error}", path.display())))?;
        let group = Self { path, home };
        if let Some(bytes) = limits.memory {
            write(group.path.join("memory.max"), bytes.to_string())?;
            // Kernels without swap have no such file.
            let _ = fs::write(group.path.join("memory.swap.max"), "0");
        }
        if let Some(thousandths) = limits.cpus {
            let (quota, period) = (thousandths * 100, 100_000);
            write(group.path.join("cpu.max"), format!("{quota} {period}"))?;
        }
        if let Some(processes) = limits.processes {
            write(group.path.join("pids.max"), processes.to_string())?;
        }
        Ok(Some(group))
    }

    /// Puts this process in, and with it what it starts.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        enter(&self.path)
    }

    /// Takes this process out again.
    pub(super) fn leave(&self) -> Result<(), Failure> {
        enter(&self.home)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}

/// Puts this process, and with it what it starts, where another one is, if that has limits.
pub(super) fn join(process: i32) -> Result<(), Failure> {
    let Ok(path) = of(&process.to_string()) else {
        return Ok(());
    };
    let is_ours = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("strata-"));
    match is_ours && path.join("memory.max").exists() {
        true => enter(&path),
        false => Ok(()),
    }
}

fn enter(group: &Path) -> Result<(), Failure> {
    fs::write(group.join("cgroup.procs"), "0").map_err(|error| Failure::Limits {
        message: format!("{}: {error}", group.display()),
    })
}

/// Returns the group of this process.
fn own() -> Result<PathBuf, String> {
    of("self").map_err(|error| error.to_string())
}

fn of(process: &str) -> io::Result<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{process}/cgroup"))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"));
    let path = path.ok_or(io::ErrorKind::NotFound)?;
    Ok(Path::new(TOP).join(path))
}

/// Finds the group below which this user may make others, and move their own processes into them.
fn parent() -> Result<PathBuf, String> {
    let top = Path::new(TOP);
    if !top.join("cgroup.controllers").is_file() {
        return Err("control groups of version 2 are not mounted alone at /sys/fs/cgroup".into());
    }
    let own = own()?;
    let may_write = |folder: &Path| {
        ["cgroup.procs", "cgroup.subtree_control"]
            .iter()
            .all(|name| rustix::fs::access(folder.join(name), Access::WRITE_OK).is_ok())
    };
    let parent = delegated(top, &own, &may_write)
        .ok_or("no control group is delegated to this user (systemd does that for what runs below user@.service)")?;
    let has =
        fs::read_to_string(parent.join("cgroup.controllers")).map_err(|error| error.to_string())?;
    match CONTROLLERS
        .iter()
        .find(|wanted| !has.split_whitespace().any(|found| found == **wanted))
    {
        None => Ok(parent),
        Some(missing) => Err(format!(
            "{missing} is not delegated to {}",
            parent.display()
        )),
    }
}

/// Returns the highest group above a process's that may be written to: those below are full of processes, and hold no groups.
fn delegated(top: &Path, own: &Path, may_write: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let chain = own.ancestors().take_while(|group| group.starts_with(top));
    chain
        .take_while(|group| may_write(group))
        .last()
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_group_that_is_delegated_without_a_gap_is_taken() {
        let top = Path::new("/cg");
        let own = Path::new("/cg/user.slice/user-1.slice/user@1.service/app.slice/app.scope");
        let below = |group: &Path| group.starts_with("/cg/user.slice/user-1.slice/user@1.service");
        let found = delegated(top, own, &below);
        let wanted = Path::new("/cg/user.slice/user-1.slice/user@1.service");
        assert_eq!(found.as_deref(), Some(wanted));
        assert_eq!(delegated(top, own, &|_| true).as_deref(), Some(top), "root");
        assert_eq!(delegated(top, own, &|_| false), None);
        let session = Path::new("/cg/user.slice/user-1.slice/session-1.scope");
        assert_eq!(delegated(top, session, &below), None);
    }
}
