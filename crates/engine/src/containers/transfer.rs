//! Copying between a container and this computer, and the whole of a container as a tar.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use layer::NodeId;
use store::{ContainerId, OutputFile};

#[cfg(not(unix))]
use super::changeset::Node;
use super::editing::{Told, edit};
use super::files::files_of;
use super::inside::change;
use super::stream::{self, Meaning};
use super::tar::{LayerTar, unreadable};
use super::whole::below;
use crate::unpack::with_progress;
use crate::{CopyOptions, Engine, Error, OnCopy};

/// What is copied into a container.
pub enum CopySource {
    /// A file or folder of this computer. With `/.` at the end: what is in the folder.
    Path(PathBuf),
    /// A tar, plain or compressed, whose files go into a folder.
    Tar(Box<dyn Read + Send>),
    /// A layer: what a program changed, with whiteouts. Nothing at or below these paths is taken, as of volumes, and neither
    /// what a runtime leaves of its mounts.
    Layer {
        /// The tar of the layer.
        tar: Box<dyn Read + Send>,
        /// Paths in the container.
        without: Vec<Vec<u8>>,
    },
}

impl fmt::Debug for CopySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Tar(_) => f.write_str("Tar"),
            Self::Layer { .. } => f.write_str("Layer"),
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

/// Where a tar goes.
pub enum TarTarget {
    /// A file. It appears when it is complete; one that had the name before is replaced then.
    File(PathBuf),
    /// A stream, which has a part of the tar where writing fails.
    Stream(Box<dyn Write + Send>),
}

impl fmt::Debug for TarTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Engine {
    /// Copies files into a container, as `docker cp` does: all of them, durably, or none.
    ///
    /// Those of one that runs are changed where its programs see them, volumes included; of what cannot be changed there in the middle,
    /// a part may have been. They become root's unless `options` keep the owners. How much it will be is not known before: `progress` gets 0 as the total.
    /// Dropping the future cancels, and nothing was changed.
    ///
    /// # Errors
    /// `not_found`, `not_a_folder`; `conflict` where a folder and something else would take each other's place; `invalid_archive`;
    /// `disk_full`, `read_only`, `io`.
    pub async fn copy_in(
        &self,
        id: &ContainerId,
        source: CopySource,
        destination: &[u8],
        options: CopyOptions,
        progress: &OnCopy<'_>,
    ) -> Result<CopiedIn, Error> {
        if let CopySource::Layer { mut tar, without } = source {
            self.up_to_date(id, true, true).await?;
            let (id, shared) = (id.clone(), self.shared.clone());
            return with_progress(0, progress, move |told| {
                edit(&shared, &id, |editing| {
                    let meaning = Meaning::Layer { without: &without };
                    let files = stream::take(editing, &mut tar, meaning, told)?;
                    Ok(copied(files, editing))
                })
            })
            .await;
        }
        self.up_to_date(id, true, false).await?;
        let looked = self.look_inside(id, destination).await?;
        let (known, shared) = (id.clone(), self.shared.clone());
        let destination = destination.to_vec();
        let (copied, inside) = with_progress(0, progress, move |told| {
            change(&shared, &known, |editing| {
                editing.looked = looked;
                let files = match source {
                    CopySource::Path(path) => {
                        from_host(editing, &path, &destination, options.owners, told)?
                    }
                    CopySource::Tar(source) => {
                        let mut source = layer::Decompressor::new(source).map_err(not_a_tar)?;
                        let meaning = Meaning::Files {
                            folder: &destination,
                            owners: options.owners,
                        };
                        stream::take(editing, &mut source, meaning, told)?
                    }
                    CopySource::Layer { .. } => 0,
                };
                Ok(copied(files, editing))
            })
        })
        .await?;
        Box::pin(self.put_inside(id, inside)).await?;
        Ok(copied)
    }

    /// Writes a file or folder of a container as a tar, as `docker cp CONTAINER:PATH -` does: under its own name, a folder with
    /// all that is in it. A path that ends in `/.` means what is in the folder. Returns the bytes.
    ///
    /// # Errors
    /// `not_found`, `corrupt_layer`, `disk_full`, `io`.
    pub async fn copy_out_tar(
        &self,
        id: &ContainerId,
        path: &[u8],
        target: TarTarget,
        progress: &OnCopy<'_>,
    ) -> Result<u64, Error> {
        self.up_to_date(id, true, false).await?;
        let (id, shared, path) = (id.clone(), self.shared.clone(), path.to_vec());
        with_progress(0, progress, move |told| {
            let files = files_of(&shared, &id)?;
            let node = files.node(&path, crate::FileView::Merged)?;
            let contents_only = path.ends_with(b"/.") || path == b"." || node == NodeId::ROOT;
            let name = match contents_only {
                true => b".".to_vec(),
                false => files.inner.tree.name(node).to_vec(),
            };
            let tar = below(&files, node, &name, &shared.store, &id);
            write(&tar, &id, target, told)
        })
        .await
    }

    /// Writes a container's whole file system as one tar, as `docker export` does: no whiteouts, names of one file linked.
    /// Returns the bytes.
    ///
    /// # Errors
    /// `not_found`, `corrupt_layer`, `disk_full`, `io`.
    pub async fn export(
        &self,
        id: &ContainerId,
        target: TarTarget,
        progress: &OnCopy<'_>,
    ) -> Result<u64, Error> {
        self.up_to_date(id, true, true).await?;
        let (id, shared) = (id.clone(), self.shared.clone());
        with_progress(0, progress, move |told| {
            let files = files_of(&shared, &id)?;
            let tar = below(&files, NodeId::ROOT, b"", &shared.store, &id);
            write(&tar, &id, target, told)
        })
        .await
    }
}

fn copied(files: u64, editing: &super::editing::Editing<'_>) -> CopiedIn {
    CopiedIn {
        files,
        bytes: editing.taken,
    }
}

fn write(
    tar: &LayerTar,
    id: &ContainerId,
    target: TarTarget,
    told: Told<'_>,
) -> Result<u64, Error> {
    match target {
        TarTarget::File(path) => {
            let mut file = OutputFile::begin(&path)?;
            let bytes = copy(tar, id, &mut file, &path, told)?;
            file.commit()?;
            Ok(bytes)
        }
        TarTarget::Stream(mut out) => copy(tar, id, &mut out, Path::new("-"), told),
    }
}

fn copy(
    tar: &LayerTar,
    id: &ContainerId,
    out: &mut dyn Write,
    place: &Path,
    told: Told<'_>,
) -> Result<u64, Error> {
    let mut reader = tar
        .read_from(0)
        .ok_or_else(|| Error::Internal("a tar has no start".into()))?;
    let mut buffer = vec![0; 256 * 1024];
    let mut written = 0;
    let fail = |source| Error::Io {
        path: place.to_owned(),
        source,
    };
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| unreadable(id.short(), error))?;
        if count == 0 {
            out.flush().map_err(fail)?;
            return Ok(written);
        }
        out.write_all(&buffer[..count]).map_err(fail)?;
        written += count as u64;
        if told(written).is_break() {
            return Err(Error::Cancelled);
        }
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
    editing: &mut super::editing::Editing<'_>,
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
    editing: &mut super::editing::Editing<'_>,
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
