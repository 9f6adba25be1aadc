//! One file of two images, line by line.

use std::io::Read;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use crate::{Error, ImageFiles};

/// A line of a text, as it is in both files or in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineChange {
    /// In both.
    Same,
    /// Only in the first.
    Removed,
    /// Only in the second.
    Added,
}

/// One file of two images, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextDifference {
    /// The lines of both, in order, without their line breaks.
    Lines(Vec<(LineChange, String)>),
    /// One of them is no text, or longer than is compared.
    NotText,
}

/// Lines that stand together: some that differ, and those around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The lines, in order.
    pub lines: Vec<HunkLine>,
}

/// A line and where it stands in both files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    /// In which of the files it is.
    pub change: LineChange,
    /// Its number in the first, counted from 1; `None` where that has no such line.
    pub number_a: Option<usize>,
    /// Its number in the second.
    pub number_b: Option<usize>,
    /// The line without its break.
    pub text: String,
}

/// Bytes of a text that is compared line by line.
const LONGEST: u64 = 1 << 20;

/// How long the smallest difference is looked for. What is found then is right, too, but larger than it need be.
const PATIENCE: Duration = Duration::from_secs(2);

impl TextDifference {
    /// Groups what differs with up to `around` lines before and after, as `diff -u` does. Nothing where the texts are the same.
    #[must_use]
    pub fn hunks(&self, around: usize) -> Vec<Hunk> {
        let Self::Lines(lines) = self else {
            return Vec::new();
        };
        let differs = |(change, _): &(LineChange, String)| *change != LineChange::Same;
        let mut hunks: Vec<Hunk> = Vec::new();
        let mut from = 0;
        // The numbers of the lines before `from`, in both files.
        let (mut before_a, mut before_b) = (0, 0);
        while let Some(next) = lines[from..].iter().position(differs) {
            let first = from + next;
            let start = first.saturating_sub(around).max(from);
            // The hunk goes on while the next difference is near enough that the lines around both meet.
            let (mut end, mut last) = (first + 1, first);
            while end < lines.len() && end <= last + 2 * around + 1 {
                if differs(&lines[end]) {
                    last = end;
                }
                end += 1;
            }
            let end = (last + 1 + around).min(lines.len());
            let mut hunk = Vec::with_capacity(end - start);
            for (at, (change, text)) in lines.iter().enumerate().take(end).skip(from) {
                before_a += usize::from(*change != LineChange::Added);
                before_b += usize::from(*change != LineChange::Removed);
                if at >= start {
                    hunk.push(HunkLine {
                        change: *change,
                        number_a: (*change != LineChange::Added).then_some(before_a),
                        number_b: (*change != LineChange::Removed).then_some(before_b),
                        text: text.clone(),
                    });
                }
            }
            hunks.push(Hunk { lines: hunk });
            from = end;
        }
        hunks
    }
}

/// Compares a file of both. One that an image lacks is taken as empty.
pub(super) fn difference(
    a: &ImageFiles,
    b: &ImageFiles,
    path: &[u8],
) -> Result<TextDifference, Error> {
    if let (Err(error), Err(_)) = (a.look(path), b.look(path)) {
        return Err(error);
    }
    let (Some(a), Some(b)) = (text(a, path)?, text(b, path)?) else {
        return Ok(TextDifference::NotText);
    };
    let difference = TextDiff::configure().timeout(PATIENCE).diff_lines(&a, &b);
    let lines = difference.iter_all_changes().map(|change| {
        let kind = match change.tag() {
            ChangeTag::Equal => LineChange::Same,
            ChangeTag::Delete => LineChange::Removed,
            ChangeTag::Insert => LineChange::Added,
        };
        let text = change.value().trim_end_matches(['\r', '\n']);
        (kind, text.to_owned())
    });
    Ok(TextDifference::Lines(lines.collect()))
}

/// Reads a text; `None` where it is none or too long.
fn text(files: &ImageFiles, path: &[u8]) -> Result<Option<String>, Error> {
    let reader = match files.read(path) {
        Ok(reader) => reader,
        Err(Error::NoSuchFile { .. }) => return Ok(Some(String::new())),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let mut limited = reader.take(LONGEST + 1);
    let read = limited.read_to_end(&mut bytes);
    read.map_err(|source| files.unreadable(path, source))?;
    let short = bytes.len() as u64 <= LONGEST && !bytes.contains(&0);
    Ok(short.then(|| String::from_utf8(bytes).ok()).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(lines: &str) -> TextDifference {
        let lines = lines.lines().map(|line| {
            let (sign, text) = line.split_at(1);
            let change = match sign {
                "-" => LineChange::Removed,
                "+" => LineChange::Added,
                _ => LineChange::Same,
            };
            (change, text.to_owned())
        });
        TextDifference::Lines(lines.collect())
    }

    /// Writes a line as `A B text`, with a dash for no number.
    fn shown(hunk: &Hunk) -> Vec<String> {
        let number = |number: Option<usize>| number.map_or("-".into(), |it| it.to_string());
        let lines = hunk.lines.iter();
        lines
            .map(|it| {
                format!(
                    "{} {} {}",
                    number(it.number_a),
                    number(it.number_b),
                    it.text
                )
            })
            .collect()
    }

    #[test]
    fn hunks_have_the_lines_around_and_both_numbers() {
        let found = difference(" 1\n 2\n 3\n-4\n+four\n 5\n 6\n 7\n 8\n 9\n+ten").hunks(1);
        assert_eq!(found.len(), 2);
        assert_eq!(shown(&found[0]), ["3 3 3", "4 - 4", "- 4 four", "5 5 5"]);
        assert_eq!(shown(&found[1]), ["9 9 9", "- 10 ten"]);
    }

    #[test]
    fn what_is_near_stands_in_one_hunk() {
        let text = "-1\n 2\n 3\n+4\n 5\n 6\n 7\n-8";
        let found = difference(text).hunks(1);
        assert_eq!(found.len(), 2, "two lines between are the lines around");
        assert_eq!(found[0].lines.len(), 5);
        assert_eq!(difference(text).hunks(2).len(), 1);
        assert_eq!(difference(text).hunks(0).len(), 3);
        assert_eq!(difference(" 1\n 2").hunks(3), []);
        assert_eq!(TextDifference::NotText.hunks(3), []);
    }
}
