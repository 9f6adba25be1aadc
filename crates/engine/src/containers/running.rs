//! A program that runs in a container, as its caller sees it.

use std::fmt;

use store::ContainerId;

use crate::{Engine, Error};

/// A program that runs in a container: its streams, its terminal, its end.
///
/// Dropping it ends the program, and the container where it is its first one, unless that was started to live on
/// ([`StartRequest::detached`](crate::StartRequest)). What it writes must be read or dropped: a program whose output nobody takes
/// waits.
pub struct RunningContainer {
    engine: Engine,
    id: ContainerId,
    running: runtime::Running,
    /// Whether it is the container's first program.
    is_first: bool,
    /// What is written here is its input; there with a terminal, or where input was asked for. Dropping it ends the input, but for
    /// a terminal, where a Ctrl-D does that.
    pub input: Option<runtime::Input>,
    /// What it writes.
    pub output: Option<runtime::Output>,
    /// What it writes as errors; a terminal has only one stream.
    pub errors: Option<runtime::Output>,
}

impl RunningContainer {
    pub(super) fn new(
        engine: Engine,
        id: ContainerId,
        mut running: runtime::Running,
        is_first: bool,
    ) -> Self {
        Self {
            engine,
            id,
            is_first,
            input: running.input.take(),
            output: running.output.take(),
            errors: running.errors.take(),
            running,
        }
    }

    /// Returns the container's ID.
    #[must_use]
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// Returns what sends signals and resizes the terminal while another waits or reads.
    #[must_use]
    pub fn control(&self) -> runtime::Control {
        self.running.control()
    }

    /// Waits until it has ended and all of its output was taken, and returns its exit code, or 128 and the number of the signal that
    /// killed it. At the container's end what it changed is in its change set then, or the container is gone where that was wanted.
    /// Waiting may be cancelled and taken up again.
    ///
    /// # Errors
    /// `run_failed` where the monitor was killed; the container has ended then too. What keeps the changes from being taken in:
    /// `disk_full`, `run_failed`; they are not lost, and taken in when the container is looked at next.
    pub async fn wait(&mut self) -> Result<u8, Error> {
        let ended = self.running.wait().await;
        if self.is_first {
            let id = self.id.clone();
            Box::pin(self.engine.after_the_end(&id)).await?;
        }
        Ok(ended?)
    }
}

impl fmt::Debug for RunningContainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningContainer")
            .field("id", &self.id)
            .field("is_first", &self.is_first)
            .finish_non_exhaustive()
    }
}
