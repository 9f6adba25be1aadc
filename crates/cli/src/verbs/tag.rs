//! `strata tag`.

use std::io::Write;

use crate::{arguments::Tag, failure::Failure, json, session::Session, verbs::moves};

/// Prints nothing, as docker; but where the name was another image's, standard error says so.
pub(super) fn run(session: &Session, arguments: &Tag, out: &mut dyn Write) -> Result<(), Failure> {
    let name = super::reference(&arguments.name)?;
    let moved =
        session.with_engine(async |engine| Ok(engine.tag(&arguments.source, &name).await?))?;
    if session.json() {
        json::write(out, &moves::Document::from(&moved))?;
    } else if let Some(note) = moves::note(&moved) {
        session.note(&note);
    }
    Ok(())
}
