//! `strata layers`.

use std::io::Write;

use engine::{Digest, ImageName, LayerRow, SharedWith, human};
use serde::Serialize;

use crate::{
    arguments::Layers,
    failure::Failure,
    json,
    session::Session,
    table::Table,
    text::{escaped, shortened},
};

/// A layer in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    digest: &'a Digest,
    diff_id: &'a Digest,
    chain_id: &'a Digest,
    media_type: String,
    size: u64,
    uncompressed_size: Option<u64>,
    created_by: Option<&'a str>,
    /// Names of the other images; the digest of one without a name.
    shared_with: Vec<String>,
}

/// So much of an instruction is shown beside the other columns.
const CREATED_BY: usize = 60;

pub(super) fn run(
    session: &Session,
    arguments: &Layers,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let layers = super::look(session, &arguments.image, async |image| Ok(image.layers))?;
    if session.json() {
        json::write(out, &layers.iter().map(document).collect::<Vec<_>>())?;
        return Ok(());
    }
    let full = arguments.no_trunc;
    let digest = |digest: &Digest| {
        if full {
            digest.to_string()
        } else {
            digest.short().to_owned()
        }
    };
    if session.quiet() {
        for layer in &layers {
            writeln!(out, "{}", digest(&layer.digest))?;
        }
        return Ok(());
    }
    let mut table = Table::with_header([
        "LAYER",
        "DIGEST",
        "DIFF ID",
        "SIZE",
        "UNPACKED",
        "SHARED WITH",
        "CREATED BY",
    ]);
    for (index, layer) in layers.iter().enumerate() {
        let by = layer.created_by.as_deref().unwrap_or_default();
        let by = if full {
            by.into()
        } else {
            shortened(by, CREATED_BY)
        };
        table.push([
            (index + 1).to_string(),
            digest(&layer.digest),
            digest(&layer.diff_id),
            human::size(layer.size),
            layer
                .uncompressed_size
                .map_or_else(|| "-".into(), human::size),
            match (layer.shared_count, layer.shared_with.first()) {
                (0, _) => "-".into(),
                (1, Some(other)) => shown(other),
                (many, _) => format!("{many} images"),
            },
            escaped(&by).into_owned(),
        ]);
    }
    table.write(out)?;
    Ok(())
}

fn shown(shared: &SharedWith) -> String {
    shared
        .name
        .as_ref()
        .map_or_else(|| shared.target.short().to_owned(), ImageName::familiar)
}

fn document(layer: &LayerRow) -> Document<'_> {
    Document {
        digest: &layer.digest,
        diff_id: &layer.diff_id,
        chain_id: &layer.chain_id,
        media_type: layer.media_type.to_string(),
        size: layer.size,
        uncompressed_size: layer.uncompressed_size,
        created_by: layer.created_by.as_deref(),
        shared_with: layer
            .shared_with
            .iter()
            .map(|shared| {
                shared
                    .name
                    .as_ref()
                    .map_or_else(|| shared.target.to_string(), ToString::to_string)
            })
            .collect(),
    }
}
