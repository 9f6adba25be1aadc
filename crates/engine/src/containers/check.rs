//! Looking whether all is there that containers have of their own.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use layer::ContentHash;
use store::{ContainerRecord, Problem, ProblemKind, Store};

use super::changeset::{self, Change, Content, Kind, Node};
use super::ground::ROOTS;
use crate::Error;

/// Finds contents that are missing or cut, and with `read_data` those that are not what they were.
///
/// A log that cannot be read at all is the store's to report.
pub(crate) fn check(store: &Store, read_data: bool) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    for container in store.containers()? {
        let Ok(batches) = store.container_batches(&container.id) else {
            continue;
        };
        let folder = store.container_folder(&container.id);
        let Ok(set) = changeset::replay(&batches) else {
            problems.push(problem(&container, folder.join("changes")));
            continue;
        };
        let mut damaged = BTreeSet::new();
        for change in set.values() {
            if let Change::Placed(Node {
                kind:
                    Kind::File {
                        content: Content::Pack { pack, offset },
                        // An empty file needs no pack.
                        size: size @ 1..,
                        hash,
                    },
                ..
            }) = change
                && !is_whole(
                    store,
                    &container,
                    (*pack, *offset, *size),
                    hash.as_deref(),
                    read_data,
                )
            {
                damaged.insert(*pack);
            }
        }
        let content = folder.join("content");
        let paths = damaged.iter().map(|pack| content.join(pack.to_string()));
        problems.extend(paths.map(|path| problem(&container, path)));
    }
    Ok(problems)
}

/// Finds what a crash left among the files that were unpacked for containers, and what is there and is none of ours.
pub(crate) fn check_unpacked(store: &Store) -> Result<Vec<Problem>, Error> {
    let left = runtime::Runtime::leftovers(&store.root().join(ROOTS))?;
    let unfinished = left.unfinished.into_iter();
    let strange = left.strange.into_iter();
    let problem = |kind: ProblemKind, path: PathBuf| Problem {
        kind,
        digest: None,
        path: Some(path),
        images: Vec::new(),
        repairable: true,
    };
    Ok(unfinished
        .map(|path| problem(ProblemKind::UnfinishedUnpack, path))
        .chain(strange.map(|path| problem(ProblemKind::StrangeFile, path)))
        .collect())
}

fn problem(container: &ContainerRecord, path: PathBuf) -> Problem {
    Problem {
        kind: ProblemKind::Container,
        digest: None,
        path: Some(path),
        images: vec![container.target.clone()],
        repairable: false,
    }
}

/// Tells whether a content is there. What cannot be read is not.
fn is_whole(
    store: &Store,
    container: &ContainerRecord,
    (pack, offset, size): (u64, u64, u64),
    hash: Option<&str>,
    read_data: bool,
) -> bool {
    let look = || -> Result<bool, Error> {
        let mut file = store.open_pack(&container.id, pack)?;
        let unreadable = |source: io::Error| super::tar::unreadable(&container.name, source);
        let length = file.metadata().map_err(unreadable)?.len();
        if length < offset.saturating_add(size) {
            return Ok(false);
        }
        let (Some(wanted), true) = (hash, read_data) else {
            return Ok(true);
        };
        file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        let mut file = file.take(size);
        let mut hash = ContentHash::new();
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match file.read(&mut buffer).map_err(unreadable)? {
                0 => break,
                count => hash.update(&buffer[..count]),
            }
        }
        Ok(format!("{:032x}", hash.finish()) == wanted)
    };
    look().unwrap_or(false)
}
