//! `strata tags` and `strata catalog`.

use std::{io::Write, ops::ControlFlow};

use engine::{Digest, Engine, LocalMark, Reference, RemoteTag, by_version, human};
use serde::Serialize;

use crate::{
    arguments::{Catalog, Tags},
    failure::Failure,
    json,
    session::Session,
    table::Table,
    text::escaped,
};

/// How many tags are looked at in detail when nobody says how many: each is some requests.
const USUAL_TAGS: usize = 100;

/// A tag; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    tag: &'a str,
    digest: Option<&'a Digest>,
    size: Option<u64>,
    platforms: Vec<String>,
    created: Option<String>,
    local: Option<&'static str>,
}

impl<'a> From<&'a RemoteTag> for Document<'a> {
    fn from(remote: &'a RemoteTag) -> Self {
        Self {
            tag: remote.tag.as_str(),
            digest: remote.digest.as_ref(),
            size: remote.size,
            platforms: remote.platforms.iter().map(ToString::to_string).collect(),
            created: remote.created.map(|created| created.to_string()),
            local: mark(remote.local),
        }
    }
}

fn mark(local: LocalMark) -> Option<&'static str> {
    match local {
        LocalMark::Nothing => None,
        LocalMark::Same => Some("same"),
        LocalMark::Newer => Some("newer"),
        LocalMark::Older => Some("older"),
    }
}

pub(super) fn tags(
    session: &Session,
    arguments: &Tags,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let repository = super::reference(&arguments.repository)?;
    if session.quiet() {
        return session
            .with_engine(async |engine| names(engine, &repository, arguments.limit, out).await);
    }
    let limit = arguments.limit.unwrap_or(USUAL_TAGS);
    let (found, all) = session.with_engine(async |engine| {
        // All names are needed to say which are the first ones; they are cheap.
        let mut names = engine.tags(&repository).await?;
        let all = names.len();
        names.sort_by(by_version);
        names.truncate(limit);
        Ok((engine.tag_details(&repository, &names).await?, all))
    })?;
    if session.json() {
        let documents: Vec<Document<'_>> = found.iter().map(Document::from).collect();
        json::write(out, &documents)?;
        return Ok(());
    }
    let mut table = Table::with_header(["TAG", "DIGEST", "SIZE", "CREATED", "PLATFORMS", "HERE"]);
    let now = session.now();
    for remote in &found {
        let platforms: Vec<String> = remote.platforms.iter().map(ToString::to_string).collect();
        let unknown = || "-".to_owned();
        table.push([
            remote.tag.to_string(),
            remote
                .digest
                .as_ref()
                .map_or_else(unknown, |digest| digest.short().to_owned()),
            remote.size.map_or_else(unknown, human::size),
            remote
                .created
                .map_or_else(unknown, |created| human::age(now, created)),
            escaped(&platforms.join(", ")).into_owned(),
            mark(remote.local).unwrap_or_default().to_owned(),
        ]);
    }
    table.write(out)?;
    if all > found.len() {
        session.note(&format!(
            "{} of {all} tags; --limit shows more, and -q lists the names alone.",
            found.len()
        ));
    }
    Ok(())
}

/// Prints names as the pages come, so that the first of ten thousand are there at once.
async fn names(
    engine: &Engine,
    repository: &Reference,
    limit: Option<usize>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut left = limit.unwrap_or(usize::MAX);
    let mut written = Ok(());
    let listed = engine.list_tags(repository, |page| {
        let tags = page.iter().take(left);
        left = left.saturating_sub(page.len());
        written = lines(out, tags.map(ToString::to_string));
        until(left, &written)
    });
    listed.await?;
    Ok(written?)
}

/// Writes a page of a list, so that it is seen before the next one comes.
fn lines(out: &mut dyn Write, page: impl Iterator<Item = String>) -> std::io::Result<()> {
    for line in page {
        writeln!(out, "{}", escaped(&line))?;
    }
    out.flush()
}

fn until(left: usize, written: &std::io::Result<()>) -> ControlFlow<()> {
    match left == 0 || written.is_err() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

pub(super) fn catalog(
    session: &Session,
    arguments: &Catalog,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let is_json = session.json();
    let names = session.with_engine(async |engine| {
        let (mut left, mut written) = (limit, Ok(()));
        let mut names: Vec<String> = Vec::new();
        let listed = engine.list_repositories(&arguments.host, |page| {
            let some = page.iter().take(left);
            let some = some.map(|repository| repository.repository().to_owned());
            left = left.saturating_sub(page.len());
            match is_json {
                true => names.extend(some),
                false => written = lines(out, some),
            }
            until(left, &written)
        });
        listed.await?;
        written?;
        Ok(names)
    })?;
    if is_json {
        json::write(out, &names)?;
    }
    Ok(())
}
