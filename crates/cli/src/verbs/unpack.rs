//! `strata cp` and `strata unpack`: files of images and containers as real files, and the other way.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

use engine::{
    Container, CopiedIn, CopiedOut, CopyOptions, CopySource, Engine, NoProgress, Place, Reading,
    TarTarget, human,
};
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

/// One side of a copy.
enum Side {
    /// A file or folder of this computer.
    Local(OsString),
    /// A tar: standard input or output.
    Stream,
    /// A path of a container.
    Container(Container, Vec<u8>),
    /// A path of an image.
    Image(Place, Vec<u8>),
}

pub(super) fn copy(session: &Session, arguments: &Cp, out: &mut dyn Write) -> Result<(), Failure> {
    let destination = &arguments.destination;
    let owners = arguments.archive;
    let out_options = CopyOptions {
        owners: owners && is_root(),
        ..CopyOptions::default()
    };
    out.flush()?;
    let kept = "What was copied out stays; into a container nothing was copied.";
    let copied = session.with_engine_at_length(kept, async |engine| {
        let from = side(engine, &arguments.source).await?;
        let to = side(engine, destination).await?;
        let source = match (from, to) {
            (Side::Image(reference, path), Side::Local(to)) => {
                let image = engine.open_image(&reference, &NoProgress).await?;
                let files = image.files(Reading::Content, &NoProgress).await?;
                let to = Path::new(&to);
                return Ok(files.copy_out(&path, to, out_options, &|_| {}).await?);
            }
            (Side::Container(container, path), Side::Local(to)) => {
                let to = Path::new(&to);
                let copied = engine.copy_out(&container.id, &path, to, out_options, &|_| {});
                return Ok(Box::pin(copied).await?);
            }
            (Side::Container(container, path), Side::Stream) => {
                let target = TarTarget::Stream(Box::new(super::save::standard_output()?));
                let written = engine.copy_out_tar(&container.id, &path, target, &|_| {});
                written.await?;
                return Ok(CopiedOut::default());
            }
            (Side::Local(from), Side::Container(container, path)) => {
                (CopySource::Path(PathBuf::from(from)), container, path)
            }
            (Side::Stream, Side::Container(container, path)) => {
                (CopySource::Tar(Box::new(std::io::stdin())), container, path)
            }
            (Side::Local(_) | Side::Stream, Side::Image(reference, _)) => {
                return Err(no_container(
                    &reference,
                    "An image itself cannot be changed: make a container of it with strata create.",
                ));
            }
            (Side::Image(place, _), Side::Stream) => {
                let hint = "Of what is in an image no tar is made: copy it into a folder.";
                if let Place::Store(image) = &place {
                    match engine.image(image).await {
                        Ok(_) => {}
                        Err(error) if error.code() == "not_found" => {
                            return Err(no_container(&place, hint));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                return Err(Failure::Usage(
                    "of what is in an image no tar is made: copy it into a folder".into(),
                ));
            }
            (Side::Local(from), Side::Local(_) | Side::Stream) => {
                return Err(Failure::Usage(format!(
                    "{} is no REF:/PATH: the path in the image begins with a slash",
                    from.to_string_lossy()
                )));
            }
            _ => {
                return Err(Failure::Usage(
                    "one side of a copy is a file, a folder or -, the other a container or an image".into(),
                ));
            }
        };
        let (source, container, path) = source;
        let options = CopyOptions {
            owners,
            ..CopyOptions::default()
        };
        let copied = engine.copy_in(&container.id, source, &path, options, &|_| {});
        let CopiedIn { files, bytes } = Box::pin(copied).await?;
        Ok(CopiedOut {
            files,
            bytes,
            ..CopiedOut::default()
        })
    })?;
    if destination.as_encoded_bytes() == b"-" {
        return Ok(());
    }
    report(session, &copied, destination, out)
}

fn no_container(name: &Place, hint: &str) -> Failure {
    Failure::Refused {
        code: "not_found",
        message: format!("there is no container {name}."),
        hint: Some(hint.to_owned()),
    }
}

/// Tells what one side of a copy is. A container's name wins over an image's: `NAME:PATH` is docker's.
async fn side(engine: &Engine, text: &OsStr) -> Result<Side, Failure> {
    let whole = text.as_encoded_bytes();
    if whole == b"-" {
        return Ok(Side::Stream);
    }
    let local = || Ok(Side::Local(text.to_owned()));
    // As with docker a path that could be taken for something else is written with ./ in front.
    if whole.starts_with(b"/") || whole.starts_with(b".") {
        return local();
    }
    let colon = whole
        .iter()
        .position(|&byte| byte == b':')
        .filter(|&at| at > 0);
    let Some(colon) = colon else { return local() };
    let named = |at: usize| std::str::from_utf8(&whole[..at]).ok();
    if let Some(name) = named(colon) {
        match engine.container(name).await {
            Ok(container) => {
                return Ok(Side::Container(container, whole[colon + 1..].to_vec()));
            }
            Err(error) if error.code() == "not_found" => {}
            Err(error) => return Err(error.into()),
        }
    }
    // A path in an image is absolute, so that a colon in a local path is none of these.
    match split_image(whole) {
        Some((name, path)) => {
            let place = name.parse::<Place>().map_err(engine::Error::from)?;
            Ok(Side::Image(place, path.to_vec()))
        }
        None => local(),
    }
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
        let image = engine.open_image(&arguments.image, &NoProgress).await?;
        let files = image.files(Reading::Content, &NoProgress).await?;
        Ok(files.unpack(folder, options, &|_| {}).await?)
    })?;
    report(session, &copied, &arguments.folder, out)
}

/// Splits `REF:/PATH` at the first colon before a slash that makes both halves something: a place has such colons of its own, as
/// in `docker://` and `oci:/folder`, and a path in an image may have others.
fn split_image(text: &[u8]) -> Option<(&str, &[u8])> {
    const PLACES: [&[u8]; 4] = [b"docker://", b"oci:", b"oci-archive:", b"docker-archive:"];
    let own = PLACES
        .iter()
        .find(|kind| text.starts_with(kind))
        .map_or(0, |kind| kind.len());
    let at = own + text[own..].windows(2).position(|pair| pair == b":/")?;
    let name = std::str::from_utf8(&text[..at]).ok()?;
    (at > own).then_some((name, &text[at + 1..]))
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
            let found = split_image(text.as_bytes());
            assert_eq!(found, Some((place, path.as_bytes())));
            place.parse::<Place>().expect(place);
        }
        for text in ["app", ":/etc", "oci:/folder", "docker://host/app:1"] {
            assert_eq!(split_image(text.as_bytes()), None, "{text}");
        }
    }
}
