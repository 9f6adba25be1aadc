//! Pulls that a crash or a power cut ended.

use oci::{Platform, Reference};
use store::LeasePurpose;

use crate::{Engine, Error};

/// A pull whose process ended before it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedPull {
    /// Names it to [`Engine::dismiss_interrupted`].
    pub id: String,
    /// What was pulled.
    pub reference: Reference,
    /// For which platform, where one was asked for.
    pub platform: Option<Platform>,
    /// Bytes that are here.
    pub done_bytes: u64,
    /// Bytes of the whole, where they were known.
    pub total_bytes: Option<u64>,
}

impl Engine {
    /// Lists pulls whose process died. Pulling the same reference again goes on from what is here.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn interrupted(&self) -> Result<Vec<InterruptedPull>, Error> {
        let now = self.now();
        self.with_store(move |store| {
            let mut pulls = Vec::new();
            for operation in store.interrupted(now)? {
                if let LeasePurpose::Pull {
                    reference,
                    platform,
                    ..
                } = operation.purpose
                {
                    pulls.push(InterruptedPull {
                        id: operation.id.to_string(),
                        reference,
                        platform,
                        done_bytes: operation.done_bytes,
                        total_bytes: operation.total_bytes,
                    });
                }
            }
            Ok(pulls)
        })
        .await
    }

    /// Forgets an interrupted pull; its bytes become free for the collector.
    ///
    /// # Errors
    /// `not_found`, `read_only`.
    pub async fn dismiss_interrupted(&self, id: &str) -> Result<(), Error> {
        let unknown = || Error::NoSuchInterrupted { id: id.to_owned() };
        let number: i64 = id.parse().map_err(|_| unknown())?;
        self.with_store(move |store| Ok(store.dismiss(store::LeaseId(number))?))
            .await
    }
}
