//! `strata edit`: changes of a container without running anything in it.

use std::ffi::{OsStr, OsString};
use std::io::{Read as _, Write};

use engine::ContainerEdit;

use crate::{
    arguments::{Edit, EditStep},
    failure::Failure,
    json,
    session::Session,
};

/// What a file that is typed or piped in may have: it is held in memory. Larger ones are copied.
const LARGEST: u64 = 64 << 20;

pub(super) fn run(session: &Session, arguments: Edit, out: &mut dyn Write) -> Result<(), Failure> {
    let Edit { container, step } = arguments;
    let mut instructions = Vec::new();
    let edits: Vec<ContainerEdit> = match step {
        EditStep::Rm { paths } => each(&paths, |path| ContainerEdit::Remove { path }),
        EditStep::Mkdir { parents, paths } => {
            each(&paths, |path| ContainerEdit::MakeFolder { path, parents })
        }
        EditStep::Mv { from, to } => vec![ContainerEdit::Rename {
            from: bytes(&from),
            to: bytes(&to),
        }],
        EditStep::Write { path } => {
            let mut content = Vec::new();
            let most = LARGEST + 1;
            std::io::stdin().take(most).read_to_end(&mut content)?;
            if content.len() as u64 == most {
                return Err(Failure::Usage(
                    "standard input has more than 64 MiB: copy it in with strata cp".into(),
                ));
            }
            vec![ContainerEdit::Write {
                path: bytes(&path),
                bytes: content,
            }]
        }
        EditStep::Ln { target, path } => vec![ContainerEdit::Symlink {
            path: bytes(&path),
            target: bytes(&target),
        }],
        EditStep::Chmod { mode, paths } => {
            each(&paths, |path| ContainerEdit::SetMode { path, mode })
        }
        EditStep::Chown {
            owner: (uid, gid),
            paths,
        } => each(&paths, |path| ContainerEdit::SetOwner { path, uid, gid }),
        EditStep::Revert { paths } => each(&paths, |path| ContainerEdit::Revert { path }),
        EditStep::Set {
            instructions: wanted,
        } => {
            instructions = wanted;
            Vec::new()
        }
    };
    let changed = session.with_engine(async |engine| {
        let found = engine.container(&container).await?;
        if instructions.is_empty() {
            engine.edit_container(&found.id, edits).await?;
        } else {
            engine.configure_container(&found.id, &instructions).await?;
        }
        Ok(engine.container(found.id.as_str()).await?)
    })?;
    if session.json() {
        json::write(out, &super::containers::document(&changed))?;
    }
    Ok(())
}

fn each(paths: &[OsString], edit: impl Fn(Vec<u8>) -> ContainerEdit) -> Vec<ContainerEdit> {
    paths.iter().map(|path| edit(bytes(path))).collect()
}

fn bytes(path: &OsStr) -> Vec<u8> {
    path.as_encoded_bytes().to_vec()
}
