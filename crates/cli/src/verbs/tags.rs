//! `strata tags` and `strata catalog`.

use std::io::Write;

use engine::{Digest, Engine, LocalMark, NextPage, Reference, RemoteTag, by_version, human};
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

/// The most pages that are followed: a registry can lead in circles.
const MAX_PAGES: usize = 1000;

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
    let limit = limit.unwrap_or(usize::MAX);
    let mut seen = std::collections::HashSet::new();
    let mut next: Option<NextPage> = None;
    for _ in 0..MAX_PAGES {
        let page = engine.tags_page(repository, next.as_ref()).await?;
        let known = seen.len();
        for tag in page.tags {
            if seen.len() < limit && seen.insert(tag.clone()) {
                writeln!(out, "{tag}")?;
            }
        }
        out.flush()?;
        next = page.next;
        if next.is_none() || seen.len() == known || seen.len() >= limit {
            break;
        }
    }
    Ok(())
}

pub(super) fn catalog(
    session: &Session,
    arguments: &Catalog,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let limit = arguments.limit.unwrap_or(usize::MAX);
    let is_json = session.json();
    let names = session.with_engine(async |engine| {
        let mut names: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = engine.catalog_page(&arguments.host, next.as_ref()).await?;
            let known = seen.len();
            for repository in page.repositories {
                let name = repository.repository().to_owned();
                if seen.len() < limit && seen.insert(name.clone()) {
                    match is_json {
                        true => names.push(name),
                        false => writeln!(out, "{}", escaped(&name))?,
                    }
                }
            }
            next = page.next;
            if next.is_none() || seen.len() == known || seen.len() >= limit {
                break;
            }
        }
        Ok(names)
    })?;
    if is_json {
        json::write(out, &names)?;
    }
    Ok(())
}
