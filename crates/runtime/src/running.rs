//! A process that runs in a container, from the caller's side.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use crate::{Input, Output};
use rustix::fs::OFlags;
use rustix::termios::Winsize;
use serde::Serialize;
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::message::{Incoming, Report, Word, encode};
use crate::{Error, Failure};

/// Talks with a monitor.
pub(crate) struct Link {
    socket: Arc<UnixStream>,
    incoming: Incoming,
    monitor: tokio::process::Child,
}

impl Link {
    pub(crate) fn new(socket: UnixStream, monitor: tokio::process::Child) -> Self {
        Self {
            socket: Arc::new(socket),
            incoming: Incoming::default(),
            monitor,
        }
    }

    /// Returns the number of the monitor's process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.monitor.id()
    }

    pub(crate) async fn say(&self, message: &impl Serialize) -> Result<(), Error> {
        say(&self.socket, message).await.map_err(Error::Monitor)
    }

    /// Waits for the next report. It may be cancelled; a report of which a part was received is not lost.
    pub(crate) async fn hear(&mut self) -> Result<(Report, Vec<OwnedFd>), Error> {
        loop {
            let heard = self.socket.async_io(Interest::READABLE, || {
                self.incoming.step::<Report>(self.socket.as_fd())
            });
            match heard.await {
                Ok(Some((Report::Failed(failure), _))) => return Err(failure.into()),
                Ok(Some(report)) => return Ok(report),
                Ok(None) => {}
                Err(_) => return Err(self.last_words().await),
            }
        }
    }

    async fn last_words(&mut self) -> Error {
        use tokio::io::AsyncReadExt;
        let mut said = Vec::new();
        if let Some(errors) = self.monitor.stderr.take() {
            // What it started may have the pipe open still.
            let mut limited = errors.take(16 * 1024);
            let reading = limited.read_to_end(&mut said);
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), reading).await;
        }
        Error::MonitorEnded {
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }
}

async fn say(socket: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    let bytes = encode(message)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        socket.writable().await?;
        match socket.try_write(rest) {
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Steers a process while others wait for it or read from it.
#[derive(Clone)]
pub struct Control {
    socket: Arc<UnixStream>,
    terminal: Option<Arc<OwnedFd>>,
}

impl Control {
    /// Sends a signal to the process. One that has ended takes no notice.
    ///
    /// # Errors
    /// [`Error::Option`] for a number that is no signal; [`Failure::NotRunning`] where the monitor has ended.
    pub async fn signal(&self, number: i32) -> Result<(), Error> {
        if crate::monitor::signal(number).is_none() {
            return Err(Error::Option {
                option: "signal",
                text: number.to_string(),
                problem: "there is no such signal",
            });
        }
        let said = say(&self.socket, &Word::Signal(number)).await;
        said.map_err(|_| Failure::NotRunning.into())
    }

    /// Tells the terminal its size in characters. A process without one takes no notice.
    pub fn resize(&self, rows: u16, columns: u16) {
        if let Some(terminal) = &self.terminal {
            let size = Winsize {
                ws_row: rows,
                ws_col: columns,
                ws_xpixel: 0,
                ws_ypixel: 0,
            };
            // The terminal goes with its last user, who may just have ended.
            let _ = rustix::termios::tcsetwinsize(terminal, size);
        }
    }
}

/// A process in a container.
///
/// Dropping it, and every [`Control`] of it, kills the process, and the whole container where it is its first process, unless it was
/// started to live on. The output must be read or dropped: a process whose output nobody takes waits.
pub struct Running {
    line: Link,
    terminal: Option<Arc<OwnedFd>>,
    pid: i32,
    /// What is written here is its input; there where it has a terminal, or input was asked for. Dropping it ends the input, but for a
    /// terminal, where a Ctrl-D does that.
    pub input: Option<Input>,
    /// What it writes.
    pub output: Option<Output>,
    /// What it writes as errors; a terminal has only one stream.
    pub errors: Option<Output>,
    ended: Option<u8>,
}

impl Running {
    /// Takes what a monitor sent with its news that the process runs.
    pub(crate) fn new(
        line: Link,
        pid: i32,
        files: Vec<OwnedFd>,
        has_terminal: bool,
        has_input: bool,
    ) -> io::Result<Self> {
        let mut files = files.into_iter();
        let mut next = || files.next().ok_or(io::ErrorKind::UnexpectedEof);
        let mut terminal = None;
        let mut input = None;
        if has_terminal {
            let file = next()?;
            let flags = rustix::fs::fcntl_getfl(&file)?;
            rustix::fs::fcntl_setfl(&file, flags | OFlags::NONBLOCK)?;
            terminal = Some(Arc::new(file.try_clone()?));
            input = Some(Input::from_owned_fd_unchecked(file)?);
        } else if has_input {
            input = Some(Input::from_owned_fd(next()?)?);
        }
        let output = Some(Output::from_owned_fd(next()?)?);
        let errors = if has_terminal {
            None
        } else {
            Some(Output::from_owned_fd(next()?)?)
        };
        Ok(Self {
            line,
            terminal,
            pid,
            input,
            output,
            errors,
            ended: None,
        })
    }

    /// Returns the number of the process, outside of the container.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Returns the number of the monitor's process.
    pub fn monitor(&self) -> Option<u32> {
        self.line.pid()
    }

    /// Returns what steers it from elsewhere.
    pub fn control(&self) -> Control {
        Control {
            socket: Arc::clone(&self.line.socket),
            terminal: self.terminal.clone(),
        }
    }

    /// Waits until it has ended and all of its output was taken; returns its exit code, or 128 and the number of the signal that killed
    /// it. Where it is to be removed, it is gone then. Waiting may be cancelled and taken up again.
    ///
    /// # Errors
    /// [`Error::MonitorEnded`] where the monitor was killed; what it left is killed then too.
    pub async fn wait(&mut self) -> Result<u8, Error> {
        if let Some(code) = self.ended {
            return Ok(code);
        }
        loop {
            match self.line.hear().await {
                Ok((Report::Exited { code }, _)) => {
                    self.ended = Some(code);
                    return Ok(code);
                }
                Ok(_) => {}
                Err(error) => {
                    if matches!(error, Error::MonitorEnded { .. }) {
                        self.kill();
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Kills the process without its monitor.
    fn kill(&self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}
