//! For tests only: images made to order, and registries to pull them from.
//!
//! [`ImageBuilder`] and [`IndexBuilder`] make images, right ones and deliberately wrong ones. [`Registry`] serves them
//! from inside the test and misbehaves on command; [`DockerRegistry`] runs the real `docker-registry`, [`Dockerd`] the real
//! engine, [`PodmanService`] the other one, [`SshServer`] the way to either from elsewhere, and a [`Workshop`] the other tools.
//! [`Debian`] is a real system's files.
//! Everything panics on trouble: in a test that is the message.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod debian;
mod docker_registry;
mod engines;
mod image;
mod index;
mod layer;
mod peers;
mod port;
mod registry;
mod ssh;
mod token_server;
mod user;

pub use debian::Debian;
pub use docker_registry::{DockerRegistry, DockerRegistryOptions, run};
pub use engines::{Certificates, Dockerd, PodmanService};
pub use image::{BuiltLayer, Document, Image, ImageBuilder};
pub use index::IndexBuilder;
pub use layer::{Layer, Packing};
pub use peers::{Tool, Workshop};
pub use port::{ClosedPort, free_port, start_on_port};
pub use registry::{Bearer, Cut, Fault, Logged, Registry, Rule, Uploads};
pub use ssh::SshServer;
pub use token_server::TokenServer;
pub use user::user_with_ranges;
