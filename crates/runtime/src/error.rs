use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Why a container could not be started, looked at or taken away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This system has no containers of its own.
    #[error("containers run on Linux only; here they need a Docker Engine or Podman")]
    Platform,
    /// Neither runtime is installed.
    #[error("no OCI runtime is installed: neither crun nor runc is on the path")]
    NoRuntime,
    /// A text of an option has no meaning.
    #[error("{option} {text:?} is refused: {problem}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Neither the image nor the user says what to run.
    #[error("there is no command: the image has none and none was given")]
    NoCommand,
    /// A file outside the container could not be worked on.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program that a container needs at its side could not be started.
    #[error("the container's monitor could not be started: {0}")]
    Monitor(#[source] io::Error),
    /// That program ended without a word, as after a `kill -9`.
    #[error("the container's monitor ended unexpectedly{}", words(.said))]
    MonitorEnded {
        /// What it wrote before.
        said: String,
    },
    /// The ranges of user and group numbers could not be given to the container.
    #[error("{program} refused to map user or group numbers: {message}")]
    Mapping {
        /// `newuidmap` or `newgidmap`.
        program: &'static str,
        /// Its words.
        message: String,
    },
    /// Something failed at the container's side.
    #[error(transparent)]
    Failure(#[from] Failure),
}

fn words(text: &str) -> String {
    match text.trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}

/// What failed at the container's side, in the monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The image has no such user.
    #[error("the image has no user {user:?}")]
    UnknownUser {
        /// Its name.
        user: String,
    },
    /// The image has no such group.
    #[error("the image has no group {group:?}")]
    UnknownGroup {
        /// Its name.
        group: String,
    },
    /// The user or group number is none that a container of this user can have.
    #[error("the number {id} is not among the user and group numbers that are mapped here")]
    Unmapped {
        /// The number.
        id: u32,
    },
    /// There is no such program in the container.
    #[error("there is no program {command:?} in the container")]
    CommandNotFound {
        /// Its name.
        command: String,
    },
    /// The file is there and cannot be executed.
    #[error("{command:?} cannot be executed")]
    CommandNotExecutable {
        /// Its name.
        command: String,
    },
    /// The container runs already.
    #[error("the container is running")]
    Running,
    /// The container does not run.
    #[error("the container is not running")]
    NotRunning,
    /// The runtime refused.
    #[error("{program}: {message}")]
    Runtime {
        /// `crun` or `runc`.
        program: String,
        /// Its words.
        message: String,
    },
    /// The network could not be connected.
    #[error("the container's network could not be connected: {message}")]
    Network {
        /// Why.
        message: String,
    },
    /// What a container may take cannot be limited here.
    #[error("memory, CPU and processes cannot be limited here: {message}")]
    Limits {
        /// Why.
        message: String,
    },
    /// Changes cannot be told, because the writable layer does not hold them whole.
    #[error("the changes at {path:?} are not whole: the folder was used with overlay's {feature}")]
    NotWhole {
        /// Where.
        path: String,
        /// `redirect_dir` or `metacopy`.
        feature: String,
    },
    /// Changes cannot be told, because there was no overlay: the container is a copy of the image's files.
    #[error(
        "what changed cannot be told: without overlay the container is a copy of the image's files"
    )]
    Copied,
    /// A layer could not be unpacked.
    #[error("the image's files could not be unpacked: {message}")]
    Unpack {
        /// Why, with the file's name.
        message: String,
    },
    /// A folder and something else would take each other's place.
    #[error("{path} would replace a folder by something else, or something else by a folder")]
    InTheWay {
        /// The path in the container.
        path: String,
    },
    /// A step of the preparation was refused by the system.
    #[error("cannot {step}: {message}")]
    Step {
        /// What was tried.
        step: String,
        /// What the system said.
        message: String,
    },
}

impl Failure {
    /// Says which step failed.
    #[cfg(target_os = "linux")]
    pub(crate) fn step(
        step: impl Into<String>,
    ) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        let step = step.into();
        move |error| Self::Step {
            step,
            message: error.to_string(),
        }
    }
}

impl Error {
    /// Returns what a program that could not start the command exits with, as docker does: 127 where there is no such command, 126
    /// where it cannot be executed, 125 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failure(Failure::CommandNotFound { .. }) => 127,
            Self::Failure(Failure::CommandNotExecutable { .. }) => 126,
            _ => 125,
        }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

/// Says at which step of the preparation something failed.
#[cfg(target_os = "linux")]
pub(crate) trait Context<T> {
    /// Names the step.
    fn context(self, step: impl Into<String>) -> Result<T, Failure>;
}

#[cfg(target_os = "linux")]
impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Context<T> for Result<T, E> {
    fn context(self, step: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| Failure::step(step)(error.into()))
    }
}
