//! The engine's stories, over real HTTP and on a real disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod archives;
mod containers;
mod crashes;
mod faults;
mod inside;
mod lab;
mod layers;
mod lineage;
mod logins;
mod peers;
#[cfg(target_os = "linux")]
mod places;
mod pushing;
mod registries;
mod remote;
mod repairs;
mod rpm;
mod sharing;
