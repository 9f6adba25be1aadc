//! Comparisons that the window shows, kept in Rust so that it can look closer at a part of one.

use std::sync::Arc;

use engine::ComparedImages;

use crate::Failure;
use crate::named::Named;

/// More than are on screen at once. Each holds the names of all files of two images.
const MOST: usize = 2;

/// The comparisons that were shown last. The page never says what is to be read, only of which comparison.
pub(crate) struct Comparisons(Named<Arc<ComparedImages>>);

impl Default for Comparisons {
    fn default() -> Self {
        Self(Named::at_most(MOST))
    }
}

impl Comparisons {
    /// Keeps a comparison and returns its name.
    pub(crate) fn keep(&self, compared: Arc<ComparedImages>) -> String {
        self.0.keep(compared)
    }

    /// Returns a comparison, as often as it is asked for.
    ///
    /// # Errors
    /// `not_found` when there is no comparison of that name any more.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<ComparedImages>, Failure> {
        self.0.get(id).ok_or_else(|| {
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
