//! Authorisation: what to send to a registry so that it answers, and what to do about a 401.

mod challenge;
mod realm;
mod token;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use tokio::time::Instant;
use url::Url;

use self::challenge::Challenge;
use self::realm::Realm;
use self::token::{NoToken, Token, Wanted, basic_header};
use crate::access::Access;
use crate::address::authority;
use crate::credentials::{Credential, search};
use crate::transport::Transport;
use crate::{ClientOptions, CredentialError, CredentialUse, Error, Repository, Secret};

/// How many tokens one request may use up before the registry's no is believed.
const MAX_RENEWALS: u32 = 3;

/// For how long a password is kept for Basic, so that not every request starts a helper, and yet a new login counts soon.
const PASSWORD_KEPT: Duration = Duration::from_secs(300);

/// Knows how each registry wants to be asked, and holds the tokens.
#[derive(Debug)]
pub(crate) struct Authorizer {
    options: Arc<ClientOptions>,
    transport: Arc<Transport>,
    manners: Mutex<HashMap<String, Manner>>,
    slots: Mutex<Slots>,
}

type Slots = HashMap<(Repository, Access), Arc<tokio::sync::Mutex<Slot>>>;

/// How a registry wants to be asked, learned from its first 401.
#[derive(Clone, Debug)]
enum Manner {
    Bearer {
        realm: Realm,
        service: Option<String>,
    },
    Basic,
}

/// What is held for one repository and access. Its lock is kept while a token is fetched, so that only one is.
#[derive(Debug, Default)]
struct Slot {
    token: Option<Token>,
    basic: Option<(HeaderValue, Instant)>,
    /// What the registry asked for beside what the request needs.
    scopes: Vec<String>,
    used: Option<CredentialUse>,
    /// What the token server gave to be kept instead of the password.
    refresh: Option<Secret>,
    problems: Vec<CredentialError>,
}

/// A 401 and what led to it.
pub(crate) struct Refusal<'a> {
    /// The URL that answered.
    pub(crate) asked: &'a Url,
    pub(crate) headers: &'a HeaderMap,
    /// The `Authorization` that was not good enough.
    pub(crate) sent: Option<&'a HeaderValue>,
    /// How many 401 were answered before in this request.
    pub(crate) renewals: u32,
    pub(crate) message: Option<String>,
}

/// Who asks for a token, and for what.
struct Asker<'a> {
    repository: &'a Repository,
    access: &'a Access,
    scheme: &'a str,
}

/// What was done about credentials for a login.
pub(crate) struct Outcome {
    pub(crate) used: Option<CredentialUse>,
    pub(crate) refresh: Option<Secret>,
}

impl Authorizer {
    pub(crate) fn new(options: Arc<ClientOptions>, transport: Arc<Transport>) -> Self {
        Self {
            options,
            transport,
            manners: Mutex::default(),
            slots: Mutex::default(),
        }
    }

    /// Returns the `Authorization` to start with: none before the registry has asked for any.
    pub(crate) async fn ready(
        &self,
        repository: &Repository,
        access: &Access,
        scheme: &str,
    ) -> Result<Option<HeaderValue>, Error> {
        let Some(manner) = lock(&self.manners).get(repository.host()).cloned() else {
            return Ok(None);
        };
        match manner {
            Manner::Bearer { realm, service } => {
                let slot = self.slot(repository, access);
                let mut slot = slot.lock().await;
                if let Some(token) = slot
                    .token
                    .as_ref()
                    .filter(|token| token.is_fresh(Instant::now()))
                {
                    return Ok(Some(token.header.clone()));
                }
                let asker = Asker {
                    repository,
                    access,
                    scheme,
                };
                self.renew(&asker, &realm, service.as_deref(), &mut slot)
                    .await
                    .map(Some)
            }
            // A password allows whatever its owner may: one slot is enough.
            Manner::Basic => {
                let slot = self.slot(repository, &Access::Pull);
                let mut slot = slot.lock().await;
                Ok(self.basic(repository, scheme, &mut slot).await)
            }
        }
    }

    /// Answers a 401: returns another `Authorization` to try.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] if there is nothing more to try; [`Error::Denied`] if the user is known and may not.
    pub(crate) async fn answer(
        &self,
        repository: &Repository,
        access: &Access,
        refusal: Refusal<'_>,
    ) -> Result<HeaderValue, Error> {
        let scheme = refusal.asked.scheme();
        let challenge = challenge::read(refusal.headers);
        let slot = match challenge {
            Some(Challenge::Basic) => self.slot(repository, &Access::Pull),
            _ => self.slot(repository, access),
        };
        let mut slot = slot.lock().await;
        if refusal.renewals >= MAX_RENEWALS {
            return Err(slot.unauthorized(repository, refusal.message));
        }
        match challenge {
            Some(Challenge::Bearer {
                realm,
                service,
                scopes,
                insufficient,
            }) => {
                // The token is as new as can be and does not allow this: another one will not either.
                if insufficient && refusal.renewals > 0 {
                    return Err(match slot.used {
                        Some(CredentialUse::Sent) => Error::Denied {
                            host: repository.host().to_owned(),
                            repository: repository.to_string(),
                            message: refusal.message,
                        },
                        _ => slot.unauthorized(repository, refusal.message),
                    });
                }
                let realm = realm::judge(
                    repository.host(),
                    refusal.asked,
                    &realm,
                    &self.options.trusted_realms,
                )?;
                let manner = Manner::Bearer {
                    realm: realm.clone(),
                    service: service.clone(),
                };
                lock(&self.manners).insert(repository.host().to_owned(), manner);
                slot.scopes = scopes;
                // While this request was under way, another one may have got a new token.
                if let Some(token) = &slot.token
                    && refusal.sent != Some(&token.header)
                    && token.is_fresh(Instant::now())
                {
                    return Ok(token.header.clone());
                }
                let asker = Asker {
                    repository,
                    access,
                    scheme,
                };
                self.renew(&asker, &realm, service.as_deref(), &mut slot)
                    .await
            }
            Some(Challenge::Basic) => {
                lock(&self.manners).insert(repository.host().to_owned(), Manner::Basic);
                if refusal.sent.is_some() {
                    // Read again next time: the user may log in before that.
                    slot.basic = None;
                    slot.used = Some(CredentialUse::Sent);
                    return Err(slot.unauthorized(repository, refusal.message));
                }
                match self.basic(repository, scheme, &mut slot).await {
                    Some(header) => Ok(header),
                    None => Err(slot.unauthorized(repository, refusal.message)),
                }
            }
            None => Err(slot.unauthorized(repository, refusal.message)),
        }
    }

    /// Forgets tokens and passwords.
    pub(crate) fn forget(&self) {
        lock(&self.slots).clear();
    }

    /// Tells what was done about credentials when a login was tried.
    pub(crate) async fn outcome(&self, repository: &Repository) -> Outcome {
        let basic = matches!(
            lock(&self.manners).get(repository.host()),
            Some(Manner::Basic)
        );
        let access = if basic { Access::Pull } else { Access::Login };
        let slot = self.slot(repository, &access);
        let slot = slot.lock().await;
        Outcome {
            used: slot.used.clone(),
            refresh: slot.refresh.clone(),
        }
    }

    fn slot(&self, repository: &Repository, access: &Access) -> Arc<tokio::sync::Mutex<Slot>> {
        lock(&self.slots)
            .entry((repository.clone(), access.clone()))
            .or_default()
            .clone()
    }

    async fn renew(
        &self,
        asker: &Asker<'_>,
        realm: &Realm,
        service: Option<&str>,
        slot: &mut Slot,
    ) -> Result<HeaderValue, Error> {
        let Asker {
            repository,
            access,
            scheme,
        } = *asker;
        slot.token = None;
        let found = search(&self.options, repository, scheme).await;
        slot.problems = found.problems;
        slot.used = Some(match (&found.found, realm.trusted) {
            (Some(_), true) => CredentialUse::Sent,
            (Some(_), false) => CredentialUse::Withheld {
                realm: authority(&realm.url),
            },
            (None, _) => CredentialUse::None,
        });
        let credential = found.found.filter(|_| realm.trusted);
        let mut scopes = access.scopes(repository);
        for scope in &slot.scopes {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        let wanted = Wanted {
            options: &self.options,
            transport: &self.transport,
            repository,
            realm,
            service,
            scopes: &scopes,
            offline: *access == Access::Login,
        };
        match wanted.fetch(credential.as_ref()).await {
            Ok(token) => {
                let header = token.header.clone();
                slot.refresh.clone_from(&token.refresh);
                slot.token = Some(token);
                Ok(header)
            }
            Err(NoToken::Refused { message }) => Err(slot.unauthorized(repository, message)),
            // Nobody has typed that host's name: who named it is said along with it.
            Err(NoToken::Failed(
                error @ (Error::UnknownHost { .. }
                | Error::Unreachable { .. }
                | Error::Timeout { .. }
                | Error::Tls { .. }),
            )) if authority(&realm.url) != repository.host() => Err(Error::TokenServer {
                host: repository.host().to_owned(),
                source: Box::new(error),
            }),
            Err(NoToken::Failed(error)) => Err(error),
        }
    }

    async fn basic(
        &self,
        repository: &Repository,
        scheme: &str,
        slot: &mut Slot,
    ) -> Option<HeaderValue> {
        if let Some((header, until)) = &slot.basic
            && Instant::now() < *until
        {
            return Some(header.clone());
        }
        let found = search(&self.options, repository, scheme).await;
        slot.problems = found.problems;
        slot.used = Some(CredentialUse::None);
        // An identity token is for token servers. The name beside it says that it also works as a password.
        let (username, password) = match found.found? {
            Credential::Password { username, password } => (username, password),
            Credential::IdentityToken { username, token } => (username?, token),
        };
        let header = basic_header(&username, password.expose());
        slot.used = Some(CredentialUse::Sent);
        slot.basic = Some((header.clone(), Instant::now() + PASSWORD_KEPT));
        Some(header)
    }
}

impl Slot {
    fn unauthorized(&mut self, repository: &Repository, message: Option<String>) -> Error {
        self.token = None;
        Error::Unauthorized {
            host: repository.host().to_owned(),
            repository: repository.to_string(),
            credentials: self.used.take().unwrap_or(CredentialUse::None),
            message,
            problems: std::mem::take(&mut self.problems),
        }
    }
}

/// Locks a map. A panic elsewhere cannot leave one half-written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
