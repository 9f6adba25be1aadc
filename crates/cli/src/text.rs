//! Making foreign text safe for a terminal.
//!
//! Names of authors, instructions, labels and what registries answer are written by strangers. A terminal obeys control
//! characters, and bidirectional overrides make text read as something that it is not, so neither is let through.

use std::borrow::Cow;

/// Whether a terminal could obey the character, or be made to show the text in another order.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separator: a line break in disguise.
            | '\u{2028}' | '\u{2029}')
}

/// Writes unsafe characters as `\n`, `\t`, `\r`, `\xNN` or `\u{NNNN}`.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    // Nearly all text is printable ASCII, and that is seen sixteen bytes at a time.
    let plain = text
        .bytes()
        .fold(true, |plain, b| plain & matches!(b, b' '..=b'~'));
    if plain || !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => safe.push_str("\\n"),
            '\t' => safe.push_str("\\t"),
            '\r' => safe.push_str("\\r"),
            c if is_unsafe(c) && u32::from(c) < 0x80 => {
                safe.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c if is_unsafe(c) => safe.push_str(&format!("\\u{{{:04x}}}", u32::from(c))),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// Escapes each line of a text of our own that has foreign words in it, and keeps its line breaks.
pub(crate) fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
}

/// Cuts a text to so many characters, the last of them an ellipsis, as docker does.
pub(crate) fn shortened(text: &str, characters: usize) -> Cow<'_, str> {
    match text.char_indices().nth(characters) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(characters.saturating_sub(1)).collect();
            Cow::Owned(kept + "…")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(escaped("plain ünï 🐳"), "plain ünï 🐳");
        assert_eq!(escaped("\x1b[2Jgone\u{9b}31m"), "\\x1b[2Jgone\\u{009b}31m");
        assert_eq!(
            escaped("a\u{202e}b\u{2066}c\u{200f}"),
            "a\\u{202e}b\\u{2066}c\\u{200f}"
        );
        assert_eq!(
            escaped("one\ntwo\tthree\r\x7f"),
            "one\\ntwo\\tthree\\r\\x7f"
        );
        assert_eq!(escaped_lines("one\ntwo\x07"), "one\ntwo\\x07");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(shortened("12345", 5), "12345");
        assert_eq!(shortened("123456", 5), "1234…");
        assert_eq!(shortened("ääääää", 5), "ääää…");
    }
}
