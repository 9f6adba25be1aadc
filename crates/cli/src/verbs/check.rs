//! `strata check`.

use std::{io::Write, path::Path};

use engine::{CheckOptions, Digest, Problem, human};
use serde::Serialize;

use crate::{arguments::Check, failure::Failure, json, session::Session, text::escaped};

/// `docs/cli.md` promises these keys. With `--repair`, `problems` is what is still wrong, and `repaired` says what was done.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    problems: Vec<ProblemDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<RepairDocument<'a>>,
}

#[derive(Serialize)]
struct ProblemDocument<'a> {
    kind: &'a str,
    digest: Option<&'a Digest>,
    path: Option<String>,
    images: &'a [String],
    repairable: bool,
}

#[derive(Serialize)]
struct RepairDocument<'a> {
    found: Vec<ProblemDocument<'a>>,
    quarantined: Vec<String>,
    refetched: Vec<String>,
    failed: Vec<FailedDocument<'a>>,
}

#[derive(Serialize)]
struct FailedDocument<'a> {
    name: String,
    reason: &'a str,
}

pub(super) fn run(
    session: &Session,
    arguments: &Check,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let options = CheckOptions {
        read_data: arguments.read_data,
    };
    if arguments.repair {
        repair(session, options, out)
    } else {
        check(session, options, out)
    }
}

fn check(session: &Session, options: CheckOptions, out: &mut dyn Write) -> Result<(), Failure> {
    let progress = session.progress("check");
    let report = session.with_engine_at_length("The store was only read.", async |engine| {
        Ok(engine.check(options, progress.as_ref()).await?)
    })?;
    drop(progress);
    let problems = &report.problems;
    if session.json() {
        let document = Document {
            ok: problems.is_empty(),
            problems: documents(problems),
            repaired: None,
        };
        json::write(out, &document)?;
        return all_well(problems);
    }
    list(out, problems)?;
    if !session.quiet() {
        let read = match options.read_data {
            true => format!(", {} read and hashed", human::size(report.read_bytes)),
            false => String::new(),
        };
        writeln!(
            out,
            "{} blobs checked{read}: {}.",
            report.blobs,
            counted(problems.len())
        )?;
        if problems.iter().any(|problem| problem.repairable) {
            writeln!(
                out,
                "strata check --repair mends what it can; it deletes nothing."
            )?;
        }
    }
    all_well(problems)
}

fn repair(session: &Session, options: CheckOptions, out: &mut dyn Write) -> Result<(), Failure> {
    let progress = session.progress("check");
    let kept = "What was mended stays mended; the same command goes on from there.";
    let report = session.with_engine_at_length(kept, async |engine| {
        Ok(engine.repair(options, progress.as_ref()).await?)
    })?;
    drop(progress);
    let remaining = &report.remaining;
    if session.json() {
        let failed = report.failed.iter().map(|(name, reason)| FailedDocument {
            name: name.to_string(),
            reason,
        });
        let repaired = RepairDocument {
            found: documents(&report.found),
            quarantined: report.quarantined.iter().map(|path| shown(path)).collect(),
            refetched: report.refetched.iter().map(ToString::to_string).collect(),
            failed: failed.collect(),
        };
        let document = Document {
            ok: remaining.is_empty(),
            problems: documents(remaining),
            repaired: Some(repaired),
        };
        json::write(out, &document)?;
        return all_well(remaining);
    }
    if !session.quiet() {
        for path in &report.quarantined {
            writeln!(out, "moved aside: {}", escaped(&shown(path)))?;
        }
        for name in &report.refetched {
            writeln!(out, "fetched again: {}", name.familiar())?;
        }
        for (name, reason) in &report.failed {
            writeln!(out, "not fetched: {}: {}", name.familiar(), escaped(reason))?;
        }
    }
    list(out, remaining)?;
    if !session.quiet() {
        writeln!(
            out,
            "{} found, {} left.",
            counted(report.found.len()),
            remaining.len()
        )?;
    }
    all_well(remaining)
}

fn all_well(problems: &[Problem]) -> Result<(), Failure> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::Told)
    }
}

fn counted(problems: usize) -> String {
    match problems {
        0 => "no problem".into(),
        1 => "1 problem".into(),
        many => format!("{many} problems"),
    }
}

fn list(out: &mut dyn Write, problems: &[Problem]) -> Result<(), Failure> {
    for problem in problems {
        let mut line = problem.kind.replace('_', " ");
        if let Some(digest) = &problem.digest {
            line.push_str(&format!(" {digest}"));
        }
        if let Some(path) = &problem.path {
            line.push_str(&format!(" at {}", shown(path)));
        }
        if !problem.images.is_empty() {
            line.push_str(&format!(" (used by {})", problem.images.join(", ")));
        }
        if problem.repairable {
            line.push_str(", repairable");
        }
        writeln!(out, "{}", escaped(&line))?;
    }
    Ok(())
}

fn documents(problems: &[Problem]) -> Vec<ProblemDocument<'_>> {
    problems
        .iter()
        .map(
            |Problem {
                 kind,
                 digest,
                 path,
                 images,
                 repairable,
                 ..
             }| ProblemDocument {
                kind,
                digest: digest.as_ref(),
                path: path.as_deref().map(shown),
                images,
                repairable: *repairable,
            },
        )
        .collect()
}

/// Paths below the store are made of digests and of names that we gave; odd ones are strays, shown as well as they can be.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
