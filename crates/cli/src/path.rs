//! Paths inside images: bytes that need not be UTF-8.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Writes a path with a slash in front, and bytes that are not UTF-8 as `\xNN`.
pub(crate) fn absolute(path: &[u8]) -> String {
    format!("/{}", text(path))
}

/// Writes a name or a link's target, bytes that are not UTF-8 as `\xNN`.
pub(crate) fn text(path: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(path) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(path.len() + 16);
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    Cow::Owned(text)
}

/// Returns the absolute path in base 64 where its text does not give it back.
pub(crate) fn bytes(path: &[u8]) -> Option<String> {
    std::str::from_utf8(path)
        .is_err()
        .then(|| STANDARD.encode([b"/", path].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bytes_are_spelled_out_and_kept_beside() {
        assert_eq!(absolute(b"a/\xffb"), "/a/\\xffb");
        assert_eq!(bytes(b"a/\xffb").as_deref(), Some("L2Ev/2I="));
        assert_eq!(absolute("ä".as_bytes()), "/ä");
        assert_eq!(bytes("ä".as_bytes()), None);
    }
}
