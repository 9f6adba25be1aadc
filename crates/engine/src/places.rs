//! Engines of Docker's kind, as places where images live: Docker and Podman, on this computer or another.

mod containers;
mod filtering;
mod images;
mod removal;
mod stream;
mod transfer;
mod travel;

use std::fmt;

use docker::{Connection, Options};

pub use docker::{
    About, Change, Commit, Container, Exec, Happened, Kind, Layer, NewContainer, Output, Session,
    Sources, Usage,
};

pub use self::containers::Told;
pub use self::images::{PlaceImage, PlaceImageDetail, PlaceImages, PlaceLayer};
pub use self::removal::{PlacePlan, PlaceRemoved};
pub use self::transfer::{PlacePulled, PlacePushed};
use crate::engine::blocking;
use crate::{Engine, Error};

/// An engine that the user has, whether it answers or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceInfo {
    /// What [`Engine::place`] finds it by: the name of a context of docker's, `default`, or a socket's, such as `podman:user`.
    pub id: String,
    /// What people call it.
    pub title: String,
    /// What the context says of itself.
    pub description: Option<String>,
    /// Where it is, such as `unix:///var/run/docker.sock`; `None` where that cannot be known.
    pub address: Option<String>,
    /// Whether it is on another computer.
    pub remote: bool,
    /// Whether what is said to it travels over a network unencrypted: whoever is on the way owns both computers.
    pub in_the_clear: bool,
    /// Whether it is the one that `docker` would use now.
    pub current: bool,
    /// Why it cannot be used whatever runs: its files are damaged.
    pub problem: Option<PlaceProblem>,
}

/// Why a place cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceProblem {
    /// As [`Error::code`].
    pub code: &'static str,
    /// As [`Error::message`].
    pub message: String,
    /// As [`Error::hint`].
    pub hint: Option<String>,
}

/// An engine that answered.
///
/// Cloning is cheap and gives the same one. Nothing is kept of it here but what never changes about an image.
#[derive(Clone)]
pub struct EnginePlace {
    pub(crate) engine: Engine,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) connection: Connection,
}

impl Engine {
    /// Lists the engines that the user has: what the environment says, docker's contexts, sockets that are there. Nothing is
    /// connected to: that is [`Engine::place`], whose error says what is wrong and what to do.
    ///
    /// # Errors
    /// None of its own; a context that cannot be read is in the list, with its problem.
    pub async fn places(&self) -> Result<Vec<PlaceInfo>, Error> {
        let sources = self.shared.settings.engines.clone();
        let found = blocking(move || Ok(docker::discover(&sources))).await?;
        Ok(found.into_iter().map(PlaceInfo::from).collect())
    }

    /// Connects to an engine, by what [`Engine::places`] calls it, by its address, or to the one that `docker` would use.
    ///
    /// It is asked who it is every time, so an answer means that it is there now; it has thirty seconds. What is returned keeps its
    /// connections, and is best kept itself for as long as it is looked at.
    ///
    /// # Errors
    /// `not_found` (nothing is called so, or there is no engine at all), `unreachable`, `denied`, `timeout`, `tls`,
    /// `engine_unsupported` (too old or too new), `invalid_response` (no engine answers there), `usage` (no address), `io` (the
    /// context's files).
    pub async fn place(&self, id: Option<&str>) -> Result<EnginePlace, Error> {
        let sources = self.shared.settings.engines.clone();
        let programs = sources.programs.clone();
        let wanted = id.map(str::to_owned);
        let found = blocking(move || Ok(docker::choose(&sources, wanted.as_deref())?)).await?;
        let address = found.address?;
        let options = Options {
            knowledge: self.shared.engine_images.clone(),
            ..Options::new(programs)
        };
        let connection = Connection::open(&address, &options).await?;
        Ok(EnginePlace {
            engine: self.clone(),
            id: found.id,
            title: found.title,
            connection,
        })
    }
}

impl EnginePlace {
    /// Tells what [`Engine::places`] calls it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Tells what people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Tells where it is.
    #[must_use]
    pub fn address(&self) -> &str {
        self.connection.address()
    }

    /// Tells who it is: Docker or Podman, and which version.
    #[must_use]
    pub fn about(&self) -> &About {
        self.connection.about()
    }
}

impl fmt::Debug for EnginePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnginePlace")
            .field("id", &self.id)
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

impl From<docker::Found> for PlaceInfo {
    fn from(found: docker::Found) -> Self {
        let docker::Found {
            id,
            title,
            description,
            address,
            current,
        } = found;
        let (address, problem) = match address {
            Ok(address) => (Some(address), None),
            Err(error) => (None, Some(PlaceProblem::from(&Error::from(error)))),
        };
        Self {
            id,
            title,
            description,
            in_the_clear: address
                .as_ref()
                .is_some_and(docker::Address::is_in_the_clear),
            remote: address.as_ref().is_some_and(|address| !address.is_local()),
            address: address.map(|address| address.to_string()),
            current,
            problem,
        }
    }
}

impl From<&Error> for PlaceProblem {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.message(),
            hint: error.hint(),
        }
    }
}
