//! Where and how a registry is asked: its API host, https or plain http, and whose certificate counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use tokio::sync::OnceCell;
use url::Url;

use crate::address::{api_host, is_loopback};
use crate::transport::{Payload, Request, Transport};
use crate::{ClientOptions, Error, Phase, TlsReason};

/// How long a host is given to show that it speaks TLS, before plain http is tried where that is allowed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The root of a registry's API.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// `https://host/v2/`
    pub(crate) base: Url,
    /// Whether any certificate is accepted.
    pub(crate) unverified: bool,
}

/// Finds and remembers the endpoints. Each host is tried out once, also when many requests start together.
#[derive(Debug)]
pub(crate) struct Endpoints {
    options: Arc<ClientOptions>,
    transport: Arc<Transport>,
    known: Mutex<HashMap<String, Arc<OnceCell<Endpoint>>>>,
}

/// Tells whether the user gave up on certificates for a host.
pub(crate) fn accepts_any_certificate(options: &ClientOptions, host: &str) -> bool {
    !options.tls_verify || is_insecure(options, host)
}

/// Tells whether a host may be asked over plain http at all.
pub(crate) fn may_be_plain(options: &ClientOptions, host: &str) -> bool {
    // Not where certificates are merely not verified: a connection that somebody cuts must not bring a password out in the clear.
    is_loopback(host) || is_insecure(options, host)
}

fn is_insecure(options: &ClientOptions, host: &str) -> bool {
    let mut listed = options.insecure_hosts.iter();
    listed.any(|listed| listed.eq_ignore_ascii_case(host))
}

impl Endpoints {
    pub(crate) fn new(options: Arc<ClientOptions>, transport: Arc<Transport>) -> Self {
        Self {
            options,
            transport,
            known: Mutex::default(),
        }
    }

    /// Returns the endpoint of a registry, as its host stands in references.
    pub(crate) async fn of(&self, registry: &str) -> Result<Endpoint, Error> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(registry.to_owned()).or_default().clone()
        };
        // A failure is not remembered.
        cell.get_or_try_init(|| self.find(registry)).await.cloned()
    }

    async fn find(&self, registry: &str) -> Result<Endpoint, Error> {
        let secure = Endpoint {
            base: base("https", registry)?,
            unverified: accepts_any_certificate(&self.options, registry),
        };
        if !may_be_plain(&self.options, registry) {
            return Ok(secure);
        }
        // Nothing secret is in this request: it only finds out what is spoken there.
        let request = Request {
            method: Method::GET,
            url: &secure.base,
            headers: HeaderMap::new(),
            payload: Payload::Nothing,
            unverified: secure.unverified,
        };
        // A server of plain http may wait for the end of a line that never comes.
        let patience = self.options.timeouts.connect.min(PATIENCE);
        let answer = tokio::time::timeout(patience, self.transport.send(request)).await;
        let answer = answer.unwrap_or_else(|_| {
            let host = registry.to_owned();
            Err(Error::Timeout {
                host,
                phase: Phase::Connect,
                waited: patience,
            })
        });
        match answer {
            Ok(_) => Ok(secure),
            Err(error) if speaks_no_tls(&error, secure.base.port().is_some()) => Ok(Endpoint {
                base: base("http", registry)?,
                unverified: secure.unverified,
            }),
            // A certificate that is not trusted is an answer, and no reason to do without any.
            Err(error) => Err(error),
        }
    }
}

/// Tells whether a failure over https means that plain http should be tried.
fn speaks_no_tls(error: &Error, explicit_port: bool) -> bool {
    match error {
        Error::Tls { reason, .. } => *reason == TlsReason::NotTls,
        // On an explicit port nobody will answer in http either; without one http has its own port.
        Error::Unreachable { refused: true, .. } => !explicit_port,
        Error::Unreachable { .. }
        | Error::Timeout {
            phase: Phase::Connect,
            ..
        } => true,
        _ => false,
    }
}

fn base(scheme: &str, registry: &str) -> Result<Url, Error> {
    Url::parse(&format!("{scheme}://{}/v2/", api_host(registry))).map_err(|_| Error::BadHost {
        host: registry.to_owned(),
    })
}
