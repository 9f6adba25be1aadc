//! One credential file: docker's `config.json` or podman's `auth.json`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use super::{Credential, Key};
use crate::{CredentialError, Secret};

/// More than anybody's; what is larger is something else.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

#[derive(Default, Deserialize)]
pub(super) struct CredentialFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credsStore")]
    store: Option<String>,
    #[serde(default, rename = "credHelpers")]
    helpers: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default, rename = "identitytoken")]
    identity_token: Option<String>,
}

/// Reads a file. A missing one is none.
pub(super) async fn read(path: &Path) -> Result<Option<CredentialFile>, CredentialError> {
    let failed = |source| CredentialError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut text)
        .await
        .map_err(failed)?;
    let malformed = |reason: String| CredentialError::Malformed {
        path: path.to_owned(),
        reason,
    };
    if text.len() as u64 > MAX_SIZE {
        return Err(malformed(format!("it has more than {MAX_SIZE} bytes")));
    }
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    // The parser's own message can quote the value that it stumbled over, which may be a password.
    let parsed = serde_json::from_slice(&text);
    parsed
        .map(Some)
        .map_err(|error| malformed(format!("line {}, column {}", error.line(), error.column())))
}

impl CredentialFile {
    /// Returns the helpers to ask for a host, in order.
    pub(super) fn helpers(&self, wanted: &Key) -> Vec<&str> {
        let own = self
            .helpers
            .iter()
            .flatten()
            .filter(|(key, _)| Key::parse(key).host == wanted.host);
        let names = own
            .map(|(_, name)| name.as_str())
            .chain(self.store.as_deref());
        names.filter(|name| !name.is_empty()).collect()
    }

    /// Returns the file's own entry for a repository: the one with the longest path that covers it.
    ///
    /// # Errors
    /// Says what is wrong with the entry, without its content.
    pub(super) fn entry(&self, wanted: &Key) -> Result<Option<Credential>, String> {
        let mut covering: Vec<_> = self
            .auths
            .iter()
            .flatten()
            .filter_map(|(text, entry)| entry.as_ref().map(|entry| (Key::parse(text), text, entry)))
            .filter(|(key, ..)| key.covers(wanted))
            .collect();
        covering.sort_by_key(|(key, ..)| std::cmp::Reverse(key.path.len()));
        for (_, text, entry) in covering {
            // Docker leaves an empty entry behind for hosts whose password is with a helper.
            if let Some(credential) = entry
                .credential()
                .map_err(|reason| format!("the entry {text:?} {reason}"))?
            {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }
}

impl Entry {
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let (mut username, mut password) = (filled(&self.username), filled(&self.password));
        if let Some(auth) = filled(&self.auth) {
            let decoded = STANDARD.decode(auth.trim()).map_err(|_| "is not base64")?;
            let decoded = String::from_utf8(decoded).map_err(|_| "is not UTF-8")?;
            let (name, word) = decoded
                .split_once(':')
                .ok_or("has no colon between name and password")?;
            username = Some(name.to_owned());
            // Docker cuts the zero bytes that old versions wrote at the end.
            password = Some(word.trim_end_matches('\0').to_owned());
        }
        if let Some(token) = filled(&self.identity_token) {
            return Ok(Some(Credential::IdentityToken {
                username,
                token: Secret::new(token),
            }));
        }
        Ok(match (username, password) {
            (Some(username), Some(password)) if !username.is_empty() => {
                Some(Credential::Password {
                    username,
                    password: Secret::new(password),
                })
            }
            _ => None,
        })
    }
}
