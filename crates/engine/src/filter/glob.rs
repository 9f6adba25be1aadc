//! Patterns over names, as Go's `path.Match` has them.

use std::fmt;

use oci::ImageName;

/// A pattern: `*` = anything but `/`, `?` = one character but `/`, `[a-z]`, `[^a-z]`, `\` takes the next literally.
///
/// The rules are those of <https://pkg.go.dev/path#Match>, which docker's `reference=` filter uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    pattern: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Run,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads a pattern; `None` where it is malformed.
    pub(crate) fn new(pattern: &str) -> Option<Glob> {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars();
        while let Some(next) = rest.next() {
            tokens.push(match next {
                '*' => Token::Run,
                '?' => Token::One,
                '\\' => Token::Literal(rest.next()?),
                '[' => class(&mut rest)?,
                other => Token::Literal(other),
            });
        }
        Some(Glob {
            pattern: pattern.into(),
            tokens,
        })
    }

    /// Whether it matches all of `text`.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Where to go on when what follows the last `*` does not fit: one character later. One such place is enough,
        // so the work is at most the product of the two lengths.
        let (mut token, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let step = match (self.tokens.get(token), text.get(at)) {
                (None, None) => return true,
                (Some(Token::Run), _) => {
                    retry = Some((token, at));
                    token += 1;
                    continue;
                }
                (Some(single), Some(&character)) => single.takes(character),
                _ => false,
            };
            if step {
                token += 1;
                at += 1;
                continue;
            }
            match retry {
                Some((run, from)) if from < text.len() && text[from] != '/' => {
                    retry = Some((run, from + 1));
                    token = run + 1;
                    at = from + 1;
                }
                _ => return false,
            }
        }
    }

    /// Whether it matches one of the names: with or without its tag, familiar or in full.
    pub(crate) fn matches_any(&self, names: &[ImageName]) -> bool {
        names.iter().any(|name| {
            let reference = name.reference();
            self.matches(&reference.familiar())
                || self.matches(&reference.familiar_name())
                || self.matches(&reference.to_string())
                || self.matches(&reference.name())
        })
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Token::Literal(literal) => *literal == character,
            Token::One => character != '/',
            Token::Run => false,
            Token::Class { negated, ranges } => {
                character != '/'
                    && *negated
                        != ranges
                            .iter()
                            .any(|(low, high)| (*low..=*high).contains(&character))
            }
        }
    }
}

/// Reads a class after its `[`.
fn class(rest: &mut std::str::Chars<'_>) -> Option<Token> {
    let negated = rest.as_str().starts_with('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        if rest.as_str().starts_with(']') && !ranges.is_empty() {
            rest.next();
            return Some(Token::Class { negated, ranges });
        }
        let low = bound(rest)?;
        let high = if rest.as_str().starts_with('-') {
            rest.next();
            bound(rest)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

fn bound(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        other => Some(other),
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.pattern)
    }
}
