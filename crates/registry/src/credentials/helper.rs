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
    let failed = |reason: String| CredentialError::Helper {
        name: name.to_owned(),
        reason,
    };
    let run = tokio::time::timeout(patience, run(&program, address));
    let (answer, success) = match run.await {
        Err(_) => {
            return Err(failed(format!(
                "it did not answer within {} s",
                patience.as_secs()
            )));
        }
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Ok(Ok(answer)) => answer,
    };
    if answer.len() as u64 > MAX_ANSWER {
        return Err(failed(format!(
            "its answer has more than {MAX_ANSWER} bytes"
        )));
    }
    if !success {
        let nothing = String::from_utf8_lossy(&answer).trim() == NOTHING_FOUND;
        return if nothing {
            Ok(None)
        } else {
            Err(failed("it ended with an error".to_owned()))
        };
    }
    // As with files, the parser's message could quote the secret.
    let answer: Answer = serde_json::from_slice(&answer)
        .map_err(|_| failed("its answer is not valid".to_owned()))?;
    if !answer.server_url.is_empty()
        && Key::parse(&answer.server_url).host != Key::parse(address).host
    {
        return Err(failed("it answered for another host".to_owned()));
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

fn find(search_path: &[PathBuf], name: &str) -> Option<PathBuf> {
    let file = format!("docker-credential-{name}{}", std::env::consts::EXE_SUFFIX);
    // A relative folder would mean whatever folder the program happens to run in.
    search_path
        .iter()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}

async fn run(program: &Path, address: &str) -> std::io::Result<(Vec<u8>, bool)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(address.as_bytes()).await {
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
