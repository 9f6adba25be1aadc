//! What is said to and by the runtime, on every platform.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::spec::RunSpec;

/// What the runtime has to know of the computer and of the program that it is in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where programs are looked for, spelled as in the environment.
    pub path: OsString,
    /// The program that becomes the monitor: this one, or one at a fixed path. It must call [`crate::monitor::dispatch`].
    pub monitor: PathBuf,
    /// The folder of named volumes.
    pub volumes: PathBuf,
    /// The folder of unpacked images.
    pub roots: PathBuf,
}

/// How a container is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The container's folder. What it writes is kept below it; it is made if it is not there.
    pub folder: PathBuf,
    /// Folders with the image's files, the topmost first. Those of a stack have overlay's marks.
    pub lower: Vec<PathBuf>,
    /// What runs.
    pub spec: RunSpec,
    /// Whether it lives on when its [`Running`] is dropped or the program ends.
    pub detached: bool,
    /// Whether its folder is removed when it has ended.
    pub remove: bool,
    /// Bytes that its log may take; `None` for no log.
    pub log: Option<u64>,
}

/// A process to be started in a container that runs.
#[derive(Debug, Clone, Default)]
pub struct ExecOptions {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// Variables as `NAME=value`, on top of the container's.
    pub environment: Vec<String>,
    /// The folder to start in, the container's where there is none.
    pub folder: Option<String>,
    /// Who it is, as `USER` or `USER:GROUP`; the container's user where there is none.
    pub user: Option<String>,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether something is sent to its input.
    pub stdin: bool,
}

/// Where a path leads in a container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPath {
    /// The path of the file itself, no link on the way, without a slash at either end. Not always UTF-8.
    pub path: Vec<u8>,
    /// Whether a folder is there; `None` where nothing is.
    pub is_folder: Option<bool>,
    /// Whether it is in something that is mounted there, such as a volume.
    pub is_mounted: bool,
}

/// Whether a container runs, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was never started.
    New,
    /// It runs.
    Running {
        /// Its first process, outside of it.
        pid: i32,
        /// Since when.
        since: jiff::Timestamp,
        /// The signal that asks it to stop.
        stop_signal: i32,
    },
    /// It ended.
    Exited {
        /// The exit code; `None` where nobody saw how it ended, as after a power cut.
        code: Option<u8>,
        /// When; `None` likewise.
        at: Option<jiff::Timestamp>,
    },
}

/// What does not belong among the unpacked files of images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Folders that were not unpacked, or not removed, to the end, and whose monitor has ended.
    pub unfinished: Vec<PathBuf>,
    /// What no monitor makes there.
    pub strange: Vec<PathBuf>,
}

/// Which stream of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output, and all that a terminal shows.
    Output,
    /// Standard error.
    Error,
}

/// A piece of what a container wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was complete.
    pub time: jiff::Timestamp,
    /// Where it went.
    pub stream: Stream,
    /// The text, with its end of line where it had one.
    pub text: Vec<u8>,
}
