//! `strata login` and `strata logout`.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write};

use engine::{Kept, LoginRequest, Secret};
use serde::Serialize;

use crate::{
    arguments::{Login, Logout},
    failure::Failure,
    json,
    session::Session,
};

/// docker's default.
const DOCKER_HUB: &str = "docker.io";

/// More than any password; what is longer is another file.
const MAX_SECRET: u64 = 64 * 1024;

/// Where a login is kept; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct LoginDocument<'a> {
    host: &'a str,
    kept: &'static str,
    place: Option<String>,
}

#[derive(Serialize)]
struct LogoutDocument<'a> {
    host: &'a str,
    removed: &'a [String],
}

pub(super) fn login(
    session: &Session,
    arguments: Login,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if arguments.password_stdin && arguments.username.is_none() {
        return Err(Failure::Usage(
            "--password-stdin needs --username, because both cannot come the same way".into(),
        ));
    }
    let username = match arguments.username {
        Some(name) => name,
        None => ask_name()?,
    };
    let secret = match arguments.password_stdin {
        true => read_secret()?,
        false => ask_secret()?,
    };
    if username.is_empty() || secret.expose().is_empty() {
        return Err(Failure::Usage("a name and a password are needed".into()));
    }
    let request = LoginRequest {
        host: arguments.host.unwrap_or_else(|| DOCKER_HUB.to_owned()),
        username,
        secret,
        plain_text: arguments.plain_text,
    };
    let done = session.with_engine(async |engine| Ok(engine.login(&request).await?))?;
    let (kept, place, words) = match &done.kept {
        Kept::Helper(name) => {
            let helper = format!("docker-credential-{name}");
            ("helper", Some(helper.clone()), format!("kept by {helper}"))
        }
        Kept::Keyring => ("keyring", None, "kept in the system's keyring".to_owned()),
        Kept::File(path) => {
            let path = path.display().to_string();
            let words = format!("kept in plain text in {path}, which only you can read");
            ("file", Some(path), words)
        }
    };
    if session.json() {
        let document = LoginDocument {
            host: &done.host,
            kept,
            place,
        };
        json::write(out, &document)?;
        return Ok(());
    }
    if !done.was_asked {
        session.note(&format!(
            "{} asks for no login: nobody knows whether this one is right.",
            done.host
        ));
    }
    session.note(&format!("The login for {} is {words}.", done.host));
    if done.maybe_shadowed {
        session.note(
            "The system's keyring is asked first, and did not say whether it has an older one.",
        );
    }
    writeln!(out, "Login Succeeded")?;
    Ok(())
}

pub(super) fn logout(
    session: &Session,
    arguments: &Logout,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let host = arguments.host.as_deref().unwrap_or(DOCKER_HUB);
    let removed = session.with_engine(async |engine| Ok(engine.logout(host).await?))?;
    if session.json() {
        let removed = &removed;
        json::write(out, &LogoutDocument { host, removed })?;
        return Ok(());
    }
    match removed.is_empty() {
        true => writeln!(out, "Not logged in to {host}")?,
        false => {
            writeln!(out, "Removing login credentials for {host}")?;
            session.note(&format!("They were in {}.", removed.join(" and ")));
        }
    }
    Ok(())
}

/// Reads the password from standard input, without the line break at its end.
fn read_secret() -> Result<Secret, Failure> {
    let mut text = String::new();
    io::stdin().take(MAX_SECRET).read_to_string(&mut text)?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn ask_name() -> Result<String, Failure> {
    must_be_terminal("--username and --password-stdin")?;
    write!(io::stderr(), "Username: ")?;
    let mut name = String::new();
    io::stdin().lock().read_line(&mut name)?;
    Ok(name.trim().to_owned())
}

fn ask_secret() -> Result<Secret, Failure> {
    must_be_terminal("--password-stdin")?;
    Ok(Secret::new(rpassword::prompt_password("Password: ")?))
}

fn must_be_terminal(instead: &str) -> Result<(), Failure> {
    match io::stdin().is_terminal() {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "there is no terminal to ask on: use {instead}"
        ))),
    }
}
