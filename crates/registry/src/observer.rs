use std::fmt;
use std::time::Duration;

use oci::Digest;

use crate::Error;

/// What a request was for, in messages and events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// The manifest that a reference names; the text is the full reference.
    Manifest(String),
    /// A blob.
    Blob(Digest),
    /// The list of tags of a repository; the text is `host/path`.
    Tags(String),
    /// The list of what refers to a manifest; the text is `host/path@digest`.
    Referrers(String),
    /// The list of repositories of a registry; the text is its host.
    Catalog(String),
    /// A search; the text is the host that is asked.
    Search(String),
    /// The permission to write into a repository; the text is `host/path`.
    Upload(String),
    /// A login; the text is the registry's host.
    Login(String),
}

impl What {
    /// Says what is missing where it does not exist: a repository, and not the list of its tags.
    pub(crate) fn thing(&self) -> String {
        match self {
            Self::Tags(repository) => format!("the repository {repository}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(reference) => write!(f, "{reference}"),
            Self::Blob(digest) => write!(f, "blob {digest}"),
            Self::Tags(repository) => write!(f, "the tags of {repository}"),
            Self::Referrers(subject) => write!(f, "what refers to {subject}"),
            Self::Catalog(host) => write!(f, "the list of repositories of {host}"),
            Self::Search(host) => write!(f, "the search of {host}"),
            Self::Upload(repository) => write!(f, "a push to {repository}"),
            Self::Login(host) => write!(f, "a login to {host}"),
        }
    }
}

/// A request that failed for a reason that may pass and is about to be made again.
#[derive(Clone, Copy, Debug)]
pub struct Retrying<'a> {
    /// What the request was for.
    pub what: &'a What,
    /// Why it failed. Its text is fit to be shown.
    pub reason: &'a Error,
    /// How long is waited before the next try.
    pub delay: Duration,
    /// The number of the next try; the first retry is 2.
    pub attempt: u32,
    /// After how many tries without progress it is given up.
    pub attempts: u32,
}

/// Hears what happens beside the outcome of a call.
///
/// Called on the task that makes the request, so an implementation must be quick and must not block. `()` ignores all.
pub trait Observer: Send + Sync {
    /// Reports that a request failed and will be made again after a pause.
    fn retrying(&self, retrying: Retrying<'_>);

    /// Reports a `Warning: 299` header, once per text and client. To be shown, never acted upon.
    fn warning(&self, host: &str, text: &str) {
        let _ = (host, text);
    }
}

impl Observer for () {
    fn retrying(&self, _: Retrying<'_>) {}
}
