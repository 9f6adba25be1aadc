//! Paths of an image or a container on their way to the page and back: bytes, which need not be UTF-8.

use std::fmt::Write as _;

use crate::Failure;

/// Begins the key of a path that is no UTF-8. No path holds this character, so no other key begins so.
const ODD: char = '\0';

/// Returns what names a path to the commands: its text, or, where that would not give it back, its bytes in hexadecimal.
pub(in crate::commands) fn key(path: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(path) {
        return text.to_owned();
    }
    let mut key = String::from(ODD);
    for byte in path {
        write!(key, "{byte:02x}").expect("a text takes everything");
    }
    key
}

/// Returns the path of a key.
///
/// # Errors
/// `usage`, for what no command gave out.
pub(in crate::commands) fn bytes(key: &str) -> Result<Vec<u8>, Failure> {
    let Some(digits) = key.strip_prefix(ODD) else {
        return Ok(key.as_bytes().to_vec());
    };
    let digit = |digit: &u8| {
        let value = char::from(*digit).to_digit(16)?;
        u8::try_from(value).ok()
    };
    let values: Option<Vec<u8>> = digits.as_bytes().iter().map(digit).collect();
    let values = values.filter(|values| values.len() % 2 == 0);
    let bytes = values.map(|values| {
        values
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    });
    bytes.ok_or_else(|| Failure::new("usage", "That is no path of an image."))
}

/// Writes a path or a name for reading, in one line: bytes that are no UTF-8 as `\xNN`, line feeds and tabs as `\n` and `\t`.
pub(in crate::commands) fn spelled(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        // A name is one line, whatever it holds.
        text.push_str(&chunk.valid().replace('\n', "\\n").replace('\t', "\\t"));
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a text takes everything");
        }
    }
    text
}

/// Writes a path for reading, from the root on.
pub(in crate::commands) fn absolute(path: &[u8]) -> String {
    format!("/{}", spelled(path))
}

/// Returns the folder that a path is in; the root is in itself.
pub(in crate::commands) fn folder(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    &path[..slash.unwrap_or_default()]
}

/// Returns the last name of a path.
pub(in crate::commands) fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back_from_its_key() {
        for path in ["", "etc/passwd", "a\\xff", "ä/\u{202e}"] {
            assert_eq!(
                bytes(&key(path.as_bytes())).expect("a path"),
                path.as_bytes()
            );
        }
        assert_eq!(spelled(b"a\nb\tc"), "a\\nb\\tc");
        let odd = b"srv/\xff\x00n";
        assert_eq!(bytes(&key(odd)).expect("a path"), odd);
        assert_eq!(spelled(odd), "srv/\\xff\0n");
        assert_eq!(absolute(name(odd)), "/\\xff\0n");
        for nonsense in ["\0f", "\0zz", "\0\u{e4}"] {
            assert_eq!(bytes(nonsense).expect_err(nonsense).code, "usage");
        }
    }
}
