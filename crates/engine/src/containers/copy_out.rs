//! Files of a container on their way out: as files of this computer, and as tars.

use std::fmt;
use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use layer::{Device, Entry, EntryKind, FileIndex, LayerScan, ModifiedTime, NodeId, Tree, tar};
use runtime::{ChangedKind, ChangedPath, Changes};
use store::{ContainerId, OutputFile};

use super::editing::Told;
use super::files::files_of;
use super::tar::{LayerTar, unreadable};
use super::view::{join, name_of};
use super::whole::below;
use crate::engine::Shared;
use crate::files::{LayerBlob, escaped};
use crate::opened::NearBlob;
use crate::unpack::with_progress;
use crate::{CopiedOut, CopyOptions, Engine, Error, ImageFiles, OnCopy};

/// Bytes that are copied at a time.
const PIECE: usize = 256 * 1024;

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
    /// Copies a file or folder of a container out, as `docker cp` does, by the rules of [`ImageFiles::copy_out`].
    ///
    /// Of one that runs it is what its programs see, volumes included; they go on meanwhile, so that several files may be of different
    /// moments, and what they remove from a folder before it is read is left out. Of one that does not run, what is in volumes is not
    /// part of it.
    ///
    /// # Errors
    /// `not_found`, `corrupt_layer`, `container_damaged`, `unpack_failed`, `disk_full`, `run_failed`, `io`.
    pub async fn copy_out(
        &self,
        id: &ContainerId,
        path: &[u8],
        destination: &Path,
        options: CopyOptions,
        progress: &OnCopy<'_>,
    ) -> Result<CopiedOut, Error> {
        let Some((found, told)) = Box::pin(self.take(id, path)).await? else {
            let files = self.container_files(id).await?;
            return Box::pin(files.copy_out(path, destination, options, progress)).await;
        };
        let (shared, known) = (self.shared.clone(), id.clone());
        let kept = with_progress(0, progress, move |told_bytes| {
            kept(&shared, &known, told, told_bytes)
        });
        let (files, strange) = kept.await?;
        let path = match is_contents(path) {
            true => [&found.path, b"/.".as_slice()].concat(),
            false => found.path,
        };
        let copied = Box::pin(files.copy_out(&path, destination, options, progress));
        let mut copied = copied.await?;
        copied.noted += strange.len() as u64;
        let notes = strange.iter().map(|path| {
            let path = escaped(path);
            format!(
                "{path}: a name of this file means something else in a layer, and it was left out"
            )
        });
        copied.notes.extend(notes);
        Ok(copied)
    }

    /// Writes a file or folder of a container as a tar, as `docker cp CONTAINER:PATH -` does: under its own name, a folder with
    /// all that is in it. A path that ends in `/.` means what is in the folder. Returns the bytes. What it is of a container that runs,
    /// [`Engine::copy_out`] says.
    ///
    /// # Errors
    /// `not_found`, `corrupt_layer`, `disk_full`, `run_failed`, `io`.
    pub async fn copy_out_tar(
        &self,
        id: &ContainerId,
        path: &[u8],
        target: TarTarget,
        progress: &OnCopy<'_>,
    ) -> Result<u64, Error> {
        let contents_only = is_contents(path);
        if let Some((found, changes)) = Box::pin(self.take(id, path)).await? {
            return with_progress(0, progress, move |told| {
                let top = found.path;
                let name: &[u8] = match contents_only || top.is_empty() {
                    true => b".",
                    false => name_of(&top),
                };
                let renamed = |path: &[u8]| {
                    let rest = path.get(top.len()..).unwrap_or_default();
                    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
                    Some(match rest {
                        [] => name.to_vec(),
                        rest => join(name, rest),
                    })
                };
                write(target, |out, place| {
                    let mut out = Counted::new(out, place, told);
                    write_taken(changes, &renamed, &mut drop, &mut |bytes| out.write(bytes))?;
                    out.finish()
                })
            })
            .await;
        }
        self.up_to_date(id, true, false).await?;
        let (id, shared, path) = (id.clone(), self.shared.clone(), path.to_vec());
        with_progress(0, progress, move |told| {
            let files = files_of(&shared, &id)?;
            let node = files.node(&path, crate::FileView::Merged)?;
            let name = match contents_only || node == NodeId::ROOT {
                true => b".".to_vec(),
                false => files.inner.tree.name(node).to_vec(),
            };
            let tar = below(&files, node, &name, &shared.store, &id);
            write(target, |out, place| {
                copy(&tar, &id, Counted::new(out, place, told))
            })
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
            write(target, |out, place| {
                copy(&tar, &id, Counted::new(out, place, told))
            })
        })
        .await
    }

    /// Begins to read what a path leads to in a container that runs; `None` where it does not run, or has no such file.
    async fn take(
        &self,
        id: &ContainerId,
        path: &[u8],
    ) -> Result<Option<(runtime::FoundPath, Changes)>, Error> {
        if self.shared.store.is_read_only() {
            return Ok(None);
        }
        self.settle(id).await?;
        let known = id.clone();
        let runs = self
            .with_store(move |store| Ok(store.container(&known)?.status.is_running()))
            .await?;
        if !runs {
            return Ok(None);
        }
        match self.runtime()?.take(&self.run_folder(id), path).await {
            // It has just ended.
            Err(runtime::Error::Failure(runtime::Failure::NotRunning)) => Ok(None),
            taken => Ok(taken?),
        }
    }
}

/// Tells whether a path means what is in a folder, and not the folder.
fn is_contents(path: &[u8]) -> bool {
    path.ends_with(b"/.") || path == b"."
}

/// Keeps what comes out of a container in a scratch file, as the one layer of an image. Returns also what no layer can have.
fn kept(
    shared: &Arc<Shared>,
    id: &ContainerId,
    changes: Changes,
    told: Told<'_>,
) -> Result<(ImageFiles, Vec<Vec<u8>>), Error> {
    let store = &shared.store;
    let manifest = store.container(id)?.manifest;
    let mut scratch = store.scratch()?;
    let mut index = Vec::new();
    let mut scan = LayerScan::new(&mut index);
    let mut count = 0;
    let mut strange = Vec::new();
    let named = |path: &[u8]| {
        let is_strange = path
            .split(|byte| *byte == b'/')
            .any(|name| name.starts_with(b".wh."));
        (!is_strange).then(|| path.to_vec())
    };
    let mut left_out = |path| strange.push(path);
    write_taken(changes, &named, &mut left_out, &mut |bytes| {
        scan.write(bytes).map_err(not_a_layer)?;
        scratch.append(bytes)?;
        count += bytes.len() as u64;
        match told(count) {
            ControlFlow::Break(()) => Err(Error::Cancelled),
            ControlFlow::Continue(()) => Ok(()),
        }
    })?;
    let digest = scan.finish().map_err(not_a_layer)?.diff_id;
    let mut tree = Tree::new();
    FileIndex::open(index.as_slice())
        .and_then(|index| tree.push(index))
        .map_err(not_a_layer)?;
    let blob = LayerBlob {
        near: Some(NearBlob::Fetched(Arc::new(scratch))),
        ..LayerBlob::stored(digest)
    };
    let files = ImageFiles::of(store.clone(), manifest, vec![blob], tree);
    Ok((files, strange))
}

/// Writes what a container's programs see as a tar, with other paths. Those that get none, and further names of their files, are left
/// out and told.
fn write_taken(
    mut changes: Changes,
    renamed: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    left_out: &mut dyn FnMut(Vec<u8>),
    out: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut buffer = vec![0; PIECE];
    while let Some(changed) = changes.next_path()? {
        let entry = match entry(changed, renamed) {
            Ok(entry) => entry,
            Err(path) => {
                left_out(path);
                continue;
            }
        };
        let mut headers = Vec::new();
        tar::write_header(&mut headers, &entry)
            .map_err(|error| Error::Internal(format!("a header of a tar: {error}")))?;
        out(&headers)?;
        loop {
            let count =
                changes
                    .read(&mut buffer)
                    .map_err(|error| runtime::Error::MonitorEnded {
                        said: error.to_string(),
                    })?;
            if count == 0 {
                break;
            }
            out(&buffer[..count])?;
        }
        out(tar::padding(tar::content_size(&entry)))?;
    }
    out(&tar::END)
}

/// Returns the path of what cannot be in the tar.
fn entry(
    changed: ChangedPath,
    renamed: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Entry, Vec<u8>> {
    let ChangedPath {
        path,
        kind,
        mode,
        uid,
        gid,
        modified: (seconds, nanoseconds),
        xattrs,
    } = changed;
    let Some(name) = renamed(&path) else {
        return Err(path);
    };
    let mut entry = Entry {
        path: name,
        mode,
        uid: i64::from(uid),
        gid: i64::from(gid),
        modified: ModifiedTime {
            seconds,
            nanoseconds,
        },
        xattrs: xattrs
            .into_iter()
            .filter(|xattr| {
                xattr.name == b"security.capability" || xattr.name.starts_with(b"user.")
            })
            .map(|xattr| (xattr.name, xattr.value))
            .collect(),
        ..Entry::default()
    };
    if entry.path.is_empty() {
        entry.path = b".".to_vec();
    }
    let device = |major: u32, minor: u32| Device {
        major: i64::from(major),
        minor: i64::from(minor),
    };
    match kind {
        ChangedKind::Deleted => return Err(path),
        ChangedKind::Folder { .. } => {
            entry.kind = EntryKind::Directory;
            entry.path.push(b'/');
        }
        ChangedKind::File { size } => (entry.size, entry.stored_size) = (size, size),
        ChangedKind::HardLink { to } => {
            entry.kind = EntryKind::HardLink;
            entry.link_target = renamed(&to).ok_or(path)?;
        }
        ChangedKind::Symlink { target } => {
            entry.kind = EntryKind::Symlink;
            entry.link_target = target;
        }
        ChangedKind::Pipe => entry.kind = EntryKind::Fifo,
        ChangedKind::CharDevice { major, minor } => {
            entry.kind = EntryKind::CharDevice;
            entry.device = device(major, minor);
        }
        ChangedKind::BlockDevice { major, minor } => {
            entry.kind = EntryKind::BlockDevice;
            entry.device = device(major, minor);
        }
    }
    Ok(entry)
}

/// Lets something write to where a tar goes.
fn write(
    target: TarTarget,
    work: impl FnOnce(&mut dyn Write, &Path) -> Result<u64, Error>,
) -> Result<u64, Error> {
    match target {
        TarTarget::File(path) => {
            let mut file = OutputFile::begin(&path)?;
            let bytes = work(&mut file, &path)?;
            file.commit()?;
            Ok(bytes)
        }
        TarTarget::Stream(mut out) => work(&mut out, Path::new("-")),
    }
}

/// Where a tar is written to, with the bytes counted and told.
struct Counted<'c> {
    out: &'c mut dyn Write,
    place: &'c Path,
    told: Told<'c>,
    written: u64,
}

impl<'c> Counted<'c> {
    fn new(out: &'c mut dyn Write, place: &'c Path, told: Told<'c>) -> Self {
        Self {
            out,
            place,
            told,
            written: 0,
        }
    }

    fn fail(&self, source: std::io::Error) -> Error {
        Error::Io {
            path: self.place.to_owned(),
            source,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out
            .write_all(bytes)
            .map_err(|error| self.fail(error))?;
        self.written += bytes.len() as u64;
        match (self.told)(self.written) {
            ControlFlow::Break(()) => Err(Error::Cancelled),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    fn finish(self) -> Result<u64, Error> {
        match self.out.flush() {
            Ok(()) => Ok(self.written),
            Err(error) => Err(self.fail(error)),
        }
    }
}

fn copy(tar: &LayerTar, id: &ContainerId, mut out: Counted<'_>) -> Result<u64, Error> {
    let mut reader = tar
        .read_from(0)
        .ok_or_else(|| Error::Internal("a tar has no start".into()))?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = reader
            .read(&mut buffer)
            .map_err(|error| unreadable(id.short(), error))?;
        if count == 0 {
            return out.finish();
        }
        out.write(&buffer[..count])?;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn not_a_layer(source: layer::Error) -> Error {
    Error::Internal(format!("what a container has makes no layer: {source}"))
}
