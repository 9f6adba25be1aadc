//! What is wrong with the options of a client.

use std::path::PathBuf;

/// Why the options of a client cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A file with certificates cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file with certificates holds none, or a damaged one.
    #[error("{} holds no usable certificate: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address of a proxy is not a URL.
    #[error("the address of the {scheme} proxy is not valid")]
    Proxy {
        /// `http` or `https`.
        scheme: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// What it said.
        reason: String,
    },
}
