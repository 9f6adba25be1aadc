use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::credentials::{Given, Keyring};
use crate::{Mirror, Secret};

/// Docker Hub's search that docker uses, and the one of its web site.
const HUB_SEARCH: [&str; 2] = [
    "https://index.docker.io/v1/search",
    "https://hub.docker.com/v2/search/repositories/",
];

/// How a [`RegistryClient`](crate::RegistryClient) behaves. Nothing else is read from the outside: no environment, no home folder, no clock.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Sent as `User-Agent`, for example `strata/0.1.0`.
    pub user_agent: String,
    /// Hosts (`name` or `name:port`) that may be asked over plain http, and over https without a valid certificate.
    ///
    /// Loopback hosts may always be asked over plain http, but their certificate counts if they speak https.
    pub insecure_hosts: Vec<String>,
    /// Whether certificates are verified at all. `false` is `--tls-verify=false`: every host counts as insecure.
    pub tls_verify: bool,
    /// PEM files with certificates of authorities that are trusted beside the platform's.
    pub ca_files: Vec<PathBuf>,
    /// Folders in docker's `certs.d` layout: `DIR/host[:port]/*.crt` are authorities trusted for that host only.
    pub certs_dirs: Vec<PathBuf>,
    /// The proxies, as the variables `http_proxy`, `https_proxy` and `no_proxy` give them.
    pub proxies: Proxies,
    /// Where credentials are looked for.
    pub credentials: CredentialSources,
    /// The login that is being tried out, which stands in for all others.
    pub(crate) given: Option<Given>,
    /// Hosts that are asked in place of a registry, for what is read from it.
    pub mirrors: Vec<Mirror>,
    /// Pairs of registry host and host of its token server for which the user agreed to send the password.
    pub trusted_realms: Vec<TrustedRealm>,
    /// The addresses of Docker Hub's search, newest last; the first that answers counts.
    pub hub_search: Vec<String>,
    /// When a silent server is given up.
    pub timeouts: Timeouts,
    /// When and how often failed requests are made again.
    pub retry: RetryPolicy,
    /// The time and the way to wait.
    pub clock: Clock,
}

impl ClientOptions {
    /// Returns the defaults: no credentials, no proxies, certificates verified against the platform's authorities.
    pub fn new(user_agent: impl Into<String>, clock: Clock) -> Self {
        Self {
            user_agent: user_agent.into(),
            insecure_hosts: Vec::new(),
            tls_verify: true,
            ca_files: Vec::new(),
            certs_dirs: Vec::new(),
            proxies: Proxies::default(),
            credentials: CredentialSources::default(),
            given: None,
            mirrors: Vec::new(),
            trusted_realms: Vec::new(),
            hub_search: HUB_SEARCH.map(str::to_owned).to_vec(),
            timeouts: Timeouts::default(),
            retry: RetryPolicy::default(),
            clock,
        }
    }
}

/// The proxies to use. Loopback hosts are never asked through one.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// The proxy for plain http, as a URL; it may hold a user and a password.
    pub http: Option<Secret>,
    /// The proxy for https, as a URL: `http://…`, `https://…` or `socks5h://…`.
    pub https: Option<Secret>,
    /// Hosts to ask directly, in curl's notation: names, `.suffixes`, addresses and networks, separated by commas, or `*`.
    pub no_proxy: Option<String>,
}

/// Where credentials are looked for.
#[derive(Clone, Debug, Default)]
pub struct CredentialSources {
    /// Docker's and podman's credential files in the order of lookup. A missing file is no error.
    ///
    /// The usual order: `$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
    /// `~/.config/containers/auth.json`, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`.
    pub files: Vec<PathBuf>,
    /// How many of these files somebody named for this very purpose, as `$REGISTRY_AUTH_FILE`: they are asked before the keyring.
    pub named_files: usize,
    /// The folders in which credential helpers (`docker-credential-NAME`) are looked for, in order: usually `$PATH`.
    pub helper_path: Vec<PathBuf>,
    /// The system's keyring, where there is one: asked before the files that nobody named.
    pub keyring: Option<Arc<dyn Keyring>>,
}

/// A registry and the host of its token server, to which the user agreed to send the registry's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedRealm {
    /// The registry, as in references: `nvcr.io`, `registry.corp:5000`.
    pub registry: String,
    /// The token server's `host` or `host:port`.
    pub realm: String,
}

/// When a silent server is given up.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// From the request to the end of the answer's headers.
    pub headers: Duration,
    /// Between two pieces of a body.
    pub stall: Duration,
    /// From the last byte of an upload to the answer: the registry may read all of it again before it says yes.
    pub commit: Duration,
    /// For a credential helper, which may have to ask its user to unlock the key ring.
    pub helper: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            headers: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            commit: Duration::from_secs(300),
            helper: Duration::from_secs(30),
        }
    }
}

/// When and how often failed requests are made again.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Tries without progress, the first included.
    pub attempts: u32,
    /// The pause before the second try; doubled before each further one.
    pub first_delay: Duration,
    /// The longest pause that is not asked for by the server.
    pub longest_delay: Duration,
    /// The longest `Retry-After` that is waited for; a longer one becomes [`Error::RateLimited`](crate::Error::RateLimited).
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(120),
        }
    }
}

type Pause = dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// The time of day and the way to wait, both given from outside so that tests decide about them.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pause: Arc<Pause>,
}

impl Clock {
    /// Returns a clock that reads the time from `now` and waits by tokio's timer.
    pub fn new(now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            now,
            pause: Arc::new(|delay| Box::pin(tokio::time::sleep(delay))),
        }
    }

    /// Replaces the way to wait between two tries.
    #[must_use]
    pub fn with_pause<F, Fut>(mut self, pause: F) -> Self
    where
        F: Fn(Duration) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.pause = Arc::new(move |delay| Box::pin(pause(delay)));
        self
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    pub(crate) async fn pause(&self, delay: Duration) {
        (self.pause)(delay).await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}
