//! The system's keyring: the Secret Service on Linux, the Keychain on macOS, the Credential Manager on Windows.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Credential;
use crate::{CredentialError, Secret};

/// Under which name the entries stand in a keyring.
const SERVICE: &str = "strata";

/// Keeps one text for each registry, where only this user can read it. Every method may block.
pub trait Keyring: fmt::Debug + Send + Sync {
    /// Returns the text that was kept for an address.
    fn get(&self, address: &str) -> Result<Option<Secret>, CredentialError>;

    /// Keeps a text for an address, in place of an earlier one.
    fn set(&self, address: &str, secret: &Secret) -> Result<(), CredentialError>;

    /// Forgets the text of an address, and tells whether there was one.
    fn remove(&self, address: &str) -> Result<bool, CredentialError>;
}

/// What is kept: a login as JSON.
#[derive(Deserialize, Serialize)]
struct Entry {
    username: String,
    secret: String,
    #[serde(default)]
    identity_token: bool,
}

/// Reads the login of an address where it may block.
pub(super) async fn get(
    keyring: Arc<dyn Keyring>,
    address: String,
) -> Result<Option<Credential>, CredentialError> {
    let text = blocking(move || keyring.get(&address)).await?;
    let Some(text) = text else { return Ok(None) };
    // The parser's message could quote the secret.
    let entry: Entry =
        serde_json::from_str(text.expose()).map_err(|_| failed("its entry is not valid"))?;
    let secret = Secret::new(entry.secret);
    Ok(Some(match entry.identity_token {
        true => Credential::IdentityToken {
            username: Some(entry.username).filter(|name| !name.is_empty()),
            token: secret,
        },
        false => Credential::Password {
            username: entry.username,
            password: secret,
        },
    }))
}

/// Keeps the login of an address.
pub(super) async fn set(
    keyring: Arc<dyn Keyring>,
    address: String,
    username: &str,
    secret: &Secret,
    identity_token: bool,
) -> Result<(), CredentialError> {
    let entry = Entry {
        username: username.to_owned(),
        secret: secret.expose().to_owned(),
        identity_token,
    };
    let text = serde_json::to_string(&entry).map_err(|_| failed("the login is not text"))?;
    blocking(move || keyring.set(&address, &Secret::new(text))).await
}

/// Forgets the login of an address.
pub(super) async fn remove(
    keyring: Arc<dyn Keyring>,
    address: String,
) -> Result<bool, CredentialError> {
    blocking(move || keyring.remove(&address)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CredentialError> + Send + 'static,
) -> Result<T, CredentialError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| failed("it stopped in the middle"))?
}

fn failed(reason: &str) -> CredentialError {
    CredentialError::Keyring {
        reason: reason.to_owned(),
    }
}

/// The keyring of this system and user.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKeyring;

impl SystemKeyring {
    fn entry(address: &str) -> Result<keyring_core::Entry, CredentialError> {
        open()?
            .build(SERVICE, address, None)
            .map_err(|error| failed(&words(&error)))
    }
}

/// Opens the store of the system. Cheap: a connection to the session's bus on Linux, nothing elsewhere.
fn open() -> Result<Arc<keyring_core::api::CredentialStore>, CredentialError> {
    #[cfg(target_os = "linux")]
    let store = zbus_secret_service_keyring_store::Store::new();
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new();
    #[cfg(windows)]
    let store = windows_native_keyring_store::Store::new();
    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    return match store {
        Ok(store) => Ok(store),
        Err(error) => Err(failed(&words(&error))),
    };
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    Err(failed("this system has none that is known"))
}

/// Says what went wrong; never with what the keyring holds.
fn words(error: &keyring_core::Error) -> String {
    use keyring_core::Error as E;
    match error {
        E::NoStorageAccess(_) => "it is locked, or not there".to_owned(),
        E::PlatformFailure(source) => format!("it failed: {source}"),
        E::Ambiguous(_) => "it has several entries for this registry".to_owned(),
        E::TooLong(..) => "the login is too long for it".to_owned(),
        _ => "it does not do what is needed".to_owned(),
    }
}

impl Keyring for SystemKeyring {
    fn get(&self, address: &str) -> Result<Option<Secret>, CredentialError> {
        match Self::entry(address)?.get_password() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(&words(&error))),
        }
    }

    fn set(&self, address: &str, secret: &Secret) -> Result<(), CredentialError> {
        let entry = Self::entry(address)?;
        entry
            .set_password(secret.expose())
            .map_err(|error| failed(&words(&error)))
    }

    fn remove(&self, address: &str) -> Result<bool, CredentialError> {
        // One that is locked may have it; what cannot even be reached, as on a server without any, has nothing of ours.
        if let Err(problem) = open() {
            tracing::debug!(%problem, "there is no keyring to forget a login");
            return Ok(false);
        }
        match Self::entry(address)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(keyring_core::Error::NoEntry) => Ok(false),
            Err(error) => Err(failed(&words(&error))),
        }
    }
}
