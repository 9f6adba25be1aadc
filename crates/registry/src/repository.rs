use std::fmt;

use oci::Reference;

/// A repository on a registry: the host as the user wrote it (normalised) and the path below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    host: String,
    path: String,
}

impl Repository {
    /// Returns the repository of a reference.
    pub fn of(reference: &Reference) -> Self {
        Self {
            host: reference.host().to_owned(),
            path: reference.repository().to_owned(),
        }
    }

    /// Stands for the registry itself, where a request is about no repository.
    pub(crate) fn whole_registry(host: &str) -> Self {
        Self {
            host: host.to_owned(),
            path: String::new(),
        }
    }

    /// Returns the repository of the same path at another host.
    pub(crate) fn at(&self, host: &str) -> Self {
        Self {
            host: host.to_owned(),
            path: self.path.clone(),
        }
    }

    /// Returns the registry's name, with its port where one was given: `docker.io`, `localhost:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the path: `library/debian`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl From<&Reference> for Repository {
    fn from(reference: &Reference) -> Self {
        Self::of(reference)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.host),
            path => write!(f, "{}/{path}", self.host),
        }
    }
}
