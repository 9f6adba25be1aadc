//! The engine itself: what every verb works on.

use std::sync::Arc;

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
        let _ = settings;
        todo!()
    }

    /// Tells with which settings this engine was opened.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}
