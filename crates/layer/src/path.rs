//! Names of entries as places in a tree.

use crate::error::PathProblem;

/// The prefix of names that remove something ([OCI image-spec, layer.md], "Whiteouts").
///
/// [OCI image-spec, layer.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
const WHITEOUT: &[u8] = b".wh.";

/// The prefix of names that only AUFS gave a meaning; but for the opaque marker they say nothing about the tree.
const RESERVED: &[u8] = b".wh..wh.";

const OPAQUE: &[u8] = b".wh..wh..opq";

/// What an entry does to the tree, told from its name alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// It is something at this place; no component means the root.
    Place(Vec<&'a [u8]>),
    /// It removes what the layers below have at this place.
    Whiteout(Vec<&'a [u8]>),
    /// It hides all that the layers below have in this folder.
    Opaque(Vec<&'a [u8]>),
    /// It says nothing.
    Nothing,
}

/// Splits a path at its slashes and resolves `.` and `..` by the text alone, never above the root.
///
/// So `/abs`, `./abs` and `x/../../abs` are one place: what Go's `path.Clean("/" + name)` gives, which the other tools use.
pub(crate) fn components(path: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts
}

/// Tells whether a name has a meaning of its own.
pub(crate) fn is_marked(name: &[u8]) -> bool {
    name.starts_with(WHITEOUT)
}

/// Tells what an entry of this name does.
///
/// A bare `.wh.`, and whiteouts of `.` and `..`, are refused: other tools took them for the folder around them and removed that
/// (anchore/stereoscope#647).
pub(crate) fn purpose(path: &[u8]) -> Result<Purpose<'_>, PathProblem> {
    let mut parts = components(path);
    let Some((&name, folders)) = parts.split_last() else {
        return Ok(Purpose::Place(parts));
    };
    if folders.iter().any(|folder| is_marked(folder)) {
        return Ok(Purpose::Nothing);
    }
    let Some(removed) = name.strip_prefix(WHITEOUT) else {
        return Ok(Purpose::Place(parts));
    };
    if name == OPAQUE {
        parts.pop();
        return Ok(Purpose::Opaque(parts));
    }
    if matches!(removed, b"" | b"." | b"..") {
        return Err(PathProblem::BareWhiteout);
    }
    if name.starts_with(RESERVED) {
        return Ok(Purpose::Nothing);
    }
    parts.pop();
    parts.push(removed);
    Ok(Purpose::Whiteout(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_never_leave_the_root() {
        for (path, parts) in [
            ("", vec![]),
            ("/", vec![]),
            ("./", vec![]),
            ("a/b", vec!["a", "b"]),
            ("/a//b/", vec!["a", "b"]),
            ("./a/./b", vec!["a", "b"]),
            ("a/../../esc", vec!["esc"]),
            ("../../..", vec![]),
            ("...", vec!["..."]),
        ] {
            let parts: Vec<&[u8]> = parts.into_iter().map(str::as_bytes).collect();
            assert_eq!(components(path.as_bytes()), parts, "{path}");
        }
    }

    #[test]
    fn names_with_a_mark_do_what_the_specification_says() {
        let place = |parts: &[&'static str]| parts.iter().map(|part| part.as_bytes()).collect();
        for (path, wanted) in [
            ("a/b", Ok(Purpose::Place(place(&["a", "b"])))),
            ("a/.wh.b", Ok(Purpose::Whiteout(place(&["a", "b"])))),
            (".wh..b", Ok(Purpose::Whiteout(place(&[".b"])))),
            ("a/.wh..wh..opq", Ok(Purpose::Opaque(place(&["a"])))),
            (".wh..wh..opq", Ok(Purpose::Opaque(place(&[])))),
            (".wh..wh.aufs", Ok(Purpose::Nothing)),
            (".wh..wh.plnk/1.2", Ok(Purpose::Nothing)),
            ("a/.wh.", Err(PathProblem::BareWhiteout)),
            ("a/.wh..", Err(PathProblem::BareWhiteout)),
            ("a/.wh...", Err(PathProblem::BareWhiteout)),
            // The misspelt marker of composefs/composefs-rs#205.
            (".wh..wh.opq", Ok(Purpose::Nothing)),
        ] {
            assert_eq!(purpose(path.as_bytes()), wanted, "{path}");
        }
    }
}
