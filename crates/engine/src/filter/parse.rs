//! Reading and writing filters.

use crate::filter::{Comparison, Filter, FilterError, Glob, Term, Until, parse_size};

/// Reads one `key=value` of the command line.
pub(super) fn pair(text: &str) -> Result<Term, FilterError> {
    // `size>1MB` has no `=` of its own, and `size>=1MB` one that is not the separator.
    if let Some(term) = size(text) {
        return term;
    }
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| FilterError::NoValue(text.into()))?;
    known(key, value).unwrap_or_else(|| Err(FilterError::UnknownKey(key.into())))
}

/// Reads what stands in the window's box.
pub(super) fn query(text: &str) -> Result<Filter, FilterError> {
    let terms = words(text)
        .into_iter()
        .map(term)
        .collect::<Result<_, _>>()?;
    Ok(Filter { terms })
}

/// A word of the box, and whether it was quoted from its beginning, so that it can only be text.
struct Word {
    text: String,
    literal: bool,
}

fn term(word: Word) -> Result<Term, FilterError> {
    if word.literal {
        return Ok(Term::Text(word.text));
    }
    if let Some(term) = size(&word.text) {
        return term;
    }
    let split = word.text.find([':', '=']);
    let keyed = split.and_then(|at| known(&word.text[..at], &word.text[at + 1..]));
    keyed.unwrap_or(Ok(Term::Text(word.text)))
}

/// Splits at white space; quotes hold a word together, and a backslash takes a quote or a backslash literally inside them.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|next| next.is_whitespace()).is_some() {}
        let Some(&first) = rest.peek() else {
            return words;
        };
        let mut word = Word {
            text: String::new(),
            literal: first == '"',
        };
        let mut quoted = false;
        while let Some(next) = rest.next_if(|next| quoted || !next.is_whitespace()) {
            match next {
                '"' => quoted = !quoted,
                '\\' if quoted => word.text.extend(rest.next()),
                other => word.text.push(other),
            }
        }
        if !word.text.is_empty() {
            words.push(word);
        }
    }
}

/// Writes a term so that [`query`] reads the same again.
pub(super) fn quoted(term: &Term) -> String {
    let plain = term.to_string();
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    if let Term::Text(text) = term {
        return format!("\"{}\"", escape(text));
    }
    if !plain.contains(|c: char| c.is_whitespace() || c == '"') {
        return plain;
    }
    // Only keyed terms come here, so there is a key that can stand before the quote.
    let (key, value) = plain.split_once(':').unwrap_or(("", &plain));
    format!("{key}:\"{}\"", escape(value))
}

/// Reads `size>1MB` and its like; `None` where the text is no comparison of sizes.
fn size(text: &str) -> Option<Result<Term, FilterError>> {
    let rest = text.strip_prefix("size")?;
    let signs = [
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
        ("=", Comparison::Equal),
        (":<=", Comparison::LessOrEqual),
        (":>=", Comparison::GreaterOrEqual),
        (":<", Comparison::Less),
        (":>", Comparison::Greater),
        (":", Comparison::Equal),
    ];
    signs.into_iter().find_map(|(sign, comparison)| {
        let value = rest.strip_prefix(sign)?;
        Some(parse_size("size", value).map(|bytes| Term::Size(comparison, bytes)))
    })
}

/// Reads the value of a key; `None` where there is no such key.
fn known(key: &str, value: &str) -> Option<Result<Term, FilterError>> {
    let bad = |expected| FilterError::BadValue {
        key: key.into(),
        value: value.into(),
        expected,
    };
    let text = |expected| {
        if value.is_empty() {
            Err(bad(expected))
        } else {
            Ok(value.to_owned())
        }
    };
    Some(match key {
        "reference" | "ref" => Glob::new(value)
            .filter(|_| !value.is_empty())
            .map(Term::Reference)
            .ok_or_else(|| bad("a name, in which * stands for anything but a slash")),
        "label" => label(value)
            .map(|(key, value)| Term::Label { key, value })
            .ok_or_else(|| bad("a label, or LABEL=VALUE")),
        "label!" => label(value)
            .map(|(key, value)| Term::NotLabel { key, value })
            .ok_or_else(|| bad("a label, or LABEL=VALUE")),
        "dangling" => truth(value)
            .map(Term::Dangling)
            .ok_or_else(|| bad("true or false")),
        "in-use" => truth(value)
            .map(Term::InUse)
            .ok_or_else(|| bad("true or false")),
        "platform" => text("a platform such as linux/arm64").map(Term::Platform),
        "before" => text("an image").map(Term::Before),
        "since" => text("an image").map(Term::Since),
        "until" => until(value)
            .map(Term::Until)
            .ok_or_else(|| bad("an age such as 24h, or a time such as 2026-01-31T12:00:00Z")),
        _ => return None,
    })
}

fn label(value: &str) -> Option<(String, Option<String>)> {
    let (key, value) = match value.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (value, None),
    };
    (!key.is_empty()).then(|| (key.to_owned(), value))
}

/// docker takes what Go's `strconv.ParseBool` takes.
fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" => Some(true),
        "0" | "f" | "false" => Some(false),
        _ => None,
    }
}

/// An age in Go's form (`1h30m`), an RFC 3339 time, or a date.
fn until(value: &str) -> Option<Until> {
    if let Ok(moment) = value.parse() {
        return Some(Until::Moment(moment));
    }
    if let Ok(moment) = format!("{value}T00:00:00Z").parse() {
        return Some(Until::Moment(moment));
    }
    let mut seconds: i64 = 0;
    let mut rest = value;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes().get(digits)? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    Some(Until::Age(seconds))
}
