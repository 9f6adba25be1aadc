//! What was done about credentials, and why some could not be read.

use std::path::PathBuf;

/// What was done about credentials before a registry said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialUse {
    /// There are none for this host.
    None,
    /// They were sent and not accepted.
    Sent,
    /// There are some, but they were not sent, because the token server is not the registry's own.
    Withheld {
        /// The token server's host.
        realm: String,
    },
}

impl CredentialUse {
    pub(super) fn clause(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Sent => ": it did not accept the saved login".to_owned(),
            Self::Withheld { realm } => {
                format!(": the saved login was not sent to {realm}, which is another site")
            }
        }
    }
}

/// Why credentials could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A credential file is there and cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A credential file is not what docker or podman write.
    #[error("{} is not a valid credential file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what, without any of the content.
        reason: String,
    },
    /// The name of a helper has other characters than a-z, 0-9 and `-`.
    #[error("{name:?} is not the name of a credential helper")]
    HelperName {
        /// The name.
        name: String,
    },
    /// The helper is not installed.
    #[error("the credential helper docker-credential-{name} is not installed")]
    HelperMissing {
        /// The helper's name.
        name: String,
    },
    /// The system's keyring failed.
    #[error("the system's keyring cannot be used: {reason}")]
    Keyring {
        /// How, without any secret.
        reason: String,
    },
    /// The helper failed.
    #[error("the credential helper docker-credential-{name} failed: {reason}")]
    Helper {
        /// The helper's name.
        name: String,
        /// How, never with its output.
        reason: String,
    },
}
