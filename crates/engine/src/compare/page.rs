//! A part of the files that differ, as a list shows it.

use super::{Comparison, FileDifference};
use crate::FileChange;

/// Which files that differ are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifferenceQuery {
    /// Only paths that have all these words in them, upper and lower case alike.
    pub words: String,
    /// Only those that this became of; `None` = all.
    pub change: Option<FileChange>,
    /// The order.
    pub sort: DifferenceSort,
    /// The first row, counted from 0.
    pub offset: usize,
    /// Rows at most.
    pub limit: usize,
}

/// An order of files that differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DifferenceSort {
    /// By path, a folder before what is in it.
    #[default]
    Path,
    /// By how many bytes the difference makes, the most first.
    Bytes,
}

/// A part of the files that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DifferencesPage {
    /// The rows, each with its place in [`Comparison::files`].
    pub rows: Vec<(usize, FileDifference)>,
    /// How many rows there are in all.
    pub total: usize,
    /// Of the files that have the words, how many were added, changed and removed.
    pub counts: [usize; 3],
}

impl FileDifference {
    /// Writes its path for people, with a slash in front: `\xNN` for bytes that are no UTF-8.
    #[must_use]
    pub fn shown(&self) -> String {
        crate::files::escaped(&self.path)
    }

    /// Returns how many bytes the second has more than the first, or less.
    #[must_use]
    pub fn growth(&self) -> i64 {
        let bytes = |size: Option<u64>| i64::try_from(size.unwrap_or_default()).unwrap_or(i64::MAX);
        bytes(self.size_b).saturating_sub(bytes(self.size_a))
    }
}

impl Comparison {
    /// Lists a part of the files that differ.
    #[must_use]
    pub fn files_page(&self, query: &DifferenceQuery) -> DifferencesPage {
        let words: Vec<Vec<u8>> = query
            .words
            .split_whitespace()
            .map(|word| word.to_ascii_lowercase().into_bytes())
            .collect();
        let mut counts = [0; 3];
        let mut found: Vec<usize> = Vec::new();
        for (at, file) in self.files.iter().enumerate() {
            if !words.iter().all(|word| has_word(&file.path, word)) {
                continue;
            }
            counts[match file.change {
                FileChange::Added => 0,
                FileChange::Changed => 1,
                FileChange::Removed => 2,
            }] += 1;
            if query.change.is_none_or(|change| change == file.change) {
                found.push(at);
            }
        }
        if query.sort == DifferenceSort::Bytes {
            // Stable, so that what makes the same difference stays in the order of the paths.
            found.sort_by_key(|&at| std::cmp::Reverse(self.files[at].growth().unsigned_abs()));
        }
        let wanted = found.iter().skip(query.offset).take(query.limit);
        DifferencesPage {
            rows: wanted.map(|&at| (at, self.files[at].clone())).collect(),
            total: found.len(),
            counts,
        }
    }
}

fn has_word(path: &[u8], word: &[u8]) -> bool {
    path.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison() -> Comparison {
        let file = |path: &str, change, size_a, size_b| FileDifference {
            path: path.into(),
            change,
            size_a,
            size_b,
        };
        Comparison {
            files: vec![
                file("etc/Motd", FileChange::Changed, Some(10), Some(12)),
                file("etc/passwd", FileChange::Removed, Some(900), None),
                file("usr/bin/tool", FileChange::Added, None, Some(5000)),
                file("usr/bin/zero", FileChange::Added, None, Some(0)),
            ],
            ..Comparison::default()
        }
    }

    fn paths(query: &DifferenceQuery) -> (Vec<usize>, usize, [usize; 3]) {
        let page = comparison().files_page(query);
        let places = page.rows.iter().map(|(at, _)| *at).collect();
        (places, page.total, page.counts)
    }

    #[test]
    fn a_page_is_filtered_sorted_and_counted() {
        let all = DifferenceQuery {
            limit: 10,
            ..DifferenceQuery::default()
        };
        assert_eq!(paths(&all), (vec![0, 1, 2, 3], 4, [2, 1, 1]));
        let by_bytes = DifferenceQuery {
            sort: DifferenceSort::Bytes,
            offset: 1,
            limit: 2,
            ..all.clone()
        };
        assert_eq!(paths(&by_bytes), (vec![1, 0], 4, [2, 1, 1]));
        let added = DifferenceQuery {
            change: Some(FileChange::Added),
            ..all.clone()
        };
        assert_eq!(paths(&added), (vec![2, 3], 2, [2, 1, 1]));
        let words = DifferenceQuery {
            words: " ETC mot".into(),
            ..all
        };
        assert_eq!(paths(&words), (vec![0], 1, [0, 1, 0]));
    }
}
