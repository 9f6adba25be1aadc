//! Credential helpers: programs that keep passwords in the desktop's key ring.
//!
//! Protocol: <https://github.com/docker/docker-credential-helpers#development>.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::{Credential, Key};
use crate::{CredentialError, CredentialSources, Secret};

const MAX_ANSWER: u64 = 64 * 1024;

/// What a helper prints, with exit status 1, when it has nothing.
const NOTHING_FOUND: &str = "credentials not found in native keychain";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default, rename = "ServerURL")]
    server_url: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks a helper for the credential of an address; `None` if it has none.
///
/// Dropping the future kills the helper.
pub(super) async fn get(
    sources: &CredentialSources,
    name: &str,
    address: &str,
    patience: Duration,
) -> Result<Option<Credential>, CredentialError> {
    let (answer, success) = talk(sources, name, "get", address.as_bytes(), patience).await?;
    if !success {
        let nothing = String::from_utf8_lossy(&answer).trim() == NOTHING_FOUND;
        return if nothing {
            Ok(None)
        } else {
            Err(failed(name, "it ended with an error"))
        };
    }
    // As with files, the parser's message could quote the secret.
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|_| failed(name, "its answer is not valid"))?;
    if !answer.server_url.is_empty()
        && Key::parse(&answer.server_url).host != Key::parse(address).host
    {
        return Err(failed(name, "it answered for another host"));
    }
    if answer.secret.is_empty() {
        return Ok(None);
    }
    let secret = Secret::new(answer.secret);
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credential::IdentityToken {
            username: None,
            token: secret,
        },
        _ => Credential::Password {
            username: answer.username,
            password: secret,
        },
    }))
}

/// Gives a helper a credential to keep.
pub(super) async fn store(
    sources: &CredentialSources,
    name: &str,
    address: &str,
    (username, secret): (&str, &Secret),
    patience: Duration,
) -> Result<(), CredentialError> {
    let entry = serde_json::json!({
        "ServerURL": address,
        "Username": username,
        "Secret": secret.expose(),
    });
    match talk(
        sources,
        name,
        "store",
        entry.to_string().as_bytes(),
        patience,
    )
    .await?
    {
        (_, true) => Ok(()),
        (_, false) => Err(failed(name, "it did not keep the login")),
    }
}

/// Has a helper forget the credential of an address. One that it does not have is no error: helpers differ in that.
pub(super) async fn erase(
    sources: &CredentialSources,
    name: &str,
    address: &str,
    patience: Duration,
) -> Result<(), CredentialError> {
    talk(sources, name, "erase", address.as_bytes(), patience)
        .await
        .map(drop)
}

fn failed(name: &str, reason: &str) -> CredentialError {
    CredentialError::Helper {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

/// Runs a helper: what it printed, and whether it ended well.
async fn talk(
    sources: &CredentialSources,
    name: &str,
    action: &str,
    input: &[u8],
    patience: Duration,
) -> Result<(Vec<u8>, bool), CredentialError> {
    let named_right = name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if name.is_empty() || !named_right {
        return Err(CredentialError::HelperName {
            name: name.chars().take(64).collect(),
        });
    }
    let Some(program) = find(&sources.helper_path, name) else {
        return Err(CredentialError::HelperMissing {
            name: name.to_owned(),
        });
    };
    let run = tokio::time::timeout(patience, run(&program, action, input));
    match run.await {
        Err(_) => {
            let waited = patience.as_secs();
            Err(failed(
                name,
                &format!("it did not answer within {waited} s"),
            ))
        }
        Ok(Err(error)) => Err(failed(name, &error.to_string())),
        Ok(Ok((answer, _))) if answer.len() as u64 > MAX_ANSWER => {
            let reason = format!("its answer has more than {MAX_ANSWER} bytes");
            Err(failed(name, &reason))
        }
        Ok(Ok(answer)) => Ok(answer),
    }
}

fn find(search_path: &[PathBuf], name: &str) -> Option<PathBuf> {
    let file = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
    // A relative folder would mean whatever folder the program happens to run in.
    search_path
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

async fn run(program: &Path, action: &str, input_bytes: &[u8]) -> std::io::Result<(Vec<u8>, bool)> {
    let mut child = Command::new(program)
        .arg(action)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(input_bytes).await {
            // A helper that knows without asking may not read at all.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
        // Dropped here: the helper reads to the end of its input.
    }
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(MAX_ANSWER + 1).read_to_end(&mut answer).await?;
    }
    if answer.len() as u64 > MAX_ANSWER {
        child.kill().await?;
        return Ok((answer, false));
    }
    let status = child.wait().await?;
    Ok((answer, status.success()))
}
