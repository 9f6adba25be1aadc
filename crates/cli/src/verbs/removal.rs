//! `strata rmi` and `strata prune`.

use std::io::Write;

use engine::{
    Blocked, DeletedImage, Digest, Engine, ImageName, PruneRequest, RemovalPlan, RemovalRequest,
    Untagged, human,
};
use serde::Serialize;

use crate::{
    arguments::{Prune, Rmi},
    failure::Failure,
    json,
    session::Session,
    text::escaped,
};

/// What was removed, or would be; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    untagged: Vec<&'a ImageName>,
    /// Image IDs.
    deleted: Vec<&'a Digest>,
    freed_bytes: u64,
    blocked: Vec<BlockedDocument<'a>>,
}

#[derive(Serialize)]
struct BlockedDocument<'a> {
    name: &'a str,
    reason: &'a str,
    code: &'a str,
    hint: Option<&'a str>,
}

/// A plan or its outcome: both are printed in the same way.
struct Printed<'a> {
    untagged: &'a [Untagged],
    deleted: &'a [DeletedImage],
    freed_bytes: u64,
    blocked: &'a [Blocked],
    planned_only: bool,
}

/// What a prune says that docker's rmi does not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Rmi,
    Prune,
}

pub(super) fn remove(
    session: &Session,
    arguments: Rmi,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Rmi {
        force,
        no_prune,
        dry_run,
        now,
        references,
    } = arguments;
    let request = RemovalRequest {
        selections: references,
        images: Vec::new(),
        force,
        no_prune,
        now,
    };
    session.with_engine(async |engine| {
        let plan = engine.plan_removal(&request).await?;
        finish(session, engine, &plan, dry_run, Words::Rmi, out).await
    })
}

pub(super) fn prune(
    session: &Session,
    arguments: &Prune,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let request = PruneRequest {
        all: arguments.all,
        filter: super::filter(&arguments.filter)?,
        now: arguments.now,
    };
    session.with_engine(async |engine| {
        let plan = engine.plan_prune(&request).await?;
        finish(session, engine, &plan, arguments.dry_run, Words::Prune, out).await?;
        if !arguments.dry_run && engine.status().recovered.is_none() {
            // What earlier removals left for undo goes when its time is over; no program runs all day to see to it.
            engine.collect().await?;
        }
        Ok(())
    })
}

async fn finish(
    session: &Session,
    engine: &Engine,
    plan: &RemovalPlan,
    dry_run: bool,
    words: Words,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if dry_run {
        let printed = Printed {
            untagged: &plan.untagged,
            deleted: &plan.deleted,
            freed_bytes: plan.freed_bytes,
            blocked: &plan.blocked,
            planned_only: true,
        };
        print(session, &printed, words, out)?;
        return refused(&plan.blocked);
    }
    let removed = engine.execute(plan).await?;
    let printed = Printed {
        untagged: &removed.untagged,
        deleted: &removed.deleted,
        freed_bytes: removed.freed_bytes,
        blocked: &removed.blocked,
        planned_only: false,
    };
    print(session, &printed, words, out)?;
    refused(&removed.blocked)
}

fn print(
    session: &Session,
    printed: &Printed<'_>,
    words: Words,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if session.json() {
        json::write(out, &document(printed))?;
        return Ok(());
    }
    if session.quiet() {
        return Ok(());
    }
    // docker's words, which scripts look for; a dry run must not be taken for the deed.
    let (untagged, deleted) = match (printed.planned_only, words) {
        (true, _) => ("Would untag", "Would delete"),
        (false, Words::Rmi) => ("Untagged", "Deleted"),
        (false, Words::Prune) => ("untagged", "deleted"),
    };
    if words == Words::Prune && !printed.planned_only && !printed.deleted.is_empty() {
        writeln!(out, "Deleted Images:")?;
    }
    for name in printed.untagged {
        writeln!(out, "{untagged}: {}", name.name.familiar())?;
    }
    for image in printed.deleted {
        writeln!(out, "{deleted}: {}", image.id)?;
    }
    let freed = human::size(printed.freed_bytes);
    match (printed.planned_only, words) {
        (true, _) => writeln!(out, "Would free: {freed}")?,
        (false, Words::Prune) => writeln!(out, "\nTotal reclaimed space: {freed}")?,
        (false, Words::Rmi) => {}
    }
    Ok(())
}

fn document<'a>(printed: &Printed<'a>) -> Document<'a> {
    Document {
        untagged: printed
            .untagged
            .iter()
            .map(|untagged| &untagged.name)
            .collect(),
        deleted: printed.deleted.iter().map(|image| &image.id).collect(),
        freed_bytes: printed.freed_bytes,
        blocked: printed
            .blocked
            .iter()
            .map(
                |Blocked {
                     name,
                     reason,
                     unblock,
                     code,
                     ..
                 }| BlockedDocument {
                    name,
                    reason,
                    code,
                    hint: unblock.as_deref(),
                },
            )
            .collect(),
    }
}

/// What stayed is a failure, although the rest went: docker's rule.
fn refused(blocked: &[Blocked]) -> Result<(), Failure> {
    let Some(first) = blocked.first() else {
        return Ok(());
    };
    let lines: Vec<String> = blocked
        .iter()
        .map(|blocked| format!("{}: {}", escaped(&blocked.name), blocked.reason))
        .collect();
    Err(Failure::Refused {
        code: first.code,
        message: lines.join("\n"),
        hint: first.unblock.clone(),
    })
}
