use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::{Digest, Reference};

/// What somebody typed to mean an image: a name, a digest, or the start of an image ID.
///
/// One text can be several of these (`cafe` is a repository and a hexadecimal prefix). The store tries them in Docker's
/// order: whole digest, exact name, ID prefix; a name that looks like hexadecimal wins over a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    text: String,
    reference: Option<Reference>,
    digest: Option<Digest>,
    id_prefix: Option<String>,
}

impl Selector {
    /// Returns the selector for an image that is known by a digest: of its config, manifest or index.
    pub fn digest_of(digest: &Digest) -> Self {
        Self::from(digest.as_str())
    }

    /// Returns the text as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name that the text can be. It has no tag where none was typed.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Returns the whole digest that the text is.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the hexadecimal start of an ID that the text can be, without `sha256:`.
    pub fn id_prefix(&self) -> Option<&str> {
        self.id_prefix.as_deref()
    }
}

impl From<&str> for Selector {
    fn from(text: &str) -> Self {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hex = (1..=64).contains(&hex.len())
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let whole = if hex.len() == 64 && is_hex {
            format!("sha256:{hex}").parse().ok()
        } else {
            text.parse().ok()
        };
        Self {
            text: text.to_owned(),
            reference: Reference::parse_normalized(text).ok(),
            digest: whole,
            id_prefix: is_hex.then(|| hex.to_owned()),
        }
    }
}

impl FromStr for Selector {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_can_be_a_name_and_a_prefix() {
        let both = Selector::from("cafe");
        assert_eq!(
            both.reference().map(ToString::to_string).as_deref(),
            Some("docker.io/library/cafe")
        );
        assert_eq!(both.id_prefix(), Some("cafe"));
        assert_eq!(both.digest(), None);
    }

    #[test]
    fn a_whole_digest_is_no_name() {
        let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        for text in [hex.to_owned(), format!("sha256:{hex}")] {
            let selector = Selector::from(text.as_str());
            assert_eq!(selector.digest().map(Digest::hex), Some(hex));
            assert_eq!(selector.id_prefix(), Some(hex));
        }
        assert_eq!(Selector::from(hex).reference(), None);
    }

    #[test]
    fn a_name_with_a_tag_is_only_a_name() {
        let name = Selector::from("debian:12");
        assert!(
            name.reference().is_some() && name.id_prefix().is_none() && name.digest().is_none()
        );
    }
}
