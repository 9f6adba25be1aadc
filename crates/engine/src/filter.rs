//! The filter language, shared by the command line's `--filter` and the window's filter box.
//!
//! On the command line every term is `key=value`, as docker has it. In the box terms stand side by side: `key:value` (or
//! `key=value`), `size>100MB`, and anything else is text to be found in names and IDs; quotes hold a term with spaces
//! together. The keys are `reference` (short `ref`), `label`, `label!`, `dangling`, `in-use`, `platform`, `before`, `since`,
//! `until`, `size`.
//!
//! Terms narrow each other, but for `reference`: several of them widen, as with docker
//! (<https://docs.docker.com/reference/cli/docker/image/ls/#filter>).

mod glob;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::Timestamp;
use oci::{Digest, ImageName, Platform};

pub(crate) use glob::Glob;

use crate::human;

/// Which images to take. The empty filter takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub(crate) terms: Vec<Term>,
}

/// Why a filter could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The command line's form needs a key and a value.
    #[error("\"{0}\" is no filter: KEY=VALUE is one")]
    NoValue(String),
    /// There is no such key.
    #[error("there is no filter \"{0}\"")]
    UnknownKey(String),
    /// The value is none that the key takes.
    #[error("\"{value}\" is no value for the filter \"{key}\": {expected}")]
    BadValue {
        /// The key.
        key: String,
        /// What was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    Text(String),
    Reference(Glob),
    Label { key: String, value: Option<String> },
    NotLabel { key: String, value: Option<String> },
    Dangling(bool),
    InUse(bool),
    Platform(String),
    Size(Comparison, u64),
    Before(String),
    Since(String),
    Until(Until),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A moment, or an age in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Until {
    Moment(Timestamp),
    Age(i64),
}

/// What a filter looks at.
pub(crate) struct Facts<'a> {
    pub(crate) target: &'a Digest,
    pub(crate) id: &'a Digest,
    pub(crate) names: &'a [ImageName],
    pub(crate) size: u64,
    pub(crate) created: Option<Timestamp>,
    pub(crate) platform: Option<&'a Platform>,
    pub(crate) dangling: bool,
    pub(crate) in_use: bool,
    /// Sorted or not; those of [`Filter::labels`] are enough.
    pub(crate) labels: &'a [(String, String)],
}

/// What `before`, `since` and `until` come down to.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Bounds {
    /// Made before this.
    pub(crate) before: Option<Timestamp>,
    /// Made after this.
    pub(crate) since: Option<Timestamp>,
}

impl Filter {
    /// Reads the window's form.
    ///
    /// # Errors
    /// A known key with a value that it does not take. What has no known key is text, so that `debian:12` finds debian.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        parse::query(text)
    }

    /// Reads the command line's form: a list of `key=value`.
    ///
    /// # Errors
    /// No `=`, an unknown key, or a value that the key does not take.
    pub fn from_pairs<S: AsRef<str>>(pairs: &[S]) -> Result<Filter, FilterError> {
        let terms = pairs
            .iter()
            .map(|pair| parse::pair(pair.as_ref()))
            .collect::<Result<_, _>>()?;
        Ok(Filter { terms })
    }

    /// Takes what both take.
    #[must_use]
    pub fn and(mut self, other: Filter) -> Filter {
        self.terms.extend(other.terms);
        self
    }

    /// Whether it takes everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an image is listed under this name: docker leaves out the names that no `reference` matches.
    #[must_use]
    pub fn takes_name(&self, name: &ImageName) -> bool {
        let mut references = self.references().peekable();
        references.peek().is_none()
            || references.any(|glob| glob.matches_any(std::slice::from_ref(name)))
    }

    /// The labels that it looks at.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().filter_map(|term| match term {
            Term::Label { key, .. } | Term::NotLabel { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The images that `before` and `since` name, with whether it is `before`.
    pub(crate) fn named_images(&self) -> impl Iterator<Item = (bool, &str)> {
        self.terms.iter().filter_map(|term| match term {
            Term::Before(name) => Some((true, name.as_str())),
            Term::Since(name) => Some((false, name.as_str())),
            _ => None,
        })
    }

    pub(crate) fn matches(&self, facts: &Facts<'_>, bounds: &Bounds) -> bool {
        let mut references = self.references().peekable();
        if references.peek().is_some() && !references.any(|glob| glob.matches_any(facts.names)) {
            return false;
        }
        let made = facts.created;
        if bounds
            .before
            .is_some_and(|limit| made.is_none_or(|made| made >= limit))
            || bounds
                .since
                .is_some_and(|limit| made.is_none_or(|made| made <= limit))
        {
            return false;
        }
        self.terms.iter().all(|term| match term {
            Term::Reference(_) | Term::Before(_) | Term::Since(_) | Term::Until(_) => true,
            Term::Text(text) => has_text(facts, text),
            Term::Label { key, value } => has_label(facts.labels, key, value.as_deref()),
            Term::NotLabel { key, value } => !has_label(facts.labels, key, value.as_deref()),
            Term::Dangling(wanted) => facts.dangling == *wanted,
            Term::InUse(wanted) => facts.in_use == *wanted,
            Term::Platform(wanted) => facts.platform.is_some_and(|is| is_platform(is, wanted)),
            Term::Size(comparison, limit) => comparison.holds(facts.size, *limit),
        })
    }

    /// The moment before which a pruned image must be made, as `until` says it.
    pub(crate) fn made_until(&self, now: Timestamp) -> Option<Timestamp> {
        let moments = self.terms.iter().filter_map(|term| match term {
            Term::Until(Until::Moment(moment)) => Some(*moment),
            Term::Until(Until::Age(seconds)) => now
                .checked_sub(jiff::SignedDuration::from_secs(*seconds))
                .ok(),
            _ => None,
        });
        moments.min()
    }

    fn references(&self) -> impl Iterator<Item = &Glob> {
        self.terms.iter().filter_map(|term| match term {
            Term::Reference(glob) => Some(glob),
            _ => None,
        })
    }
}

fn has_text(facts: &Facts<'_>, text: &str) -> bool {
    let wanted = text.to_lowercase();
    let hex = wanted.strip_prefix("sha256:").unwrap_or(&wanted);
    facts
        .names
        .iter()
        .any(|name| name.to_string().to_lowercase().contains(&wanted))
        // Two hex digits are in nearly every digest: an ID is meant from four on.
        || (hex.len() >= 4 && (facts.id.hex().starts_with(hex) || facts.target.hex().starts_with(hex)))
}

fn has_label(labels: &[(String, String)], key: &str, value: Option<&str>) -> bool {
    labels
        .iter()
        .any(|(is, is_value)| is == key && value.is_none_or(|value| value == is_value))
}

/// Whether every part that `wanted` names is the platform's: `arm64` finds `linux/arm64/v8`, `linux/arm64` too.
fn is_platform(platform: &Platform, wanted: &str) -> bool {
    let full = platform.to_string();
    let parts: Vec<&str> = full.split('/').collect();
    let wanted: Vec<&str> = wanted.split('/').collect();
    parts.starts_with(&wanted) || parts.get(1..).is_some_and(|rest| rest.starts_with(&wanted))
}

impl Comparison {
    fn holds(self, value: u64, limit: u64) -> bool {
        match self {
            Comparison::Less => value < limit,
            Comparison::LessOrEqual => value <= limit,
            Comparison::Equal => value == limit,
            Comparison::GreaterOrEqual => value >= limit,
            Comparison::Greater => value > limit,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Equal => "=",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Greater => ">",
        }
    }
}

/// Writes the window's form; reading it gives the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            write!(formatter, "{}", parse::quoted(term))?;
        }
        Ok(())
    }
}

/// Writes a term without quotes.
impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label =
            |formatter: &mut fmt::Formatter<'_>, key: &str, value: &Option<String>| match value {
                Some(value) => write!(formatter, "{key}={value}"),
                None => formatter.write_str(key),
            };
        match self {
            Term::Text(text) => formatter.write_str(text),
            Term::Reference(glob) => write!(formatter, "reference:{glob}"),
            Term::Label { key, value } => {
                formatter.write_str("label:")?;
                label(formatter, key, value)
            }
            Term::NotLabel { key, value } => {
                formatter.write_str("label!:")?;
                label(formatter, key, value)
            }
            Term::Dangling(wanted) => write!(formatter, "dangling:{wanted}"),
            Term::InUse(wanted) => write!(formatter, "in-use:{wanted}"),
            Term::Platform(platform) => write!(formatter, "platform:{platform}"),
            Term::Size(comparison, bytes) => write!(formatter, "size{}{bytes}", comparison.sign()),
            Term::Before(name) => write!(formatter, "before:{name}"),
            Term::Since(name) => write!(formatter, "since:{name}"),
            Term::Until(Until::Moment(moment)) => write!(formatter, "until:{moment}"),
            Term::Until(Until::Age(seconds)) => write!(formatter, "until:{seconds}s"),
        }
    }
}

/// What a value of `size` may be, for the message.
pub(crate) const SIZE_VALUES: &str = "a size such as 100MB";

fn parse_size(key: &str, value: &str) -> Result<u64, FilterError> {
    human::parse_size(value).ok_or_else(|| FilterError::BadValue {
        key: key.into(),
        value: value.into(),
        expected: SIZE_VALUES,
    })
}
