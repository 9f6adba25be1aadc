//! `strata df`.

use std::io::Write;

use engine::{Counted, DiskUsage, ImageQuery, ImageSummary, LayerUsage, human};
use serde_json::{Value, json};

use crate::{arguments::Df, failure::Failure, json, session::Session, table::Table};

pub(super) fn run(session: &Session, arguments: &Df, out: &mut dyn Write) -> Result<(), Failure> {
    let (usage, images) = session.with_engine(async |engine| {
        let images = match arguments.verbose {
            true => Some(engine.images(&ImageQuery::default()).await?.images),
            false => None,
        };
        Ok((engine.df().await?, images))
    })?;
    if session.json() {
        let mut document = document(&usage);
        if let Some(images) = &images {
            document["image_usage"] = images.iter().map(image).collect();
        }
        return Ok(json::write(out, &document)?);
    }
    if session.quiet() {
        writeln!(out, "{}", usage.total_size)?;
        return Ok(());
    }
    table(&usage).write(out)?;
    if let Some(images) = images {
        writeln!(out, "\nImages space usage:\n")?;
        super::images::usage(session, &images, out)?;
    }
    Ok(())
}

/// What an image takes on disk, in `--json`.
fn image(image: &ImageSummary) -> Value {
    json!({
        "id": image.id,
        "digest": image.target,
        "names": image.names,
        "created": image.created,
        "size": image.unique_size.saturating_add(image.shared_size),
        "shared_size": image.shared_size,
        "unique_size": image.unique_size,
        "containers": image.in_use.len(),
    })
}

/// `docs/cli.md` promises these keys.
fn document(usage: &DiskUsage) -> Value {
    let DiskUsage {
        images,
        layers,
        containers,
        indexes_size,
        partial_size,
        unpacked_size,
        total_size,
        reclaimable,
        kept_size: _,
    } = usage;
    let counted = |Counted { count, size }: &Counted| json!({ "count": count, "size": size });
    let LayerUsage {
        count,
        size,
        shared,
    } = layers;
    json!({
        "images": counted(images),
        "layers": { "count": count, "size": size, "shared": shared },
        "containers": counted(containers),
        "indexes_size": indexes_size,
        "partial_size": partial_size,
        "unpacked_size": unpacked_size,
        "total_size": total_size,
        "reclaimable": reclaimable,
    })
}

fn table(usage: &DiskUsage) -> Table {
    let mut table = Table::with_header(["TYPE", "COUNT", "SIZE", "OF THAT"]);
    let mut row = |what: &str, count: Option<u64>, size: u64, note: String| {
        let count = count.map_or_else(String::new, |count| count.to_string());
        table.push([what.to_owned(), count, human::size(size), note]);
    };
    let none = String::new;
    row(
        "Images",
        Some(usage.images.count),
        usage.images.size,
        none(),
    );
    let shared = format!("{} shared", human::size(usage.layers.shared));
    row(
        "Layers",
        Some(usage.layers.count),
        usage.layers.size,
        shared,
    );
    row(
        "Containers",
        Some(usage.containers.count),
        usage.containers.size,
        none(),
    );
    row("File indexes", None, usage.indexes_size, none());
    row("Partial downloads", None, usage.partial_size, none());
    row("Unpacked for containers", None, usage.unpacked_size, none());
    row(
        "The whole folder",
        None,
        usage.total_size,
        format!("{} reclaimable", human::size(usage.reclaimable)),
    );
    table
}
