//! Credentials: docker's and podman's files, and credential helpers.

mod edit;
mod file;
mod helper;
mod keep;
mod keyring;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::edit::LoginFile;
pub use self::keep::Login;
pub use self::keyring::{Keyring, SystemKeyring};
use crate::address::DOCKER_HUB;
use crate::{ClientOptions, CredentialError, Repository, Secret};

/// What is known about a user at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A name and a password.
    Password { username: String, password: Secret },
    /// A token to get tokens with, OAuth 2's refresh token. Some registries keep a fixed name beside it.
    IdentityToken {
        username: Option<String>,
        token: Secret,
    },
}

/// A credential that is being tried out, and stands in for all others.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) host: String,
    pub(crate) credential: Credential,
}

/// The outcome of a search: the first credential found, and whatever went wrong before that.
///
/// Trouble is not an error by itself: most images need no login, and a helper of a removed Docker Desktop that still
/// stands in the file must not keep anyone from pulling them.
#[derive(Debug, Default)]
pub(crate) struct Search {
    pub(crate) found: Option<Credential>,
    pub(crate) problems: Vec<CredentialError>,
}

/// Searches the sources for the credential of a repository, asked over `scheme`.
///
/// The files that somebody named, the keyring, then the other files; of each the host's own helper, then the helper for all hosts, then the file's own entries, of which the one
/// with the longest path counts. Source of the order: `docker/cli/config/configfile` and
/// <https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>.
pub(crate) async fn search(
    options: &ClientOptions,
    repository: &Repository,
    scheme: &str,
) -> Search {
    let mut search = Search::default();
    if let Some(given) = &options.given {
        let fits = given.host == repository.host();
        search.found = Some(given.credential.clone()).filter(|_| fits);
        return search;
    }
    let wanted = Key::of(repository, scheme);
    let files = &options.credentials.files;
    let (named, others) = files.split_at(options.credentials.named_files.min(files.len()));
    let problems = &mut search.problems;
    search.found = match in_files(named, options, &wanted, problems).await {
        Some(found) => Some(found),
        None => match in_keyring(options, &wanted, problems).await {
            Some(found) => Some(found),
            None => in_files(others, options, &wanted, problems).await,
        },
    };
    search
}

async fn in_keyring(
    options: &ClientOptions,
    wanted: &Key,
    problems: &mut Vec<CredentialError>,
) -> Option<Credential> {
    let keyring = options.credentials.keyring.as_ref()?;
    let asked = keyring::get(Arc::clone(keyring), wanted.helper_address());
    match tokio::time::timeout(options.timeouts.helper, asked).await {
        Ok(Ok(found)) => found,
        Ok(Err(problem)) => {
            problems.push(problem);
            None
        }
        Err(_) => {
            problems.push(CredentialError::Keyring {
                reason: "it did not answer".to_owned(),
            });
            None
        }
    }
}

async fn in_files(
    files: &[PathBuf],
    options: &ClientOptions,
    wanted: &Key,
    problems: &mut Vec<CredentialError>,
) -> Option<Credential> {
    let (sources, patience) = (&options.credentials, options.timeouts.helper);
    for path in files {
        let file = match file::read(path).await {
            Ok(Some(file)) => file,
            Ok(None) => continue,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for name in file.helpers(wanted) {
            match helper::get(sources, name, &wanted.helper_address(), patience).await {
                Ok(Some(found)) => return Some(found),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        match file.entry(wanted) {
            Ok(Some(found)) => return Some(found),
            Ok(None) => {}
            Err(reason) => problems.push(CredentialError::Malformed {
                path: path.clone(),
                reason,
            }),
        }
    }
    None
}

/// A registry (and a path below it) in the one spelling in which the keys of credential files are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    /// `http` or `https`, where the key says one.
    scheme: Option<String>,
    /// Lower-case host with its port, unless the port is the scheme's own.
    host: String,
    /// The path without slashes at its ends; empty for the whole host.
    path: String,
}

impl Key {
    fn of(repository: &Repository, scheme: &str) -> Self {
        let host = canonical_host(repository.host(), scheme);
        Self {
            scheme: Some(scheme.to_owned()),
            host,
            path: repository.path().to_owned(),
        }
    }

    /// Reads a key of a credential file: `host`, `host/namespace`, or docker's old `https://host/v1/`.
    fn parse(text: &str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_matches('/');
        // With a scheme the key is a URL of the API, whose path is a version and not a namespace.
        let path = if scheme.is_some() || matches!(path, "v1" | "v2") {
            ""
        } else {
            path
        };
        let host = canonical_host(host, scheme.as_deref().unwrap_or("https"));
        Self {
            scheme,
            host,
            path: path.to_owned(),
        }
    }

    /// Tells whether the credential under `self` is for `wanted`. Hosts match whole or not at all.
    fn covers(&self, wanted: &Self) -> bool {
        let same_host = self.host == wanted.host;
        // A password saved for https is not sent in the clear.
        let same_scheme = self.scheme.is_none() || self.scheme == wanted.scheme;
        let below = self.path.is_empty()
            || wanted
                .path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        same_host && same_scheme && below
    }

    /// Returns the address that credential helpers know the host by.
    fn helper_address(&self) -> String {
        if self.host == DOCKER_HUB {
            "https://index.docker.io/v1/".to_owned()
        } else {
            self.host.clone()
        }
    }
}

fn canonical_host(host: &str, scheme: &str) -> String {
    let host = host.to_ascii_lowercase();
    let own_port = if scheme == "http" { ":80" } else { ":443" };
    let host = host.strip_suffix(own_port).unwrap_or(&host);
    match host {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB.to_owned(),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use oci::Reference;

    use super::*;

    fn covers(key: &str, reference: &str, scheme: &str) -> bool {
        let reference = Reference::parse_normalized(reference).expect("a reference");
        Key::parse(key).covers(&Key::of(&Repository::of(&reference), scheme))
    }

    #[test]
    fn keys_match_whole_hosts_only() {
        for key in [
            "https://index.docker.io/v1/",
            "docker.io",
            "index.docker.io",
            "registry-1.docker.io",
            "docker.io/library",
        ] {
            assert!(covers(key, "debian", "https"), "{key}");
        }
        assert!(covers("REG.example.com:443", "reg.example.com/a", "https"));
        assert!(covers("localhost:5000", "localhost:5000/a", "http"));
        assert!(covers("quay.io/team/app", "quay.io/team/app", "https"));
        for (key, reference) in [
            ("example.com", "a.example.com/x"),
            ("a.example.com", "example.com/x"),
            ("exampleXcom", "example.com/x"),
            ("example.com", "example.com.evil.org/x"),
            ("localhost:5001", "localhost:5002/x"),
            ("localhost", "localhost:5000/x"),
            ("quay.io/team", "quay.io/teamwork/app"),
            ("docker.io/other", "debian"),
        ] {
            assert!(!covers(key, reference, "https"), "{key} {reference}");
        }
    }

    #[test]
    fn a_password_saved_for_https_stays_there() {
        assert!(covers(
            "https://reg.example.com",
            "reg.example.com/a",
            "https"
        ));
        assert!(!covers(
            "https://reg.example.com",
            "reg.example.com/a",
            "http"
        ));
    }
}
