//! `strata journal`.

use std::io::Write;

use engine::{Digest, ImageName};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::Journal, failure::Failure, json, session::Session, table::Table, text::escaped,
};

/// An entry in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    time: Timestamp,
    name: &'a ImageName,
    from: Option<&'a Digest>,
    to: Option<&'a Digest>,
    operation: &'a str,
}

pub(super) fn run(
    session: &Session,
    arguments: &Journal,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let name = arguments
        .name
        .as_deref()
        .map(super::reference)
        .transpose()?;
    let entries = session.with_engine(async |engine| Ok(engine.journal(name.as_ref()).await?))?;
    if session.json() {
        let documents: Vec<_> = entries
            .iter()
            .map(|entry| Document {
                time: entry.time,
                name: &entry.name,
                from: entry.from.as_ref(),
                to: entry.to.as_ref(),
                operation: &entry.operation,
            })
            .collect();
        json::write(out, &documents)?;
        return Ok(());
    }
    let short = |digest: Option<&Digest>| {
        digest.map_or_else(|| "-".to_owned(), |digest| digest.short().to_owned())
    };
    let mut table = Table::with_header(["TIME", "NAME", "FROM", "TO", "BY"]);
    for entry in &entries {
        table.push([
            format!("{:.0}", entry.time),
            entry.name.familiar(),
            short(entry.from.as_ref()),
            short(entry.to.as_ref()),
            escaped(&entry.operation).into_owned(),
        ]);
    }
    table.write(out)?;
    Ok(())
}
