//! `strata copy`.

use std::io::Write;

use engine::{Copied, CopyRequest, Digest, ImageName, Place};
use serde::Serialize;

use crate::{arguments::Copy, failure::Failure, json, session::Session, verbs::moves};

/// What a copy did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: [ImageDocument<'a>; 1],
    moved: Vec<moves::Document<'a>>,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: &'a [ImageName],
}

const KEPT: &str = "No name was moved and no archive written.";

/// Says of a place in an engine which engine it is.
fn of_engine(place: Place, wanted: Option<String>, flag: &str) -> Result<Place, Failure> {
    match (place, wanted) {
        (place, None) => Ok(place),
        (Place::Daemon { image, .. }, engine) => Ok(Place::Daemon { engine, image }),
        (place, Some(_)) => Err(Failure::Usage(format!(
            "{flag} is for docker-daemon:, and {place} is none"
        ))),
    }
}

pub(super) fn run(session: &Session, arguments: Copy, out: &mut dyn Write) -> Result<(), Failure> {
    let Copy {
        platform,
        no_move,
        src_engine,
        dest_engine,
        from,
        to,
    } = arguments;
    let from = of_engine(from, src_engine, "--src-engine")?;
    let to = of_engine(to, dest_engine, "--dest-engine")?;
    let request = CopyRequest {
        from,
        to,
        platform,
        move_policy: super::move_policy(no_move),
    };
    let progress = session.progress("copy");
    let copied = session.with_engine_at_length(KEPT, async |engine| {
        Ok(engine.copy(&request, progress.as_ref()).await?)
    });
    drop(progress);
    let Copied {
        id,
        target,
        names,
        moved,
    } = copied?;
    if session.json() {
        let document = Document {
            images: [ImageDocument {
                id: &id,
                digest: &target,
                names: &names,
            }],
            moved: moved.iter().map(moves::Document::from).collect(),
        };
        json::write(out, &document)?;
        return Ok(());
    }
    writeln!(out, "{id}")?;
    for moved in moved.iter().filter_map(moves::note) {
        session.note(&moved);
    }
    Ok(())
}
