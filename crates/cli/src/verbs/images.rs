//! `strata images`.

use std::{borrow::Cow, io::Write};

use engine::{Digest, Filter, ImageName, ImageQuery, ImageSort, ImageSummary, human};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::Images,
    failure::Failure,
    json,
    listing::{self, Field, Format},
    session::Session,
};

/// A line of docker's list: an image under one of its names.
struct Row<'a> {
    image: &'a ImageSummary,
    repository: Option<String>,
    tag: Option<&'a str>,
    now: Timestamp,
    full_ids: bool,
}

const NONE: &str = "<none>";

const fn fields<'a>() -> [Field<Row<'a>>; 13] {
    [
        Field {
            name: "ID",
            header: "IMAGE ID",
            value: Row::id,
        },
        Field {
            name: "Repository",
            header: "REPOSITORY",
            value: |row| or_none(row.repository.as_deref()),
        },
        Field {
            name: "Tag",
            header: "TAG",
            value: |row| or_none(row.tag),
        },
        Field {
            name: "Digest",
            header: "DIGEST",
            value: |row| {
                row.repository
                    .as_ref()
                    .map_or(NONE.into(), |_| row.image.target.as_str().into())
            },
        },
        Field {
            name: "CreatedSince",
            header: "CREATED",
            value: Row::created_since,
        },
        Field {
            name: "CreatedAt",
            header: "CREATED AT",
            value: |row| {
                row.image
                    .created
                    .map_or("N/A".into(), |created| created_at(created).into())
            },
        },
        Field {
            name: "Size",
            header: "SIZE",
            value: |row| human::size(row.image.size).into(),
        },
        Field {
            name: "UniqueSize",
            header: "UNIQUE SIZE",
            value: |row| human::size(row.image.unique_size).into(),
        },
        Field {
            name: "SharedSize",
            header: "SHARED SIZE",
            value: |row| human::size(row.image.shared_size).into(),
        },
        Field {
            name: "DiskSize",
            header: "SIZE",
            value: |row| {
                let image = &row.image;
                human::size(image.unique_size.saturating_add(image.shared_size)).into()
            },
        },
        Field {
            name: "DownloadSize",
            header: "DOWNLOAD SIZE",
            value: |row| human::size(row.image.download_size).into(),
        },
        Field {
            name: "Containers",
            header: "CONTAINERS",
            value: |row| row.image.in_use.len().to_string().into(),
        },
        Field {
            name: "Platform",
            header: "PLATFORM",
            value: |row| {
                row.image
                    .platform
                    .as_ref()
                    .map_or(NONE.into(), |platform| platform.to_string().into())
            },
        },
    ]
}

/// docker's columns, <https://docs.docker.com/reference/cli/docker/image/ls/>.
const USUAL: &str = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const WITH_DIGESTS: &str =
    "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

/// The columns of `docker system df -v`; sizes are what is on disk, so that two of them add up to the first.
const USAGE: &str = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.DiskSize}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}";

/// An image in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: &'a [ImageName],
    size: u64,
    download_size: u64,
    unique_size: u64,
    shared_size: u64,
    created: Option<Timestamp>,
    platform: Option<String>,
    dangling: bool,
    damaged: bool,
    in_use: &'a [String],
}

pub(super) fn run(
    session: &Session,
    arguments: &Images,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let usual = if arguments.digests {
        WITH_DIGESTS
    } else {
        USUAL
    };
    let format = match &arguments.format {
        Some(format) => Format::parse(format, usual, &fields())?,
        None => Format::parse("table", usual, &fields())?,
    };
    let mut pairs = arguments.filter.clone();
    // docker's positional name is one more `reference`, <https://docs.docker.com/reference/cli/docker/image/ls/>.
    pairs.extend(
        arguments
            .name
            .iter()
            .map(|name| format!("reference={name}")),
    );
    let query = ImageQuery {
        filter: super::filter(&pairs)?,
        all: arguments.all,
        sort: ImageSort::Created,
        descending: true,
        ..ImageQuery::default()
    };
    let images = session
        .with_engine(async |engine| Ok(engine.images(&query).await?))?
        .images;
    if session.json() {
        json::write(out, &images.iter().map(document).collect::<Vec<_>>())?;
        return Ok(());
    }
    if session.quiet() {
        for image in &images {
            writeln!(out, "{}", id(&image.id, arguments.no_trunc))?;
        }
        return Ok(());
    }
    let now = session.now();
    let listed = images
        .iter()
        .flat_map(|image| rows(image, &query.filter, now, arguments.no_trunc));
    listing::write(out, &format, &fields(), listed)?;
    // The process ends: to give ten thousand rows back one by one takes a tenth of the whole list's time.
    std::mem::forget(images);
    Ok(())
}

/// Writes what each image takes on disk, as `docker system df -v` does.
pub(super) fn usage(
    session: &Session,
    images: &[ImageSummary],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let format = Format::parse("table", USAGE, &fields())?;
    let (now, filter) = (session.now(), Filter::default());
    let listed = images
        .iter()
        .flat_map(|image| rows(image, &filter, now, false));
    listing::write(out, &format, &fields(), listed)
}

/// One row for each name that was asked for; one without a name for an image that has none.
fn rows<'a>(
    image: &'a ImageSummary,
    filter: &Filter,
    now: Timestamp,
    full_ids: bool,
) -> Vec<Row<'a>> {
    let row = |repository, tag| Row {
        image,
        repository,
        tag,
        now,
        full_ids,
    };
    if image.names.is_empty() {
        return vec![row(None, None)];
    }
    let mut rows: Vec<Row<'a>> = Vec::with_capacity(image.names.len());
    for name in image.names.iter().filter(|name| filter.takes_name(name)) {
        let repository = name.reference().familiar_name();
        let tag = name.tag().map(engine::Tag::as_str);
        // As docker: a repository that has a tag here is not shown once more for its digest.
        if tag.is_none()
            && rows
                .iter()
                .any(|row| row.repository.as_ref() == Some(&repository))
        {
            continue;
        }
        rows.push(row(Some(repository), tag));
    }
    rows
}

impl Row<'_> {
    fn id(&self) -> Cow<'_, str> {
        id(&self.image.id, self.full_ids).into()
    }

    fn created_since(&self) -> Cow<'_, str> {
        match self.image.created {
            // Reproducible builds set the time to zero or nearly so; docker shows that as it is, too.
            Some(created) => human::age(self.now, created).into(),
            None => "N/A".into(),
        }
    }
}

fn document(image: &ImageSummary) -> Document<'_> {
    Document {
        id: &image.id,
        digest: &image.target,
        names: &image.names,
        size: image.size,
        download_size: image.download_size,
        unique_size: image.unique_size,
        shared_size: image.shared_size,
        created: image.created,
        platform: image.platform.as_ref().map(ToString::to_string),
        dangling: image.dangling,
        damaged: image.damaged,
        in_use: &image.in_use,
    }
}

fn id(digest: &Digest, full: bool) -> &str {
    if full {
        digest.as_str()
    } else {
        digest.short()
    }
}

fn or_none(text: Option<&str>) -> Cow<'_, str> {
    text.unwrap_or(NONE).into()
}

/// docker's `2026-08-20 14:03:05 +0000 UTC`.
fn created_at(created: Timestamp) -> String {
    let text = format!("{created:.0}");
    format!("{} +0000 UTC", text.trim_end_matches('Z').replace('T', " "))
}
