use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use oci::{Digest, DocumentError};

use crate::{PeerCertificate, What};

/// Why a registry did not give what was asked for.
///
/// Messages name the host and never hold a password, a token or the query of a URL. Text from a server is cut and
/// freed of control characters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host cannot stand in a URL, for example because its port is too large.
    #[error("{host} is not a valid host")]
    BadHost {
        /// The host.
        host: String,
    },
    /// The name server does not know the host, or did not answer.
    #[error("the host {host} is not known")]
    UnknownHost {
        /// The host.
        host: String,
        /// Whether the name server failed instead of saying no, so that trying again may help.
        temporary: bool,
        /// The system's words.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// No connection came about, or it broke before the answer.
    #[error("{host} cannot be reached: {reason}")]
    Unreachable {
        /// The host and its port where one was given.
        host: String,
        /// The system's words for it.
        reason: String,
        /// Whether the other side refused the connection, so that nothing listens there.
        refused: bool,
        /// What the HTTP client said.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// The TLS handshake failed.
    #[error("no secure connection to {host}: {reason}{}", certificate.as_ref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        reason: TlsReason,
        /// The certificate that was not accepted, where there was one.
        certificate: Option<Box<PeerCertificate>>,
        /// What the TLS library said.
        #[source]
        source: Box<reqwest::Error>,
    },
    /// The server was silent for too long.
    #[error("{host} did not answer within {} s ({phase})", waited.as_secs())]
    Timeout {
        /// The host.
        host: String,
        /// What was waited for.
        phase: Phase,
        /// How long.
        waited: Duration,
    },
    /// The registry wants a login, or does not accept the one it got.
    #[error("{host} wants a login for {repository}{}", credentials.clause())]
    Unauthorized {
        /// The registry.
        host: String,
        /// The repository, `host/path`.
        repository: String,
        /// What was done about credentials.
        credentials: CredentialUse,
        /// The registry's words.
        message: Option<String>,
        /// What went wrong while credentials were looked for.
        problems: Vec<CredentialError>,
    },
    /// The registry knows who asks and says no.
    #[error("{host} denies access to {repository}{}", colon(message.as_deref()))]
    Denied {
        /// The registry.
        host: String,
        /// The repository, `host/path`.
        repository: String,
        /// The registry's words.
        message: Option<String>,
    },
    /// The repository, tag, manifest or blob does not exist there.
    #[error("{} does not exist at {host}{}", what.thing(), colon(message.as_deref()))]
    NotFound {
        /// The registry.
        host: String,
        /// What was asked for.
        what: What,
        /// Whether the registry says that it does not know the whole repository.
        repository_unknown: bool,
        /// The registry's words.
        message: Option<String>,
    },
    /// The registry asks to wait for longer than Strata waits by itself, or kept saying so.
    #[error("{host} limits the number of requests{}{}", wait_clause(*retry_after), colon(message.as_deref()))]
    RateLimited {
        /// The registry.
        host: String,
        /// For how long it asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// The registry's words.
        message: Option<String>,
    },
    /// The server failed: a status from 500 on, or 408.
    #[error("{host} answered with status {status}{}", colon(message.as_deref()))]
    Unavailable {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// For how long it asks to wait, where it says so.
        retry_after: Option<Duration>,
        /// The server's words.
        message: Option<String>,
    },
    /// The answer breaks the protocol.
    #[error("{host} gave an answer that is not valid: {reason}")]
    BadResponse {
        /// The host.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// A redirect was not followed.
    #[error("{host} redirects in a way that is not followed: {reason}")]
    Redirect {
        /// The host that redirected.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A host that the registry redirected to refused; its address may have expired.
    #[error("{host}, to which the registry redirected, answered with status {status}")]
    RedirectRefused {
        /// The host that was redirected to.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// The other host that a host redirected to cannot be asked.
    #[error("{host} redirects to another host: {source}")]
    Redirected {
        /// The host that redirected.
        host: String,
        /// What happened there.
        source: Box<Error>,
    },
    /// The token server that the registry names is not one that may be asked.
    #[error("{host} names a token server that is not asked: {reason}")]
    Realm {
        /// The registry.
        host: String,
        /// The token server's host, where the address has one.
        realm: Option<String>,
        /// Why not.
        reason: String,
    },
    /// The token server that the registry names, on another host, gave no answer.
    #[error("{host} names a token server that gives no token: {source}")]
    TokenServer {
        /// The registry.
        host: String,
        /// What happened there.
        source: Box<Error>,
    },
    /// The image has the old format, schema 1.
    #[error("{reference} has the old image format schema 1, which is not supported")]
    SchemaOne {
        /// The full reference.
        reference: String,
    },
    /// The document can be read as two different things, or says it is something else than the registry says.
    #[error("{reference} is ambiguous: {source}")]
    Ambiguous {
        /// The full reference.
        reference: String,
        /// What contradicts itself.
        source: DocumentError,
    },
    /// The document is not a manifest or an index.
    #[error("{reference} is not a valid manifest: {source}")]
    Document {
        /// The full reference.
        reference: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// The bytes are not the ones that were named.
    #[error("{host} sent other bytes for {what}: expected {expected}, got {found}")]
    DigestMismatch {
        /// The host that sent them.
        host: String,
        /// What was asked for.
        what: What,
        /// The digest that was asked for or announced.
        expected: Digest,
        /// The digest of what came.
        found: Digest,
    },
    /// There are more or fewer bytes than the image says.
    #[error("{host} has {what} with {} bytes, expected {expected}", found.map_or_else(|| "more".to_owned(), |found| found.to_string()))]
    SizeMismatch {
        /// The host that sent them.
        host: String,
        /// What was asked for.
        what: What,
        /// The size according to the descriptor.
        expected: u64,
        /// The size that was announced; `None` if the body just went on after the expected size.
        found: Option<u64>,
    },
    /// A document is larger than the limit.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: What,
        /// The limit in bytes.
        limit: u64,
    },
    /// The body ended before its end.
    #[error("the connection to {host} broke after {reached} of {expected} bytes{}", colon(reason.as_deref()))]
    Interrupted {
        /// The host.
        host: String,
        /// How many bytes there are, from the blob's start.
        reached: u64,
        /// How many there should be.
        expected: u64,
        /// The system's words, where the connection did not just end.
        reason: Option<String>,
    },
    /// The registry does not do this: it is read-only, lists nothing, or knows no search.
    #[error("{host} does not offer {what}{}", colon(message.as_deref()))]
    NotOffered {
        /// The registry.
        host: String,
        /// What it does not offer.
        what: What,
        /// The registry's words.
        message: Option<String>,
    },
    /// The registry does not take what was sent.
    #[error("{host} does not take {what} (status {status}){}", colon(message.as_deref()))]
    Rejected {
        /// The registry.
        host: String,
        /// What was sent.
        what: What,
        /// The HTTP status.
        status: u16,
        /// The registry's words.
        message: Option<String>,
    },
    /// The bytes that the registry got have another digest.
    #[error("{host} does not take {digest}: the bytes that arrived have another digest")]
    WrongBytes {
        /// The registry.
        host: String,
        /// The blob.
        digest: Digest,
    },
    /// The bytes to be sent cannot be read here.
    #[error("{digest} cannot be read to be sent: {source}")]
    Source {
        /// The blob.
        digest: Digest,
        /// The system's words.
        source: std::io::Error,
    },
    /// The client's options cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// What a server was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The connection.
    Connect,
    /// The answer.
    Headers,
    /// The next piece of the body.
    Body,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Headers => "waiting for the answer",
            Self::Body => "in the middle of the data",
        })
    }
}

/// What is wrong with a server's certificate or TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsReason {
    /// The certificate has expired, or this computer's clock is ahead.
    Expired,
    /// The certificate is not valid yet, or this computer's clock is behind.
    NotYetValid,
    /// The certificate is for another name.
    WrongName,
    /// Nobody whom this computer trusts has signed the certificate.
    UnknownIssuer,
    /// The certificate is signed by itself, and is not among those that are trusted.
    SelfSigned,
    /// The server does not speak TLS on this port.
    NotTls,
    /// Something else, in the TLS library's words.
    Other(String),
}

impl fmt::Display for TlsReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("its certificate has expired"),
            Self::NotYetValid => f.write_str("its certificate is not valid yet"),
            Self::WrongName => f.write_str("its certificate is for another name"),
            Self::UnknownIssuer => {
                f.write_str("its certificate is signed by an authority that is not trusted here")
            }
            Self::SelfSigned => {
                f.write_str("its certificate is signed by itself and not trusted here")
            }
            Self::NotTls => f.write_str("it does not speak TLS"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// What was done about credentials before a registry said no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialUse {
    /// There are none for this host.
    None,
    /// They were sent and not accepted.
    Sent,
    /// There are some, but they were not sent, because the token server is not the registry's own.
    Withheld {
        /// The token server's host.
        realm: String,
    },
}

impl CredentialUse {
    fn clause(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Sent => ": it did not accept the saved login".to_owned(),
            Self::Withheld { realm } => {
                format!(": the saved login was not sent to {realm}, which is another site")
            }
        }
    }
}

/// Why credentials could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A credential file is there and cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A credential file is not what docker or podman write.
    #[error("{} is not a valid credential file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and what, without any of the content.
        reason: String,
    },
    /// The name of a helper has other characters than a-z, 0-9 and `-`.
    #[error("{name:?} is not the name of a credential helper")]
    HelperName {
        /// The name.
        name: String,
    },
    /// The helper is not installed.
    #[error("the credential helper docker-credential-{name} is not installed")]
    HelperMissing {
        /// The helper's name.
        name: String,
    },
    /// The system's keyring failed.
    #[error("the system's keyring cannot be used: {reason}")]
    Keyring {
        /// How, without any secret.
        reason: String,
    },
    /// The helper failed.
    #[error("the credential helper docker-credential-{name} failed: {reason}")]
    Helper {
        /// The helper's name.
        name: String,
        /// How, never with its output.
        reason: String,
    },
}

/// Why the options of a client cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A file with certificates cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A file with certificates holds none, or a damaged one.
    #[error("{} holds no usable certificate: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The address of a proxy is not a URL.
    #[error("the address of the {scheme} proxy is not valid")]
    Proxy {
        /// `http` or `https`.
        scheme: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client cannot be set up: {reason}")]
    Client {
        /// What it said.
        reason: String,
    },
}

impl Error {
    /// Tells whether the same request may succeed later without anyone changing anything.
    pub fn is_temporary(&self) -> bool {
        self.most_tries() > 1
    }

    /// Returns for how long the server asks to wait, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Returns how many tries in all make sense after this error, at most; the policy may allow fewer.
    pub(crate) fn most_tries(&self) -> u32 {
        match self {
            Self::TokenServer { source, .. } | Self::Redirected { source, .. } => {
                source.most_tries()
            }
            Self::UnknownHost {
                temporary: true, ..
            } => 3,
            // Nothing listens there. A second try is for a server that just restarts.
            Self::Unreachable { refused: true, .. } => 2,
            Self::Timeout {
                phase: Phase::Connect,
                ..
            } => 2,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::RateLimited { .. }
            | Self::Interrupted { .. } => u32::MAX,
            Self::Unavailable { status, .. } => {
                if matches!(status, 408 | 425 | 499 | 500 | 502 | 503 | 504 | 520..=524) {
                    u32::MAX
                } else {
                    1
                }
            }
            // Once more from the registry's own address, which gives a fresh redirect.
            Self::RedirectRefused { .. } => 3,
            // Bytes may be damaged on the way, or by one of several servers behind a name.
            Self::DigestMismatch { .. } | Self::SizeMismatch { .. } | Self::WrongBytes { .. } => 2,
            _ => 1,
        }
    }
}

fn colon(message: Option<&str>) -> String {
    message
        .map(|message| format!(": {message}"))
        .unwrap_or_default()
}

fn wait_clause(retry_after: Option<Duration>) -> String {
    let words = |wait: Duration| match wait.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    };
    retry_after
        .map(|wait| format!(" and asks to wait {}", words(wait)))
        .unwrap_or_default()
}
