//! `strata analyze`: how well an image uses its bytes.

use std::io::Write;

use engine::{Analysis, AnalysisLimits, Digest, NoProgress, human};
use serde::Serialize;

use crate::{
    arguments::Analyze,
    failure::Failure,
    json,
    path::{absolute, bytes},
    session::Session,
    table::Table,
    text::escaped,
};

/// `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    efficiency: f64,
    wasted_bytes: u64,
    wasted_percent: f64,
    files: Vec<FileDocument>,
    layers: Vec<LayerDocument<'a>>,
    broken: &'a [String],
}

#[derive(Serialize)]
struct FileDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    count: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct LayerDocument<'a> {
    layer: usize,
    digest: &'a Digest,
    bytes: u64,
    wasted_bytes: u64,
}

/// So many paths are shown to people.
const SHOWN: usize = 20;

pub(super) fn run(
    session: &Session,
    arguments: &Analyze,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let limits = AnalysisLimits {
        lowest_efficiency: arguments.lowest_efficiency,
        highest_wasted_bytes: arguments.highest_wasted_bytes,
        highest_user_wasted_percent: arguments.highest_user_wasted_percent,
    };
    let analysis = super::look(session, &arguments.image, async |image| {
        Ok(image.analyze(&NoProgress).await?)
    })?;
    let broken = analysis.broken(&limits);
    if session.json() {
        json::write(out, &document(&analysis, &broken))?;
    } else {
        write(&analysis, session.quiet(), out)?;
        for rule in &broken {
            writeln!(out, "Broken: {rule}")?;
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(Failure::Told),
    }
}

fn write(analysis: &Analysis, quiet: bool, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "Efficiency: {:.2} %", analysis.efficiency * 100.0)?;
    writeln!(
        out,
        "Wasted: {} ({:.2} % of what is above the base)",
        human::size(analysis.wasted_bytes),
        analysis.wasted_percent * 100.0
    )?;
    if quiet {
        return Ok(());
    }
    let mut layers = Table::with_header(["LAYER", "DIGEST", "FILES", "HIDDEN BY LATER"]);
    for layer in &analysis.layers {
        layers.push([
            layer.layer.to_string(),
            layer.digest.short().to_owned(),
            human::size(layer.bytes),
            human::size(layer.wasted_bytes),
        ]);
    }
    writeln!(out)?;
    layers.write(out)?;
    let costly: Vec<_> = analysis
        .files
        .iter()
        .filter(|file| file.bytes > 0)
        .collect();
    if costly.is_empty() {
        return Ok(());
    }
    let mut files = Table::with_header(["COUNT", "BYTES", "PATH"]);
    for file in costly.iter().take(SHOWN) {
        files.push([
            file.count.to_string(),
            human::size(file.bytes),
            escaped(&absolute(&file.path)).into_owned(),
        ]);
    }
    writeln!(out)?;
    files.write(out)?;
    if costly.len() > SHOWN {
        writeln!(out, "… and {} more", costly.len() - SHOWN)?;
    }
    Ok(())
}

fn document<'a>(analysis: &'a Analysis, broken: &'a [String]) -> Document<'a> {
    let files = analysis.files.iter().map(|file| FileDocument {
        path: absolute(&file.path),
        path_bytes: bytes(&file.path),
        count: file.count,
        bytes: file.bytes,
    });
    let layers = analysis.layers.iter().map(|layer| LayerDocument {
        layer: layer.layer,
        digest: &layer.digest,
        bytes: layer.bytes,
        wasted_bytes: layer.wasted_bytes,
    });
    Document {
        efficiency: analysis.efficiency,
        wasted_bytes: analysis.wasted_bytes,
        wasted_percent: analysis.wasted_percent,
        files: files.collect(),
        layers: layers.collect(),
        broken,
    }
}
