use std::sync::Arc;

use crate::{Attempts, ClientOptions, What};

/// A client for any number of registries. Cheap to clone; clones share connections, tokens and what was learned.
///
/// Making one does no I/O: files with certificates and the platform's authorities are read before the first request,
/// credentials when a registry asks for them.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    options: Arc<ClientOptions>,
}

impl RegistryClient {
    /// Makes a client.
    pub fn new(options: ClientOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// Returns a fresh count of tries, for a caller that opens a blob again after its body broke.
    pub fn attempts(&self, what: What) -> Attempts {
        Attempts::new(what, self.options.retry, self.options.clock.clone())
    }
}
