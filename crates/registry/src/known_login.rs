//! What a user has signed in with, for another program to use: an engine that pulls or pushes itself.

use oci::Reference;

use crate::credentials::{self, Credential};
use crate::{ClientOptions, Repository, Secret};

/// A login that the user's files or helpers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownLogin {
    /// A name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A token to get tokens with.
    IdentityToken(Secret),
}

/// Looks up the login for a repository, in the same order and files as for a pull of our own. Trouble with one of the files is
/// no error: what is in the others counts.
pub async fn known_login(options: &ClientOptions, reference: &Reference) -> Option<KnownLogin> {
    let repository = Repository::of(reference);
    let search = credentials::search(options, &repository, "https").await;
    for problem in &search.problems {
        tracing::warn!(%problem, "a place for credentials could not be read");
    }
    Some(match search.found? {
        Credential::Password { username, password } => KnownLogin::Password { username, password },
        Credential::IdentityToken { token, .. } => KnownLogin::IdentityToken(token),
    })
}
