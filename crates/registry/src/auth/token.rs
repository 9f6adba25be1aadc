//! Fetching bearer tokens.
//!
//! Sources: <https://distribution.github.io/distribution/spec/auth/token/> and `…/auth/oauth/`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;

use super::realm::{Realm, judge};
use crate::address::authority;
use crate::credentials::Credential;
use crate::endpoint::accepts_any_certificate;
use crate::status::{self, Account, MAX_ERROR_BODY};
use crate::transport::{Payload, Request, Transport, read_body};
use crate::{ClientOptions, Error, Repository, Secret, What};

/// Tokens of big clouds have some kilobytes.
const MAX_ANSWER: u64 = 256 * 1024;
const MAX_REDIRECTS: usize = 5;
/// What a token server means that does not say how long its token is good for.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// Nobody's clock is trusted for longer.
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A token, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    /// What may be kept to get further tokens with.
    pub(crate) refresh: Option<Secret>,
    fetched: Instant,
    lifetime: Duration,
}

impl Token {
    /// Tells whether the token will still be good when a request that starts now arrives.
    ///
    /// By the monotonic clock, so that a wrong time of day does no harm. One that is born expired is used once.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let margin = (self.lifetime / 10).min(Duration::from_secs(10));
        now.duration_since(self.fetched) < self.lifetime - margin
    }
}

/// What a token is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) options: &'a ClientOptions,
    pub(crate) transport: &'a Transport,
    pub(crate) repository: &'a Repository,
    pub(crate) realm: &'a Realm,
    pub(crate) service: Option<&'a str>,
    pub(crate) scopes: &'a [String],
    /// Whether a token to be kept is asked for too.
    pub(crate) offline: bool,
}

/// Why there is no token.
pub(crate) enum NoToken {
    /// The token server does not accept the credential, or none.
    Refused {
        message: Option<String>,
    },
    Failed(Error),
}

impl From<Error> for NoToken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Value,
}

impl Wanted<'_> {
    /// Fetches a token, anonymously or with a credential.
    ///
    /// A password is sent as Basic with GET, and as OAuth 2 where the server wants that; an identity token the other way
    /// round. Some servers answer the way that they do not know with 400, 401, 404 or 405.
    pub(crate) async fn fetch(&self, credential: Option<&Credential>) -> Result<Token, NoToken> {
        match credential {
            None => self.get(None).await?.token(self).await,
            Some(Credential::Password { username, password }) => {
                let first = self.get(Some((username, password.expose()))).await?;
                if !matches!(first.response.status().as_u16(), 404 | 405) {
                    return first.token(self).await;
                }
                let grant = [
                    ("grant_type", "password"),
                    ("username", username),
                    ("password", password.expose()),
                ];
                self.post(&grant).await?.token(self).await
            }
            Some(Credential::IdentityToken { username, token }) => {
                let grant = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token.expose()),
                ];
                let first = self.post(&grant).await?;
                match username {
                    Some(username)
                        if matches!(first.response.status().as_u16(), 400 | 401 | 404 | 405) =>
                    {
                        self.get(Some((username, token.expose())))
                            .await?
                            .token(self)
                            .await
                    }
                    _ => first.token(self).await,
                }
            }
        }
    }

    async fn get(&self, basic: Option<(&str, &str)>) -> Result<TokenAnswer, Error> {
        let mut url = self.realm.url.clone();
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = self.service {
                query.append_pair("service", service);
            }
            for scope in self.scopes {
                query.append_pair("scope", scope);
            }
            if let Some((username, _)) = basic {
                query.append_pair("account", username);
                if self.offline {
                    query
                        .append_pair("offline_token", "true")
                        .append_pair("client_id", "strata");
                }
            }
        }
        let origin = url.origin();
        let authorization = basic.map(|(username, password)| basic_header(username, password));
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = HeaderMap::new();
            if let Some(authorization) = authorization.as_ref().filter(|_| url.origin() == origin) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let response = self.send(Method::GET, &url, headers, None).await?;
            if !response.status().is_redirection() {
                return Ok(TokenAnswer { response });
            }
            let location = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            url = judge(
                self.repository.host(),
                &url,
                location,
                &self.options.trusted_realms,
            )?
            .url;
        }
        Err(Error::Redirect {
            host: authority(&url),
            reason: format!("more than {MAX_REDIRECTS} times"),
        })
    }

    async fn post(&self, grant: &[(&str, &str)]) -> Result<TokenAnswer, Error> {
        // Built in one go: the builder must not live across an await.
        let form = {
            let mut form = Serializer::new(String::new());
            form.extend_pairs(grant).append_pair("client_id", "strata");
            if let Some(service) = self.service {
                form.append_pair("service", service);
            }
            if self.offline {
                form.append_pair("access_type", "offline");
            }
            form.append_pair("scope", &self.scopes.join(" ")).finish()
        };
        // A redirect of a POST is not followed: the form holds the secret.
        let response = self
            .send(Method::POST, &self.realm.url, HeaderMap::new(), Some(form))
            .await?;
        Ok(TokenAnswer { response })
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        form: Option<String>,
    ) -> Result<Response, Error> {
        let unverified = accepts_any_certificate(self.options, &authority(url));
        self.transport
            .send(Request {
                method,
                url,
                headers,
                payload: form.map_or(Payload::Nothing, Payload::Form),
                unverified,
            })
            .await
    }
}

struct TokenAnswer {
    response: Response,
}

impl TokenAnswer {
    async fn token(mut self, wanted: &Wanted<'_>) -> Result<Token, NoToken> {
        let host = authority(self.response.url());
        let stall = wanted.options.timeouts.stall;
        let bad = |reason: &str| {
            NoToken::Failed(Error::BadResponse {
                host: host.clone(),
                reason: reason.to_owned(),
            })
        };
        let code = self.response.status().as_u16();
        if code != 200 {
            let retry_after =
                status::retry_after(self.response.headers(), wanted.options.clock.now());
            let body = read_body(&mut self.response, MAX_ERROR_BODY, stall)
                .await?
                .unwrap_or_default();
            let account = Account::read(&body);
            // 400 is how OAuth 2 says that a grant is not accepted.
            if matches!(code, 400 | 401 | 403) {
                return Err(NoToken::Refused {
                    message: account.message,
                });
            }
            if code == 429 || code == 408 || code >= 500 {
                let what = What::Tags(wanted.repository.to_string());
                return Err(status::failure(
                    code,
                    retry_after,
                    account,
                    host,
                    wanted.repository,
                    &what,
                )
                .into());
            }
            return Err(bad(&format!(
                "the token server answered with status {code}"
            )));
        }
        let Some(body) = read_body(&mut self.response, MAX_ANSWER, stall).await? else {
            return Err(bad("the token is too large"));
        };
        // The parser's message could quote the token.
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|_| bad("the token server's answer is not JSON"))?;
        let text = [answer.token, answer.access_token]
            .into_iter()
            .flatten()
            .find(|text| !text.is_empty());
        let text = text.ok_or_else(|| bad("the token server's answer has no token"))?;
        let mut header = HeaderValue::from_str(&format!("Bearer {text}"))
            .map_err(|_| bad("the token has characters that cannot be sent"))?;
        header.set_sensitive(true);
        Ok(Token {
            header,
            refresh: answer
                .refresh_token
                .filter(|token| wanted.offline && !token.is_empty())
                .map(Secret::new),
            fetched: Instant::now(),
            lifetime: lifetime(&answer.expires_in),
        })
    }
}

/// Reads `expires_in`, in seconds. What is below zero or absurd is cut to what can be meant.
fn lifetime(value: &Value) -> Duration {
    let seconds = value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match seconds {
        Some(seconds) if seconds.is_finite() => {
            Duration::from_secs_f64(seconds.clamp(0.0, LONGEST_LIFETIME.as_secs_f64()))
        }
        _ => DEFAULT_LIFETIME,
    }
}

/// Returns the value of an `Authorization` header, marked so that nobody prints it.
pub(crate) fn basic_header(username: &str, password: &str) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    // Base64 is always a valid header; an empty one would only be refused by the server.
    let mut header = HeaderValue::from_str(&format!("Basic {encoded}"))
        .unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lifetimes_that_make_no_sense_are_cut() {
        assert_eq!(lifetime(&Value::Null), DEFAULT_LIFETIME);
        assert_eq!(lifetime(&json!(300)), Duration::from_secs(300));
        assert_eq!(lifetime(&json!("300")), Duration::from_secs(300));
        assert_eq!(lifetime(&json!(-1)), Duration::ZERO);
        assert_eq!(lifetime(&json!(1e12)), LONGEST_LIFETIME);
        assert_eq!(lifetime(&json!([])), DEFAULT_LIFETIME);
        assert_eq!(lifetime(&json!("NaN")), DEFAULT_LIFETIME);
    }

    #[tokio::test]
    async fn a_token_is_renewed_before_it_expires() {
        let fetched = Instant::now();
        let token = |lifetime| Token {
            header: HeaderValue::from_static("x"),
            refresh: None,
            fetched,
            lifetime: Duration::from_secs(lifetime),
        };
        let after = |seconds| fetched + Duration::from_secs(seconds);
        assert!(token(300).is_fresh(after(289)));
        assert!(!token(300).is_fresh(after(290)), "ten seconds early");
        assert!(token(20).is_fresh(after(17)));
        assert!(!token(20).is_fresh(after(18)), "a tenth early");
        assert!(!token(0).is_fresh(after(0)), "used once");
    }
}
