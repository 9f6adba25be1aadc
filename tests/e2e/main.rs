//! The real program in a real window on a private desktop, steered as a person steers it.
//!
//! A missing tool fails the test and names its package. Every screen is judged by axe-core and photographed on the way,
//! in light and dark, to `target/shots`.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod archives;
mod comparing;
mod containers;
mod debian;
mod dragging;
mod filled;
mod hostile;
mod images;
mod inside;
mod places;
mod pull;
mod registries;
mod running;
mod screens;
mod start;
mod versions;
