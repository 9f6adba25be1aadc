//! What can go wrong with an engine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::{AddressError, SshFailure};

/// The result of asking an engine.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file of docker's contexts, or of TLS, cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing is there.
    #[error("no engine is at {address}")]
    NotThere {
        /// Where.
        address: String,
    },
    /// The socket is there, and nobody listens.
    #[error("nobody listens at {address}")]
    Refused {
        /// Where.
        address: String,
    },
    /// The socket is another user's.
    #[error("this user may not use {address}")]
    Denied {
        /// Where.
        address: String,
    },
    /// There is no way to it.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// It did not answer in time.
    #[error("{address} did not answer within {} seconds", after.as_secs())]
    Timeout {
        /// Where.
        address: String,
        /// How long it had.
        after: Duration,
    },
    /// TLS failed.
    #[error("no secure connection to {address}: {reason}")]
    Tls {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// ssh failed.
    #[error(transparent)]
    Ssh(Box<SshFailure>),
    /// There is no ssh on this computer.
    #[error("there is no ssh program on this computer")]
    NoSsh,
    /// Somebody answers who is no engine.
    #[error("what answers at {address} is no Docker or Podman: {reason}")]
    NotAnEngine {
        /// Where.
        address: String,
        /// What gave it away.
        reason: String,
    },
    /// It is older than what is understood.
    #[error(
        "the engine at {address} is too old: it speaks version {api} of the API, and {least} is needed"
    )]
    TooOld {
        /// Where.
        address: String,
        /// What it speaks.
        api: String,
        /// What is needed.
        least: String,
    },
    /// It understands only what is newer than this.
    #[error(
        "the engine at {address} is too new: it speaks only version {least} of the API and later, up to {known} is known here"
    )]
    TooNew {
        /// Where.
        address: String,
        /// The least that it speaks.
        least: String,
        /// The most that is known here.
        known: String,
    },
    /// The connection broke in the middle.
    #[error("the engine at {address} went away: {reason}")]
    Vanished {
        /// Where.
        address: String,
        /// How it showed.
        reason: String,
    },
    /// There is no such image, container or network.
    #[error("{message}")]
    NotFound {
        /// The engine's words.
        message: String,
    },
    /// Something stands in the way.
    #[error("{message}")]
    Conflict {
        /// The engine's words.
        message: String,
    },
    /// The engine refuses or fails.
    #[error("the engine says: {message}")]
    Failed {
        /// The HTTP status; `None` where it came in the middle of the work.
        status: Option<u16>,
        /// The engine's words.
        message: String,
    },
    /// The answer cannot be understood.
    #[error("the engine's answer cannot be understood: {reason}")]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
    /// Several images have an ID that begins so.
    #[error("several images have an ID that begins with {text}")]
    Ambiguous {
        /// The beginning.
        text: String,
    },
    /// The engine's images are others than when the plan was made.
    #[error("the engine's images have changed since the plan was made")]
    Stale,
    /// A container's name is none.
    #[error("{name:?} is no name or ID of a container")]
    ContainerName {
        /// The text, cut to 200 characters.
        name: String,
    },
    /// What was to be sent could not be read.
    #[error("what was to be sent could not be read: {0}")]
    Source(#[source] io::Error),
}

impl Error {
    /// Makes an error of an answer whose status is none of success.
    pub(crate) fn of_status(status: u16, message: String) -> Self {
        match status {
            404 => Self::NotFound { message },
            409 => Self::Conflict { message },
            status => Self::Failed {
                status: Some(status),
                message,
            },
        }
    }

    /// Makes an error of bollard's.
    pub(crate) fn of_bollard(error: bollard::errors::Error, address: &str) -> Self {
        use bollard::errors::Error as E;
        match error {
            E::DockerResponseServerError {
                status_code,
                message,
            } => Self::of_status(status_code, message),
            // Ours, which went through bollard unchanged.
            E::IOError { err } => Self::of_io(err, address),
            E::HyperResponseError { err } => Self::Vanished {
                address: address.to_owned(),
                reason: words(&err),
            },
            other => Self::Answer {
                reason: words(&other),
            },
        }
    }

    /// Makes an error of the system's, which may be one of ours in an envelope.
    pub(crate) fn of_io(error: io::Error, address: &str) -> Self {
        let reason = words(&error);
        match error
            .into_inner()
            .map(<dyn std::error::Error + Send + Sync>::downcast::<Self>)
        {
            Some(Ok(ours)) => *ours,
            _ => Self::Vanished {
                address: address.to_owned(),
                reason,
            },
        }
    }
}

/// Writes an error with what it came from: the inner words are the ones that say something.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}
