//! From a failed answer to an error: status, headers and the registry's words.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use crate::{Error, Repository, What};

/// The most that is read of an error's body.
pub(crate) const MAX_ERROR_BODY: u64 = 64 * 1024;

/// The shape of errors: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// A registry's own account of what went wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) codes: Vec<String>,
    pub(crate) message: Option<String>,
}

impl Account {
    /// Reads the body of a failed answer. A body of another shape says nothing: it is a proxy's web page as a rule.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(parsed) = serde_json::from_slice::<ErrorBody>(body) else {
            return Self::default();
        };
        let words: Vec<_> = parsed
            .errors
            .iter()
            .filter_map(|entry| entry.message.as_deref())
            .collect();
        Self {
            message: Some(plain(&words.join("; "))).filter(|words| !words.is_empty()),
            codes: parsed.errors.into_iter().map(|entry| entry.code).collect(),
        }
    }

    pub(crate) fn has(&self, code: &str) -> bool {
        self.codes.iter().any(|found| found == code)
    }
}

/// Turns a failed answer of the registry itself (not of a host behind a redirect, not a 401) into an error.
pub(crate) fn failure(
    status: u16,
    retry_after: Option<Duration>,
    account: Account,
    host: String,
    repository: &Repository,
    what: &What,
) -> Error {
    let repository_unknown = account.has("NAME_UNKNOWN");
    let limited = account.has("TOOMANYREQUESTS");
    let message = account.message;
    match status {
        404 => Error::NotFound {
            host,
            what: what.clone(),
            repository_unknown,
            message,
        },
        429 => Error::RateLimited {
            host,
            retry_after,
            message,
        },
        403 if limited => Error::RateLimited {
            host,
            retry_after,
            message,
        },
        403 => Error::Denied {
            host,
            repository: repository.to_string(),
            message,
        },
        405 | 501 => Error::NotOffered {
            host,
            what: what.clone(),
            message,
        },
        408 | 425 | 499 | 500.. => Error::Unavailable {
            host,
            status,
            retry_after,
            message,
        },
        _ => {
            let words = message
                .map(|words| format!(": {words}"))
                .unwrap_or_default();
            Error::BadResponse {
                host,
                reason: format!("status {status} for {what}{words}"),
            }
        }
    }
}

/// Reads `Retry-After`, in seconds or as a date. A date in the past is zero; what is neither says nothing.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let then = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Makes text from a server fit to be shown: no control or direction characters, at most 300 characters.
pub(crate) fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String = text
        .chars()
        .map(|c| if hidden(c) { ' ' } else { c })
        .take(300)
        .collect();
    shown.trim().to_owned()
}

/// Reads the text of `Warning: 299 - "…"`; other codes are for caches and not for people.
/// Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings>.
pub(crate) fn warning(value: &str) -> Option<String> {
    let rest = value.trim().strip_prefix("299 ")?.trim_start();
    let (_, quoted) = rest.split_once(' ')?;
    let inside = quoted.trim().strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(plain(&text)).filter(|text| !text.is_empty()),
            '\\' => text.extend(characters.next()),
            _ => text.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn wait(value: &str) -> Option<Duration> {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().expect("a time");
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a header"));
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_in_all_its_forms() {
        assert_eq!(wait("0"), Some(Duration::ZERO));
        assert_eq!(wait(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(wait("1000000000"), Some(Duration::from_secs(1_000_000_000)));
        assert_eq!(
            wait("99999999999999999999999"),
            Some(Duration::from_secs(u64::MAX))
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:50:37 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            wait("Sunday, 06-Nov-94 08:50:07 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:00:00 GMT"),
            Some(Duration::ZERO),
            "the past"
        );
        for nonsense in ["-1", "soon", "1.5", ""] {
            assert_eq!(wait(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn warnings_are_read_and_made_harmless() {
        assert_eq!(
            warning(r#"299 - "Your plan ends \"soon\".""#).as_deref(),
            Some("Your plan ends \"soon\".")
        );
        assert_eq!(
            warning("299 - \"\u{1b}[31mred\"").as_deref(),
            Some("[31mred")
        );
        assert_eq!(warning(r#"110 - "stale""#), None);
        assert_eq!(warning(r#"299 - "no end"#), None);
    }

    #[test]
    fn a_registrys_account_is_cut_and_cleaned() {
        let body = format!(
            r#"{{"errors":[{{"code":"DENIED","message":"{}\u001b[2J"}}]}}"#,
            "x".repeat(400)
        );
        let account = Account::read(body.as_bytes());
        assert_eq!(account.message.as_deref(), Some("x".repeat(300).as_str()));
        assert_eq!(Account::read(b"<html>502</html>"), Account::default());
    }
}
