//! `strata import`.

use std::io::Write;
use std::path::Path;

use engine::{ArchiveSource, Digest, ImageName, ImportRequest, Imported};
use serde::Serialize;

use crate::{arguments::Import, failure::Failure, json, session::Session, verbs::moves};

/// What an import did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: [ImageDocument<'a>; 1],
    moved: Vec<moves::Document<'a>>,
    fetched_bytes: u64,
    reused_bytes: u64,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: Vec<&'a ImageName>,
    platform: String,
}

pub(super) fn run(
    session: &Session,
    arguments: Import,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Import {
        message,
        change,
        platform,
        no_move,
        file,
        name,
    } = arguments;
    if let Some(address) = file.to_str().filter(|file| is_address(file)) {
        let words = format!("import reads files: curl -L '{address}' | strata import - fetches it");
        return Err(Failure::Usage(words));
    }
    let source = if file == Path::new("-") {
        ArchiveSource::Stream(Box::new(std::io::stdin()))
    } else {
        ArchiveSource::Path(file)
    };
    let request = ImportRequest {
        source,
        name: name.as_deref().map(super::reference).transpose()?,
        message,
        changes: change,
        platform,
        move_policy: super::move_policy(no_move),
    };
    let progress = session.progress("import");
    let imported = session.with_engine_at_length("No image was made.", async |engine| {
        Ok(engine.import(request, progress.as_ref()).await?)
    });
    drop(progress);
    let imported = imported?;
    if session.json() {
        json::write(out, &document(&imported))?;
        return Ok(());
    }
    writeln!(out, "{}", imported.id)?;
    for moved in imported.moved.iter().filter_map(moves::note) {
        session.note(&moved);
    }
    Ok(())
}

/// Docker's import takes addresses, too.
fn is_address(file: &str) -> bool {
    ["http://", "https://"]
        .iter()
        .any(|scheme| file.starts_with(scheme))
}

fn document(imported: &Imported) -> Document<'_> {
    let Imported {
        id,
        target,
        name,
        platform,
        moved,
        layer_bytes,
    } = imported;
    Document {
        images: [ImageDocument {
            id,
            digest: target,
            names: name.iter().collect(),
            platform: platform.to_string(),
        }],
        moved: moved.iter().map(moves::Document::from).collect(),
        fetched_bytes: *layer_bytes,
        reused_bytes: 0,
    }
}
