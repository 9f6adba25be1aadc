use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// A hash algorithm that names content.
///
/// Only the two that the image specification registers and everyone trusts; any other is refused as unsupported.
/// Source: <https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the one that practically all images use.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Returns the name as it stands before the colon of a digest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns how many hexadecimal digits follow the colon.
    fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// The name of some bytes: `sha256:` and 64 lower-case hexadecimal digits.
///
/// The strict parser is the only way to make one from text, so a digest is always safe in a path or a URL. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    text: Arc<str>,
}

/// Why a text is not a digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DigestError {
    /// There is no `algorithm:hex` in it, or the digits are wrong.
    #[error("{text:?} is not a digest (sha256: and 64 lower-case hexadecimal digits)")]
    Malformed {
        /// The text, cut to 200 characters.
        text: String,
    },
    /// The algorithm is none that Strata verifies.
    #[error("digest algorithm {algorithm:?} is not supported (sha256 and sha512 are)")]
    Unsupported {
        /// The algorithm's name.
        algorithm: String,
    },
}

impl Digest {
    /// Returns the SHA-256 digest of some bytes.
    pub fn sha256(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the digest whose raw hash is `raw`; `None` where no algorithm gives so many bytes.
    pub fn of_raw(raw: &[u8]) -> Option<Self> {
        let algorithm = match raw.len() {
            32 => Algorithm::Sha256,
            64 => Algorithm::Sha512,
            _ => return None,
        };
        Some(Self::from_raw(algorithm, raw))
    }

    /// By hand and not with `write!`: a list of images makes tens of thousands of them.
    fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Self {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let mut text = String::with_capacity(algorithm.as_str().len() + 1 + raw.len() * 2);
        text.push_str(algorithm.as_str());
        text.push(':');
        for byte in raw {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Self { text: text.into() }
    }

    /// Returns the algorithm.
    pub fn algorithm(&self) -> Algorithm {
        if self.text.starts_with("sha512:") {
            Algorithm::Sha512
        } else {
            Algorithm::Sha256
        }
    }

    /// Returns the digits after the colon.
    pub fn hex(&self) -> &str {
        &self.text[self.algorithm().as_str().len() + 1..]
    }

    /// Returns the first twelve digits, the form that people read.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// Returns the whole text, `algorithm:hex`.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Tells whether a text has only lower-case hexadecimal digits.
///
/// It does not stop at the first wrong one: so the compiler compares many at a time, and a list of images reads thousands.
pub(crate) fn is_lower_hex(text: &str) -> bool {
    text.bytes().fold(true, |right, b| {
        right & (b.is_ascii_digit() | matches!(b, b'a'..=b'f'))
    })
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = if let Some(hex) = text.strip_prefix("sha256:") {
            (Algorithm::Sha256, hex)
        } else if let Some(hex) = text.strip_prefix("sha512:") {
            (Algorithm::Sha512, hex)
        } else {
            return Err(unknown(text));
        };
        if hex.len() != algorithm.hex_len() || !is_lower_hex(hex) {
            return Err(malformed(text));
        }
        Ok(Self { text: text.into() })
    }
}

/// Says what is wrong with a text that begins with none of the algorithms: plain rubbish is called malformed.
fn unknown(text: &str) -> DigestError {
    let Some((name, hex)) = text.split_once(':') else {
        return malformed(text);
    };
    // The grammar of an algorithm's name.
    let well_formed = name.split(['+', '.', '_', '-']).all(|part| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    match well_formed && name.len() <= 32 && hex.len() >= 32 {
        true => DigestError::Unsupported {
            algorithm: name.to_owned(),
        },
        false => malformed(text),
    }
}

fn malformed(text: &str) -> DigestError {
    DigestError::Malformed {
        text: text.chars().take(200).collect(),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A running hash over bytes that arrive in pieces.
#[derive(Clone)]
pub struct Hasher {
    state: State,
}

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Starts a hash over nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        };
        Self { state }
    }

    /// Adds bytes to the end.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the digest of all bytes added.
    pub fn finish(self) -> Digest {
        match self.state {
            State::Sha256(state) => Digest::from_raw(Algorithm::Sha256, &state.finalize()),
            State::Sha512(state) => Digest::from_raw(Algorithm::Sha512, &state.finalize()),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_standards_vector_for_abc() {
        assert_eq!(Digest::sha256(b"abc").as_str(), ABC);
        let mut pieces = Hasher::new(Algorithm::Sha256);
        pieces.update(b"a");
        pieces.update(b"bc");
        assert_eq!(pieces.finish().as_str(), ABC);
        let mut long = Hasher::new(Algorithm::Sha512);
        long.update(b"abc");
        assert!(
            long.finish()
                .as_str()
                .starts_with("sha512:ddaf35a193617abacc417349ae204131")
        );
    }

    #[test]
    fn only_strict_digests_parse() {
        assert_eq!(
            ABC.parse::<Digest>().expect("parses").short(),
            "ba7816bf8f01"
        );
        for wrong in [
            "",
            ":",
            "sha256",
            "sha256:",
            "sha256:abc",
            "SHA256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha256:../../../../etc/passwd0000000000000000000000000000000000000000000",
            "sha512:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            " sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ] {
            assert!(
                matches!(wrong.parse::<Digest>(), Err(DigestError::Malformed { .. })),
                "{wrong:?}"
            );
        }
        let other = "blake3:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            .parse::<Digest>();
        assert_eq!(
            other,
            Err(DigestError::Unsupported {
                algorithm: "blake3".into()
            })
        );
    }
}
