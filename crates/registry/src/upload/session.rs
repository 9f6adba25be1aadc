//! What a registry says of an upload that is going on.

use oci::Digest;
use reqwest::header::{HeaderMap, LOCATION, RANGE};
use url::Url;

use crate::address::reach;
use crate::client::{Answer, redirect_target};
use crate::{Error, RegistryClient};

/// An upload that a registry has begun.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Where the next request goes. Its query is the registry's, and stays as it is.
    pub(super) location: Url,
    /// How many bytes the registry has said that it has.
    pub(super) reached: u64,
    /// The least that a piece must have, but for the last.
    pub(super) least_piece: u64,
}

impl Session {
    /// Reads where an upload that was begun goes on.
    pub(super) async fn begun(
        client: &RegistryClient,
        asked: &Url,
        answer: &Answer,
    ) -> Result<Self, Error> {
        let headers = answer.response.headers();
        let location = headers.get(LOCATION);
        if location.is_none() {
            return Err(Error::BadResponse {
                host: answer.host.clone(),
                reason: "it does not say where to upload to".to_owned(),
            });
        }
        let location = redirect_target(asked, location, reach(asked), client.options())?;
        Ok(Self::at(location, headers))
    }

    fn at(location: Url, headers: &HeaderMap) -> Self {
        let least_piece = headers
            .get("oci-chunk-min-length")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            location,
            reached: 0,
            least_piece: least_piece.unwrap_or_default(),
        }
    }

    /// Returns the address that ends the upload.
    pub(super) fn with_digest(&self, digest: &Digest) -> Url {
        let mut url = self.location.clone();
        // Not parsed and written again: what stands there may be signed.
        let digest = digest.as_str().replace(':', "%3A");
        let query = match url.query() {
            Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
            _ => format!("digest={digest}"),
        };
        url.set_query(Some(&query));
        url
    }
}

/// How far an upload is, by the `Range` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// So many bytes are there.
    Bytes(u64),
    /// The answer does not say.
    Nothing,
    /// It says something else.
    Unclear,
}

/// Reads `Range: 0-N`, N inclusive; some write `bytes=` in front.
pub(super) fn reached(headers: &HeaderMap) -> Reached {
    let Some(value) = headers.get(RANGE) else {
        return Reached::Nothing;
    };
    let text = value.to_str().unwrap_or_default().trim();
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let end = text
        .strip_prefix("0-")
        .and_then(|end| end.parse::<u64>().ok()?.checked_add(1));
    end.map_or(Reached::Unclear, Reached::Bytes)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn ranges_of_uploads() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_str(text).expect("a header"));
            reached(&headers)
        };
        assert_eq!(reached(&HeaderMap::new()), Reached::Nothing);
        assert_eq!(read("0-0"), Reached::Bytes(1));
        assert_eq!(read("0-999"), Reached::Bytes(1000));
        assert_eq!(read("bytes=0-999"), Reached::Bytes(1000));
        for odd in ["5-9", "0-", "-9", "0--1", "0-18446744073709551615", "x"] {
            assert_eq!(read(odd), Reached::Unclear, "{odd}");
        }
    }

    #[test]
    fn the_query_of_a_location_stays_as_it_is() {
        let digest = Digest::sha256(b"x");
        let ended = |url: &str| {
            let session = Session::at(Url::parse(url).expect("a URL"), &HeaderMap::new());
            session.with_digest(&digest).to_string()
        };
        let hex = digest.hex();
        assert_eq!(
            ended("https://r.example/u/1?_state=a%2Fb+c&sig=%3D"),
            format!("https://r.example/u/1?_state=a%2Fb+c&sig=%3D&digest=sha256%3A{hex}")
        );
        assert_eq!(
            ended("https://r.example/u/1"),
            format!("https://r.example/u/1?digest=sha256%3A{hex}")
        );
        assert_eq!(
            ended("https://r.example/u/1?"),
            format!("https://r.example/u/1?digest=sha256%3A{hex}")
        );
    }
}
