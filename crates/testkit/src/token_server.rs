//! A token server whose tokens the real `docker-registry` takes: JWTs signed with ES256.
//!
//! Sources: <https://distribution.github.io/distribution/spec/auth/jwt/> and `…/auth/token/`.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::docker_registry::find;
use crate::registry::Logged;
use crate::registry::http::{Reply, Silence, read_body, read_head, write_reply};

/// The service's name that registry and token server agree on.
pub(crate) const SERVICE: &str = "testkit-registry";

/// Who signs the tokens.
pub(crate) const ISSUER: &str = "testkit-issuer";

/// A token server on a free loopback port. Stops when dropped.
///
/// Users may do everything; whoever does not log in may pull from repositories below `public/`.
#[derive(Debug)]
pub struct TokenServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: TempDir,
    users: HashMap<String, String>,
    /// Repositories into which nobody may write.
    read_only: Vec<String>,
    refresh_tokens: Mutex<HashMap<String, String>>,
    count: AtomicU64,
    silence: Silence,
    log: Mutex<Vec<Logged>>,
}

impl TokenServer {
    /// Starts one that knows these users and their passwords. Into the repositories of `read_only` nobody may write.
    pub fn start(users: &[(&str, &str)], read_only: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_key(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            folder,
            users: users
                .iter()
                .map(|(name, password)| ((*name).to_owned(), (*password).to_owned()))
                .collect(),
            read_only: read_only.iter().map(ToString::to_string).collect(),
            refresh_tokens: Mutex::default(),
            count: AtomicU64::new(0),
            silence: Silence::default(),
            log: Mutex::default(),
        });
        let acceptor = std::thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming() {
                    if shared.silence.is_over() {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let shared = shared.clone();
                    std::thread::spawn(move || shared.converse(&stream));
                }
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Returns the address that a registry's challenge names.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Returns `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the certificate that the tokens are signed with.
    pub fn certificate(&self) -> PathBuf {
        self.shared.folder.path().join("token.crt")
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<Logged> {
        let log = self.shared.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.shared.silence.end();
        // Wakes the acceptor, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl Shared {
    fn converse(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(mut request) = read_head(&mut reader) {
            if read_body(&mut reader, &mut request, None).is_none() {
                return;
            }
            let reply = self.answer(&request);
            request.status = reply.status;
            let log = self.log.lock();
            log.unwrap_or_else(PoisonError::into_inner).push(request);
            write_reply(stream, false, &reply, &[], &self.silence);
        }
    }

    fn answer(&self, request: &Logged) -> Reply {
        let user = match request.method.as_str() {
            "GET" => match request.header("authorization") {
                None => Some(None),
                Some(sent) => self.by_password(sent).map(Some),
            },
            "POST" => self.by_grant(request).map(Some),
            _ => return Reply::error(405, "UNSUPPORTED"),
        };
        let Some(user) = user else {
            return Reply::error(401, "UNAUTHORIZED");
        };
        let access: Vec<Value> = scopes(request)
            .iter()
            .filter_map(|scope| self.granted(user.as_deref(), scope))
            .collect();
        let token = self.token(user.as_deref().unwrap_or_default(), &access);
        let mut body = json!({"token": token, "access_token": token, "expires_in": 300});
        let offline = request
            .parameter("offline_token")
            .is_some_and(|it| it == "true")
            || request
                .parameter("access_type")
                .is_some_and(|it| it == "offline");
        if let Some(user) = user.filter(|_| offline) {
            let refresh = format!(
                "refresh-{user}-{}",
                self.count.fetch_add(1, Ordering::Relaxed)
            );
            let kept = self.refresh_tokens.lock();
            kept.unwrap_or_else(PoisonError::into_inner)
                .insert(refresh.clone(), user);
            body["refresh_token"] = json!(refresh);
        }
        Reply::new(200, "application/json", body.to_string())
    }

    fn by_password(&self, sent: &str) -> Option<String> {
        let pair = STANDARD.decode(sent.strip_prefix("Basic ")?).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (name, password) = pair.split_once(':')?;
        (self.users.get(name)? == password).then(|| name.to_owned())
    }

    fn by_grant(&self, request: &Logged) -> Option<String> {
        match request.parameter("grant_type")?.as_str() {
            "refresh_token" => {
                let kept = self.refresh_tokens.lock();
                let kept = kept.unwrap_or_else(PoisonError::into_inner);
                kept.get(&request.parameter("refresh_token")?).cloned()
            }
            "password" => {
                let name = request.parameter("username")?;
                let right = self.users.get(&name)? == &request.parameter("password")?;
                right.then_some(name)
            }
            _ => None,
        }
    }

    /// Returns what of a scope this user may have.
    fn granted(&self, user: Option<&str>, scope: &str) -> Option<Value> {
        let mut parts = scope.splitn(3, ':');
        let (kind, name, actions) = (parts.next()?, parts.next()?, parts.next()?);
        let may = |action: &&str| match (user, *action) {
            (_, "push" | "delete") if self.read_only.iter().any(|it| it == name) => false,
            (Some(_), _) => true,
            (None, "pull") => name.starts_with("public/"),
            (None, _) => false,
        };
        let actions: Vec<&str> = actions.split(',').filter(may).collect();
        (!actions.is_empty()).then(|| json!({"type": kind, "name": name, "actions": actions}))
    }

    fn token(&self, user: &str, access: &[Value]) -> String {
        let folder = self.folder.path();
        let der = std::fs::read(folder.join("token.der")).unwrap();
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(der)]});
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = since.as_secs();
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": SERVICE, "iat": now, "nbf": now - 60, "exp": now + 300,
            "jti": format!("{now}-{}", self.count.fetch_add(1, Ordering::Relaxed)), "access": access,
        });
        let text = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = text.join(".");
        let signature = sign(folder, text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Returns the scopes of a request: repeated in a query, in one word in a form.
fn scopes(request: &Logged) -> Vec<String> {
    let query = request.path.split_once('?').map_or("", |(_, query)| query);
    let all = url::form_urlencoded::parse(query.as_bytes())
        .chain(url::form_urlencoded::parse(&request.body));
    all.filter(|(key, _)| key == "scope")
        .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn make_key(folder: &Path) {
    let openssl = |line: &str| {
        let output = Command::new(find("openssl", "openssl"))
            .args(line.split(' '))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "openssl {line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=testkit-issuer \
         -keyout token.key -out token.crt",
    );
    openssl("x509 -in token.crt -outform der -out token.der");
}

/// Signs with ECDSA: openssl gives the two numbers in DER, a JWT wants them side by side, 32 bytes each.
fn sign(folder: &Path, text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut child = Command::new(find("openssl", "openssl"))
        .args(["dgst", "-sha256", "-sign", "token.key"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let der = child.wait_with_output().unwrap().stdout;
    // SEQUENCE, length, INTEGER, length, r, INTEGER, length, s. Short enough for lengths of one byte.
    let r_length = usize::from(der[3]);
    let (r, rest) = der[4..].split_at(r_length);
    let s = &rest[2..2 + usize::from(rest[1])];
    [r, s]
        .iter()
        .flat_map(|number| thirty_two(number))
        .collect()
}

fn thirty_two(number: &[u8]) -> Vec<u8> {
    let digits = &number[number.len().saturating_sub(32)..];
    let mut bytes = vec![0; 32 - digits.len()];
    bytes.extend(digits);
    bytes
}
