//! What a request must be allowed to do, in the words of token servers.

use crate::Repository;

/// What a request must be allowed to do. A token is kept for each, so that one with fewer rights takes no other's place.
///
/// Source: <https://distribution.github.io/distribution/spec/auth/scope/>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Access {
    /// To read from the repository.
    Pull,
    /// To read from it and to write into it.
    Push,
    /// To write into it, and to take a blob from another repository of the same registry.
    Mount(String),
    /// To list the repositories of the registry.
    Catalog,
    /// To be known, and nothing more.
    Login,
}

impl Access {
    /// Returns the scopes that a token is asked for.
    pub(crate) fn scopes(&self, repository: &Repository) -> Vec<String> {
        let own = |actions: &str| format!("repository:{}:{actions}", repository.path());
        match self {
            Self::Pull => vec![own("pull")],
            Self::Push => vec![own("pull,push")],
            Self::Mount(from) => vec![own("pull,push"), format!("repository:{from}:pull")],
            Self::Catalog => vec!["registry:catalog:*".to_owned()],
            Self::Login => Vec::new(),
        }
    }
}
