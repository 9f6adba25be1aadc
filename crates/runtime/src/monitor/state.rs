//! What a container's folder says about its process, for other programs.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::error::Context;

/// The file's name.
const STATE: &str = "state.json";

/// A process, told apart from a later one with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pub(crate) pid: i32,
    /// When it began, in the kernel's ticks since its start.
    pub(crate) start: u64,
}

/// What was written down of the last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) monitor: ProcessId,
    pub(crate) process: Option<ProcessId>,
    /// When it was started, in nanoseconds since 1970.
    pub(crate) started: i64,
    pub(crate) stop_signal: i32,
    pub(crate) terminal: bool,
    /// How and when it ended.
    pub(crate) ended: Option<Ended>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) code: u8,
    /// In nanoseconds since 1970.
    pub(crate) at: i64,
}

impl ProcessId {
    pub(crate) fn of(pid: i32) -> Option<Self> {
        Some(Self {
            pid,
            start: start_of(pid)?,
        })
    }
}

/// Reads when a process began: field 22 of its `stat`, behind a name that may hold anything. One that has ended and waits to be asked
/// how counts as gone.
fn start_of(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(stat.get(end + 2..)?).ok()?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Tells whether that very process lives.
pub(crate) fn is_alive(process: ProcessId) -> bool {
    start_of(process.pid) == Some(process.start)
}

/// Tells whether there is a process of this number.
pub(crate) fn is_running(pid: i32) -> bool {
    start_of(pid).is_some()
}

/// Reads what was written down; `None` where the container never ran.
pub(crate) fn read(folder: &Path) -> io::Result<Option<Recorded>> {
    match fs::read(folder.join(STATE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes it down. It is about processes, so that a power cut makes it meaningless anyway.
pub(super) fn write(folder: &Path, state: &Recorded) -> Result<(), Failure> {
    let step = "write down the container's state";
    let bytes = serde_json::to_vec(state).context(step)?;
    let new = folder.join("state.new");
    fs::write(&new, bytes).context(step)?;
    fs::rename(&new, folder.join(STATE)).context(step)
}

/// Takes the container for this process, until it ends.
pub(super) fn lock(folder: &Path) -> Result<File, Failure> {
    let step = "lock the container's folder";
    for _ in 0..ATTEMPTS {
        if let Some(file) = try_lock(folder).context(step)? {
            return Ok(file);
        }
        // The monitor of a container that has ended is about to.
        if !has_ended(folder) {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    Err(Failure::Running)
}

/// How often, and how far apart, is looked whether a monitor that has written down the end has ended itself.
pub(crate) const ATTEMPTS: u32 = 3000;
pub(crate) const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Tells whether the end of the last run was written down.
pub(crate) fn has_ended(folder: &Path) -> bool {
    read(folder).is_ok_and(|recorded| recorded.is_some_and(|recorded| recorded.ended.is_some()))
}

/// Keeps a folder of the image's files from being removed, until the file is closed.
pub(super) fn lock_shared(folder: &Path) -> Result<File, Failure> {
    let step = "open the image's files";
    let file = File::open(folder).context(step)?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).context(step)?;
    Ok(file)
}

/// Takes a container, or an image's files, for this process while the file is open; `None` where another has it.
pub(crate) fn try_lock(folder: &Path) -> io::Result<Option<File>> {
    let file = File::open(folder)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns the time, in nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}
