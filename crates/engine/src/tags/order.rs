//! The order of tags by version: a pure function, for lists of ten thousand.

use std::cmp::Ordering;

use oci::Tag;

/// Compares two tags so that a list begins with what is likely wanted: `latest`, then versions, the highest first, then words.
///
/// Numbers count as numbers (`1.10` is after `1.9`), a `v` in front of one means nothing, and a version without anything behind
/// it is higher than the same with a word (`1.0` than `1.0-rc1`), but `1.27.3` is higher than `1.27`.
#[must_use]
pub fn by_version(one: &Tag, other: &Tag) -> Ordering {
    let rank = |tag: &Tag| match tag.as_str() {
        "latest" => 0,
        text if starts_as_version(text) => 1,
        _ => 2,
    };
    let (one_rank, other_rank) = (rank(one), rank(other));
    let (one, other) = (one.as_str(), other.as_str());
    one_rank
        .cmp(&other_rank)
        .then_with(|| match one_rank {
            1 => compare(unprefixed(other), unprefixed(one)),
            _ => compare(one, other),
        })
        .then_with(|| one.cmp(other))
}

fn unprefixed(text: &str) -> &str {
    match text.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    }
}

fn starts_as_version(text: &str) -> bool {
    unprefixed(text).starts_with(|c: char| c.is_ascii_digit())
}

/// Compares piece by piece: runs of digits by their value, everything else by its letters.
fn compare(mut one: &str, mut other: &str) -> Ordering {
    loop {
        match (one.is_empty(), other.is_empty()) {
            (true, true) => return Ordering::Equal,
            // A further number is a later version, a further word an earlier one.
            (true, false) => return further(other).reverse(),
            (false, true) => return further(one),
            (false, false) => {}
        }
        let (a, rest_a) = piece(one);
        let (b, rest_b) = piece(other);
        let order = match (is_number(a), is_number(b)) {
            (true, true) => number(a).cmp(&number(b)),
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            // What ends here is before what goes on with a word, as above.
            (false, false) if a != b && (a.starts_with('.') != b.starts_with('.')) => {
                match a.starts_with('.') {
                    true => Ordering::Greater,
                    false => Ordering::Less,
                }
            }
            (false, false) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (rest_a, rest_b);
    }
}

fn further(rest: &str) -> Ordering {
    let next = rest.trim_start_matches(['.', '_']);
    match next.len() < rest.len() && next.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ordering::Greater,
        false => Ordering::Less,
    }
}

/// Cuts the run of digits, or of anything else, off the front.
fn piece(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| c.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}

fn is_number(piece: &str) -> bool {
    piece.starts_with(|c: char| c.is_ascii_digit())
}

/// A number of any length, fit to be compared: its length without zeros in front, and its digits.
fn number(piece: &str) -> (usize, &str) {
    let digits = piece.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(text: &str) -> Tag {
        text.parse().expect("a tag")
    }

    #[test]
    fn versions_are_sorted_as_people_count() {
        let mut tags: Vec<Tag> = [
            "1.9",
            "alpine",
            "1.10",
            "v2.0.0",
            "1.27",
            "1.27.3",
            "latest",
            "2.0.0-rc1",
            "2.0.0",
            "1.27-alpine",
            "20240101",
            "edge",
            "10",
            "1.27.3-alpine",
        ]
        .map(tag)
        .to_vec();
        tags.sort_by(by_version);
        let sorted: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        assert_eq!(
            sorted,
            [
                "latest",
                "20240101",
                "10",
                "2.0.0",
                "v2.0.0",
                "2.0.0-rc1",
                "1.27.3",
                "1.27.3-alpine",
                "1.27",
                "1.27-alpine",
                "1.10",
                "1.9",
                "alpine",
                "edge"
            ]
        );
    }

    proptest! {
        #[test]
        fn it_is_an_order(texts in proptest::collection::vec("[v0-9a-z][v0-9a-z._-]{0,8}", 3)) {
            let tags: Vec<Tag> = texts.iter().map(|text| tag(text)).collect();
            let (a, b, c) = (&tags[0], &tags[1], &tags[2]);
            prop_assert_eq!(by_version(a, b), by_version(b, a).reverse());
            prop_assert_eq!(by_version(a, a), Ordering::Equal);
            if by_version(a, b) != Ordering::Greater && by_version(b, c) != Ordering::Greater {
                prop_assert_ne!(by_version(a, c), Ordering::Greater);
            }
        }
    }
}
