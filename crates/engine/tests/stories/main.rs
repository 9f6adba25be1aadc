//! The engine's stories, over real HTTP and on a real disk.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod crashes;
mod faults;
mod lab;
mod layers;
mod peers;
mod repairs;
mod rpm;
mod sharing;
