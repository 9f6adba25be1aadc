//! `strata load`.

use std::io::{IsTerminal as _, Write};

use engine::{
    ArchiveSource, Digest, ImageName, IncompleteImage, LoadPlan, LoadRequest, Loaded, LoadedImage,
    PlannedName, human,
};
use serde::Serialize;

use crate::{
    arguments::Load, failure::Failure, json, session::Session, text::escaped, verbs::moves,
};

/// What a load did, or would do; `docs/cli.md` promises these keys.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    images: Vec<ImageDocument<'a>>,
    moved: Vec<MoveDocument<'a>>,
    incomplete: Vec<IncompleteDocument<'a>>,
    fetched_bytes: Option<u64>,
    reused_bytes: Option<u64>,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: Option<&'a Digest>,
    names: Vec<&'a ImageName>,
    label: Option<&'a str>,
    platforms: Option<Vec<String>>,
}

/// As `moves::Document`; before a load it may not be known what a name will name.
#[derive(Serialize)]
#[serde(untagged)]
enum MoveDocument<'a> {
    Done(moves::Document<'a>),
    Planned {
        name: &'a ImageName,
        to: Option<&'a Digest>,
        from: Option<&'a Digest>,
    },
}

#[derive(Serialize)]
struct IncompleteDocument<'a> {
    digest: &'a Digest,
    platform: Option<String>,
    missing: &'a str,
}

const KEPT: &str = "No name was moved, and no image is loaded.";

pub(super) fn run(session: &Session, arguments: Load, out: &mut dyn Write) -> Result<(), Failure> {
    let Load {
        input,
        platform,
        dry_run,
        no_move,
    } = arguments;
    let source = match input {
        Some(path) => ArchiveSource::Path(path),
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::Usage(
                "an archive is wanted: give it with -i, or on standard input".into(),
            ));
        }
        None => ArchiveSource::Stream(Box::new(std::io::stdin())),
    };
    let request = LoadRequest {
        source,
        chosen: None,
        platform,
        move_policy: super::move_policy(no_move),
    };
    if dry_run {
        return plan(session, request, out);
    }
    let progress = session.progress("load");
    let loaded = session.with_engine_at_length(KEPT, async |engine| {
        Ok(engine.load(request, progress.as_ref()).await?)
    });
    // Takes the bars away, before anything else is printed.
    drop(progress);
    let loaded = loaded?;
    if session.json() {
        json::write(out, &document(&loaded))?;
        return Ok(());
    }
    for image in &loaded.images {
        print(session, image, out)?;
    }
    for moved in loaded.moved.iter().filter_map(moves::note) {
        session.note(&moved);
    }
    missing(session, &loaded.incomplete);
    if loaded.images.is_empty() {
        session.note("There is no image in it.");
    }
    Ok(())
}

/// docker's lines: one for each name, or the ID.
fn print(session: &Session, image: &LoadedImage, out: &mut dyn Write) -> Result<(), Failure> {
    let quiet = session.quiet();
    for name in &image.names {
        match quiet {
            true => writeln!(out, "{name}")?,
            false => writeln!(out, "Loaded image: {}", name.familiar())?,
        }
    }
    if image.names.is_empty() {
        match quiet {
            true => writeln!(out, "{}", image.id)?,
            false => writeln!(out, "Loaded image ID: {}", image.id)?,
        }
        if let Some(label) = &image.label {
            session.note(&format!(
                "The archive calls it {}, which is no image's name; strata tag gives it one.",
                escaped(label)
            ));
        }
    }
    Ok(())
}

fn missing(session: &Session, incomplete: &[IncompleteImage]) {
    for IncompleteImage {
        digest,
        platform,
        missing,
    } in incomplete
    {
        let what = match platform {
            Some(platform) => format!("{} for {platform}", digest.short()),
            None => digest.short().to_owned(),
        };
        session.note(&format!(
            "Left out {what}: {} is not in the archive.",
            escaped(missing)
        ));
    }
}

fn plan(session: &Session, request: LoadRequest, out: &mut dyn Write) -> Result<(), Failure> {
    let plan = session.with_engine_at_length("The archive was only read.", async |engine| {
        Ok(engine.plan_load(request).await?)
    })?;
    if session.json() {
        json::write(out, &planned(&plan))?;
        return Ok(());
    }
    for image in &plan.images {
        let here = if image.present { ", here already" } else { "" };
        let size = human::size(image.size);
        if image.names.is_empty() {
            writeln!(out, "Would load image ID: {} ({size}{here})", image.id)?;
        }
        for PlannedName { name, from, .. } in &image.names {
            let familiar = name.familiar();
            match from {
                None => writeln!(out, "Would load image: {familiar} ({size}{here})")?,
                Some(from) => writeln!(
                    out,
                    "Would load image: {familiar} ({size}{here}), and take the name from {}",
                    from.id.short()
                )?,
            }
        }
    }
    missing(session, &plan.contents.incomplete);
    Ok(())
}

/// What a load did, as programs read it.
pub(super) fn document(loaded: &Loaded) -> Document<'_> {
    Document {
        images: loaded
            .images
            .iter()
            .map(|image| ImageDocument {
                id: &image.id,
                digest: Some(&image.target),
                names: image.names.iter().collect(),
                label: image.label.as_deref(),
                platforms: Some(image.platforms.iter().map(ToString::to_string).collect()),
            })
            .collect(),
        moved: loaded
            .moved
            .iter()
            .map(|moved| MoveDocument::Done(moved.into()))
            .collect(),
        incomplete: incomplete(&loaded.incomplete),
        fetched_bytes: Some(loaded.fetched_bytes),
        reused_bytes: Some(loaded.reused_bytes),
    }
}

fn planned(plan: &LoadPlan) -> Document<'_> {
    Document {
        images: plan
            .images
            .iter()
            .map(|image| ImageDocument {
                id: &image.id,
                digest: image.target.as_ref(),
                names: image.names.iter().map(|planned| &planned.name).collect(),
                label: None,
                platforms: None,
            })
            .collect(),
        moved: plan
            .images
            .iter()
            .flat_map(|image| image.names.iter().map(move |planned| (image, planned)))
            .filter(|(_, planned)| !planned.same)
            .map(|(image, planned)| MoveDocument::Planned {
                name: &planned.name,
                to: image.target.as_ref(),
                from: planned.from.as_ref().map(|from| &from.target),
            })
            .collect(),
        incomplete: incomplete(&plan.contents.incomplete),
        fetched_bytes: None,
        reused_bytes: None,
    }
}

fn incomplete(incomplete: &[IncompleteImage]) -> Vec<IncompleteDocument<'_>> {
    incomplete
        .iter()
        .map(
            |IncompleteImage {
                 digest,
                 platform,
                 missing,
             }| IncompleteDocument {
                digest,
                platform: platform.as_ref().map(ToString::to_string),
                missing,
            },
        )
        .collect()
}
