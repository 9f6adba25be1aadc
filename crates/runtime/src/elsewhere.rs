//! The runtime where there is none: it cannot be opened, so nothing can be asked of it.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::changes::Changes;
use crate::start::{ExecOptions, FoundPath, Leftovers, Line, Settings, Start, Status};
use crate::{Error, Identity, Programs};

/// The end at which a process's input goes in.
pub type Input = tokio::io::DuplexStream;

/// The end at which what a process writes comes out.
pub type Output = tokio::io::DuplexStream;

/// Where programs become monitors on Linux.
pub mod monitor {
    /// Does nothing: there are no monitors here.
    pub fn dispatch() {}
}

/// Runs containers; there is none on this platform.
#[derive(Debug, Clone)]
pub struct Runtime(Infallible);

impl Runtime {
    /// Says that this platform has no containers.
    ///
    /// # Errors
    /// [`Error::Platform`], always.
    pub fn open(_settings: Settings) -> Result<Self, Error> {
        Err(Error::Platform)
    }

    /// Uses other programs.
    pub fn with_programs(self, _programs: Programs) -> Self {
        match self.0 {}
    }

    /// Makes containers as someone else.
    pub fn with_identity(self, _identity: Identity) -> Self {
        match self.0 {}
    }

    /// Returns the programs that are used.
    pub fn programs(&self) -> &Programs {
        match self.0 {}
    }

    /// Returns as whom containers are made.
    pub fn identity(&self) -> Identity {
        match self.0 {}
    }

    /// Starts a container.
    pub async fn start(&self, _start: Start) -> Result<Running, Error> {
        match self.0 {}
    }

    /// Starts one more process in a container.
    pub async fn exec(&self, _folder: &Path, _options: ExecOptions) -> Result<Running, Error> {
        match self.0 {}
    }

    /// Tells whether a container runs.
    pub fn status(&self, _folder: &Path) -> Result<Status, Error> {
        match self.0 {}
    }

    /// Tells that nothing ever ran here.
    pub fn status_of(_folder: &Path) -> Result<Status, Error> {
        Ok(Status::New)
    }

    /// Stops a container.
    pub async fn stop(&self, _folder: &Path, _patience: Duration) -> Result<(), Error> {
        match self.0 {}
    }

    /// Finds nothing to end.
    pub fn end_abandoned(_folder: &Path) -> Result<(), Error> {
        Ok(())
    }

    /// Sends a signal to a container's first process.
    pub fn signal(&self, _folder: &Path, _number: i32) -> Result<(), Error> {
        match self.0 {}
    }

    /// Holds a container still.
    pub fn pause(&self, _folder: &Path) -> Result<Paused, Error> {
        match self.0 {}
    }

    /// Opens the log of a container.
    pub fn logs(&self, _folder: &Path) -> Result<LogReader, Error> {
        match self.0 {}
    }

    /// Tells what a container changed.
    pub async fn changes(&self, _folder: &Path, _contents: bool) -> Result<Changes, Error> {
        match self.0 {}
    }

    /// Finds where a path leads in a container that runs.
    pub async fn look(&self, _folder: &Path, _path: &[u8]) -> Result<Option<FoundPath>, Error> {
        match self.0 {}
    }

    /// Reads what a path leads to in a container that runs.
    pub async fn take(
        &self,
        _folder: &Path,
        _path: &[u8],
    ) -> Result<Option<(FoundPath, Changes)>, Error> {
        match self.0 {}
    }

    /// Changes files of a container that runs.
    pub async fn put(
        &self,
        _folder: &Path,
        _removed: Vec<Vec<u8>>,
        _tar: &Path,
        _index: &Path,
    ) -> Result<Vec<String>, Error> {
        match self.0 {}
    }

    /// Removes a container's folder.
    pub async fn remove(&self, _folder: &Path) -> Result<(), Error> {
        match self.0 {}
    }

    /// Returns the folder with the files of an image.
    pub async fn unpack(
        &self,
        _chain_id: &oci::Digest,
        _layers: Vec<(PathBuf, PathBuf)>,
        _told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        match self.0 {}
    }

    /// Makes a folder of one layer.
    pub async fn unpack_layer(
        &self,
        _blob: PathBuf,
        _index: PathBuf,
        _target: &Path,
    ) -> Result<(), Error> {
        match self.0 {}
    }

    /// Removes unfinished folders and unpacked files.
    pub async fn sweep(&self, _keep: &(dyn Fn(&str) -> bool + Send + Sync)) -> Result<(), Error> {
        match self.0 {}
    }

    /// Finds nothing: nothing is unpacked here.
    pub fn leftovers(_roots: &Path) -> Result<Leftovers, Error> {
        Ok(Leftovers::default())
    }
}

/// Steers a process.
#[derive(Clone)]
pub struct Control(Infallible);

impl Control {
    /// Sends a signal to the process.
    pub async fn signal(&self, _number: i32) -> Result<(), Error> {
        match self.0 {}
    }

    /// Tells the terminal its size.
    pub fn resize(&self, _rows: u16, _columns: u16) {
        match self.0 {}
    }
}

/// A process in a container.
pub struct Running {
    never: Infallible,
    /// Where its input goes in.
    pub input: Option<Input>,
    /// What it writes.
    pub output: Option<Output>,
    /// What it writes as errors.
    pub errors: Option<Output>,
}

impl Running {
    /// Returns the number of the process.
    pub fn pid(&self) -> i32 {
        match self.never {}
    }

    /// Returns the number of the monitor's process.
    pub fn monitor(&self) -> Option<u32> {
        match self.never {}
    }

    /// Returns what steers it from elsewhere.
    pub fn control(&self) -> Control {
        match self.never {}
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> Result<u8, Error> {
        match self.never {}
    }
}

/// Reads a log.
#[derive(Debug)]
pub struct LogReader(Infallible);

impl LogReader {
    /// Returns the next line.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        match self.0 {}
    }
}

/// A container that is held still.
#[derive(Debug)]
pub struct Paused(Infallible);
