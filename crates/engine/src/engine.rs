//! The engine itself: what every verb works on.

use std::sync::Arc;

use jiff::Timestamp;
use registry::RegistryClient;
use store::Store;
use tokio::runtime::RuntimeFlavor;

use crate::{Error, Settings};

/// Works on one image store, for as many callers at once as there are.
///
/// Cloning is cheap and gives the same engine. Several engines, in one process or in many, may work on one store.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) registry: RegistryClient,
    pub(crate) files: crate::files::FilesCache,
    pub(crate) containers: crate::containers::ContainerFilesCache,
    pub(crate) engine_images: docker::Knowledge,
    pub(crate) pages: crate::images::Pages,
}

impl Engine {
    /// Opens the store that the settings name, and makes it where there is none.
    ///
    /// Nothing is said to any registry before a verb needs it. A folder that cannot be written gives a read-only engine
    /// ([`crate::StoreStatus::read_only`]); a damaged database is set aside and rebuilt from the files.
    ///
    /// # Errors
    /// `store_newer`, `store_network_fs`, `store_damaged`, `io`.
    pub async fn open(settings: Settings) -> Result<Engine, Error> {
        let (root, now) = (settings.store_root.clone(), (settings.clock)());
        let process = store::ProcessIdentity::of_this_process();
        let options = store::OpenOptions {
            now,
            process,
            read_only: false,
        };
        let store = blocking(move || Ok(Store::open(&root, &options)?)).await?;
        let registry = RegistryClient::new(settings.registry.clone());
        let engine = Self {
            shared: Arc::new(Shared {
                settings,
                store,
                registry,
                files: crate::files::FilesCache::default(),
                containers: crate::containers::ContainerFilesCache::default(),
                engine_images: docker::Knowledge::default(),
                pages: crate::images::Pages::default(),
            }),
        };
        engine.settle_all().await?;
        Ok(engine)
    }

    /// Tells with which settings this engine was opened.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Runs work on the store, which blocks, where it holds nobody up.
    pub(crate) async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let store = self.shared.store.clone();
        blocking(move || work(&store)).await
    }

    /// As [`Engine::with_store`], for work that waits for nobody: on a runtime of one thread, where nothing else could go on
    /// anyway, it is done by that thread. A verb that only reads saves the start of another one, and its memory comes from the
    /// heap that the process has.
    pub(crate) async fn with_store_here<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let runtime = tokio::runtime::Handle::current();
        match runtime.runtime_flavor() {
            RuntimeFlavor::CurrentThread => work(&self.shared.store),
            _ => self.with_store(work).await,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.shared.settings.clock)()
    }
}

/// Runs blocking work on a thread of its own. A panic in it goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Cancelled),
        },
    }
}
