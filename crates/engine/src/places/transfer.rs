//! Pulls and pushes that an engine does itself, with the logins that the user has.

use docker::{Login, Transferred};
use futures_util::{Stream, TryStreamExt};
use oci::{Digest, ImageName, Platform, Reference, Selector};
use registry::KnownLogin;

use super::EnginePlace;
use crate::{Error, Event, Progress, tag};

/// What a pull by an engine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacePulled {
    /// The image, as the engine calls it.
    pub id: Digest,
    /// What the registry's name names, where the engine tells it.
    pub target: Option<Digest>,
    /// Every name that the image has there now.
    pub names: Vec<ImageName>,
}

/// What a push by an engine did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacePushed {
    /// What the registry's name names now, where the engine tells it.
    pub target: Option<Digest>,
}

impl EnginePlace {
    /// Has the engine pull an image. Without a tag it means `latest`.
    ///
    /// Dropping the future ends the pull; Docker keeps the layers that were complete.
    ///
    /// # Errors
    /// `not_found`, `engine_failed` with the engine's words, `unreachable` where it goes away.
    pub async fn pull(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        progress: &dyn Progress,
    ) -> Result<PlacePulled, Error> {
        let reference = reference.clone().with_default_tag();
        let login = self.login(&reference).await;
        let lines = self.connection.pull(&reference, platform, login.as_ref());
        let target = follow(lines.await?, progress).await?;
        let selector = Selector::from(reference.to_string().as_str());
        let (id, names) = self.connection.find_image(&selector).await?;
        Ok(PlacePulled { id, target, names })
    }

    /// Has the engine push an image under a name that it has there. Without a tag it means `latest`.
    ///
    /// # Errors
    /// `bad_reference` (a name with a digest), `not_found`, `engine_failed` with the engine's words, `unreachable` where it
    /// goes away.
    pub async fn push(
        &self,
        reference: &Reference,
        progress: &dyn Progress,
    ) -> Result<PlacePushed, Error> {
        let name = tag::given_name(reference)?;
        let login = self.login(name.reference()).await;
        let lines = self.connection.push(name.reference(), login.as_ref());
        let target = follow(lines.await?, progress).await?;
        Ok(PlacePushed { target })
    }

    async fn login(&self, reference: &Reference) -> Option<Login> {
        let options = &self.engine.shared.settings.registry;
        Some(match registry::known_login(options, reference).await? {
            KnownLogin::Password { username, password } => Login::Password {
                username,
                password: password.expose().to_owned(),
            },
            KnownLogin::IdentityToken(token) => Login::IdentityToken(token.expose().to_owned()),
        })
    }
}

/// Tells how far it is until the end, and returns the digest that the engine told.
async fn follow(
    mut lines: impl Stream<Item = docker::Result<Transferred>> + Unpin,
    progress: &dyn Progress,
) -> Result<Option<Digest>, Error> {
    let mut digest = None;
    let mut told = (0, 0);
    while let Some(now) = lines.try_next().await? {
        digest = now.digest.or(digest);
        if told != (now.current, now.total) {
            told = (now.current, now.total);
            progress.report(Event::Passed {
                current: now.current,
                total: Some(now.total),
            });
        }
    }
    Ok(digest)
}
