//! `strata undo`.

use std::io::Write;

use crate::{failure::Failure, json, session::Session, verbs::moves};

pub(super) fn run(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let restored = session.with_engine(async |engine| Ok(engine.undo().await?.moves))?;
    if session.json() {
        json::write(
            out,
            &restored
                .iter()
                .map(moves::Document::from)
                .collect::<Vec<_>>(),
        )?;
        return Ok(());
    }
    for moved in &restored {
        let name = moved.name.familiar();
        match &moved.to {
            _ if session.quiet() => writeln!(out, "{name}")?,
            Some(to) => writeln!(out, "{name} names {} again.", to.short())?,
            None => writeln!(out, "{name} names nothing again.")?,
        }
    }
    Ok(())
}
