//! Holds a container still while its files are read.
//!
//! There is no control group that could freeze it, so every process of its PID namespace is stopped with `SIGSTOP`, until a look
//! finds none that runs. A process sees that as it sees a Ctrl-Z that cannot be caught; its children that were stopped are reported to
//! it as such.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::process::{Pid, PidfdFlags, Signal};

/// Looks that are taken: what forks faster than it can be stopped is not held.
const LOOKS: usize = 100;

/// A container that is held still. Dropping it lets it go on. (When this program is killed before, the container stays stopped until
/// it is signalled or ended.)
#[derive(Debug)]
pub struct Paused {
    stopped: Vec<OwnedFd>,
}

impl Paused {
    /// Stops all processes that are in the PID namespace of one.
    pub(crate) fn all_with(first: i32) -> io::Result<Self> {
        let namespace = namespace_of(first)?;
        // From here on what was stopped goes on again, whatever happens.
        let mut paused = Self {
            stopped: Vec::new(),
        };
        for _ in 0..LOOKS {
            let mut running = 0;
            for entry in fs::read_dir("/proc")? {
                let name = entry?.file_name();
                let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                    continue;
                };
                if namespace_of(pid).is_ok_and(|other| other == namespace) && !is_still(pid) {
                    running += 1;
                    paused.stop(pid)?;
                }
            }
            if running == 0 {
                return Ok(paused);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Err(io::Error::other(
            "its processes start others faster than they can be stopped",
        ))
    }

    fn stop(&mut self, pid: i32) -> io::Result<()> {
        let Some(pid) = Pid::from_raw(pid) else {
            return Ok(());
        };
        let stopped = rustix::process::pidfd_open(pid, PidfdFlags::empty()).and_then(|process| {
            rustix::process::pidfd_send_signal(&process, Signal::STOP)?;
            Ok(process)
        });
        match stopped {
            Ok(process) => {
                self.stopped.push(process);
                Ok(())
            }
            Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for process in &self.stopped {
            // It may have been killed meanwhile.
            let _ = rustix::process::pidfd_send_signal(process, Signal::CONT);
        }
    }
}

fn namespace_of(pid: i32) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid"))
}

/// Tells whether a process does nothing any more: stopped, traced, or ended.
fn is_still(pid: i32) -> bool {
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let end = stat.iter().rposition(|&byte| byte == b')');
    let state = end.and_then(|end| stat.get(end + 2));
    matches!(state, None | Some(b'T' | b't' | b'Z' | b'X'))
}
