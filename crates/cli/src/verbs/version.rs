//! `strata version`.

use std::io::Write;

use serde_json::json;

use crate::{failure::Failure, json, session::Session};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    if session.json() {
        json::write(out, &json!({ "version": VERSION }))?;
    } else if session.quiet() {
        writeln!(out, "{VERSION}")?;
    } else {
        writeln!(out, "strata {VERSION}")?;
    }
    Ok(())
}
