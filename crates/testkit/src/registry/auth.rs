//! Who may ask: Basic, or Bearer with tokens from the registry's own `/token`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http::{Logged, Reply};

/// How a registry gives out tokens.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// Names and passwords that are known.
    pub users: HashMap<String, String>,
    /// Refresh tokens that are known (OAuth 2).
    pub refresh_tokens: Vec<String>,
    /// Whether a token is given to whoever does not log in.
    pub anonymous: bool,
    /// Where the challenge sends to; `None` is the registry's own `/token`.
    pub realm: Option<String>,
    /// `expires_in` in the answer, any JSON.
    pub expires_in: serde_json::Value,
    /// How many requests a token is good for.
    pub uses: Option<u32>,
    /// The name of the field with the token: `token` or `access_token`.
    pub field: &'static str,
    /// Whether those who have a token may write.
    pub push: bool,
    /// Whether GET is answered, and whether POST is.
    pub methods: (bool, bool),
}

impl Default for Bearer {
    fn default() -> Self {
        Self {
            users: HashMap::new(),
            refresh_tokens: Vec::new(),
            anonymous: true,
            realm: None,
            expires_in: serde_json::json!(300),
            uses: None,
            field: "token",
            push: true,
            methods: (true, false),
        }
    }
}

impl Bearer {
    /// Knows one user and nobody else.
    pub fn user(name: &str, password: &str) -> Self {
        Self {
            users: HashMap::from([(name.to_owned(), password.to_owned())]),
            anonymous: false,
            ..Self::default()
        }
    }
}

#[derive(Debug, Default)]
pub(super) enum Guard {
    #[default]
    Open,
    Basic {
        name: String,
        password: String,
    },
    Bearer(Box<Bearer>),
}

/// The tokens that are good, with the number of requests that each is still good for.
pub(super) type Tokens = HashMap<String, u32>;

/// Returns the refusal, if a request may not pass.
pub(super) fn refuse(
    guard: &Guard,
    tokens: &mut Tokens,
    request: &Logged,
    base: &str,
) -> Option<Reply> {
    let sent = request.header("authorization");
    let challenge = match guard {
        Guard::Open => return None,
        Guard::Basic { name, password } => {
            if sent == Some(basic(name, password).as_str()) {
                return None;
            }
            "Basic realm=\"testkit\"".to_owned()
        }
        Guard::Bearer(bearer) => {
            let token = sent.and_then(|sent| sent.strip_prefix("Bearer "));
            let writes = !matches!(request.method.as_str(), "GET" | "HEAD");
            let known = token.is_some_and(|token| tokens.contains_key(token));
            let insufficient = writes && known && !bearer.push;
            if !insufficient
                && let Some(left) = token.and_then(|token| tokens.get_mut(token))
                && *left > 0
            {
                *left -= 1;
                return None;
            }
            let own = format!("{base}/token");
            let realm = bearer.realm.as_deref().unwrap_or(&own);
            let repository = repository(&request.path).unwrap_or_default();
            let actions = if writes { "pull,push" } else { "pull" };
            let error = if insufficient {
                ",error=\"insufficient_scope\""
            } else {
                ""
            };
            format!(
                "Bearer realm=\"{realm}\",service=\"testkit\",scope=\"repository:{repository}:{actions}\"{error}"
            )
        }
    };
    let mut reply = Reply::error(401, "UNAUTHORIZED");
    reply.set("WWW-Authenticate", challenge);
    Some(reply)
}

fn repository(path: &str) -> Option<String> {
    let rest = path.split('?').next()?.strip_prefix("/v2/")?;
    let end = ["/manifests/", "/blobs/", "/tags/"]
        .iter()
        .find_map(|part| rest.find(part))?;
    Some(rest[..end].to_owned())
}

/// Answers the token server's one address.
pub(super) fn token(bearer: &Bearer, tokens: &mut Tokens, request: &Logged) -> Reply {
    let known = match request.method.as_str() {
        "GET" if bearer.methods.0 => match request.header("authorization") {
            None => bearer.anonymous,
            Some(sent) => bearer
                .users
                .iter()
                .any(|(name, password)| sent == basic(name, password)),
        },
        "POST" if bearer.methods.1 => match request.parameter("grant_type").as_deref() {
            Some("refresh_token") => request
                .parameter("refresh_token")
                .is_some_and(|token| bearer.refresh_tokens.contains(&token)),
            Some("password") => {
                let user = request
                    .parameter("username")
                    .and_then(|name| bearer.users.get(&name));
                user.is_some_and(|password| {
                    request.parameter("password").as_ref() == Some(password)
                })
            }
            _ => false,
        },
        _ => return Reply::error(405, "UNSUPPORTED"),
    };
    if !known {
        return Reply::error(401, "UNAUTHORIZED");
    }
    let token = format!("token-{}", tokens.len() + 1);
    tokens.insert(token.clone(), bearer.uses.unwrap_or(u32::MAX));
    let mut body = serde_json::json!({bearer.field: token});
    if !bearer.expires_in.is_null() {
        body["expires_in"] = bearer.expires_in.clone();
    }
    Reply::new(200, "application/json", body.to_string())
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
