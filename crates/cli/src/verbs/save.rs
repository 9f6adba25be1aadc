//! `strata save`.

use std::fs::File;
use std::io::{IsTerminal as _, Write};

use engine::{
    Compression, Digest, ImageName, SaveRequest, SaveStyle, SaveTarget, Saved, SavedImage,
};
use serde::Serialize;

use crate::{
    arguments::{Save, SaveCompression, SaveFormat},
    failure::Failure,
    json,
    session::Session,
};

/// What a save did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: Vec<ImageDocument<'a>>,
    written_bytes: u64,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: &'a [ImageName],
}

pub(super) fn run(session: &Session, arguments: Save, out: &mut dyn Write) -> Result<(), Failure> {
    let Save {
        output,
        format,
        compress,
        platform,
        references,
    } = arguments;
    let target = match output {
        Some(path) => SaveTarget::File(path),
        None => SaveTarget::Stream(Box::new(to_standard_output(session, "archive", out)?)),
    };
    let request = SaveRequest {
        images: references,
        style: match format {
            SaveFormat::Docker => SaveStyle::Docker,
            SaveFormat::Oci => SaveStyle::Oci,
        },
        compression: match compress {
            SaveCompression::None => Compression::None,
            SaveCompression::Gzip => Compression::Gzip,
            SaveCompression::Zstd => Compression::Zstd,
        },
        platforms: platform,
        target,
    };
    let progress = session.progress("save");
    let saved = session.with_engine_at_length("No file was written.", async |engine| {
        Ok(engine.save(request, progress.as_ref()).await?)
    });
    drop(progress);
    let saved = saved?;
    if session.json() {
        json::write(out, &document(&saved))?;
    }
    Ok(())
}

/// Opens standard output for a file that was given no other place, unless a person or a program reads something else there.
pub(super) fn to_standard_output(
    session: &Session,
    what: &str,
    out: &mut dyn Write,
) -> Result<File, Failure> {
    if session.json() {
        return Err(Failure::Usage(format!(
            "with --json the {what} needs a file: give it with -o"
        )));
    }
    if std::io::stdout().is_terminal() {
        // docker's words.
        return Err(Failure::Usage(
            "cowardly refusing to save to a terminal. Use the -o flag or redirect".into(),
        ));
    }
    // Whatever else is printed stands before it; nothing is.
    out.flush()?;
    Ok(standard_output()?)
}

/// Opens standard output once more: the program's own hold on it would keep the thread that writes the archive waiting.
pub(super) fn standard_output() -> std::io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        Ok(std::io::stdout().as_fd().try_clone_to_owned()?.into())
    }
    #[cfg(windows)]
    {
        use std::os::windows::io::AsHandle as _;
        Ok(std::io::stdout().as_handle().try_clone_to_owned()?.into())
    }
}

fn document(saved: &Saved) -> Document<'_> {
    let Saved {
        images,
        written_bytes,
    } = saved;
    Document {
        images: images
            .iter()
            .map(|SavedImage { id, target, names }| ImageDocument {
                id,
                digest: target,
                names,
            })
            .collect(),
        written_bytes: *written_bytes,
    }
}
