//! One HTTP request and its answer: connections, time limits, bounded bodies. Knows nothing of registries.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, NoProxy, Proxy, Response};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use crate::address::authority;
use crate::certificate::Seen;
use crate::{ClientOptions, Error, OptionsError, Phase, Secret, Timeouts, TlsReason, tls};

/// How often the bytes that were sent are counted.
const TICK: Duration = Duration::from_millis(50);

/// The HTTP clients, made on first use: reading the platform's authorities takes milliseconds.
#[derive(Debug)]
pub(crate) struct Transport {
    options: Arc<ClientOptions>,
    clients: Mutex<HashMap<Trust, Client>>,
    /// The certificates that were not accepted.
    seen: Seen,
}

/// Whom a client trusts. Hosts with the same answer share a client and its connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Trust {
    Platform,
    /// Beside the platform's and the user's, the authorities in this folder.
    Folder(PathBuf),
    Anybody,
}

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload<'a>,
    /// Whether any certificate is accepted.
    pub(crate) unverified: bool,
}

/// What a request carries.
pub(crate) enum Payload<'a> {
    /// No body at all.
    Nothing,
    /// A body of `application/x-www-form-urlencoded`.
    Form(String),
    /// A body that is in memory; of no bytes it says `Content-Length: 0`.
    Bytes(Bytes),
    /// A body that is read while it is sent.
    Stream(Stream<'a>),
}

/// A body that is read while it is sent. Its length is among the headers.
pub(crate) struct Stream<'a> {
    pub(crate) body: reqwest::Body,
    pub(crate) length: u64,
    /// How many bytes the connection has taken.
    pub(crate) taken: Arc<AtomicU64>,
    /// Hears of them some twenty times a second.
    pub(crate) progress: &'a (dyn Fn(u64) + Sync),
}

impl Transport {
    pub(crate) fn new(options: Arc<ClientOptions>) -> Self {
        Self {
            options,
            clients: Mutex::default(),
            seen: Seen::default(),
        }
    }

    /// Sends a request and waits for the answer's headers. Redirects are answers like any other.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Response, Error> {
        let host = authority(request.url);
        let client = self.client(request.url, request.unverified).await?;
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers)
            // Layers are compressed already, and digests are of the bytes as stored.
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let waited = self.options.timeouts.headers;
        let silent = |phase, waited| Error::Timeout {
            host: host.clone(),
            phase,
            waited,
        };
        let answer = match request.payload {
            Payload::Stream(stream) => {
                let Stream {
                    body,
                    length,
                    taken,
                    progress,
                } = stream;
                let count = Count {
                    length,
                    taken: &taken,
                    progress,
                };
                count
                    .watch(builder.body(body).send(), &self.options.timeouts)
                    .await
                    .map_err(|(phase, waited)| silent(phase, waited))?
            }
            payload => {
                builder = match payload {
                    Payload::Form(form) => builder
                        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                        .body(form),
                    Payload::Bytes(bytes) => {
                        builder.header(CONTENT_LENGTH, bytes.len()).body(bytes)
                    }
                    Payload::Nothing | Payload::Stream(_) => builder,
                };
                tokio::time::timeout(waited, builder.send())
                    .await
                    .map_err(|_| silent(Phase::Headers, waited))?
            }
        };
        let response = answer.map_err(|error| self.classify(host.clone(), error))?;
        // Without the query: that of a presigned address is as good as a password.
        tracing::debug!(method = %request.method, %host, path = request.url.path(), status = response.status().as_u16());
        Ok(response)
    }

    fn classify(&self, host: String, error: reqwest::Error) -> Error {
        classify(host, error, self.options.timeouts.connect, &self.seen)
    }

    async fn client(&self, url: &Url, unverified: bool) -> Result<Client, OptionsError> {
        let trust = if unverified {
            Trust::Anybody
        } else {
            self.folder_for(url).map_or(Trust::Platform, Trust::Folder)
        };
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&trust) {
            return Ok(client.clone());
        }
        let options = self.options.clone();
        let (wanted, seen) = (trust.clone(), self.seen.clone());
        let built = tokio::task::spawn_blocking(move || build(&options, &wanted, &seen)).await;
        let client = built.map_err(|error| OptionsError::Client {
            reason: error.to_string(),
        })??;
        clients.insert(trust, client.clone());
        Ok(client)
    }

    /// Returns the folder with authorities for just this host. A look per request is cheaper than a cache that lies.
    ///
    /// One without any hides none of those behind it: docker and podman, whose folders these are, each know nothing of the other's.
    fn folder_for(&self, url: &Url) -> Option<PathBuf> {
        let port = url.port_or_known_default()?;
        let host = url.host_str()?;
        let names = [authority(url), format!("{host}:{port}")];
        let folders = self
            .options
            .certs_dirs
            .iter()
            .flat_map(|dir| names.iter().map(move |name| dir.join(name)));
        folders.into_iter().find(|folder| {
            // One that cannot be read is not passed over, so that whoever put it there hears of it.
            let is_empty = || authorities_in(folder).is_ok_and(|files| files.is_empty());
            folder.is_dir() && !is_empty()
        })
    }
}

/// A body on its way out.
struct Count<'a> {
    length: u64,
    taken: &'a AtomicU64,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Count<'_> {
    /// Waits for the answer as long as the body moves, and after its end for as long as a registry may take to check it.
    ///
    /// # Errors
    /// What was waited for, and how long.
    async fn watch<F: Future>(
        &self,
        sending: F,
        timeouts: &Timeouts,
    ) -> Result<F::Output, (Phase, Duration)> {
        let mut sending = std::pin::pin!(sending);
        let (mut told, mut moved) = (0, Instant::now());
        loop {
            let answer = tokio::time::timeout(TICK, &mut sending).await;
            let taken = self.taken.load(Ordering::Relaxed);
            if taken != told {
                (told, moved) = (taken, Instant::now());
                (self.progress)(taken);
            }
            if let Ok(answer) = answer {
                return Ok(answer);
            }
            let (phase, patience) = match taken < self.length {
                true => (Phase::Body, timeouts.stall),
                false => (Phase::Headers, timeouts.commit),
            };
            if moved.elapsed() >= patience {
                return Err((phase, patience));
            }
        }
    }
}

fn build(options: &ClientOptions, trust: &Trust, seen: &Seen) -> Result<Client, OptionsError> {
    let config = match trust {
        Trust::Anybody => tls::unverified()?,
        Trust::Platform => tls::verified(&options.ca_files, seen)?,
        Trust::Folder(folder) => {
            let mut files = options.ca_files.clone();
            files.extend(authorities_in(folder)?);
            tls::verified(&files, seen)?
        }
    };
    let mut builder = Client::builder()
        .tls_backend_preconfigured(config)
        .user_agent(&options.user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(options.timeouts.connect)
        .tcp_keepalive(Duration::from_secs(30))
        // One stream must be able to fill the line: the default window of 64 KiB allows 5 Mbit/s at 100 ms.
        .http2_initial_stream_window_size(2 * 1024 * 1024)
        .http2_initial_connection_window_size(8 * 1024 * 1024)
        // The environment is not ours to read.
        .no_proxy();
    for (scheme, address) in [
        ("http", &options.proxies.http),
        ("https", &options.proxies.https),
    ] {
        if let Some(address) = address {
            builder = builder.proxy(proxy(options, scheme, address)?);
        }
    }
    builder.build().map_err(|error| OptionsError::Client {
        reason: chain(&error),
    })
}

fn proxy(
    options: &ClientOptions,
    scheme: &'static str,
    address: &Secret,
) -> Result<Proxy, OptionsError> {
    let address = address.expose();
    // As curl does: a bare host and port is a proxy that speaks http.
    let address = if address.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let made = if scheme == "http" {
        Proxy::http(address)
    } else {
        Proxy::https(address)
    };
    // The error is dropped on purpose: it holds the address, in which there may be a password.
    let Ok(proxy) = made else {
        return Err(OptionsError::Proxy { scheme });
    };
    let direct = options.proxies.no_proxy.as_deref().unwrap_or_default();
    Ok(proxy.no_proxy(NoProxy::from_string(&format!(
        "{direct},localhost,127.0.0.0/8,::1"
    ))))
}

fn authorities_in(folder: &Path) -> Result<Vec<PathBuf>, OptionsError> {
    let failed = |source| OptionsError::CaFile {
        path: folder.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "crt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads a body of at most `limit` bytes; `Ok(None)` if there are more.
///
/// `Content-Encoding` is not looked at: none was asked for, so what comes is what is stored.
pub(crate) async fn read_body(
    response: &mut Response,
    limit: u64,
    stall: Duration,
) -> Result<Option<Bytes>, Error> {
    let host = authority(response.url());
    let announced = response.content_length();
    if announced.is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut body = BytesMut::new();
    loop {
        let Some(chunk) = next_chunk(response, stall, body.len() as u64, announced).await? else {
            return Ok(Some(body.freeze()));
        };
        if body.len() as u64 + chunk.len() as u64 > limit {
            tracing::debug!(%host, limit, "a body was cut off");
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
}

/// Waits for the next piece of a body, but not for ever.
pub(crate) async fn next_chunk(
    response: &mut Response,
    stall: Duration,
    reached: u64,
    expected: Option<u64>,
) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(stall, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(error)) => Err(Error::Interrupted {
            host: authority(response.url()),
            reached,
            expected: expected.unwrap_or(reached),
            reason: Some(innermost(&error.without_url())),
        }),
        Err(_) => Err(Error::Timeout {
            host: authority(response.url()),
            phase: Phase::Body,
            waited: stall,
        }),
    }
}

/// Turns an error of the HTTP client into one that says what happened, without the URL.
fn classify(host: String, error: reqwest::Error, connect: Duration, seen: &Seen) -> Error {
    let error = error.without_url();
    if let Some(reason) = tls_reason(&error) {
        let certificate = seen.of(&host).map(Box::new);
        let alone = certificate.as_ref().is_some_and(|it| it.self_signed);
        let reason = match reason {
            TlsReason::UnknownIssuer if alone => TlsReason::SelfSigned,
            other => other,
        };
        return Error::Tls {
            certificate,
            host,
            reason,
            source: Box::new(error),
        };
    }
    if error.is_timeout() {
        return Error::Timeout {
            host,
            phase: Phase::Connect,
            waited: connect,
        };
    }
    let words = chain(&error);
    if error.is_connect() && words.contains("dns error") {
        let lower = words.to_ascii_lowercase();
        // EAI_AGAIN on Unix, WSATRY_AGAIN on Windows. Every other answer is a no.
        let temporary = lower.contains("temporary failure") || lower.contains("try again");
        return Error::UnknownHost {
            host,
            temporary,
            source: Box::new(error),
        };
    }
    let refused = io_kind(&error) == Some(io::ErrorKind::ConnectionRefused);
    Error::Unreachable {
        host,
        reason: innermost(&error),
        refused,
        source: Box::new(error),
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .last()
}

fn tls_reason(error: &reqwest::Error) -> Option<TlsReason> {
    let found = causes(error).find_map(innermost_tls)?;
    use rustls::CertificateError as Bad;
    Some(match found {
        rustls::Error::InvalidMessage(_) => TlsReason::NotTls,
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            TlsReason::Expired
        }
        rustls::Error::InvalidCertificate(Bad::NotValidYet | Bad::NotValidYetContext { .. }) => {
            TlsReason::NotYetValid
        }
        rustls::Error::InvalidCertificate(
            Bad::NotValidForName | Bad::NotValidForNameContext { .. },
        ) => TlsReason::WrongName,
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => TlsReason::UnknownIssuer,
        other if tls::is_authority_as_server(other) => TlsReason::UnknownIssuer,
        other => TlsReason::Other(other.to_string()),
    })
}

/// Looks for the TLS library's error inside an error. An `io::Error` hides what it wraps from `source()`, and the
/// layers of the HTTP client wrap one into another.
fn innermost_tls<'a>(
    mut error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::Error> {
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        error = error.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

/// Joins an error and its causes into one line.
fn chain(error: &reqwest::Error) -> String {
    causes(error).fold(error.to_string(), |words, cause| {
        format!("{words}: {cause}")
    })
}

/// Returns the words of the last cause, which says what happened; the ones above say where.
fn innermost(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
