//! How the store is.

use std::path::PathBuf;

use oci::Platform;

use crate::{Engine, Error};

/// How the store is.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// Its folder.
    pub root: PathBuf,
    /// Whether it can only be read.
    pub read_only: bool,
    /// What was done to a damaged database when it was opened.
    pub recovered: Option<Recovered>,
    /// The platform that images are chosen for.
    pub host_platform: Platform,
}

/// What was done to a damaged database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where the damaged database was put.
    pub set_aside: Option<PathBuf>,
    /// How many images were found again.
    pub images: u64,
    /// How many names were found again.
    pub names: u64,
}

impl Engine {
    /// Tells how the store is.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let store = &self.shared.store;
        StoreStatus {
            root: store.root().to_owned(),
            read_only: store.is_read_only(),
            recovered: store.recovery().map(|recovery| Recovered {
                set_aside: recovery.set_aside,
                images: recovery.images,
                names: recovery.names,
            }),
            host_platform: self.shared.settings.host_platform.clone(),
        }
    }

    /// Returns a number that changes when anything in the store does, by whichever process. Cheap enough to ask every second.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn generation(&self) -> Result<u64, Error> {
        self.with_store(|store| Ok(store.generation()?)).await
    }

    /// Frees what nothing holds any more and whose grace time is over. Returns the bytes that came back.
    ///
    /// # Errors
    /// `read_only`, `io`.
    pub async fn collect(&self) -> Result<u64, Error> {
        // Of containers whose files belong to others it takes the runtime.
        let removed = self.sweep_containers().await?;
        let now = self.now();
        self.with_store(move |store| Ok(removed + store.collect(now)?.freed_bytes))
            .await
    }
}
