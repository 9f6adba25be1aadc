//! Containers that run on Linux, without a daemon.
//!
//! A container is a folder: what it writes (`upper`), its log, and what is known of its last run. Its root is an overlay of that on
//! an image's unpacked files. It is made, started and watched by a [`monitor`], a small process beside each container; an OCI runtime
//! (crun or runc) does the last step. Root is not needed where the system lets users have user namespaces ([`Probe`] says so).
//!
//! - [`RunOptions`] and an image's config give a [`RunSpec`]; the texts of a command line are parsed in [`options`].
//! - [`Runtime`]: start, exec, stop, logs, changes, remove; unpacks images.
//! - [`Running`]: the process, its streams, its terminal, its end.
//! - [`Changes`]: what a container changed.
//!
//! It differs from Docker in that a container has a control group only where it has limits ([`Limits`]), for which one must be
//! delegated to the user, and that `/sys/fs/cgroup` is not shown.
//! What keeps a container's root from this computer's devices there is done by mount options and the filter of system calls.

#[cfg(target_os = "linux")]
mod ask;
mod changes;
#[cfg(target_os = "linux")]
mod config;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod error;
mod ids;
#[cfg(target_os = "linux")]
mod inner;
mod limits;
#[cfg(target_os = "linux")]
mod message;
#[cfg(target_os = "linux")]
pub mod monitor;
pub mod options;
#[cfg(target_os = "linux")]
mod pause;
mod probe;
mod programs;
#[cfg(target_os = "linux")]
mod roots;
#[cfg(target_os = "linux")]
mod running;
#[cfg(target_os = "linux")]
mod runtime;
#[cfg(target_os = "linux")]
mod seccomp;
mod spec;
mod start;
#[cfg(target_os = "linux")]
mod user;

pub use changes::{ChangedKind, ChangedPath, Changes, Xattr};
pub use error::{Error, Failure};
pub use ids::{IdRange, Identity};
pub use limits::Limits;
pub use options::{Mount, Network, Port};
pub use probe::{Finding, Probe};
pub use programs::{Programs, RuntimeKind};
pub use spec::{CAPABILITIES, Process, RunOptions, RunSpec};

pub use start::{ExecOptions, FoundPath, Leftovers, Line, Settings, Start, Status, Stream};

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Control, Input, LogReader, Output, Paused, Running, Runtime, monitor};
#[cfg(target_os = "linux")]
pub use monitor::LogReader;
#[cfg(target_os = "linux")]
pub use pause::Paused;
#[cfg(target_os = "linux")]
pub use running::{Control, Running};
#[cfg(target_os = "linux")]
pub use runtime::Runtime;

/// The end at which a process's input goes in.
#[cfg(target_os = "linux")]
pub type Input = tokio::net::unix::pipe::Sender;

/// The end at which what a process writes comes out.
#[cfg(target_os = "linux")]
pub type Output = tokio::net::unix::pipe::Receiver;
