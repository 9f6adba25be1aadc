//! Signing in to registries, and out of them.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use registry::{CredentialError, CredentialUse, KnownLogin, Login, LoginFile, Secret};
use store::OutputFile;

use crate::pull::Retries;
use crate::{Engine, Error, NoProgress};

/// Who signs in where.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// The registry, as in references: `docker.io`, `localhost:5000`.
    pub host: String,
    /// The user's name; `<token>` where the secret is an identity token.
    pub username: String,
    /// The password or token. It is shown nowhere.
    pub secret: Secret,
    /// Whether the user agreed that the secret is written down in plain text where nothing better is there.
    pub plain_text: bool,
}

/// A login that was accepted and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// The registry.
    pub host: String,
    /// Where the login is kept.
    pub kept: Kept,
    /// Whether the registry asked for a login. If not, nobody knows whether the password is right.
    pub was_asked: bool,
    /// Whether the keyring, which is asked first, may have an older login: this one is kept elsewhere, and it did not say.
    pub maybe_shadowed: bool,
}

/// A registry for which a login is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHost {
    /// The registry, as in references.
    pub host: String,
    /// Who signs in there; `None` for an identity token, which names nobody.
    pub username: Option<String>,
}

/// Where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// With a credential helper, `docker-credential-NAME`, because docker's settings say so.
    Helper(String),
    /// In the system's keyring.
    Keyring,
    /// In plain text in a file, which only the user can read.
    File(PathBuf),
}

impl Engine {
    /// Signs in: tries the login at the registry at once, and keeps it where docker's settings say, else in the system's keyring,
    /// else, if the user agreed, in docker's file. Nothing is kept of a login that is not accepted.
    ///
    /// docker and podman use what a helper or the file keeps; what the keyring keeps is for Strata alone.
    ///
    /// # Errors
    /// `unauthorized`, `no_keyring` (nothing is there to keep it, and plain text was not agreed to), `credentials` (a helper or
    /// file failed), `bad_reference` (no registry), and what a registry can fail with.
    pub async fn login(&self, request: &LoginRequest) -> Result<LoggedIn, Error> {
        let host = registry_host(&request.host)?;
        let client = &self.shared.registry;
        let observer = Retries {
            progress: &NoProgress,
        };
        let accepted = client
            .try_login(&host, &request.username, &request.secret, &observer)
            .await
            .map_err(|error| match error {
                registry::Error::Unauthorized {
                    credentials: CredentialUse::Sent,
                    ..
                } => Error::LoginRefused { host: host.clone() },
                other => other.into(),
            })?;
        let is_token = request.username == "<token>";
        let login = match accepted.identity_token {
            Some(token) => Login {
                host: host.clone(),
                username: request.username.clone(),
                secret: token,
                identity_token: true,
            },
            None => Login {
                host: host.clone(),
                username: request.username.clone(),
                secret: request.secret.clone(),
                identity_token: is_token,
            },
        };
        let kept = self.keep(&login, request.plain_text).await?;
        // What the keyring has would be found first, and may be an older password.
        let maybe_shadowed = kept != Kept::Keyring && !self.forget_quietly(&host).await;
        client.forget_tokens();
        Ok(LoggedIn {
            host,
            kept,
            was_asked: accepted.was_asked,
            maybe_shadowed,
        })
    }

    async fn keep(&self, login: &Login, plain_text: bool) -> Result<Kept, Error> {
        let client = &self.shared.registry;
        let path = self.shared.settings.login_file.clone();
        let file = match &path {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let helper = file.as_ref().and_then(|file| file.helper(&login.host));
        if let (Some(name), Some(path)) = (helper.map(str::to_owned), &path) {
            client.keep_in_helper(&name, login).await?;
            let host = login.host.clone();
            change(path, move |file| {
                file.note(&host);
                true
            })
            .await?;
            return Ok(Kept::Helper(name));
        }
        match client.keep_in_keyring(login).await {
            Ok(true) => return Ok(Kept::Keyring),
            Ok(false) => {}
            Err(problem) if plain_text => {
                tracing::debug!(%problem, "the keyring does not keep a login");
            }
            Err(problem) => {
                return Err(Error::NoKeyring {
                    host: login.host.clone(),
                    reason: Some(problem.to_string()),
                });
            }
        }
        match path.filter(|_| plain_text) {
            Some(path) => {
                let written = login.clone();
                change(&path, move |file| {
                    file.write_down(&written);
                    true
                })
                .await?;
                Ok(Kept::File(path))
            }
            None => Err(Error::NoKeyring {
                host: login.host.clone(),
                reason: None,
            }),
        }
    }

    /// Lists the registries that the files of docker and podman name, and those of `also`, sorted. No secret is read, and no keyring or
    /// helper is asked. A file that cannot be read is left out.
    ///
    /// # Errors
    /// None of its own.
    pub async fn login_hosts(&self, also: &[String]) -> Result<Vec<String>, Error> {
        let mut hosts: std::collections::BTreeSet<String> = also
            .iter()
            .filter_map(|host| registry_host(host).ok())
            .collect();
        for path in &self.shared.settings.registry.credentials.files {
            match read(path).await {
                Ok(file) => {
                    let named = file.hosts().into_iter();
                    hosts.extend(named.filter_map(|host| registry_host(&host).ok()));
                }
                Err(problem) => tracing::debug!(%problem, "a file of logins cannot be read"),
            }
        }
        Ok(hosts.into_iter().collect())
    }

    /// Finds the login of a registry, wherever it is kept; `None` where there is none or it cannot be read.
    ///
    /// # Errors
    /// `bad_reference`.
    pub async fn login_of(&self, host: &str) -> Result<Option<KnownHost>, Error> {
        let host = registry_host(host)?;
        let reference = oci::Reference::parse_normalized(&format!("{host}/x/x"))?;
        let login = registry::known_login(&self.shared.settings.registry, &reference).await;
        Ok(login.map(|login| KnownHost {
            host,
            username: match login {
                KnownLogin::Password { username, .. } => Some(username),
                KnownLogin::IdentityToken(_) => None,
            },
        }))
    }

    /// Lists the registries for which a login is known: those that the files of docker and podman name, and those of `also`, because
    /// a keyring lists nothing. Sorted by host. A file or helper that cannot be read is left out.
    ///
    /// # Errors
    /// None of its own.
    pub async fn logins(&self, also: &[String]) -> Result<Vec<KnownHost>, Error> {
        let mut known = Vec::new();
        for host in self.login_hosts(also).await? {
            known.extend(self.login_of(&host).await?);
        }
        Ok(known)
    }

    /// Has the keyring forget a login, and tells whether it has none now.
    async fn forget_quietly(&self, host: &str) -> bool {
        match self.shared.registry.forget_in_keyring(host).await {
            Ok(_) => true,
            Err(problem) => {
                tracing::debug!(%problem, "the keyring did not forget a login");
                false
            }
        }
    }

    /// Signs out: the keyring, the credential helpers and the files of docker and podman forget the login of a registry. Returns
    /// where there was one, in words; nothing where nobody was signed in.
    ///
    /// Logins of single namespaces (`host/team`) stay.
    ///
    /// # Errors
    /// `credentials` (a helper or file failed, or the keyring: the other places have forgotten it then), `bad_reference`.
    pub async fn logout(&self, host: &str) -> Result<Vec<String>, Error> {
        let host = registry_host(host)?;
        let client = &self.shared.registry;
        let mut places = Vec::new();
        // One that is locked must not keep the other places from forgetting; that it has not is said at the end.
        let keyring = client.forget_in_keyring(&host).await;
        if matches!(keyring, Ok(true)) {
            places.push("the system's keyring".to_owned());
        }
        for path in self.shared.settings.registry.credentials.files.clone() {
            let file = read(&path).await?;
            if let Some(name) = file.helper(&host)
                && client.forget_in_helper(name, &host).await?
            {
                places.push(format!("docker-credential-{name}"));
            }
            let wanted = host.clone();
            if change(&path, move |file| file.remove(&wanted)).await? {
                places.push(path.display().to_string());
            }
        }
        client.forget_tokens();
        keyring?;
        Ok(places)
    }
}

/// Reads the name of a registry, as people write it: with a scheme, in capitals, by one of Docker Hub's names.
///
/// # Errors
/// `bad_reference` where it is none.
pub fn registry_host(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let bare = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or(text);
    let bare = bare.split('/').next().unwrap_or_default().to_lowercase();
    let host = match bare.as_str() {
        "" | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => "docker.io",
        other => other,
    };
    let reference = oci::Reference::parse_normalized(&format!("{host}/x/x"))?;
    match reference.host() == host {
        true => Ok(host.to_owned()),
        // A word without a dot is a namespace of Docker Hub, and no registry.
        false => Err(Error::NoRegistry {
            text: text.to_owned(),
        }),
    }
}

async fn read(path: &Path) -> Result<LoginFile, Error> {
    let path = path.to_owned();
    crate::engine::blocking(move || read_now(&path)).await
}

fn read_now(path: &Path) -> Result<LoginFile, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Vec::new()
        }
        Err(source) => {
            return Err(CredentialError::Read {
                path: path.to_owned(),
                source,
            }
            .into());
        }
    };
    Ok(LoginFile::parse(path, &bytes)?)
}

/// Changes a file of logins in one step. It is written only where the change says that there was one.
async fn change(
    path: &Path,
    change: impl FnOnce(&mut LoginFile) -> bool + Send + 'static,
) -> Result<bool, Error> {
    let path = path.to_owned();
    crate::engine::blocking(move || {
        let mut file = read_now(&path)?;
        if !change(&mut file) {
            return Ok(false);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Error::Io {
                path: folder.to_owned(),
                source,
            })?;
        }
        let mut output = OutputFile::begin_private(&path)?;
        output
            .write_all(&file.to_bytes())
            .map_err(|source| Error::Io {
                path: path.clone(),
                source,
            })?;
        output.commit()?;
        Ok(true)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_as_people_write_them() {
        for (text, host) in [
            ("", "docker.io"),
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("Quay.io", "quay.io"),
            ("http://localhost:5000", "localhost:5000"),
            ("localhost", "localhost"),
            ("registry.corp:5000/team", "registry.corp:5000"),
        ] {
            assert_eq!(registry_host(text).expect(text), host, "{text}");
        }
        for wrong in ["team", "a b.example", "user@b.example"] {
            assert!(registry_host(wrong).is_err(), "{wrong}");
        }
    }
}
