//! Mirrors: hosts that have copies of what a registry has.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use crate::access::Access;
use crate::client::{Answer, Ask, Place};
use crate::{Error, Observer, RegistryClient, What};

/// How long a mirror that failed is left alone.
const REST: Duration = Duration::from_secs(300);

/// Of how many answers is known which mirror gave them.
const REMEMBERED: usize = 1024;

/// A host that is asked in place of a registry.
///
/// Manifests and blobs are asked of it first, and of the registry where it does not have them or cannot be asked. It says which
/// digest a tag names, so it is trusted as far as the registry is; what has a digest is verified, wherever it came from, and a mirror
/// that sends other bytes is left alone for a while. Nothing is pushed to it, and a password goes to it only if it was saved for its own host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The registry, as in references.
    pub registry: String,
    /// The mirror's `host` or `host:port`.
    pub host: String,
}

/// The mirrors that failed, and when, and what came from which.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    failed: Mutex<HashMap<String, Instant>>,
    answered: Mutex<HashMap<What, String>>,
}

impl Mirrors {
    fn rests(&self, host: &str) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(host).is_some_and(|since| since.elapsed() < REST)
    }

    fn leave(&self, host: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(host.to_owned(), Instant::now());
    }

    fn remember(&self, what: &What, host: &str) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        // What is forgotten costs a try at the most.
        if answered.len() >= REMEMBERED {
            answered.clear();
        }
        answered.insert(what.clone(), host.to_owned());
    }

    /// Leaves the mirror alone that sent wrong bytes for this; tells whether there was one, so that another is asked now.
    pub(crate) fn distrust(&self, what: &What) -> bool {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(host) = answered.remove(what) else {
            return false;
        };
        tracing::debug!(mirror = host, %what, "a mirror sent wrong bytes and is left alone for a while");
        self.leave(&host);
        true
    }
}

impl RegistryClient {
    /// Asks the mirrors of a registry; `None` where there are none, or none that can answer this.
    pub(crate) async fn ask_mirrors(
        &self,
        ask: &Ask<'_>,
        observer: &dyn Observer,
    ) -> Option<Answer> {
        let Place::Path(path) = ask.place else {
            return None;
        };
        let reads = matches!(ask.method, Method::GET | Method::HEAD)
            && *ask.access == Access::Pull
            && (path.starts_with("manifests/") || path.starts_with("blobs/"));
        let registry = ask.repository.host();
        let mirrors = self.options().mirrors.iter();
        for mirror in mirrors.filter(|mirror| reads && mirror.registry == registry) {
            if self.shared.mirrors.rests(&mirror.host) {
                continue;
            }
            let repository = ask.repository.at(&mirror.host);
            // A mirror of several registries has to know whose copy is meant.
            let path = format!("{path}?ns={registry}");
            let asked = Ask {
                repository: &repository,
                what: ask.what,
                method: ask.method.clone(),
                access: ask.access,
                place: Place::Path(&path),
                accept: ask.accept,
                offset: ask.offset,
            };
            match Box::pin(self.ask_there(&asked, observer)).await {
                Ok(answer) => {
                    self.shared.mirrors.remember(ask.what, &mirror.host);
                    return Some(answer);
                }
                Err(Error::NotFound { .. }) => {}
                Err(error) => {
                    tracing::debug!(mirror = mirror.host, %error, "a mirror is left alone for a while");
                    self.shared.mirrors.leave(&mirror.host);
                }
            }
        }
        None
    }
}
