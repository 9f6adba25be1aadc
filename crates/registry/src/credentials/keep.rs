//! Keeping a login, and forgetting it.

use std::sync::Arc;

use super::{Key, helper, keyring};
use crate::{CredentialError, RegistryClient, Secret};

/// A login to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The registry, as in references.
    pub host: String,
    /// Who it is.
    pub username: String,
    /// The password, or the identity token.
    pub secret: Secret,
    /// Whether it is an identity token.
    pub identity_token: bool,
}

impl RegistryClient {
    /// Gives a login to a credential helper, `docker-credential-NAME`.
    pub async fn keep_in_helper(&self, name: &str, login: &Login) -> Result<(), CredentialError> {
        let options = self.options();
        let address = Key::parse(&login.host).helper_address();
        // How helpers tell a token from a password.
        let username = match login.identity_token {
            true => "<token>",
            false => &login.username,
        };
        let sources = &options.credentials;
        let patience = options.timeouts.helper;
        helper::store(sources, name, &address, (username, &login.secret), patience).await
    }

    /// Has a credential helper forget the login of a host, and tells whether it had one.
    pub async fn forget_in_helper(&self, name: &str, host: &str) -> Result<bool, CredentialError> {
        let options = self.options();
        let address = Key::parse(host).helper_address();
        let (sources, patience) = (&options.credentials, options.timeouts.helper);
        if helper::get(sources, name, &address, patience)
            .await?
            .is_none()
        {
            return Ok(false);
        }
        helper::erase(sources, name, &address, patience).await?;
        Ok(true)
    }

    /// Keeps a login in the system's keyring; `false` where there is none.
    pub async fn keep_in_keyring(&self, login: &Login) -> Result<bool, CredentialError> {
        let Some(keyring) = &self.options().credentials.keyring else {
            return Ok(false);
        };
        let address = Key::parse(&login.host).helper_address();
        keyring::set(
            Arc::clone(keyring),
            address,
            &login.username,
            &login.secret,
            login.identity_token,
        )
        .await?;
        Ok(true)
    }

    /// Has the system's keyring forget the login of a host, and tells whether it had one.
    pub async fn forget_in_keyring(&self, host: &str) -> Result<bool, CredentialError> {
        match &self.options().credentials.keyring {
            Some(keyring) => {
                let address = Key::parse(host).helper_address();
                keyring::remove(Arc::clone(keyring), address).await
            }
            None => Ok(false),
        }
    }

    /// Forgets what was learned about logins, so that the next request begins anew.
    pub fn forget_tokens(&self) {
        self.shared.authorizer.forget();
    }
}
