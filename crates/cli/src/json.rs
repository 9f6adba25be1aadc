//! JSON that is safe to look at.
//!
//! JSON may hold any character, but a terminal does not know that it is looking at data. What
//! [`crate::text::is_unsafe`] names is therefore written as `\uNNNN`: the same document to a program.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::text::is_unsafe;

struct Safe<F>(F);

/// Passes everything to the inner formatter, but for string fragments.
macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl<F: Formatter> Formatter for Safe<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !fragment.chars().any(is_unsafe) {
            return writer.write_all(fragment.as_bytes());
        }
        for character in fragment.chars() {
            let mut units = [0; 2];
            if is_unsafe(character) {
                for unit in character.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                write!(writer, "{character}")?;
            }
        }
        Ok(())
    }

    forward! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }
}

/// Writes a document for programs and people: indented, with a line break at the end.
pub(crate) fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let mut writer = serde_json::Serializer::with_formatter(
        &mut *out,
        Safe(PrettyFormatter::with_indent(b"  ")),
    );
    document.serialize(&mut writer)?;
    out.write_all(b"\n")
}

/// Writes a document on one line, without a line break.
pub(crate) fn to_line(document: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, Safe(CompactFormatter));
    match document.serialize(&mut writer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        // Our documents have string keys and no foreign serialisers: there is nothing in them that could fail.
        Err(error) => format!("\"{error}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unsafe_characters_are_escaped_and_read_back_as_they_were() {
        let document = json!({"a": "x\u{202e}\u{9b}\u{7f}\u{1b}", "b\u{2066}": ["ü", 1, null]});
        let line = to_line(&document);
        assert_eq!(
            line,
            r#"{"a":"x\u202e\u009b\u007f\u001b","b\u2066":["ü",1,null]}"#
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            document
        );

        let mut out = Vec::new();
        write(&mut out, &document).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\n  \"a\": \"x\\u202e\\u009b\\u007f\\u001b\",\n  \"b\\u2066\": [\n    \"ü\",\n    1,\n    null\n  ]\n}\n"
        );
    }
}
