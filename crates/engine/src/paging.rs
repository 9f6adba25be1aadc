//! How a registry's list is followed from page to page: each entry once, and not in circles.

use std::collections::HashSet;
use std::hash::Hash;

/// The most pages that are followed.
const MAX_PAGES: usize = 1000;

/// The most entries that are listed.
const MAX_ENTRIES: usize = 200_000;

/// A list that comes in pages. A registry can lead in circles, repeat itself or never end.
pub(crate) struct Listed<T> {
    seen: HashSet<T>,
    pages: usize,
}

impl<T: Clone + Eq + Hash> Listed<T> {
    pub(crate) fn new() -> Self {
        Self {
            seen: HashSet::new(),
            pages: 0,
        }
    }

    /// Takes a page, and returns what of it is new.
    pub(crate) fn take(&mut self, page: Vec<T>) -> Vec<T> {
        self.pages += 1;
        let mut fresh = page;
        fresh.retain(|entry| self.seen.len() < MAX_ENTRIES && self.seen.insert(entry.clone()));
        fresh
    }

    /// Tells whether the next page is worth asking for, after a page of which `fresh` was new.
    pub(crate) fn goes_on(&self, fresh: &[T]) -> bool {
        !fresh.is_empty() && self.pages < MAX_PAGES && self.seen.len() < MAX_ENTRIES
    }

    pub(crate) fn into_entries(self) -> Vec<T> {
        self.seen.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_told_once_and_circles_end() {
        let mut listed = Listed::new();
        let first = listed.take(vec!["a", "b", "a"]);
        assert_eq!(first, ["a", "b"]);
        assert!(listed.goes_on(&first));
        let second = listed.take(vec!["b", "c"]);
        assert_eq!(second, ["c"]);
        assert!(listed.goes_on(&second));
        let again = listed.take(vec!["a", "b"]);
        assert!(!listed.goes_on(&again), "it has come around");
        let mut all = listed.into_entries();
        all.sort_unstable();
        assert_eq!(all, ["a", "b", "c"]);
    }

    #[test]
    fn a_list_without_an_end_ends() {
        let mut listed = Listed::new();
        for page in 0.. {
            let fresh = listed.take(vec![page]);
            if !listed.goes_on(&fresh) {
                break;
            }
        }
        assert_eq!(listed.into_entries().len(), MAX_PAGES);
        let mut listed = Listed::new();
        let fresh = listed.take((0..=MAX_ENTRIES).collect());
        assert!(!listed.goes_on(&fresh));
        assert_eq!(fresh.len(), MAX_ENTRIES);
    }
}
