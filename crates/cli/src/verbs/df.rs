//! `strata df`.

use std::io::Write;

use engine::{Counted, DiskUsage, LayerUsage, human};
use serde_json::{Value, json};

use crate::{failure::Failure, json, session::Session, table::Table};

pub(super) fn run(session: &Session, out: &mut dyn Write) -> Result<(), Failure> {
    let usage = session.with_engine(async |engine| Ok(engine.df().await?))?;
    if session.json() {
        json::write(out, &document(&usage))?;
    } else if session.quiet() {
        writeln!(out, "{}", usage.total_size)?;
    } else {
        table(&usage).write(out)?;
    }
    Ok(())
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
