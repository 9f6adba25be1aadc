//! The Docker Engine API: Docker, Podman, on this computer or another, and docker's contexts.
//!
//! [`discover`] finds the engines that a user has; [`Connection::open`] reaches one, by a socket, a named pipe, TCP with or
//! without TLS, or the user's own ssh, and settles on a version of the API. bollard knows the API; what it does not carry
//! far enough (streams of documents, upgraded connections) is asked over the same line by hand.
//!
//! An engine is the user's own and trusted as such, but answers are bounded all the same, and its words are shown, never
//! followed. Nothing here reads the environment or the home folder: [`Sources`] and [`Options`] hold all.
//!
//! Source of the protocol: <https://docs.docker.com/reference/api/engine/>. Where Podman differs, the function says so.

mod address;
mod connection;
mod container;
mod context;
mod dial;
mod discover;
mod error;
mod events;
mod file;
mod image;
mod line;
mod removal;
mod ssh;
mod ssh_failure;
mod terminal;
mod tls;
mod transfer;

pub use address::{Address, AddressError, TlsFiles};
pub use connection::{About, Connection, Kind, Options};
pub use container::{Change, Commit, Container, NewContainer};
pub use discover::{Found, Socket, Sources, choose, discover};
pub use error::{Error, Result};
pub use events::{Happened, Usage};
pub use image::{Image, Knowledge, Layer, Step, find};
pub use removal::{Blocked, Done, Plan, Reason, Removal};
pub use ssh_failure::{SshFailure, SshReason};
pub use terminal::{Exec, Output, Session};
pub use transfer::{Login, Transferred};
