//! Stories about layers: what is read from them, what is refused, and that nothing in them can do harm.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on is a failed test"
)]

mod archive;
mod compress;
mod compression;
mod corrupt;
mod differential;
mod fuzz;
mod index;
mod oddities;
mod round_trip;
mod seek;
mod tree;
#[cfg(unix)]
mod unpack;
