//! `strata cp` and `strata unpack`: files of an image as real files.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use engine::{CopiedOut, CopyOptions, Selector, human};
use serde::Serialize;

use crate::{
    arguments::{Cp, Unpack},
    failure::Failure,
    json,
    session::Session,
};

/// What was copied, in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    files: u64,
    bytes: u64,
    notes: &'a [String],
}

pub(super) fn copy(session: &Session, arguments: &Cp, out: &mut dyn Write) -> Result<(), Failure> {
    let (reference, path) = source(&arguments.source)?;
    let options = CopyOptions {
        owners: arguments.archive && is_root(),
        ..CopyOptions::default()
    };
    let destination = Path::new(&arguments.destination);
    let copied = session.with_engine_at_length("What was copied stays.", async |engine| {
        let files = engine.files(&reference).await?;
        Ok(files.copy_out(path, destination, options, &|_| {}).await?)
    })?;
    report(session, &copied, &arguments.destination, out)
}

pub(super) fn unpack(
    session: &Session,
    arguments: &Unpack,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = CopyOptions {
        owners: is_root(),
        ..CopyOptions::default()
    };
    let folder = Path::new(&arguments.folder);
    let copied = session.with_engine_at_length("What was unpacked stays.", async |engine| {
        let files = engine.files(&arguments.reference).await?;
        Ok(files.unpack(folder, options, &|_| {}).await?)
    })?;
    report(session, &copied, &arguments.folder, out)
}

/// Splits `REF:PATH` at the colon before the path: a path is absolute, and no reference has `:/` in it.
fn source(text: &str) -> Result<(Selector, &[u8]), Failure> {
    let split = text.find(":/").filter(|&at| at > 0);
    match split {
        Some(at) => Ok((Selector::from(&text[..at]), &text.as_bytes()[at + 1..])),
        None => Err(Failure::Usage(format!(
            "{text} is no REF:/PATH: the path in the image begins with a slash"
        ))),
    }
}

fn report(
    session: &Session,
    copied: &CopiedOut,
    destination: &OsStr,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let CopiedOut {
        files,
        bytes,
        notes,
        noted,
    } = copied;
    if session.json() {
        let document = Document {
            files: *files,
            bytes: *bytes,
            notes,
        };
        return Ok(json::write(out, &document)?);
    }
    for note in notes {
        session.note(note);
    }
    if *noted > notes.len() as u64 {
        session.note(&format!("{} more of the kind", noted - notes.len() as u64));
    }
    session.note(&format!(
        "{files} files, {}, in {}",
        human::size(*bytes),
        destination.to_string_lossy()
    ));
    Ok(())
}

/// Only root may give files away and make devices.
#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
