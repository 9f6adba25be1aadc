//! Where copied files go: docker's rules.

use super::changeset::Node;
use super::editing::Editing;
use super::view::{Found, join};
use crate::Error;
use crate::files::escaped;

/// Where a copy goes: to this path, or, of a folder, what is in it goes into the folder at this path.
pub(super) struct Target {
    pub(super) path: Vec<u8>,
}

/// Works out where something called `name` goes, as `docker cp` does
/// (<https://docs.docker.com/reference/cli/docker/container/cp/>).
///
/// # Errors
/// `not_found` where the folder that it is to go into is not there; `conflict` for a folder onto a file.
pub(super) fn target(
    editing: &Editing<'_>,
    destination: &[u8],
    name: &[u8],
    is_folder: bool,
    contents_only: bool,
) -> Result<Target, Error> {
    let wants_folder = destination.ends_with(b"/") || destination.ends_with(b"/.");
    let Found { path, node } = editing.destination(destination)?;
    let target = match node {
        Some(node) if node.is_folder() => match is_folder && contents_only {
            true => path,
            false => join(&path, name),
        },
        Some(_) if is_folder => {
            return Err(Error::WouldReplace {
                path: escaped(&path),
            });
        }
        Some(_) if wants_folder => {
            return Err(Error::NotAFolder {
                path: escaped(&path),
            });
        }
        Some(_) => path,
        None if wants_folder && !is_folder => {
            return Err(Error::NoSuchFile {
                path: escaped(&path),
            });
        }
        None => path,
    };
    Ok(Target { path: target })
}

/// Puts a copied file at its path. A folder and something else do not take each other's place.
///
/// # Errors
/// `conflict`; `usage` for names that a layer cannot have.
pub(super) fn put(editing: &mut Editing<'_>, path: &[u8], node: Node) -> Result<(), Error> {
    if path.is_empty() {
        // The root is there, whatever is copied into it.
        return Ok(());
    }
    super::edit::refuse_marked(path)?;
    let before = editing.edits.view().at(path);
    if before.is_some_and(|before| before.is_folder() != node.is_folder()) {
        return Err(Error::WouldReplace {
            path: escaped(path),
        });
    }
    editing.edits.place(path, node);
    Ok(())
}
