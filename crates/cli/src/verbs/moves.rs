//! How a moved name is printed: `pull`, `tag` and `undo` share it.

use engine::{Digest, ImageName, TagMove};
use serde::Serialize;

/// A move in `--json`; `docs/cli.md` promises these keys.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    name: &'a ImageName,
    to: Option<&'a Digest>,
    from: Option<&'a Digest>,
}

impl<'a> From<&'a TagMove> for Document<'a> {
    fn from(moved: &'a TagMove) -> Document<'a> {
        let TagMove { name, from, to } = moved;
        Document {
            name,
            to: to.as_ref(),
            from: from.as_ref(),
        }
    }
}

/// Says that a name was taken from another image; `None` where it was free or named the same.
pub(super) fn note(moved: &TagMove) -> Option<String> {
    let from = moved
        .from
        .as_ref()
        .filter(|from| moved.to.as_ref() != Some(from))?;
    Some(format!(
        "{} named {} until now; strata undo gives it back.",
        moved.name.familiar(),
        from.short()
    ))
}
