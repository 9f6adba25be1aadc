//! What an engine is told when it is opened.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

use jiff::Timestamp;
use oci::Platform;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an engine is told when it is opened.
#[derive(Clone)]
pub struct Settings {
    /// The store's folder.
    pub store_root: PathBuf,
    /// The platform that images are chosen for when nobody asks for another.
    pub host_platform: Platform,
    /// How many blobs are fetched at a time; at least 1.
    pub parallel_downloads: usize,
    /// Which hosts may be insecure, whom to trust, where credentials are, which proxies to use.
    pub registry: registry::ClientOptions,
    /// Tells the time.
    pub clock: Clock,
}

/// Why no settings could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no place for the store.
    #[error("no folder for the store is known: neither STRATA_STORE nor a home folder is set")]
    NoStorePlace,
}

impl Settings {
    /// Builds the defaults from the environment, which is read only through `lookup`.
    ///
    /// The store: `STRATA_STORE`, else `strata` in the platform's data folder. Credentials: podman's and docker's
    /// files. Proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in capitals or not.
    ///
    /// # Errors
    /// [`SettingsError::NoStorePlace`] where neither the store nor a home folder is named.
    pub fn from_environment(
        lookup: &dyn Fn(&str) -> Option<OsString>,
        clock: Clock,
    ) -> Result<Settings, SettingsError> {
        let _ = (lookup, clock);
        todo!()
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("store_root", &self.store_root)
            .field("host_platform", &self.host_platform)
            .field("parallel_downloads", &self.parallel_downloads)
            .finish_non_exhaustive()
    }
}
