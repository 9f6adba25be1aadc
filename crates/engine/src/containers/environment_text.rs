//! Environment variables as a person writes them: one a line, but that a value in quotes may go on.

use super::shell_words;

/// Reads variables, one a line, but for values in quotes that go on.
pub(super) fn entries(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let line = rest[..end].trim();
        let value = line
            .find('=')
            .map(|at| &rest[rest.find('=').unwrap_or(at) + 1..]);
        let quoted = value.and_then(|value| {
            let (word, length) = shell_words::quoted_word(value)?;
            let behind = &value[length..];
            let end = behind.find('\n').unwrap_or(behind.len());
            let (ending, next) = behind.split_at(end);
            // Something behind the last quote: then the quotes are part of the value.
            ending.trim().is_empty().then_some((word, next))
        });
        let (entry, next) = match quoted {
            Some((word, next)) => {
                let name = line.split('=').next().unwrap_or_default();
                (format!("{name}={word}"), next)
            }
            None => (line.to_owned(), &rest[end..]),
        };
        if !entry.is_empty() {
            entries.push(entry);
        }
        rest = next.strip_prefix('\n').unwrap_or(next);
    }
    entries
}

/// Writes variables so that [`entries`] reads the same ones.
pub(super) fn lines(environment: &[String]) -> String {
    let line = |entry: &String| match entry.split_once('=') {
        Some((name, value))
            if value.contains('\n') || value.starts_with(['\'', '"']) || value.trim() != value =>
        {
            format!("{name}='{}'", value.replace('\'', r"'\''"))
        }
        _ => entry.clone(),
    };
    environment.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_quotes_may_go_on_and_any_other_is_as_it_is_written() {
        for (text, wanted) in [
            ("A='one\n two'\nB=1", &["A=one\n two", "B=1"][..]),
            (" A=\"x \\\" y\" \n", &["A=x \" y"]),
            ("A='x'\\''y'", &["A=x'y"]),
            ("A='tis\nB=it's", &["A='tis", "B=it's"]),
            ("A=\"x\" and \"y\"", &["A=\"x\" and \"y\""]),
            ("A=it's\r\nB='", &["A=it's", "B='"]),
            ("A=''", &["A="]),
        ] {
            assert_eq!(entries(text), wanted, "{text}");
            let again: Vec<String> = wanted.iter().map(|&entry| entry.to_owned()).collect();
            assert_eq!(entries(&lines(&again)), wanted, "{text}");
        }
    }
}
