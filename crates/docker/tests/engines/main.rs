//! The client and real engines: what it says of them is what `docker` says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![cfg(target_os = "linux")]

mod containers;
mod contexts;
mod images;
mod lab;
mod reach;
mod removal;
