//! What a registry asks for: the `WWW-Authenticate` headers.

use http_auth::parse_challenges;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// The most that is read of one header.
const MAX_HEADER: usize = 8 * 1024;

/// The challenge that is answered, of those that a registry offers: Bearer before Basic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Bearer {
        /// Where tokens are given out, as the header says it.
        realm: String,
        /// The name of the registry at the token server.
        service: Option<String>,
        /// What the registry wants the token to allow.
        scopes: Vec<String>,
        /// Whether the token that was sent is good but does not allow enough.
        insufficient: bool,
    },
    Basic,
}

/// Reads the challenges of a 401. `None` if there is none that can be answered.
pub(crate) fn read(headers: &HeaderMap) -> Option<Challenge> {
    let mut basic = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        if text.len() > MAX_HEADER {
            continue;
        }
        let Ok(challenges) = parse_challenges(text) else {
            continue;
        };
        for challenge in challenges {
            let parameter = |name: &str| {
                let found = challenge
                    .params
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                // Without a realm there is nobody to ask, and Basic may still be offered.
                let Some(realm) = parameter("realm").filter(|realm| !realm.is_empty()) else {
                    continue;
                };
                let scopes = parameter("scope").unwrap_or_default();
                return Some(Challenge::Bearer {
                    realm,
                    service: parameter("service").filter(|service| !service.is_empty()),
                    scopes: scopes
                        .split_ascii_whitespace()
                        .take(8)
                        .map(str::to_owned)
                        .collect(),
                    insufficient: parameter("error")
                        .is_some_and(|error| error == "insufficient_scope"),
                });
            }
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Challenge::Basic);
            }
        }
    }
    basic
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn parse(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                WWW_AUTHENTICATE,
                HeaderValue::from_str(value).expect("a header"),
            );
        }
        read(&headers)
    }

    #[test]
    fn bearer_wins_over_basic_wherever_it_stands() {
        let expected = Some(Challenge::Bearer {
            realm: "https://auth.example.com/token".into(),
            service: Some("reg, one".into()),
            scopes: vec![
                "repository:a/b:pull,push".into(),
                "repository:c:pull".into(),
            ],
            insufficient: false,
        });
        let bearer = r#"bEaReR REALM="https://auth.example.com/token",service="reg, one",scope="repository:a/b:pull,push repository:c:pull""#;
        assert_eq!(parse(&[bearer]), expected);
        assert_eq!(parse(&[r#"Basic realm="x""#, bearer]), expected);
        assert_eq!(
            parse(&[&format!(r#"Basic realm="x, y", {bearer}"#)]),
            expected
        );
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&["Negotiate"]), None);
        assert_eq!(parse(&["Bearer service=\"x\""]), None);
        assert_eq!(parse(&["\"\"\""]), None);
        assert_eq!(
            parse(&["Bearer service=\"x\"", "BASIC realm=\"r\""]),
            Some(Challenge::Basic)
        );
    }
}
