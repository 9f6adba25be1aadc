//! Trying a login out before it is kept.

use reqwest::Method;

use crate::access::Access;
use crate::client::{Ask, Place};
use crate::credentials::{Credential, Given};
use crate::{CredentialUse, Error, Observer, RegistryClient, Repository, Secret, What};

/// A login that a registry accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedLogin {
    /// A token that may be kept instead of the password, where the token server gives one.
    pub identity_token: Option<Secret>,
    /// Whether the registry asked for a login at all. If not, nothing was tried.
    pub was_asked: bool,
}

impl RegistryClient {
    /// Tries a name and a password, or an identity token, at a registry: with every kind of challenge, and only with these.
    ///
    /// Retries by itself. Nothing is kept.
    ///
    /// # Errors
    /// [`Error::Unauthorized`]: not accepted, or withheld because the token server is on another site.
    pub async fn try_login(
        &self,
        host: &str,
        username: &str,
        secret: &Secret,
        observer: &dyn Observer,
    ) -> Result<AcceptedLogin, Error> {
        let mut options = self.options().clone();
        options.given = Some(Given {
            host: host.to_owned(),
            credential: match username {
                "<token>" => Credential::IdentityToken {
                    username: None,
                    token: secret.clone(),
                },
                _ => Credential::Password {
                    username: username.to_owned(),
                    password: secret.clone(),
                },
            },
        });
        // A client of its own: what it learns is about this login and no other.
        let client = Self::new(options);
        let repository = Repository::whole_registry(host);
        let what = What::Login(host.to_owned());
        let mut attempts = client.attempts(what.clone());
        loop {
            let ask = Ask {
                repository: &repository,
                what: &what,
                method: Method::GET,
                access: &Access::Login,
                place: Place::Root(""),
                accept: None,
                offset: 0,
            };
            match client.ask(&ask, observer).await {
                Ok(_) => break,
                Err(error) => attempts.again(error, observer).await?,
            }
        }
        let outcome = client.shared.authorizer.outcome(&repository).await;
        match outcome.used {
            None => Ok(AcceptedLogin {
                identity_token: None,
                was_asked: false,
            }),
            Some(CredentialUse::Sent) => Ok(AcceptedLogin {
                identity_token: outcome.refresh,
                was_asked: true,
            }),
            // An anonymous token opens the front door of many registries.
            Some(credentials) => Err(Error::Unauthorized {
                host: host.to_owned(),
                repository: host.to_owned(),
                credentials,
                message: None,
                problems: Vec::new(),
            }),
        }
    }
}
