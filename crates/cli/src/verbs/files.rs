//! `strata ls` and `strata cat`: what is inside an image.

use std::io::{self, Write};

use engine::{
    FileChange, FileKind, FileQuery, FileRow, FileView, ImageFiles, NoProgress, OpenedImage,
    Reading, human,
};
use serde::Serialize;

use crate::{
    arguments::{Cat, Ls},
    failure::Failure,
    json,
    path::{absolute, bytes, text},
    session::Session,
    table::Table,
    text::escaped,
};

/// A file in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: String,
    uid: i64,
    gid: i64,
    size: u64,
    mtime: Option<String>,
    link: Option<String>,
    layer: usize,
    change: Option<&'static str>,
    hidden_by: Option<usize>,
}

pub(super) fn list(session: &Session, arguments: &Ls, out: &mut dyn Write) -> Result<(), Failure> {
    let path = arguments.path.as_encoded_bytes();
    let rows = super::look(session, &arguments.image, async |image| {
        let (files, view) = opened(&image, arguments.layer).await?;
        let query = FileQuery {
            view,
            ..FileQuery::default()
        };
        let page = if arguments.recursive {
            files.below(path, query)?
        } else {
            files.children(path, query)?
        };
        Ok(page.rows)
    })?;
    if session.json() {
        json::write(out, &rows.iter().map(document).collect::<Vec<_>>())?;
        return Ok(());
    }
    if session.quiet() {
        for row in &rows {
            writeln!(out, "{}", escaped(&absolute(&row.path)))?;
        }
        return Ok(());
    }
    let mut table = Table::default();
    for row in &rows {
        let mark = arguments.layer.map(|_| mark(row.change).to_owned());
        table.push(mark.into_iter().chain(cells(row)));
    }
    table.write(out)?;
    Ok(())
}

/// Opens the files of an image; of one that is elsewhere, only the layer that is wanted is read.
async fn opened(
    image: &OpenedImage,
    layer: Option<usize>,
) -> Result<(ImageFiles, FileView), Failure> {
    let Some(layer) = layer else {
        let files = image.files(Reading::Names, &NoProgress).await?;
        return Ok((files, FileView::Merged));
    };
    let files = image
        .layer_files(layer, Reading::Names, &NoProgress)
        .await?;
    let view = match layer {
        _ if image.is_stored() => FileView::Layer(layer),
        1 => FileView::Layer(1),
        // What a layer changed is only known together with those below it.
        _ => FileView::Merged,
    };
    Ok((files, view))
}

pub(super) fn print(
    session: &Session,
    arguments: &Cat,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let path = arguments.path.as_encoded_bytes();
    super::look(session, &arguments.image, async |image| {
        let files = image.files(Reading::Content, &NoProgress).await?;
        let mut reader = files.read(path)?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = match io::Read::read(&mut reader, &mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::Engine(files.unreadable(path, error))),
            };
            out.write_all(&buffer[..count])?;
        }
    })
}

/// docker's letter for a change, as `docker diff` prints it.
pub(super) fn mark(change: Option<FileChange>) -> &'static str {
    match change {
        Some(FileChange::Added) => "A",
        Some(FileChange::Changed) => "C",
        Some(FileChange::Removed) => "D",
        None => " ",
    }
}

fn cells(row: &FileRow) -> [String; 5] {
    let name = escaped(&absolute(&row.path)).into_owned();
    let name = match (&row.link, row.kind) {
        (Some(target), FileKind::HardLink) => {
            format!("{name} link to {}", escaped(&absolute(target)))
        }
        (Some(target), _) => format!("{name} -> {}", escaped(&text(target))),
        (None, _) => name,
    };
    [
        permissions(row),
        format!("{}:{}", row.uid, row.gid),
        human::size(row.size),
        row.modified.map_or_else(
            || "-".into(),
            |time| time.strftime("%Y-%m-%d %H:%M").to_string(),
        ),
        name,
    ]
}

/// Writes type and permissions as `ls -l` does.
fn permissions(row: &FileRow) -> String {
    let kind = match row.kind {
        FileKind::File | FileKind::HardLink => '-',
        FileKind::Folder => 'd',
        FileKind::Symlink => 'l',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
        FileKind::Fifo => 'p',
    };
    let mut letters = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = row.mode >> shift;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push(match (row.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    letters
}

fn document(row: &FileRow) -> Document {
    Document {
        path: absolute(&row.path),
        path_bytes: bytes(&row.path),
        kind: row.kind.as_str(),
        mode: format!("{:04o}", row.mode),
        uid: row.uid,
        gid: row.gid,
        size: row.size,
        mtime: row.modified.map(|time| time.to_string()),
        link: row.link.as_ref().map(|target| match row.kind {
            FileKind::HardLink => absolute(target),
            _ => text(target).into_owned(),
        }),
        layer: row.layer,
        change: row.change.map(FileChange::as_str),
        hidden_by: row.hidden_by,
    }
}
