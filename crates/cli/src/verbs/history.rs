//! `strata history`.

use std::io::Write;

use engine::{Digest, HistoryRow, human};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::History,
    failure::Failure,
    json,
    listing::{self, Field, Format},
    session::Session,
    text::shortened,
};

/// A step as docker's list shows it.
struct Row {
    step: HistoryRow,
    /// The image ID, which only the newest step has.
    id: Option<Digest>,
    now: Timestamp,
    human: bool,
    full: bool,
}

/// docker's columns, <https://docs.docker.com/reference/cli/docker/image/history/>.
const USUAL: &str = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
/// As docker: a step of a pulled image belongs to no image of its own.
const MISSING: &str = "<missing>";
/// docker cuts instructions to this many characters.
const CREATED_BY: usize = 45;

const FIELDS: &[Field<Row>] = &[
    Field {
        name: "ID",
        header: "IMAGE",
        value: |row| row.id().into(),
    },
    Field {
        name: "CreatedSince",
        header: "CREATED",
        value: |row| row.created_since().into(),
    },
    Field {
        name: "CreatedAt",
        header: "CREATED AT",
        value: |row| row.created_at().into(),
    },
    Field {
        name: "CreatedBy",
        header: "CREATED BY",
        value: |row| row.created_by().into(),
    },
    Field {
        name: "Size",
        header: "SIZE",
        value: |row| row.size().into(),
    },
    Field {
        name: "Comment",
        header: "COMMENT",
        value: |row| row.step.comment.as_deref().unwrap_or_default().into(),
    },
    Field {
        name: "Author",
        header: "AUTHOR",
        value: |row| row.step.author.as_deref().unwrap_or_default().into(),
    },
];

/// A step in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    created: Option<Timestamp>,
    created_by: Option<&'a str>,
    author: Option<&'a str>,
    comment: Option<&'a str>,
    size: u64,
    empty_layer: bool,
    diff_id: Option<&'a Digest>,
}

pub(super) fn run(
    session: &Session,
    arguments: &History,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let format = Format::parse(
        arguments.format.as_deref().unwrap_or("table"),
        USUAL,
        FIELDS,
    )?;
    let image =
        session.with_engine(async |engine| Ok(engine.image(&arguments.reference).await?))?;
    if session.json() {
        json::write(out, &image.history.iter().map(document).collect::<Vec<_>>())?;
        return Ok(());
    }
    let now = session.now();
    let rows = image
        .history
        .into_iter()
        .enumerate()
        .map(|(index, step)| Row {
            step,
            id: (index == 0).then(|| image.summary.id.clone()),
            now,
            human: arguments.human,
            full: arguments.no_trunc,
        });
    if session.quiet() {
        for row in rows {
            writeln!(out, "{}", row.id())?;
        }
        return Ok(());
    }
    listing::write(out, &format, FIELDS, rows)
}

impl Row {
    fn id(&self) -> String {
        match &self.id {
            None => MISSING.into(),
            Some(id) if self.full => id.to_string(),
            Some(id) => id.short().to_owned(),
        }
    }

    fn created_since(&self) -> String {
        match self.step.created {
            None => "N/A".into(),
            Some(created) if self.human => human::age(self.now, created),
            Some(_) => self.created_at(),
        }
    }

    fn created_at(&self) -> String {
        self.step
            .created
            .map_or_else(String::new, |created| format!("{created:.0}"))
    }

    fn created_by(&self) -> String {
        // Tabs would end the cell; docker makes spaces of them too.
        let text = self
            .step
            .created_by
            .as_deref()
            .unwrap_or_default()
            .replace('\t', " ");
        if self.full {
            text
        } else {
            shortened(&text, CREATED_BY).into_owned()
        }
    }

    fn size(&self) -> String {
        if self.human {
            human::size(self.step.size)
        } else {
            self.step.size.to_string()
        }
    }
}

fn document(step: &HistoryRow) -> Document<'_> {
    Document {
        created: step.created,
        created_by: step.created_by.as_deref(),
        author: step.author.as_deref(),
        comment: step.comment.as_deref(),
        size: step.size,
        empty_layer: step.empty_layer,
        diff_id: step.diff_id.as_ref(),
    }
}
