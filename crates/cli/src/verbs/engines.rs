//! `strata engines`.

use std::io::Write;

use engine::places::Kind;
use engine::{EnginePlace, Error, PlaceInfo};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{failure::Failure, json, session::Session, table::Table, text::escaped};

/// An engine, and whether it answered.
type Asked = (PlaceInfo, Result<EnginePlace, Error>);

pub(super) fn run(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let asked = session.with_engine(async |engine| {
        let mut questions = JoinSet::new();
        for (position, info) in engine.places().await?.into_iter().enumerate() {
            let engine = engine.clone();
            questions.spawn(async move {
                let answer = engine.place(Some(&info.id)).await;
                (position, (info, answer))
            });
        }
        let mut answers = questions.join_all().await;
        answers.sort_by_key(|(position, _)| *position);
        Ok(answers
            .into_iter()
            .map(|(_, asked)| asked)
            .collect::<Vec<Asked>>())
    })?;
    if session.json() {
        let documents: Vec<Value> = asked.iter().map(document).collect();
        json::write(out, &documents)?;
    } else if session.quiet() {
        for (info, _) in &asked {
            writeln!(out, "{}", escaped(&info.id))?;
        }
    } else {
        table(&asked).write(out)?;
    }
    Ok(())
}

/// `docs/cli.md` promises these keys.
fn document((info, answer): &Asked) -> Value {
    let about = answer.as_ref().ok().map(EnginePlace::about);
    json!({
        "id": info.id,
        "title": info.title,
        "description": info.description,
        "address": info.address,
        "current": info.current,
        "kind": about.map(|about| kind(about.kind)),
        "version": about.map(|about| &about.version),
        "error": answer.as_ref().err().map(|error| json!({
            "code": error.code(),
            "message": error.message(),
            "hint": error.hint(),
        })),
    })
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Docker => "docker",
        Kind::Podman => "podman",
    }
}

fn table(asked: &[Asked]) -> Table {
    let mut table = Table::with_header(["ENGINE", "ADDRESS", "STATE"]);
    for (info, answer) in asked {
        let mark = if info.current { " *" } else { "" };
        let state = match answer {
            Ok(place) => {
                let about = place.about();
                let name = match about.kind {
                    Kind::Docker => "Docker",
                    Kind::Podman => "Podman",
                };
                format!("{name} {}", escaped(&about.version))
            }
            Err(error) => escaped(&error.message()).into_owned(),
        };
        let address = info.address.as_deref().unwrap_or("-");
        table.push([
            format!("{}{mark}", escaped(&info.id)),
            escaped(address).into_owned(),
            state,
        ]);
    }
    table
}
