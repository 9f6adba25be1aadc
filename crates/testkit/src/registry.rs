//! A registry inside the test: real HTTP on a loopback port, wrong on command.

mod auth;
pub(crate) mod http;
mod rule;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use oci::{Digest, Reference};

pub use self::auth::Bearer;
use self::auth::{Guard, Tokens};
pub use self::http::Logged;
use self::http::{After, Reply, Silence, cut_off, read_body, read_head, write_reply};
pub use self::rule::{Cut, Fault, Rule};
use self::upload::Sessions;
pub use self::upload::Uploads;
use crate::{Document, Image};

/// A registry on a free loopback port, over plain http. Stops when dropped.
///
/// It does what the protocol says until a [`Rule`] says otherwise, and logs every request.
#[derive(Debug)]
pub struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    base: String,
    silence: Silence,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    repositories: HashMap<String, Repository>,
    rules: Vec<Rule>,
    guard: Guard,
    tokens: Tokens,
    page_size: Option<usize>,
    uploads: Uploads,
    sessions: Sessions,
    begun: u32,
    log: Vec<Logged>,
    connections: Vec<Weak<TcpStream>>,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, Digest>,
    manifests: HashMap<Digest, Document>,
    blobs: HashMap<Digest, Vec<u8>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::start()
    }
}

impl Registry {
    /// Starts an empty registry that lets everybody in.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            base: format!("http://{address}"),
            silence: Silence::default(),
            state: Mutex::default(),
        });
        let acceptor = std::thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// Returns `127.0.0.1:PORT`, as it stands in references.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Returns the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.base)
    }

    /// Returns the full reference of `app:1` or `app@sha256:…` here.
    pub fn reference(&self, name: &str) -> Reference {
        Reference::parse_normalized(&format!("{}/{name}", self.address)).unwrap()
    }

    /// Puts an image under a name such as `team/app:1`; without a tag only its digest names it. Returns the reference.
    pub fn push(&self, name: &str, image: &Image) -> Reference {
        let reference = self.reference(name);
        let mut state = self.state();
        let repository = state
            .repositories
            .entry(reference.repository().to_owned())
            .or_default();
        for document in image.children.iter().chain([&image.root]) {
            repository
                .manifests
                .insert(document.digest.clone(), document.clone());
        }
        repository.blobs.extend(image.blobs.clone());
        match reference.tag() {
            Some(tag) => {
                repository
                    .tags
                    .insert(tag.as_str().to_owned(), image.root.digest.clone());
                reference
            }
            None => reference.with_digest(image.root.digest.clone()),
        }
    }

    /// Puts any document under a name, for ones that are no images. Returns the reference.
    pub fn push_document(&self, name: &str, document: Document) -> Reference {
        let reference = self.reference(name);
        let mut state = self.state();
        let repository = state
            .repositories
            .entry(reference.repository().to_owned())
            .or_default();
        if let Some(tag) = reference.tag() {
            repository
                .tags
                .insert(tag.as_str().to_owned(), document.digest.clone());
        }
        repository
            .manifests
            .insert(document.digest.clone(), document);
        reference
    }

    /// Puts a blob into a repository.
    pub fn push_blob(&self, repository: &str, bytes: impl Into<Vec<u8>>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::sha256(&bytes);
        self.state()
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .blobs
            .insert(digest.clone(), bytes);
        digest
    }

    /// Adds a rule. Of the rules that mean a request the first one that still counts is used.
    pub fn rule(&self, rule: Rule) {
        self.state().rules.push(rule);
    }

    /// Removes all rules.
    pub fn behave(&self) {
        self.state().rules.clear();
    }

    /// Lets only this user in, by Basic.
    pub fn require_basic(&self, name: &str, password: &str) {
        self.state().guard = Guard::Basic {
            name: name.to_owned(),
            password: password.to_owned(),
        };
    }

    /// Lets only those in who have a token.
    pub fn require_bearer(&self, bearer: Bearer) {
        self.state().guard = Guard::Bearer(Box::new(bearer));
    }

    /// Makes every token that was given out useless.
    pub fn revoke_tokens(&self) {
        self.state().tokens.values_mut().for_each(|left| *left = 0);
    }

    /// Takes uploads in another way from now on.
    pub fn uploads(&self, uploads: Uploads) {
        self.state().uploads = uploads;
    }

    /// Tells how many uploads were begun and neither ended nor taken back.
    pub fn open_uploads(&self) -> usize {
        self.state().sessions.len()
    }

    /// Returns what a tag or digest of a repository names.
    pub fn document(&self, repository: &str, name: &str) -> Option<Document> {
        let state = self.state();
        let repository = state.repositories.get(repository)?;
        let digest = match repository.tags.get(name) {
            Some(digest) => digest.clone(),
            None => name.parse().ok()?,
        };
        repository.manifests.get(&digest).cloned()
    }

    /// Returns a blob of a repository.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<Vec<u8>> {
        let state = self.state();
        state
            .repositories
            .get(repository)?
            .blobs
            .get(digest)
            .cloned()
    }

    /// Lists at most this many tags on a page.
    pub fn page_size(&self, size: usize) {
        self.state().page_size = Some(size);
    }

    /// Returns the requests so far, oldest first.
    pub fn requests(&self) -> Vec<Logged> {
        self.state().log.clone()
    }

    /// Returns the requests whose path contains a text.
    pub fn requests_for(&self, text: &str) -> Vec<Logged> {
        self.requests()
            .into_iter()
            .filter(|request| request.path.contains(text))
            .collect()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.state().log.clear();
    }

    /// Tells whether a text occurs anywhere in the requests so far: path, headers or body.
    pub fn saw(&self, text: &str) -> bool {
        self.requests().iter().any(|request| {
            request.path.contains(text)
                || String::from_utf8_lossy(&request.body).contains(text)
                || request
                    .headers
                    .iter()
                    .any(|(name, value)| name.contains(text) || value.contains(text))
        })
    }

    /// Tells how many clients wait for an answer that fell silent, and have not gone away yet.
    pub fn clients_kept_waiting(&self) -> usize {
        self.shared.silence.clients()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.silence.end();
        for connection in self
            .state()
            .connections
            .drain(..)
            .filter_map(|connection| connection.upgrade())
        {
            // It may be closed already.
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
        // Wakes the acceptor, which then sees that it is over.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.silence.is_over() {
            return;
        }
        let Ok(stream) = stream else { continue };
        stream.set_nodelay(true).unwrap();
        let stream = Arc::new(stream);
        {
            let mut state = shared.state();
            state
                .connections
                .retain(|connection| connection.strong_count() > 0);
            state.connections.push(Arc::downgrade(&stream));
        }
        let shared = shared.clone();
        std::thread::spawn(move || converse(&stream, &shared));
    }
}

fn converse(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(mut request) = read_head(&mut reader) {
        let faults = shared.state().faults(&request);
        let cut = faults.iter().find_map(|fault| match fault {
            Fault::CutRequest(at, cut) => Some((*at, *cut)),
            _ => None,
        });
        let Some(whole) = read_body(&mut reader, &mut request, cut.map(|(at, _)| at)) else {
            return;
        };
        let reply = answer(shared, request.clone(), whole, &faults);
        if let Some((_, cut)) = cut.filter(|_| !whole) {
            cut_off(stream, cut);
            return;
        }
        let head = request.method == "HEAD";
        if write_reply(stream, head, &reply, &faults, &shared.silence) == After::Close {
            return;
        }
    }
}

/// Finds the answer to a request. Some of the faults are still to happen while it is sent.
fn answer(shared: &Shared, mut request: Logged, whole: bool, faults: &[Fault]) -> Reply {
    let mut state = shared.state();
    // A request that the rule answers does not reach the registry.
    let is_answered = faults
        .iter()
        .any(|fault| matches!(fault, Fault::Answer(..) | Fault::Redirect(..)));
    let mut reply = match is_answered {
        true => Reply::default(),
        false => state.route(&request, &shared.base, whole, faults),
    };
    for fault in faults {
        match fault {
            Fault::Answer(status, headers, body) => {
                reply = Reply {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone(),
                };
            }
            Fault::Redirect(status, to) => {
                reply = Reply {
                    status: *status,
                    ..Reply::default()
                };
                reply.set("Location", to.replace("{path}", &request.path));
            }
            Fault::Flip(at) => {
                if let Some(byte) = reply.body.get_mut(*at) {
                    *byte ^= 1;
                }
            }
            Fault::ContentRange(value) => reply.set("Content-Range", value),
            Fault::Header(name, value) => reply.set(name, value),
            Fault::WithoutHeader(name) => reply.remove(name),
            Fault::Body(body) => reply.body.clone_from(body),
            _ => {}
        }
    }
    let unanswered = faults
        .iter()
        .any(|fault| matches!(fault, Fault::Cut(None, _) | Fault::Stall(None)));
    request.status = if unanswered || !whole {
        0
    } else {
        reply.status
    };
    state.log.push(request);
    reply
}

impl State {
    /// Returns what goes wrong with a request, and counts it.
    fn faults(&mut self, request: &Logged) -> Vec<Fault> {
        let hit = self.rules.iter_mut().find_map(|rule| {
            rule.hits(&request.method, &request.path)
                .then(|| rule.faults.clone())
        });
        hit.unwrap_or_default()
    }

    fn route(&mut self, request: &Logged, base: &str, whole: bool, faults: &[Fault]) -> Reply {
        let all = faults.contains(&Fault::IgnoreRange);
        let path = request.path.split('?').next().unwrap_or_default();
        if path == "/token" {
            return match &self.guard {
                Guard::Bearer(bearer) => auth::token(bearer, &mut self.tokens, request),
                _ => Reply::error(404, "UNSUPPORTED"),
            };
        }
        if let Some(refusal) = auth::refuse(&self.guard, &mut self.tokens, request, base) {
            return refusal;
        }
        if path == "/v2/" {
            return Reply::new(200, "application/json", "{}");
        }
        if let Some(reply) = self.upload(request, whole) {
            return reply;
        }
        if path == "/v2/_catalog" {
            return self.catalog(request);
        }
        let rest = path.strip_prefix("/v2/").unwrap_or_default();
        for part in ["/manifests/", "/blobs/", "/tags/"] {
            if let Some((repository, name)) = rest.rsplit_once(part) {
                let Some(found) = self.repositories.get(repository) else {
                    return Reply::error(404, "NAME_UNKNOWN");
                };
                return match part {
                    "/manifests/" => found.manifest(name, self.uploads.conditional),
                    "/blobs/" => found.blob(name, request.header("range").filter(|_| !all)),
                    _ => found.tag_list(repository, request, self.page_size),
                };
            }
        }
        Reply::error(404, "UNSUPPORTED")
    }
}

impl State {
    fn catalog(&self, request: &Logged) -> Reply {
        let names: std::collections::BTreeSet<_> = self.repositories.keys().collect();
        let last = request.parameter("last").unwrap_or_default();
        let asked = request.parameter("n").and_then(|n| n.parse().ok());
        let size = self.page_size.or(asked).unwrap_or(usize::MAX);
        let after: Vec<_> = names.into_iter().filter(|name| **name > last).collect();
        let page = &after[..after.len().min(size)];
        let body = serde_json::json!({"repositories": page});
        let mut reply = Reply::new(200, "application/json", body.to_string());
        if let Some(last) = page.last().filter(|_| page.len() < after.len()) {
            reply.set(
                "Link",
                format!("</v2/_catalog?last={last}&n={size}>; rel=\"next\""),
            );
        }
        reply
    }
}

impl Repository {
    fn manifest(&self, name: &str, marked: bool) -> Reply {
        let digest = self.tags.get(name).cloned().or_else(|| name.parse().ok());
        let Some(document) = digest.and_then(|digest| self.manifests.get(&digest)) else {
            return Reply::error(404, "MANIFEST_UNKNOWN");
        };
        let mut reply = Reply::new(200, document.media_type.as_str(), document.bytes.clone());
        reply.set("Docker-Content-Digest", document.digest.as_str());
        if marked {
            reply.set("ETag", format!("\"{}\"", document.digest));
        }
        reply
    }

    fn blob(&self, name: &str, range: Option<&str>) -> Reply {
        let Some(bytes) = name
            .parse::<Digest>()
            .ok()
            .and_then(|digest| self.blobs.get(&digest))
        else {
            return Reply::error(404, "BLOB_UNKNOWN");
        };
        let start = range.and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        let mut reply = match start {
            None => Reply::new(200, "application/octet-stream", bytes.clone()),
            Some(start) if start < bytes.len() => {
                let mut reply = Reply::new(206, "application/octet-stream", &bytes[start..]);
                reply.set(
                    "Content-Range",
                    format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()),
                );
                reply
            }
            Some(_) => {
                let mut reply = Reply {
                    status: 416,
                    ..Reply::default()
                };
                reply.set("Content-Range", format!("bytes */{}", bytes.len()));
                reply
            }
        };
        reply.set("Accept-Ranges", "bytes");
        reply
    }

    fn tag_list(&self, repository: &str, request: &Logged, page_size: Option<usize>) -> Reply {
        let last = request.parameter("last").unwrap_or_default();
        let asked = request
            .parameter("n")
            .and_then(|n| n.parse().ok())
            .unwrap_or(usize::MAX);
        let size = page_size.unwrap_or(usize::MAX).min(asked);
        let after: Vec<_> = self.tags.keys().filter(|tag| **tag > last).collect();
        let page = &after[..after.len().min(size)];
        let body = serde_json::json!({"name": repository, "tags": page});
        let mut reply = Reply::new(200, "application/json", body.to_string());
        if let Some(last) = page.last().filter(|_| page.len() < after.len()) {
            reply.set(
                "Link",
                format!("</v2/{repository}/tags/list?last={last}&n={size}>; rel=\"next\""),
            );
        }
        reply
    }
}
