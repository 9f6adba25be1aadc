//! Comparisons that the window shows, kept in Rust so that it can look closer at a part of one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use engine::ComparedImages;

use crate::Failure;
use crate::plans::nonce;

/// More than are on screen at once. Each holds the names of all files of two images; the oldest goes first.
const KEPT: usize = 2;

/// The comparisons that were shown last.
///
/// The window gets a name for a comparison and can only give that back: it never says what is to be read.
#[derive(Default)]
pub(crate) struct Comparisons {
    kept: Mutex<VecDeque<(String, Arc<ComparedImages>)>>,
}

impl Comparisons {
    /// Keeps a comparison and returns its name, which nobody can guess.
    pub(crate) fn keep(&self, compared: Arc<ComparedImages>) -> String {
        let id = nonce();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((id.clone(), compared));
        id
    }

    /// Returns a comparison, as often as it is asked for.
    ///
    /// # Errors
    /// `not_found` when there is no comparison of that name any more.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<ComparedImages>, Failure> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(name, _)| name == id);
        found
            .map(|(_, compared)| Arc::clone(compared))
            .ok_or_else(|| {
                Failure::new("not_found", "This comparison was made too long ago.")
                    .with_hint("Compare the images again.")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_comparison_is_not_found() {
        let refused = Comparisons::default().get("made up").map(|_| ());
        assert_eq!(refused.expect_err("no such comparison").code, "not_found");
    }
}
