//! `strata search`.

use std::io::Write;

use engine::{SearchRequest, SearchResult};
use serde::Serialize;

use crate::{
    arguments::Search,
    failure::Failure,
    json,
    session::Session,
    table::Table,
    text::{escaped, shortened},
};

/// docker's width of a description.
const DESCRIPTION: usize = 45;

/// A repository; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    description: &'a str,
    stars: Option<u64>,
    official: bool,
}

pub(super) fn run(
    session: &Session,
    arguments: &Search,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut request = SearchRequest {
        term: arguments.term.clone(),
        limit: arguments.limit,
        ..SearchRequest::default()
    };
    let mut nothing = false;
    for pair in &arguments.filter {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("stars", count) => {
                let least = count.parse().map_err(|_| {
                    Failure::Usage(format!("stars={count}: give a number of stars"))
                })?;
                request.least_stars = Some(least);
            }
            ("is-official", "true") => request.official = Some(true),
            ("is-official", "false") => request.official = Some(false),
            // docker says so too: there are no automated builds any more.
            ("is-automated", "true") => {
                session.note("is-automated is deprecated: no registry says it any more.");
                nothing = true;
            }
            ("is-automated", "false") => {}
            _ => {
                return Err(Failure::Usage(format!(
                    "{pair}: the filters are stars=N and is-official=true or false"
                )));
            }
        }
    }
    let found = match nothing {
        true => Vec::new(),
        false => session.with_engine(async |engine| Ok(engine.search(&request).await?))?,
    };
    if session.json() {
        let documents: Vec<Document<'_>> = found.iter().map(document).collect();
        json::write(out, &documents)?;
        return Ok(());
    }
    if session.quiet() {
        for result in &found {
            writeln!(out, "{}", escaped(&result.name))?;
        }
        return Ok(());
    }
    let mut table = Table::with_header(["NAME", "DESCRIPTION", "STARS", "OFFICIAL"]);
    for result in &found {
        // A description is one line here, whatever its publisher wrote.
        let line = result
            .description
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let line = escaped(&line);
        let line = match arguments.no_trunc {
            true => line,
            false => shortened(&line, DESCRIPTION).into_owned().into(),
        };
        table.push([
            escaped(&result.name).into_owned(),
            line.into_owned(),
            result
                .stars
                .map(|stars| stars.to_string())
                .unwrap_or_default(),
            if result.official { "[OK]" } else { "" }.to_owned(),
        ]);
    }
    table.write(out)?;
    Ok(())
}

fn document(result: &SearchResult) -> Document<'_> {
    Document {
        name: &result.name,
        description: &result.description,
        stars: result.stars,
        official: result.official,
    }
}
