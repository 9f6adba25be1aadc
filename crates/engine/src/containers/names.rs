//! Names of containers that nobody named: a quality and a thing from a harbour.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use oci::Digest;
use store::ContainerId;

use crate::Error;

const QUALITIES: [&str; 32] = [
    "able", "amber", "brave", "brisk", "calm", "clear", "coral", "deep", "eager", "early", "fair",
    "gentle", "glad", "grand", "keen", "kind", "light", "lively", "lucky", "mellow", "merry",
    "neat", "noble", "placid", "proud", "quick", "quiet", "ready", "silver", "steady", "swift",
    "warm",
];

const THINGS: [&str; 32] = [
    "anchor", "barge", "beacon", "boom", "bow", "bridge", "buoy", "cable", "capstan", "cargo",
    "crane", "deck", "dock", "ferry", "gull", "harbour", "helm", "hull", "jetty", "keel", "knot",
    "lantern", "mast", "pier", "pilot", "quay", "rudder", "sail", "sluice", "tide", "tug", "wharf",
];

/// Draws a number. The standard library seeds every such state at random.
fn draw() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Makes an ID that nobody has.
pub(super) fn new_id() -> Result<ContainerId, Error> {
    let drawn: Vec<u8> = (0..8).flat_map(|_| draw().to_le_bytes()).collect();
    Digest::sha256(&drawn)
        .hex()
        .parse()
        .map_err(|error: store::ContainerIdError| Error::Internal(error.to_string()))
}

/// Makes a name, with a number from the second try on.
pub(super) fn new_name(attempt: u32) -> String {
    let pick = |list: &[&'static str; 32]| list[usize::try_from(draw() % 32).unwrap_or_default()];
    let name = format!("{}_{}", pick(&QUALITIES), pick(&THINGS));
    match attempt {
        0 => name,
        more => format!("{name}{more}"),
    }
}

/// Tells whether a text is a name by docker's rule: two characters or more, of which the first is a letter or a digit.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let word = |byte: u8| byte.is_ascii_alphanumeric();
    let mut bytes = name.bytes();
    let good = bytes.next().is_some_and(word)
        && name.len() >= 2
        && name.len() <= 255
        && bytes.all(|byte| word(byte) || matches!(byte, b'_' | b'.' | b'-'));
    match good {
        true => Ok(()),
        false => Err(Error::BadContainerName {
            name: name.chars().take(300).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dockers() {
        for good in ["a1", "web-1", "A.b_c", &new_name(0), &new_name(7)] {
            check(good).unwrap();
        }
        for bad in ["", "a", "-a", "a b", "a/b", "ä1", ".."] {
            check(bad).unwrap_err();
        }
        assert_ne!(new_id().unwrap(), new_id().unwrap());
    }
}
