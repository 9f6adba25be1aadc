//! `strata cp` and `strata unpack`: files of an image as real files.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use engine::{CopiedOut, CopyOptions, NoProgress, Place, Reading, human};
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
    let (image, path) = source(&arguments.source)?;
    let options = CopyOptions {
        owners: arguments.archive && is_root(),
    };
    let destination = Path::new(&arguments.destination);
    let copied = session.with_engine_at_length("What was copied stays.", async |engine| {
        let image = engine.open_image(&image, &NoProgress).await?;
        let files = image.files(Reading::Content, &NoProgress).await?;
        Ok(files.copy_out(path, destination, options, &|_| {}).await?)
    })?;
    report(session, &copied, &arguments.destination, out)
}

pub(super) fn unpack(
    session: &Session,
    arguments: &Unpack,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = CopyOptions { owners: is_root() };
    let folder = Path::new(&arguments.folder);
    let copied = session.with_engine_at_length("What was unpacked stays.", async |engine| {
        let image = engine.open_image(&arguments.image, &NoProgress).await?;
        let files = image.files(Reading::Content, &NoProgress).await?;
        Ok(files.unpack(folder, options, &|_| {}).await?)
    })?;
    report(session, &copied, &arguments.folder, out)
}

/// Splits `REF:PATH` at the last colon before a slash that makes both halves something: a place has such colons of its own, as in
/// `docker://` and `oci:/folder`, and a path in an image may have others.
fn source(text: &str) -> Result<(Place, &[u8]), Failure> {
    let own = match text {
        _ if text.starts_with("docker://") => "docker://".len(),
        _ => ["oci:", "oci-archive:", "docker-archive:"]
            .iter()
            .find(|kind| text.starts_with(**kind))
            .map_or(0, |kind| kind.len()),
    };
    let split = text[own..].find(":/").filter(|&at| own + at > 0 && at > 0);
    let Some(at) = split else {
        return Err(Failure::Usage(format!(
            "{text} is no REF:/PATH: the path in the image begins with a slash"
        )));
    };
    let (place, path) = (&text[..own + at], &text.as_bytes()[own + at + 1..]);
    let place = place.parse::<Place>().map_err(engine::Error::from)?;
    Ok((place, path))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_split_from_the_path_behind_it() {
        for (text, place, path) in [
            ("app:1:/etc/motd", "app:1", "/etc/motd"),
            ("app:/a:/b", "app", "/a:/b"),
            (
                "docker://host:5000/app:1:/etc",
                "docker://host:5000/app:1",
                "/etc",
            ),
            ("oci:/some/folder:tag:/etc", "oci:/some/folder:tag", "/etc"),
            ("docker-archive:a.tar:/etc", "docker-archive:a.tar", "/etc"),
        ] {
            let (found, rest) = source(text).expect(text);
            assert_eq!((found.to_string().as_str(), rest), (place, path.as_bytes()));
        }
        for text in ["app", ":/etc", "oci:/folder", "docker://host/app:1"] {
            assert!(source(text).is_err(), "{text}");
        }
    }
}
