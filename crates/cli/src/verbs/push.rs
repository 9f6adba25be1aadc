//! `strata push`.

use std::io::Write;

use engine::{Digest, Engine, LeftOut, PushRequest, Pushed, Reference, Selector, human};
use serde::Serialize;

use crate::{arguments::Push, failure::Failure, json, session::Session};

/// What a push did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: Vec<ImageDocument<'a>>,
    left_out: Vec<LeftOutDocument<'a>>,
    replaced: Option<&'a Digest>,
    pushed_bytes: u64,
    mounted_bytes: u64,
    existing_bytes: u64,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: [String; 1],
    platforms: Vec<String>,
    replaced: Option<&'a Digest>,
}

#[derive(Serialize)]
struct LeftOutDocument<'a> {
    platform: Option<String>,
    digest: &'a Digest,
}

const KEPT: &str = "What had arrived is kept by the registry for a while; its tag did not move.";

pub(super) fn run(session: &Session, arguments: &Push, out: &mut dyn Write) -> Result<(), Failure> {
    if arguments.all_tags {
        return push_all(session, arguments, out);
    }
    let given = arguments.destination.as_deref();
    let destination = given.map(super::reference).transpose()?;
    let request = request(arguments, arguments.source.clone(), destination);
    let talks = !session.json() && !session.quiet();
    // What may be an ID may also be a name; that is known when the push is over.
    let named = request
        .source
        .reference()
        .filter(|_| request.source.id_prefix().is_none() && request.source.digest().is_none());
    let announced = request.destination.as_ref().or(named).cloned();
    if let Some(destination) = announced.as_ref().filter(|_| talks) {
        begin(destination, out)?;
    }
    let progress = session.progress("push");
    let pushed = session.with_engine_at_length(KEPT, async |engine| {
        Ok(engine.push(&request, progress.as_ref()).await?)
    });
    // Takes the bars away, before anything else is printed.
    drop(progress);
    let pushed = pushed?;
    if session.json() {
        json::write(out, &document(std::slice::from_ref(&pushed)))?;
    } else if session.quiet() {
        writeln!(out, "{}", pushed.reference)?;
    } else {
        if announced.is_none() {
            begin(&pushed.reference, out)?;
        }
        end(session, &pushed, out)?;
    }
    Ok(())
}

/// Pushes every tag of a repository, one after the other. As docker's, it ends with the first that fails; those before are pushed.
fn push_all(session: &Session, arguments: &Push, out: &mut dyn Write) -> Result<(), Failure> {
    let source = repository(arguments.source.text())?;
    let destination = match &arguments.destination {
        Some(text) => repository(text)?,
        None => source.clone(),
    };
    let told = !session.json() && !session.quiet();
    let mut all = Vec::new();
    let pushed = session.with_engine_at_length(KEPT, async |engine| {
        let tags = tags_here(engine, &source).await?;
        if told {
            begin(&destination.with_tag(tags[0].1.clone()), out)?;
        }
        for (name, tag) in tags {
            let goes = Some(destination.with_tag(tag));
            let request = request(arguments, Selector::from(name.to_string().as_str()), goes);
            let progress = session.progress("push");
            let pushed = engine.push(&request, progress.as_ref()).await;
            // Takes the bars away, before anything else is printed.
            drop(progress);
            let pushed = pushed?;
            if told {
                end(session, &pushed, out)?;
            } else if !session.json() {
                writeln!(out, "{}", pushed.reference)?;
            }
            all.push(pushed);
        }
        Ok(())
    });
    pushed?;
    if session.json() {
        json::write(out, &document(&all))?;
    }
    Ok(())
}

/// Lists the tags that a repository has here; there is at least one.
async fn tags_here(
    engine: &Engine,
    repository: &Reference,
) -> Result<Vec<(Reference, engine::Tag)>, Failure> {
    let names = engine.tags_here(repository).await?.into_iter();
    let tags: Vec<_> = names
        .filter_map(|name| name.tag().cloned().map(|tag| (name, tag)))
        .collect();
    if tags.is_empty() {
        return Err(Failure::Refused {
            code: "not_found",
            message: format!("No image here has a tag of {}.", repository.familiar()),
            hint: Some("`strata images` lists the names that there are.".to_owned()),
        });
    }
    Ok(tags)
}

/// Reads the name of a repository; docker refuses a tag beside `--all-tags`.
fn repository(text: &str) -> Result<Reference, Failure> {
    let reference = super::reference(text)?;
    if reference.tag().is_some() || reference.digest().is_some() {
        return Err(Failure::Usage(format!(
            "with --all-tags, {text} must be a repository without tag or digest"
        )));
    }
    Ok(reference)
}

fn request(arguments: &Push, source: Selector, destination: Option<Reference>) -> PushRequest {
    PushRequest {
        source,
        destination,
        platform: arguments.platform.clone(),
        move_policy: super::move_policy(arguments.no_move),
    }
}

/// docker's first lines.
fn begin(destination: &Reference, out: &mut dyn Write) -> Result<(), Failure> {
    if destination.tag().is_none() && destination.digest().is_none() {
        writeln!(out, "Using default tag: latest")?;
    }
    writeln!(
        out,
        "The push refers to repository [{}/{}]",
        destination.host(),
        destination.repository()
    )?;
    out.flush()?;
    Ok(())
}

/// docker's last line, and what docker does not say: what it cost, and what the tag named before.
fn end(session: &Session, pushed: &Pushed, out: &mut dyn Write) -> Result<(), Failure> {
    let tag = pushed.reference.tag();
    let name = tag.map_or_else(|| pushed.digest.short().to_owned(), ToString::to_string);
    writeln!(
        out,
        "{name}: digest: {} size: {}",
        pushed.digest, pushed.size
    )?;
    let mut parts = vec![match pushed.pushed_bytes {
        0 => "Nothing had to be sent".to_owned(),
        sent => format!("Sent {}", human::size(sent)),
    }];
    if pushed.mounted_bytes > 0 {
        let mounted = human::size(pushed.mounted_bytes);
        parts.push(format!("{mounted} came from another repository there"));
    }
    if pushed.existing_bytes > 0 {
        let existing = human::size(pushed.existing_bytes);
        parts.push(format!("{existing} were there already"));
    }
    writeln!(out, "{}.", parts.join("; "))?;
    if let Some(replaced) = &pushed.replaced {
        session.note(&format!(
            "{} named {} there until now.",
            pushed.reference.familiar(),
            replaced.short()
        ));
    }
    if !pushed.left_out.is_empty() {
        let platforms: Vec<String> = pushed.platforms.iter().map(ToString::to_string).collect();
        session.note(&format!(
            "Only the image for {} is here: it was pushed alone, without the index that names {} more.",
            platforms.join(", "),
            pushed.left_out.len()
        ));
    }
    Ok(())
}

fn document(all: &[Pushed]) -> Document<'_> {
    let left_out = all.iter().flat_map(|pushed| &pushed.left_out);
    let sum = |bytes: fn(&Pushed) -> u64| all.iter().map(bytes).sum();
    Document {
        images: all
            .iter()
            .map(|pushed| ImageDocument {
                id: &pushed.id,
                digest: &pushed.digest,
                names: [pushed.reference.to_string()],
                platforms: pushed.platforms.iter().map(ToString::to_string).collect(),
                replaced: pushed.replaced.as_ref(),
            })
            .collect(),
        left_out: left_out
            .map(|LeftOut { platform, digest }| LeftOutDocument {
                platform: platform.as_ref().map(ToString::to_string),
                digest,
            })
            .collect(),
        // Of several tags each says it for itself.
        replaced: match all {
            [pushed] => pushed.replaced.as_ref(),
            _ => None,
        },
        pushed_bytes: sum(|pushed| pushed.pushed_bytes),
        mounted_bytes: sum(|pushed| pushed.mounted_bytes),
        existing_bytes: sum(|pushed| pushed.existing_bytes),
    }
}
