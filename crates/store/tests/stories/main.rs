//! Stories of a store: real files, a real database, in a temporary folder.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod blobs;
mod collecting;
mod containers;
mod hostile;
mod lab;
mod measuring;
mod opening;
mod output;
mod rebuilding;
mod recording;
mod removal_by_id;
mod removing;
mod repairing;
