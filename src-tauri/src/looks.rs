//! Images of registries that the window looks at, kept in Rust so that it can look closer at one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Engine, ImageFiles, RemoteDetail};

use crate::Failure;
use crate::named::nonce;

/// More images than are on screen at once; the oldest goes first.
const KEPT: usize = 3;

/// Layers whose names are kept. Each holds all names of one layer, and its bytes where somebody wanted to read a file.
const KEPT_LAYERS: usize = 6;

/// An image of a registry, and the engine that looked at it.
pub(crate) struct Looked {
    pub(crate) engine: Engine,
    pub(crate) detail: RemoteDetail,
}

/// The images of registries that were looked at last, and the layers that were read of them.
///
/// The window gets a name for an image and can only give that back.
#[derive(Default)]
pub(crate) struct Looks {
    images: Mutex<VecDeque<(String, Arc<Looked>)>>,
    layers: Mutex<VecDeque<(String, u32, ImageFiles)>>,
}

impl Looks {
    /// Keeps an image and returns its name, which nobody can guess.
    pub(crate) fn keep(&self, looked: Looked) -> (String, Arc<Looked>) {
        let (id, looked) = (nonce(), Arc::new(looked));
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        if images.len() == KEPT
            && let Some((gone, _)) = images.pop_front()
        {
            self.layers().retain(|(image, ..)| *image != gone);
        }
        images.push_back((id.clone(), looked.clone()));
        (id, looked)
    }

    /// Returns an image, as often as it is asked for.
    ///
    /// # Errors
    /// `not_found` when there is no image of that name any more.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Looked>, Failure> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let at = images.iter().position(|(name, _)| name == id);
        let found = at.and_then(|at| images.remove(at)).ok_or_else(too_old)?;
        let looked = found.1.clone();
        // Who is asked about is still on screen.
        images.push_back(found);
        Ok(looked)
    }

    /// Keeps the files of one layer of an image.
    pub(crate) fn keep_layer(&self, id: &str, layer: u32, files: ImageFiles) {
        let mut layers = self.layers();
        layers.retain(|(image, number, _)| image != id || *number != layer);
        if layers.len() == KEPT_LAYERS {
            layers.pop_front();
        }
        layers.push_back((id.to_owned(), layer, files));
    }

    /// Returns the files of a layer that was read.
    ///
    /// # Errors
    /// `not_found` when it was not read, or too long ago.
    pub(crate) fn layer(&self, id: &str, layer: u32) -> Result<ImageFiles, Failure> {
        self.get(id)?;
        let layers = self.layers();
        let mut found = layers
            .iter()
            .filter(|(image, number, _)| image == id && *number == layer);
        let files = found.next().map(|(.., files)| files.clone());
        files.ok_or_else(too_old)
    }

    fn layers(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, u32, ImageFiles)>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_old() -> Failure {
    Failure::new("not_found", "This image was looked at too long ago.")
        .with_hint("Open it once more.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_image_is_not_found() {
        let looks = Looks::default();
        let refused = looks.get("made up").map(|_| ());
        assert_eq!(refused.expect_err("no such image").code, "not_found");
        let refused = looks.layer("made up", 1).map(|_| ());
        assert_eq!(refused.expect_err("no such layer").code, "not_found");
    }
}
