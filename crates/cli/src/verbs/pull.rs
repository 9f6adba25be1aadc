//! `strata pull`.

use std::io::Write;

use engine::{
    Digest, Engine, ImageName, Progress, PullRequest, Pulled, PulledImage, Reference, human,
};
use serde::Serialize;

use crate::{arguments::Pull, failure::Failure, json, session::Session, verbs::moves};

/// What a pull did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: Vec<ImageDocument<'a>>,
    moved: Vec<moves::Document<'a>>,
    fetched_bytes: u64,
    reused_bytes: u64,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: &'a [ImageName],
    platform: Option<String>,
}

const KEPT: &str = "What had arrived is kept: the same command goes on from there.";

pub(super) fn run(session: &Session, arguments: Pull, out: &mut dyn Write) -> Result<(), Failure> {
    let reference = super::reference(&arguments.reference)?;
    let request = PullRequest {
        reference: reference.clone(),
        platform: arguments.platform,
        move_policy: super::move_policy(arguments.no_move),
    };
    let talks = !session.json() && !session.quiet();
    if talks {
        begin(&reference, out)?;
    }
    let progress = session.progress("pull");
    let pulled = session.with_engine_at_length(KEPT, async |engine| {
        pull(engine, &request, progress.as_ref()).await
    });
    // Takes the bars away, before anything else is printed.
    drop(progress);
    let pulled = pulled?;
    if session.json() {
        json::write(out, &document(&pulled))?;
    } else if session.quiet() {
        writeln!(out, "{}", pulled.reference)?;
    } else {
        end(session, &pulled, out)?;
    }
    Ok(())
}

async fn pull(
    engine: &Engine,
    request: &PullRequest,
    progress: &dyn Progress,
) -> Result<Pulled, Failure> {
    Ok(engine.pull(request, progress).await?)
}

/// docker's first lines, before anything is asked for.
fn begin(reference: &Reference, out: &mut dyn Write) -> Result<(), Failure> {
    if reference.tag().is_none() && reference.digest().is_none() {
        writeln!(out, "Using default tag: latest")?;
    }
    let what = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.to_string(),
        (None, None) => "latest".into(),
    };
    writeln!(out, "{what}: Pulling from {}", reference.repository())?;
    out.flush()?;
    Ok(())
}

/// docker's last lines, and what docker does not say: what it cost, and which name moved.
fn end(session: &Session, pulled: &Pulled, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "Digest: {}", pulled.target)?;
    let familiar = pulled.reference.familiar();
    if pulled.up_to_date {
        writeln!(out, "Status: Image is up to date for {familiar}")?;
    } else {
        writeln!(out, "Status: Downloaded newer image for {familiar}")?;
        let fetched = human::size(pulled.fetched_bytes);
        match pulled.reused_bytes {
            0 => writeln!(out, "Fetched {fetched}.")?,
            reused => writeln!(
                out,
                "Fetched {fetched}; {} were here already.",
                human::size(reused)
            )?,
        }
    }
    for moved in pulled.moved.iter().filter_map(moves::note) {
        session.note(&moved);
    }
    if pulled.foreign {
        let platforms: Vec<String> = pulled
            .images
            .iter()
            .filter_map(|image| Some(image.platform.as_ref()?.to_string()))
            .collect();
        session.note(&format!(
            "It is made for {}, not for this computer.",
            platforms.join(", ")
        ));
    }
    writeln!(out, "{}", pulled.reference)?;
    Ok(())
}

fn document(pulled: &Pulled) -> Document<'_> {
    Document {
        images: pulled
            .images
            .iter()
            .map(
                |PulledImage {
                     id,
                     target,
                     names,
                     platform,
                     ..
                 }| ImageDocument {
                    id,
                    digest: target,
                    names,
                    platform: platform.as_ref().map(ToString::to_string),
                },
            )
            .collect(),
        moved: pulled.moved.iter().map(moves::Document::from).collect(),
        fetched_bytes: pulled.fetched_bytes,
        reused_bytes: pulled.reused_bytes,
    }
}
