//! Trees as they were drawn last, so that the next page of one is only looked up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use engine::{ImageFiles, Outline, OutlineQuery};

/// Two tabs of an image, each with one tree and the one that it was before a folder opened.
const KEPT: usize = 4;

/// The trees that were drawn last, the oldest first. Cloning gives the same ones.
#[derive(Clone, Default)]
pub(crate) struct Outlines {
    kept: Arc<Mutex<VecDeque<Drawn>>>,
}

struct Drawn {
    files: ImageFiles,
    query: OutlineQuery,
    outline: Arc<Outline>,
}

impl Outlines {
    /// Returns the tree that a query asks for, and draws it where it was not the one before.
    ///
    /// # Errors
    /// As [`ImageFiles::outline`].
    pub(crate) fn of(
        &self,
        files: &ImageFiles,
        query: &OutlineQuery,
    ) -> Result<Arc<Outline>, engine::Error> {
        if let Some(outline) = self.known(files, query) {
            return Ok(outline);
        }
        let outline = Arc::new(files.outline(query)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A container that was changed since has no use for the trees of before.
        kept.retain(|drawn| {
            drawn.files.manifest() != files.manifest() || drawn.files.is_same(files)
        });
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Drawn {
            files: files.clone(),
            query: query.clone(),
            outline: outline.clone(),
        });
        Ok(outline)
    }

    fn known(&self, files: &ImageFiles, query: &OutlineQuery) -> Option<Arc<Outline>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept
            .iter()
            .position(|drawn| drawn.files.is_same(files) && drawn.query == *query)?;
        let drawn = kept.remove(at)?;
        let outline = drawn.outline.clone();
        kept.push_back(drawn);
        Some(outline)
    }
}
