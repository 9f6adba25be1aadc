//! A registry inside the test: real HTTP on a loopback port, wrong on command.

mod auth;
pub(crate) mod http;
mod repository;
mod rule;
mod serve;
mod upload;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use oci::{Digest, Reference};

pub use self::auth::Bearer;
use self::auth::{Guard, Tokens};
pub use self::http::Logged;
use self::http::Silence;
use self::repository::Repository;
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
            move || serve::accept(&listener, &shared)
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
