//! `strata commit`.

use std::ffi::OsString;
use std::io::Write;

use engine::{CommitRequest, Committed, Digest, ImageName, LayerCompression};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    arguments::{Commit, Compress},
    failure::Failure,
    json,
    session::Session,
    verbs::moves,
};

/// What a commit did; `docs/cli.md` promises these keys.
#[derive(Serialize)]
struct Document<'a> {
    images: [ImageDocument<'a>; 1],
    moved: Vec<moves::Document<'a>>,
    layer: Option<&'a Digest>,
    fetched_bytes: u64,
    reused_bytes: u64,
}

#[derive(Serialize)]
struct ImageDocument<'a> {
    id: &'a Digest,
    digest: &'a Digest,
    names: Vec<&'a ImageName>,
}

pub(super) fn run(
    session: &Session,
    arguments: Commit,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Commit {
        author,
        message,
        change,
        only,
        pause,
        no_pause,
        compress,
        no_move,
        container,
        name,
    } = arguments;
    let name = name.as_deref().map(super::reference).transpose()?;
    let epoch = epoch(std::env::var("SOURCE_DATE_EPOCH").ok().as_deref())?;
    let progress = session.progress("commit");
    let committed = session.with_engine_at_length("No image was made.", async |engine| {
        let container = engine.container(&container).await?;
        let request = CommitRequest {
            name,
            message,
            author,
            changes: change,
            only: match only.is_empty() {
                true => None,
                false => Some(only.into_iter().map(OsString::into_encoded_bytes).collect()),
            },
            compression: match compress {
                Compress::Gzip => LayerCompression::Gzip,
                Compress::Zstd => LayerCompression::Zstd,
            },
            epoch,
            move_policy: super::move_policy(no_move),
            pause: pause && !no_pause,
            ..CommitRequest::new(container.id)
        };
        Ok(engine.commit(request, progress.as_ref()).await?)
    });
    drop(progress);
    let committed = committed?;
    if session.json() {
        json::write(out, &document(&committed))?;
        return Ok(());
    }
    writeln!(out, "{}", committed.id)?;
    for moved in committed.moved.iter().filter_map(moves::note) {
        session.note(&moved);
    }
    Ok(())
}

/// Reads `SOURCE_DATE_EPOCH`, <https://reproducible-builds.org/specs/source-date-epoch/>: seconds, or nothing at all.
fn epoch(text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse::<i64>()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "SOURCE_DATE_EPOCH is {text:?}, which is no number of seconds"
            ))
        })
}

fn document(committed: &Committed) -> Document<'_> {
    let Committed {
        id,
        target,
        name,
        moved,
        layer,
        layer_bytes,
    } = committed;
    Document {
        images: [ImageDocument {
            id,
            digest: target,
            names: name.iter().collect(),
        }],
        moved: moved.iter().map(moves::Document::from).collect(),
        layer: layer.as_ref(),
        fetched_bytes: *layer_bytes,
        reused_bytes: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_number_of_seconds() {
        assert_eq!(epoch(None).unwrap(), None);
        assert_eq!(epoch(Some("")).unwrap(), None);
        let read = epoch(Some("1700000000")).unwrap().unwrap();
        assert_eq!(read.to_string(), "2023-11-14T22:13:20Z");
        for wrong in ["x", "1.5", "99999999999999999"] {
            epoch(Some(wrong)).unwrap_err();
        }
    }
}
