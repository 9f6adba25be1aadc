//! `strata compare` and `strata packages`.

use std::io::Write;

use engine::{
    Comparison, Digest, Engine, FileChange, LineChange, NoProgress, PackageList, Reading,
    TextDifference, human,
};
use serde::Serialize;

use super::files::mark;
use crate::{
    arguments::{Compare, Packages},
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
    config: Vec<ConfigDocument<'a>>,
    layers: LayersDocument<'a>,
    files: Vec<FileDocument>,
    packages: Vec<PackageDocument<'a>>,
    unreadable: &'a [String],
}

#[derive(Serialize)]
struct ConfigDocument<'a> {
    key: &'a str,
    a: Option<&'a str>,
    b: Option<&'a str>,
}

#[derive(Serialize)]
struct LayersDocument<'a> {
    shared: &'a [Digest],
    only_a: &'a [Digest],
    only_b: &'a [Digest],
}

#[derive(Serialize)]
struct FileDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    change: &'static str,
    size_a: Option<u64>,
    size_b: Option<u64>,
}

#[derive(Serialize)]
struct PackageDocument<'a> {
    name: &'a str,
    change: &'static str,
    version_a: Option<&'a str>,
    version_b: Option<&'a str>,
}

#[derive(Serialize)]
struct InstalledDocument<'a> {
    name: &'a str,
    version: &'a str,
    architecture: Option<&'a str>,
    manager: &'static str,
}

pub(super) fn run(
    session: &Session,
    arguments: &Compare,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let compare = async |engine: &Engine| {
        let a = engine.open_image(&arguments.first, &NoProgress).await?;
        let b = engine.open_image(&arguments.second, &NoProgress).await?;
        Ok(Box::pin(engine.compare(&a, &b, &NoProgress)).await?)
    };
    let path = arguments.path.as_ref().map(|path| path.as_encoded_bytes());
    if let Some(path) = path {
        let text = session.with_engine_at_length("Nothing was stored.", async |engine| {
            Ok(compare(engine).await?.text(path).await?)
        })?;
        return lines(session, &text, out);
    }
    let found = session.with_engine_at_length("Nothing was stored.", compare)?;
    if session.json() {
        return Ok(json::write(out, &document(&found.comparison))?);
    }
    write(session, &found.comparison, out)
}

fn lines(session: &Session, text: &TextDifference, out: &mut dyn Write) -> Result<(), Failure> {
    let TextDifference::Lines(lines) = text else {
        session.note("One of the files is no text, or too long to be compared line by line.");
        return Ok(());
    };
    if session.json() {
        let word = |change: &LineChange| match change {
            LineChange::Same => None,
            LineChange::Removed => Some("removed"),
            LineChange::Added => Some("added"),
        };
        let lines = lines.iter().map(|(change, text)| (word(change), text));
        let document: Vec<_> = lines
            .map(|(change, text)| serde_json::json!({"change": change, "text": text}))
            .collect();
        return Ok(json::write(out, &document)?);
    }
    for (change, text) in lines {
        let sign = match change {
            LineChange::Same => ' ',
            LineChange::Removed => '-',
            LineChange::Added => '+',
        };
        writeln!(out, "{sign}{}", escaped(text))?;
    }
    Ok(())
}

fn write(session: &Session, found: &Comparison, out: &mut dyn Write) -> Result<(), Failure> {
    let Comparison {
        config,
        layers,
        files,
        packages,
        unreadable,
    } = found;
    writeln!(
        out,
        "Layers: {} shared, {} only in the first, {} only in the second",
        layers.shared.len(),
        layers.only_a.len(),
        layers.only_b.len()
    )?;
    let or_none = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "-".into(), |value| escaped(value).into_owned())
    };
    if !config.is_empty() {
        let mut table = Table::with_header(["SETTING", "FIRST", "SECOND"]);
        for setting in config {
            table.push([
                escaped(&setting.key).into_owned(),
                or_none(&setting.a),
                or_none(&setting.b),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
    }
    if !packages.is_empty() {
        let mut table = Table::with_header(["PACKAGE", "FIRST", "SECOND"]);
        for package in packages {
            table.push([
                escaped(&package.name).into_owned(),
                or_none(&package.version_a),
                or_none(&package.version_b),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
    }
    if !files.is_empty() {
        let size = |size: Option<u64>| size.map_or_else(|| "-".into(), human::size);
        let mut table = Table::with_header(["FILE", "FIRST", "SECOND", "PATH"]);
        for file in files {
            table.push([
                mark(Some(file.change)).to_owned(),
                size(file.size_a),
                size(file.size_b),
                escaped(&absolute(&file.path)).into_owned(),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
    }
    for database in unreadable {
        session.note(database);
    }
    Ok(())
}

fn document(found: &Comparison) -> Document<'_> {
    Document {
        config: found
            .config
            .iter()
            .map(|setting| ConfigDocument {
                key: &setting.key,
                a: setting.a.as_deref(),
                b: setting.b.as_deref(),
            })
            .collect(),
        layers: LayersDocument {
            shared: &found.layers.shared,
            only_a: &found.layers.only_a,
            only_b: &found.layers.only_b,
        },
        files: found
            .files
            .iter()
            .map(|file| FileDocument {
                path: absolute(&file.path),
                path_bytes: bytes(&file.path),
                change: file.change.as_str(),
                size_a: file.size_a,
                size_b: file.size_b,
            })
            .collect(),
        packages: found
            .packages
            .iter()
            .map(|package| PackageDocument {
                name: &package.name,
                change: FileChange::as_str(package.change),
                version_a: package.version_a.as_deref(),
                version_b: package.version_b.as_deref(),
            })
            .collect(),
        unreadable: &found.unreadable,
    }
}

pub(super) fn packages(
    session: &Session,
    arguments: &Packages,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let list = super::look(session, &arguments.image, async |image| {
        let files = image.files(Reading::Content, &NoProgress).await?;
        Ok(files.packages()?)
    })?;
    if session.json() {
        let packages = list.packages.iter().map(|package| InstalledDocument {
            name: &package.name,
            version: &package.version,
            architecture: package.architecture.as_deref(),
            manager: package.manager.as_str(),
        });
        return Ok(json::write(out, &packages.collect::<Vec<_>>())?);
    }
    let mut table = Table::with_header(["PACKAGE", "VERSION", "ARCHITECTURE"]);
    for package in &list.packages {
        if session.quiet() {
            writeln!(out, "{}", escaped(&package.name))?;
            continue;
        }
        table.push([
            escaped(&package.name).into_owned(),
            escaped(&package.version).into_owned(),
            escaped(package.architecture.as_deref().unwrap_or("-")).into_owned(),
        ]);
    }
    if !session.quiet() {
        table.write(out)?;
    }
    for database in &list.unreadable {
        session.note(database);
    }
    if list.databases.is_empty() && list.unreadable.is_empty() {
        let looked_for: Vec<_> = PackageList::looked_for().collect();
        let looked_for = looked_for.join(", ");
        session.note(&format!("No database of packages was found: {looked_for}"));
    }
    Ok(())
}
