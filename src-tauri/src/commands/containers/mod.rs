//! Working containers: making them, changing them, and making images of them.

pub mod commit;
pub mod config;
pub mod edit;
pub mod list;
pub mod run;
pub mod terminal;

use engine::ContainerId;

use crate::Failure;

/// Reads the ID of a container, as a command gave it out.
///
/// # Errors
/// `not_found`: what is no ID is no container's.
pub(super) fn id_of(text: &str) -> Result<ContainerId, Failure> {
    text.parse()
        .map_err(|_| Failure::new("not_found", "There is no such container any more."))
}
