//! Copying into a container, from this computer or a tar.

use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use store::ContainerId;

#[cfg(not(unix))]
use super::changeset::Node;
use super::editing::{Editing, Told};
use super::inside::change;
use super::stream;
use crate::unpack::with_progress;
use crate::{CopyOptions, Engine, Error, OnCopy};

/// What is copied into a container.
pub enum CopySource {
    /// A file or folder of this computer. With `/.` at the end: what is in the folder.
    Path(PathBuf),
    /// A tar, plain or compressed, whose files go into a folder.
    Tar(Box<dyn Read + Send>),
}

impl fmt::Debug for CopySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Tar(_) => f.write_str("Tar"),
        }
    }
}

/// What was copied in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopiedIn {
    /// Names, those of folders included.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
}

impl Engine {
    /// Copies files into a container, as `docker cp` does: all of them, durably, or none.
    ///
    /// Those of one that runs are changed where its programs see them, volumes included: each at once, and where one cannot be, those
    /// before it are changed back; what cannot, as a program took its name meanwhile, stays under a name that begins with `.strata-`, and
    /// the error says which. Devices are left out there where the user may make none. Files become root's unless `options` keep the
    /// owners. How much it will be is not known before: `progress` gets 0 as the total. Dropping the future cancels, and nothing was
    /// changed, but for the moment in which the files of one that runs get their names: then they all do.
    ///
    /// # Errors
    /// `not_found`, `not_a_folder`; `conflict` where a folder and something else would take each other's place; `invalid_archive`;
    /// `disk_full`, `read_only`, `io`; `run_failed` where a container that runs does not let it be done.
    pub async fn copy_in(
        &self,
        id: &ContainerId,
        source: CopySource,
        destination: &[u8],
        options: CopyOptions,
        progress: &OnCopy<'_>,
    ) -> Result<CopiedIn, Error> {
        self.up_to_date(id, true, false).await?;
        let looked = self.look_inside(id, destination).await?;
        let (known, shared) = (id.clone(), self.shared.clone());
        let destination = destination.to_vec();
        let (copied, inside) = with_progress(0, progress, move |told| {
            change(&shared, &known, looked, |editing| {
                let files = match source {
                    CopySource::Path(path) => {
                        from_host(editing, &path, &destination, options.owners, told)?
                    }
                    CopySource::Tar(source) => {
                        let mut source = layer::Decompressor::new(source).map_err(not_a_tar)?;
                        stream::take(editing, &mut source, &destination, options.owners, told)?
                    }
                };
                Ok(CopiedIn {
                    files,
                    bytes: editing.taken,
                })
            })
        })
        .await?;
        Box::pin(self.put_inside(id, inside)).await?;
        Ok(copied)
    }
}

fn not_a_tar(source: io::Error) -> Error {
    Error::Archive {
        place: "-".into(),
        source: Box::new(archive::Error::Read(source)),
    }
}

#[cfg(unix)]
fn from_host(
    editing: &mut Editing<'_>,
    path: &Path,
    destination: &[u8],
    owners: bool,
    told: Told<'_>,
) -> Result<u64, Error> {
    super::host::copy(
        editing,
        path,
        destination,
        super::host::Manner { owners },
        told,
    )
}

/// Elsewhere files have no modes and owners: they are what a new file in the container has.
#[cfg(not(unix))]
fn from_host(
    editing: &mut Editing<'_>,
    path: &Path,
    destination: &[u8],
    _owners: bool,
    told: Told<'_>,
) -> Result<u64, Error> {
    let fail = |source: io::Error| Error::Io {
        path: path.to_owned(),
        source,
    };
    let found = std::fs::symlink_metadata(path).map_err(fail)?;
    let text = path.to_string_lossy();
    let contents = text.ends_with("/.") || text.ends_with("\\.") || text == ".";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let target = super::place::target(
        editing,
        destination,
        name.as_bytes(),
        found.is_dir(),
        contents,
    )?;
    let mut waiting = vec![(path.to_owned(), target.path)];
    let mut files = 0;
    while let Some((from, to)) = waiting.pop() {
        let fail = |source: io::Error| Error::Io {
            path: from.clone(),
            source,
        };
        let found = std::fs::symlink_metadata(&from).map_err(fail)?;
        let now = editing.edits.now();
        let node = if found.is_dir() {
            for entry in std::fs::read_dir(&from).map_err(fail)? {
                let entry = entry.map_err(fail)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                waiting.push((entry.path(), super::view::join(&to, name.as_bytes())));
            }
            Node::folder(0o755, 0, 0, now)
        } else if found.is_file() {
            let mut file = std::fs::File::open(&from).map_err(fail)?;
            let kind = editing.content(&mut file, told, &fail)?;
            Node {
                kind,
                ..Node::folder(0o644, 0, 0, now)
            }
        } else {
            continue;
        };
        files += 1;
        super::place::put(editing, &to, node)?;
    }
    Ok(files)
}
