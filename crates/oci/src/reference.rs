use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::is_lower_hex;
use crate::{Digest, DigestError};

const DEFAULT_HOST: &str = "docker.io";
const LEGACY_HOST: &str = "index.docker.io";
const OFFICIAL: &str = "library/";
const MAX_REPOSITORY: usize = 255;

/// A normalised name of an image: `host/repository`, and a tag, a digest, both or neither.
///
/// Grammar and normalisation are exactly Docker's (<https://github.com/distribution/reference>): `debian` is
/// `docker.io/library/debian`, the first part is a host only if it is `localhost` or has a `.`, a `:` or an upper-case
/// letter. Where there is a tag *and* a digest, the digest decides and the tag is only shown.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// The part after the colon of a reference: at most 128 of letters, digits, `_`, `.` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text is not a reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// There is nothing in it.
    #[error("an image name is missing")]
    Empty,
    /// 64 hexadecimal digits name an image ID, and would be mistaken for one.
    #[error("{text} is an image ID, not a name")]
    LooksLikeId {
        /// The text.
        text: String,
    },
    /// The repository has upper-case letters.
    #[error("{text:?} has upper-case letters: repository names are lower-case")]
    UpperCase {
        /// The text.
        text: String,
    },
    /// The host before the first slash is not one.
    #[error("{host:?} is not a host name")]
    Host {
        /// What stands before the first slash.
        host: String,
    },
    /// The repository breaks the grammar.
    #[error(
        "{repository:?} is not a repository name (lower-case letters and digits, joined by . _ - and /)"
    )]
    Repository {
        /// The repository.
        repository: String,
    },
    /// The repository is longer than 255 characters.
    #[error("the repository name has {length} characters, more than 255")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// The part after the colon breaks the grammar.
    #[error("{tag:?} is not a tag (at most 128 letters, digits and _ . -)")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// The part after the `@` is no digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A name that a tag row can hold has a tag or a digest.
    #[error("{text} has neither a tag nor a digest")]
    Unspecific {
        /// The reference.
        text: String,
    },
}

impl Reference {
    /// Reads what a person or a script typed and fills in Docker's defaults for host and namespace, but no tag.
    ///
    /// # Errors
    /// Says which part breaks the grammar.
    pub fn parse_normalized(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if text.len() == 64 && is_lower_hex(text) {
            return Err(ReferenceError::LooksLikeId {
                text: text.to_owned(),
            });
        }
        let (host, rest) = Self::split_host(text);
        let rest = match host == DEFAULT_HOST && split_at_first(rest, b'/').is_none() {
            true => Cow::Owned(format!("{OFFICIAL}{rest}")),
            false => Cow::Borrowed(rest),
        };
        let (rest, digest) = match split_at_first(&rest, b'@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (&*rest, None),
        };
        // The host is gone, so the first colon starts the tag.
        let (repository, tag) = match split_at_first(rest, b':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        Self::checked(host, repository, tag, digest, text)
    }

    fn checked(
        host: &str,
        repository: &str,
        tag: Option<Tag>,
        digest: Option<Digest>,
        text: &str,
    ) -> Result<Self, ReferenceError> {
        let cut = |text: &str| text.chars().take(300).collect::<String>();
        if host != DEFAULT_HOST && !is_host(host) {
            return Err(ReferenceError::Host { host: cut(host) });
        }
        if !is_path(repository) {
            if repository.bytes().any(|b| b.is_ascii_uppercase()) {
                return Err(ReferenceError::UpperCase { text: cut(text) });
            }
            return Err(ReferenceError::Repository {
                repository: cut(repository),
            });
        }
        if repository.len() > MAX_REPOSITORY {
            return Err(ReferenceError::TooLong {
                length: repository.len(),
            });
        }
        Ok(Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }

    /// Splits a text by Docker's rule into the host of a registry, which may be implied, and what stands after it.
    ///
    /// The rest is as it was written, and need not be complete.
    pub fn split_host(text: &str) -> (&str, &str) {
        let Some((first, rest)) = split_at_first(text, b'/') else {
            return (DEFAULT_HOST, text);
        };
        let is_host = first == "localhost"
            || first
                .bytes()
                .any(|b| matches!(b, b'.' | b':' | b'A'..=b'Z'));
        match first {
            LEGACY_HOST => (DEFAULT_HOST, rest),
            _ if is_host => (first, rest),
            _ => (DEFAULT_HOST, text),
        }
    }

    /// Returns the registry's host, with its port where one was given: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the repository in its registry: `library/debian`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns `host/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// Returns the tag, if one was given.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Returns the digest, if one was given.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the same repository with only this tag.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self {
            tag: Some(tag),
            digest: None,
            ..self.clone()
        }
    }

    /// Returns the same repository with only this digest.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// Returns the same repository with neither tag nor digest.
    #[must_use]
    pub fn without_tag(&self) -> Self {
        Self {
            tag: None,
            digest: None,
            ..self.clone()
        }
    }

    /// Returns the reference with `:latest` where it has neither tag nor digest.
    #[must_use]
    pub fn with_default_tag(self) -> Self {
        if self.tag.is_some() || self.digest.is_some() {
            return self;
        }
        Self {
            tag: Some(Tag("latest".to_owned())),
            ..self
        }
    }

    /// Returns `host/repository` as people write it: without Docker Hub's host, and without `library/`.
    pub fn familiar_name(&self) -> String {
        if self.host != DEFAULT_HOST {
            return self.name();
        }
        match self.repository.strip_prefix(OFFICIAL) {
            // Shortening `library/a/b` would read back as user a's repository b.
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => self.repository.clone(),
        }
    }

    /// Returns the whole reference as people write it: `debian:12`.
    pub fn familiar(&self) -> String {
        self.suffixed(self.familiar_name())
    }

    fn suffixed(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(&tag.0);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(digest.as_str());
        }
        name
    }
}

/// As `split_once`, for one of ASCII's signs: a list of ten thousand parses as many names, and searching for a `char` takes most of that.
fn split_at_first(text: &str, sign: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == sign)?;
    Some((&text[..at], &text[at + 1..]))
}

fn is_host(text: &str) -> bool {
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
            return false;
        }
        (None, port)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        (Some(&text[..end]), &text[end..])
    };
    let port_is_right = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    let label_is_right = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    port_is_right && name.is_none_or(|name| name.split('.').all(label_is_right))
}

/// Tells whether every part of the path is `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_path(text: &str) -> bool {
    // The separator that is being read: which byte, and how many of them. A part begins as if after one that is complete.
    const BEGIN: (u8, usize) = (b'/', 1);
    let mut separator = BEGIN;
    for b in text.bytes() {
        match b {
            b'a'..=b'z' | b'0'..=b'9' => separator = (0, 0),
            b'/' if separator.1 == 0 => separator = BEGIN,
            b'.' | b'_' | b'-' if separator.1 == 0 || separator.0 == b => {
                separator = (b, separator.1 + 1);
                let most = match b {
                    b'.' => 1,
                    b'_' => 2,
                    _ => usize::MAX,
                };
                if separator.1 > most {
                    return false;
                }
            }
            _ => return false,
        }
    }
    separator.1 == 0
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.suffixed(self.name()))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse_normalized(text)
    }
}

impl Tag {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let mut bytes = text.bytes();
        let right = bytes.next().is_some_and(word)
            && bytes.all(|b| word(b) || b == b'.' || b == b'-')
            && text.len() <= 128;
        if right {
            Ok(Self(text.to_owned()))
        } else {
            Err(ReferenceError::Tag {
                tag: text.chars().take(200).collect(),
            })
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A name that points at one image: a reference with exactly a tag (which can move) or exactly a digest (which cannot).
///
/// This is what the store keeps; its text is full and normalised (`docker.io/library/debian:12`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(Reference);

impl ImageName {
    /// Returns the name that a reference gives an image: its digest where it has one, else its tag, else `:latest`.
    pub fn of(reference: &Reference) -> Self {
        match reference.digest() {
            Some(digest) => Self(reference.with_digest(digest.clone())),
            None => Self(reference.clone().with_default_tag()),
        }
    }

    /// Returns the name as a reference.
    pub fn reference(&self) -> &Reference {
        &self.0
    }

    /// Returns the name as people write it.
    pub fn familiar(&self) -> String {
        self.0.familiar()
    }

    /// Returns the tag, unless the name is a digest.
    pub fn tag(&self) -> Option<&Tag> {
        self.0.tag()
    }

    /// Returns the digest, unless the name is a tag.
    pub fn digest(&self) -> Option<&Digest> {
        self.0.digest()
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ImageName {
    type Err = ReferenceError;

    /// Reads a name that says its tag or digest; unlike [`ImageName::of`] it adds no `:latest`.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference = Reference::parse_normalized(text)?;
        if reference.tag().is_none() && reference.digest().is_none() {
            return Err(ReferenceError::Unspecific {
                text: reference.to_string(),
            });
        }
        Ok(match reference.digest() {
            Some(_) => Self::of(&reference),
            None => Self(reference),
        })
    }
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

serde_as_text!(Reference);
serde_as_text!(ImageName);
