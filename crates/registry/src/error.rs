//! The errors of this crate, and how often it makes sense to try again after each.

mod connection;
mod credentials;
mod options;

use std::time::Duration;

use oci::{Digest, DocumentError};

pub use self::connection::{Phase, TlsReason};
pub use self::credentials::{CredentialError, CredentialUse};
pub use self::options::OptionsError;
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

impl Error {
    /// Tells whether the same request may succeed later without anyone changing anything.
    pub(crate) fn is_temporary(&self) -> bool {
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
