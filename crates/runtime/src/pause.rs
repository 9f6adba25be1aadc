//! Holds a container still while its files are read.
//!
//! There is no control group that could freeze it, so every process of its PID namespace is stopped with `SIGSTOP`, until a look
//! finds none that runs. A process sees that as it sees a Ctrl-Z that cannot be caught; its children that were stopped are reported to
//! it as such.
//!
//! Whoever calls `vfork` (every command of Debian's `sh`) stands still inside the kernel until its child has become another program,
//! and does not stop before. Where the child was stopped first, both would wait for ever: then the child goes on for a moment.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};

/// How long it may take until all have stopped. A busy computer does not get to each of them at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// Looks that find nothing but processes that wait inside the kernel, until their children go on for a moment: that long, and a look
/// longer each time.
const WAITS: u32 = 5;

/// A container that is held still. Dropping it lets it go on. (When this program is killed before, the container stays stopped until
/// it is signalled or ended.)
#[derive(Debug)]
pub struct Paused {
    stopped: BTreeMap<i32, OwnedFd>,
}

/// What a process is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Nothing any more: stopped, traced, or ended.
    Nothing,
    /// It waits inside the kernel, where no signal stops it.
    Waits,
    Runs,
}

impl Paused {
    /// Stops all processes that are in the PID namespace of one.
    pub(crate) fn all_with(first: i32) -> io::Result<Self> {
        let namespace = namespace_of(first)?;
        // From here on what was stopped goes on again, whatever happens.
        let mut paused = Self {
            stopped: BTreeMap::new(),
        };
        let until = Instant::now() + PATIENCE;
        let (mut waits, mut moment) = (0, LOOK * WAITS);
        loop {
            let found = paused.stop_all(&namespace)?;
            if found.is_empty() {
                return Ok(paused);
            }
            let waiting = found.iter().all(|(_, doing)| *doing == Doing::Waits);
            if Instant::now() > until {
                return Err(io::Error::other(match waiting {
                    true => "a process of it waits for something and cannot be stopped",
                    false => "its processes start others faster than they can be stopped",
                }));
            }
            waits = if waiting { waits + 1 } else { 0 };
            if waits == WAITS {
                paused.release(|parent| found.iter().any(|(pid, _)| *pid == parent));
                std::thread::sleep(moment);
                (waits, moment) = (0, moment + LOOK);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Stops what has not stopped yet, and returns it.
    fn stop_all(&mut self, namespace: &Path) -> io::Result<Vec<(i32, Doing)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if !namespace_of(pid).is_ok_and(|other| other == namespace) {
                continue;
            }
            match look(pid) {
                None | Some((Doing::Nothing, _)) => {}
                Some((doing, _)) => {
                    found.push((pid, doing));
                    self.stop(pid)?;
                }
            }
        }
        Ok(found)
    }

    /// Lets the stopped children of some processes go on.
    fn release(&mut self, is_parent: impl Fn(i32) -> bool) {
        self.stopped.retain(|pid, process| {
            let goes_on = look(*pid).is_none_or(|(_, parent)| is_parent(parent));
            if goes_on {
                let _ = rustix::process::pidfd_send_signal(process, Signal::CONT);
            }
            !goes_on
        });
    }

    fn stop(&mut self, pid: i32) -> io::Result<()> {
        let Some(number) = Pid::from_raw(pid) else {
            return Ok(());
        };
        if let Some(process) = self.stopped.get(&pid) {
            match rustix::process::pidfd_send_signal(process, Signal::STOP) {
                // Its number is another's by now.
                Err(rustix::io::Errno::SRCH) => drop(self.stopped.remove(&pid)),
                told => return Ok(told?),
            }
        }
        let stopped =
            rustix::process::pidfd_open(number, PidfdFlags::empty()).and_then(|process| {
                rustix::process::pidfd_send_signal(&process, Signal::STOP)?;
                Ok(process)
            });
        match stopped {
            Ok(process) => {
                self.stopped.insert(pid, process);
                Ok(())
            }
            Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for process in self.stopped.values() {
            // It may have been killed meanwhile.
            let _ = rustix::process::pidfd_send_signal(process, Signal::CONT);
        }
    }
}

fn namespace_of(pid: i32) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid"))
}

/// Tells what a process is at, and who its parent is; `None` where it is gone.
fn look(pid: i32) -> Option<(Doing, i32)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name, which may be anything, ends at the last bracket.
    let (_, facts) = stat.rsplit_once(") ")?;
    let mut facts = facts.split(' ');
    let doing = match facts.next()? {
        "T" | "t" | "Z" | "X" => Doing::Nothing,
        "D" => Doing::Waits,
        _ => Doing::Runs,
    };
    Some((doing, facts.next()?.parse().ok()?))
}
