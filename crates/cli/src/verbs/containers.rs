//! `strata ps`, `rm`, `diff` and `export`: working containers.

use std::io::Write;

use engine::{
    Container, ContainerChange, ContainerStatus, Digest, Engine, FileChange, TarTarget, human,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::{Diff, Export, Ps, Rm},
    failure::Failure,
    json,
    listing::{self, Field, Format},
    path::{absolute, bytes},
    session::Session,
    text::escaped,
};

/// A container in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    id: &'a str,
    name: &'a str,
    image: &'a str,
    image_id: &'a Digest,
    status: &'static str,
    created: Timestamp,
    exit_code: Option<i32>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    changes: u64,
    size: u64,
}

/// A change in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct ChangeDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    change: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    size: u64,
    only_inside: bool,
}

/// What a list shows of a container.
struct Row {
    container: Container,
    now: Timestamp,
    shorten: bool,
}

const FIELDS: &[Field<Row>] = &[
    Field {
        name: "ID",
        header: "CONTAINER ID",
        value: |row| match row.shorten {
            true => row.container.id.short().to_owned().into(),
            false => row.container.id.to_string().into(),
        },
    },
    Field {
        name: "Image",
        header: "IMAGE",
        value: |row| row.container.image_called().into(),
    },
    Field {
        name: "RunningFor",
        header: "CREATED",
        value: |row| human::age(row.now, row.container.created).into(),
    },
    Field {
        name: "CreatedAt",
        header: "CREATED AT",
        value: |row| row.container.created.to_string().into(),
    },
    Field {
        name: "Status",
        header: "STATUS",
        value: |row| status(&row.container, row.now).into(),
    },
    Field {
        name: "State",
        header: "STATE",
        value: |row| row.container.status.as_str().into(),
    },
    Field {
        name: "Changes",
        header: "CHANGES",
        value: |row| row.container.changes.to_string().into(),
    },
    Field {
        name: "Size",
        header: "SIZE",
        value: |row| human::size(row.container.size).into(),
    },
    Field {
        name: "Names",
        header: "NAMES",
        value: |row| row.container.name.as_str().into(),
    },
];

/// docker's columns, and what was changed in place of the command and the ports.
const USUAL: &str = "{{.ID}}\t{{.Image}}\t{{.RunningFor}}\t{{.Status}}\t{{.Changes}}\t{{.Names}}";

pub(super) fn list(session: &Session, arguments: &Ps, out: &mut dyn Write) -> Result<(), Failure> {
    let format = arguments.format.as_deref().unwrap_or("table");
    let format = Format::parse(format, USUAL, FIELDS)?;
    let mut found = session.with_engine(async |engine| Ok(engine.containers().await?))?;
    found.retain(|container| arguments.all || container.status.is_running());
    if session.json() {
        let documents: Vec<Document<'_>> = found.iter().map(document).collect();
        json::write(out, &documents)?;
        return Ok(());
    }
    let shorten = !arguments.no_trunc;
    if session.quiet() {
        for container in &found {
            let id = match shorten {
                true => container.id.short(),
                false => container.id.as_str(),
            };
            writeln!(out, "{id}")?;
        }
        return Ok(());
    }
    let now = session.now();
    let rows = found.into_iter().map(|container| Row {
        container,
        now,
        shorten,
    });
    listing::write(out, &format, FIELDS, rows)
}

pub(super) fn remove(
    session: &Session,
    arguments: &Rm,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (removed, errors) = session.with_engine(async |engine| {
        let (mut removed, mut errors) = (Vec::new(), Vec::new());
        for text in &arguments.containers {
            match remove_one(engine, text, arguments.force).await {
                Ok(()) => removed.push(text),
                Err(error) if arguments.force && error.code() == "not_found" => {}
                Err(error) => errors.push(error),
            }
        }
        Ok((removed, errors))
    })?;
    if session.json() {
        json::write(out, &removed)?;
    } else {
        for text in removed {
            writeln!(out, "{}", escaped(text))?;
        }
    }
    Failure::of_several(errors)
}

async fn remove_one(engine: &Engine, text: &str, force: bool) -> Result<(), engine::Error> {
    let container = engine.container(text).await?;
    engine
        .remove_container(&container.id, force)
        .await
        .map(drop)
}

pub(super) fn changes(
    session: &Session,
    arguments: &Diff,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let found = session.with_engine(async |engine| {
        let container = engine.container(&arguments.container).await?;
        Ok(engine.container_changes(&container.id).await?)
    })?;
    if session.json() {
        let documents: Vec<ChangeDocument> = found.iter().map(change_document).collect();
        json::write(out, &documents)?;
        return Ok(());
    }
    for ContainerChange { path, change, .. } in &found {
        let letter = match change {
            FileChange::Added => 'A',
            FileChange::Changed => 'C',
            FileChange::Removed => 'D',
        };
        writeln!(out, "{letter} {}", escaped(&absolute(path)))?;
    }
    Ok(())
}

/// What an export did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct ExportDocument<'a> {
    id: &'a str,
    written_bytes: u64,
}

pub(super) fn export(
    session: &Session,
    arguments: Export,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let target = match arguments.output {
        Some(path) => TarTarget::File(path),
        None => TarTarget::Stream(Box::new(super::save::to_standard_output(
            session, "tar", out,
        )?)),
    };
    let (id, written_bytes) =
        session.with_engine_at_length("No file was written.", async |engine| {
            let id = engine.container(&arguments.container).await?.id;
            let written = engine.export(&id, target, &|_| {}).await?;
            Ok((id, written))
        })?;
    if session.json() {
        let id = id.as_str();
        json::write(out, &ExportDocument { id, written_bytes })?;
    }
    Ok(())
}

/// docker's words for it.
fn status(container: &Container, now: Timestamp) -> String {
    let code = container.exit_code.unwrap_or_default();
    let up = container.started.map_or_else(
        || "Up".into(),
        |since| {
            format!(
                "Up {}",
                human::duration(now.as_second() - since.as_second())
            )
        },
    );
    match container.status {
        ContainerStatus::Created => "Created".into(),
        ContainerStatus::Running => up,
        ContainerStatus::Paused => format!("{up} (Paused)"),
        ContainerStatus::Exited => match container.ended {
            Some(ended) => format!("Exited ({code}) {}", human::age(now, ended)),
            None => format!("Exited ({code})"),
        },
    }
}

pub(super) fn document(container: &Container) -> Document<'_> {
    let Container {
        id,
        name,
        image,
        image_id,
        target: _,
        created,
        status,
        exit_code,
        started,
        ended,
        changes,
        size,
    } = container;
    Document {
        id: id.as_str(),
        name,
        image,
        image_id,
        status: status.as_str(),
        created: *created,
        exit_code: *exit_code,
        started: *started,
        ended: *ended,
        changes: *changes,
        size: *size,
    }
}

fn change_document(change: &ContainerChange) -> ChangeDocument {
    let ContainerChange {
        path,
        change,
        kind,
        size,
        only_inside,
    } = change;
    ChangeDocument {
        path: absolute(path),
        path_bytes: bytes(path),
        change: change.as_str(),
        kind: kind.as_str(),
        size: *size,
        only_inside: *only_inside,
    }
}
