//! The client for registries that speak the OCI distribution protocol: credentials, tokens, resolving and fetching.
//!
//! A [`RegistryClient`] is made once and shared. It verifies documents; blobs are streamed and hashed by the caller.
//! Everything from a registry is hostile input: sizes are bounded, redirects and token servers judged, and a password
//! goes only to the host that it was saved for (see [`ClientOptions::trusted_realms`] for the one exception).
//!
//! Below this crate's callers nothing reads the environment, the home folder or the clock: [`ClientOptions`] holds all.
//! Source of the protocol: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md> and
//! <https://distribution.github.io/distribution/spec/auth/>.

mod access;
mod address;
mod auth;
mod blob;
mod catalog;
mod certificate;
mod client;
mod credentials;
mod endpoint;
mod error;
mod known_login;
mod login;
mod mirror;
mod observer;
mod options;
mod pages;
mod publish;
mod quota;
mod referrers;
mod repository;
mod resolve;
mod retry;
mod search;
mod secret;
mod send;
mod source;
mod status;
mod tags;
mod tls;
mod transport;
mod upload;

pub use blob::BlobStream;
pub use catalog::CatalogPage;
pub use certificate::PeerCertificate;
pub use client::RegistryClient;
pub use credentials::{Keyring, Login, LoginFile, SystemKeyring};
pub use error::{CredentialError, CredentialUse, Error, OptionsError, Phase, TlsReason};
pub use known_login::{KnownLogin, known_login};
pub use login::AcceptedLogin;
pub use mirror::Mirror;
pub use observer::{Observer, Retrying, What};
pub use options::{
    ClientOptions, Clock, CredentialSources, Proxies, RetryPolicy, Timeouts, TrustedRealm,
};
pub use pages::NextPage;
pub use publish::{Named, Published};
pub use quota::Quota;
pub use repository::Repository;
pub use resolve::Resolved;
pub use retry::Attempts;
pub use search::{FoundRepository, SearchQuery};
pub use secret::Secret;
pub use source::{BlobSource, FileSource, Pieces, RemoteSource};
pub use tags::TagPage;
pub use upload::{Upload, Uploaded};
