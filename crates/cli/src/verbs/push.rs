//! `strata push`.

use std::io::Write;

use engine::{Digest, LeftOut, MovePolicy, PushRequest, Pushed, Reference, human};
use serde::Serialize;

use crate::{arguments::Push, failure::Failure, json, session::Session};

/// What a push did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: [ImageDocument<'a>; 1],
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
}

#[derive(Serialize)]
struct LeftOutDocument<'a> {
    platform: Option<String>,
    digest: &'a Digest,
}

const KEPT: &str = "What had arrived is kept by the registry for a while; its tag did not move.";

pub(super) fn run(session: &Session, arguments: Push, out: &mut dyn Write) -> Result<(), Failure> {
    let given = arguments.destination.as_deref();
    let destination = given.map(super::reference).transpose()?;
    let request = PushRequest {
        source: arguments.source,
        destination,
        platform: arguments.platform,
        move_policy: if arguments.no_move {
            MovePolicy::Keep
        } else {
            MovePolicy::Move
        },
    };
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
        json::write(out, &document(&pushed))?;
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

fn document(pushed: &Pushed) -> Document<'_> {
    let left_out = pushed.left_out.iter();
    Document {
        images: [ImageDocument {
            id: &pushed.id,
            digest: &pushed.digest,
            names: [pushed.reference.to_string()],
            platforms: pushed.platforms.iter().map(ToString::to_string).collect(),
        }],
        left_out: left_out
            .map(|LeftOut { platform, digest }| LeftOutDocument {
                platform: platform.as_ref().map(ToString::to_string),
                digest,
            })
            .collect(),
        replaced: pushed.replaced.as_ref(),
        pushed_bytes: pushed.pushed_bytes,
        mounted_bytes: pushed.mounted_bytes,
        existing_bytes: pushed.existing_bytes,
    }
}
