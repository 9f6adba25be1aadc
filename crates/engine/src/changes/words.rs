//! The words of an instruction: quotes, escapes, and variables.

use super::ChangeError;

/// A name and a value, still with quotes and variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Cuts at white space that is not in quotes and not escaped. Quotes and escapes stay.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, space) if space.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            // In single quotes nothing is escaped.
            (None | Some('"'), '\\') => {
                word.push('\\');
                word.extend(characters.next());
                continue;
            }
            _ => {}
        }
        word.push(character);
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Reads `NAME=VALUE …`, or the old form `NAME VALUE`, whose value is the rest of the line.
pub(super) fn pairs(instruction: &'static str, text: &str) -> Result<Vec<Pair>, ChangeError> {
    let words = split(text);
    let Some(first) = words.first() else {
        return Err(ChangeError::Wants {
            instruction,
            wants: "at least one argument",
        });
    };
    if !first.contains('=') {
        let (name, value) = text
            .split_once(char::is_whitespace)
            .ok_or(ChangeError::Wants {
                instruction,
                wants: "a name and a value",
            })?;
        return Ok(vec![Pair {
            name: name.to_owned(),
            value: value.trim().to_owned(),
        }]);
    }
    words
        .iter()
        .map(|word| match word.split_once('=') {
            Some(("", _)) | None => Err(ChangeError::Word {
                instruction,
                word: word.chars().take(200).collect(),
                problem: "is not NAME=VALUE",
            }),
            Some((name, value)) => Ok(Pair {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
        })
        .collect()
}

/// Takes quotes and escapes away and puts the values of variables in.
///
/// # Errors
/// Says what is wrong: a quote that does not end, a brace that does not.
pub(super) fn expand<'a>(
    word: &str,
    lookup: &dyn Fn(&str) -> Option<&'a str>,
) -> Result<String, &'static str> {
    let mut reader = Reader {
        rest: word,
        lookup,
        depth: 0,
    };
    reader.read(None)
}

/// How deep a default may stand in a default.
const MAX_DEPTH: usize = 20;

struct Reader<'r, 'a> {
    rest: &'r str,
    lookup: &'r dyn Fn(&str) -> Option<&'a str>,
    depth: usize,
}

impl Reader<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// Reads up to `end`, which is taken, or to the end of the word.
    fn read(&mut self, end: Option<char>) -> Result<String, &'static str> {
        let mut out = String::new();
        loop {
            match self.next() {
                None if end.is_some() => return Err("has a brace that does not end"),
                None => return Ok(out),
                Some(character) if Some(character) == end => return Ok(out),
                Some('\'') => loop {
                    match self.next() {
                        None => return Err("has a quote that does not end"),
                        Some('\'') => break,
                        Some(character) => out.push(character),
                    }
                },
                Some('"') => loop {
                    match self.next() {
                        None => return Err("has a quote that does not end"),
                        Some('"') => break,
                        Some('$') => out.push_str(&self.variable()?),
                        Some('\\') => match self.next() {
                            Some(escaped @ ('"' | '$' | '\\')) => out.push(escaped),
                            Some(other) => out.extend(['\\', other]),
                            None => return Err("has a quote that does not end"),
                        },
                        Some(character) => out.push(character),
                    }
                },
                Some('\\') => out.extend(self.next()),
                Some('$') => out.push_str(&self.variable()?),
                Some(character) => out.push(character),
            }
        }
    }

    /// Reads what follows a dollar sign.
    fn variable(&mut self) -> Result<String, &'static str> {
        let braced = self.rest.starts_with('{');
        if braced {
            self.next();
        }
        let length = self
            .rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(length);
        if !braced {
            if name.is_empty() {
                return Ok("$".into());
            }
            self.rest = rest;
            return Ok((self.lookup)(name).unwrap_or_default().to_owned());
        }
        self.rest = rest;
        let value = (self.lookup)(name).filter(|value| !value.is_empty());
        match self.next() {
            Some('}') if !name.is_empty() => Ok(value.unwrap_or_default().to_owned()),
            Some(':') => {
                let operator = self.next();
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err("has too many braces in braces");
                }
                let other = self.read(Some('}'))?;
                self.depth -= 1;
                match operator {
                    Some('-') => Ok(value.map_or(other, str::to_owned)),
                    Some('+') => Ok(value.map_or(String::new(), |_| other)),
                    _ => Err("has a modifier that is not known"),
                }
            }
            _ => Err("has a variable that is none"),
        }
    }
}
