//! Files of an image as real files.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, FileView, ImageFiles};

/// How files are copied out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyOptions {
    /// Give them the owners that the image says, and make device nodes: only root can. Otherwise they are the user's, and devices
    /// are left out.
    pub owners: bool,
    /// Which files: those that a container sees, or those that were there after a layer. What that layer removed counts as it was
    /// before. [`ImageFiles::unpack`] always makes the merged tree.
    pub view: FileView,
}

/// How far a copy is, in bytes of files that are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyProgress {
    /// What was written.
    pub current: u64,
    /// All that is to be written.
    pub total: u64,
}

/// Hears how far a copy is. It is called from the verb's own future and must return at once.
pub type OnCopy<'a> = dyn Fn(CopyProgress) + Send + Sync + 'a;

/// What was copied out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopiedOut {
    /// Names, those of folders included.
    pub files: u64,
    /// Bytes of regular files, holes included.
    pub bytes: u64,
    /// What is not as the image says, in words; the first hundred of them.
    pub notes: Vec<String>,
    /// How many there are in all.
    pub noted: u64,
}

impl ImageFiles {
    /// Makes the whole merged tree in a folder, which must be empty or not be there yet.
    ///
    /// Dropping the future stops it at the next file; what was made stays.
    ///
    /// # Errors
    /// `not_empty`; `unpack_failed` names the file that could not be made; `corrupt_layer`; `io`.
    pub async fn unpack(
        &self,
        folder: &Path,
        options: CopyOptions,
        progress: &OnCopy<'_>,
    ) -> Result<CopiedOut, Error> {
        let total = self.look(b"/")?.size;
        let (files, folder) = (self.clone(), folder.to_owned());
        with_progress(total, progress, move |told| {
            files.unpack_blocking(&folder, options, told)
        })
        .await
    }

    /// Copies a file or a folder with all that is in it, as `docker cp` does.
    ///
    /// Into an existing folder it goes under its own name, else it gets the name of the destination. A path that ends in `/.`
    /// means what is in the folder. Links are copied as links, but for one that the path itself ends in with a slash behind it.
    ///
    /// # Errors
    /// As [`ImageFiles::unpack`], and `not_found`.
    pub async fn copy_out(
        &self,
        path: &[u8],
        destination: &Path,
        options: CopyOptions,
        progress: &OnCopy<'_>,
    ) -> Result<CopiedOut, Error> {
        let total = self.look_in(path, options.view)?.size;
        let (files, path, destination) = (self.clone(), path.to_vec(), destination.to_owned());
        with_progress(total, progress, move |told| {
            files.copy_blocking(&path, &destination, options, told)
        })
        .await
    }

    /// Opens a layer's tar at an offset.
    fn layer_at(&self, layer: u32, offset: u64) -> Result<Box<dyn Read + Send>, layer::Error> {
        match self.open_layer(layer, offset) {
            Ok(reader) => Ok(reader),
            Err(Error::Layer { source, .. }) => Err(*source),
            Err(error) => Err(layer::Error::Read(std::io::Error::other(error))),
        }
    }
}

/// Runs blocking work that tells how far it is. Dropping the future stops it where it tells that next.
pub(crate) async fn with_progress<T: Send + 'static>(
    total: u64,
    progress: &OnCopy<'_>,
    work: impl FnOnce(&mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    struct StopOnDrop(Arc<AtomicBool>);
    impl Drop for StopOnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let guard = StopOnDrop(Arc::clone(&stop));
    let (tell, mut told) = tokio::sync::watch::channel(0);
    let mut working = std::pin::pin!(crate::engine::blocking(move || {
        work(&mut |bytes| {
            tell.send_replace(bytes);
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
    }));
    let outcome = loop {
        tokio::select! {
            outcome = &mut working => break outcome,
            Ok(()) = told.changed() => {
                let done = *told.borrow_and_update();
                progress(CopyProgress { current: done, total });
            }
        }
    };
    drop(guard);
    outcome
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;

    use layer::{Missing, UnpackOptions, Unpacked};

    use super::{ControlFlow, CopiedOut, CopyOptions, Error, ImageFiles, Path, PathBuf};
    use crate::files::escaped;

    type Told<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

    impl ImageFiles {
        pub(super) fn unpack_blocking(
            &self,
            folder: &Path,
            options: CopyOptions,
            told: Told<'_>,
        ) -> Result<CopiedOut, Error> {
            let handle = new_folder(folder)?;
            let empty = layer::is_empty(handle.as_fd());
            if !empty.map_err(|source| io(folder, source))? {
                return Err(Error::NotEmpty {
                    path: folder.to_owned(),
                });
            }
            let unpacked = layer::unpack(
                &self.inner.tree,
                layer::NodeId::ROOT,
                handle.as_fd(),
                options.into(),
                &|layer, offset| self.layer_at(layer, offset),
                told,
            );
            Ok(unpacked.map_err(|error| self.unpack_failed(error))?.into())
        }

        pub(super) fn copy_blocking(
            &self,
            path: &[u8],
            destination: &Path,
            options: CopyOptions,
            told: Told<'_>,
        ) -> Result<CopiedOut, Error> {
            let contents = path.ends_with(b"/.") || path == b".";
            let node = self.node(path, options.view)?;
            let tree = &self.inner.tree;
            let as_of = self.layer_with(node, options.view);
            let file = match as_of {
                Some(layer) => tree.file_at(node, layer),
                None => tree.current(node),
            };
            let file = file.map(|id| tree.file(id));
            let is_folder = file.is_none_or(layer::File::is_folder);
            let open = |layer, offset| self.layer_at(layer, offset);
            let name = OsStr::from_bytes(tree.name(node));
            let into = destination.is_dir();
            if into && is_folder && (contents || name.is_empty()) {
                let handle =
                    fs::File::open(destination).map_err(|source| io(destination, source))?;
                let handle = handle.as_fd();
                let options = UnpackOptions {
                    keep_target: true,
                    as_of,
                    ..options.into()
                };
                let unpacked = layer::unpack(tree, node, handle, options, &open, told);
                return Ok(unpacked.map_err(|error| self.unpack_failed(error))?.into());
            }
            let target = match into {
                true => destination.join(name),
                false => destination.to_owned(),
            };
            let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
                return Err(io(&target, std::io::ErrorKind::InvalidInput.into()));
            };
            let parent = match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            };
            let handle = fs::File::open(parent).map_err(|source| io(parent, source))?;
            let options = UnpackOptions {
                as_of,
                ..options.into()
            };
            let unpacked = if is_folder {
                let made = layer::folder_in(handle.as_fd(), name);
                let made = made.map_err(|source| io(&target, source))?;
                layer::unpack(tree, node, made.as_fd(), options, &open, told)
            } else {
                layer::unpack_file(tree, node, handle.as_fd(), name, options, &open, told)
            };
            Ok(unpacked.map_err(|error| self.unpack_failed(error))?.into())
        }

        fn unpack_failed(&self, error: layer::Error) -> Error {
            match error {
                layer::Error::Stopped => Error::Cancelled,
                other => Error::Unpack {
                    source: Box::new(other),
                },
            }
        }
    }

    /// Opens a folder, and makes it where there is none.
    fn new_folder(path: &Path) -> Result<fs::File, Error> {
        match fs::create_dir(path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(io(path, error));
            }
            _ => {}
        }
        let handle = fs::File::open(path).map_err(|source| io(path, source))?;
        let found = handle.metadata().map_err(|source| io(path, source))?;
        match found.is_dir() {
            true => Ok(handle),
            false => Err(io(path, std::io::ErrorKind::NotADirectory.into())),
        }
    }

    fn io(path: &Path, source: std::io::Error) -> Error {
        Error::Io {
            path: PathBuf::from(path),
            source,
        }
    }

    impl From<CopyOptions> for UnpackOptions {
        fn from(options: CopyOptions) -> Self {
            Self {
                owners: options.owners,
                devices: options.owners,
                keep_target: false,
                keep_folders: false,
                as_of: None,
            }
        }
    }

    impl From<Unpacked> for CopiedOut {
        fn from(unpacked: Unpacked) -> Self {
            let Unpacked {
                files,
                bytes,
                notes,
                noted,
            } = unpacked;
            let notes = notes.iter().map(|note| {
                let path = escaped(&note.path);
                match &note.missing {
                    Missing::Device => format!("{path}: the device node was left out"),
                    Missing::Xattr(name) => {
                        let name = String::from_utf8_lossy(name);
                        format!("{path}: the attribute {name} could not be set")
                    }
                }
            });
            Self {
                files,
                bytes,
                notes: notes.collect(),
                noted,
            }
        }
    }
}

#[cfg(not(unix))]
impl ImageFiles {
    fn unpack_blocking(
        &self,
        folder: &Path,
        _options: CopyOptions,
        _told: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopiedOut, Error> {
        Err(unsupported(folder))
    }

    fn copy_blocking(
        &self,
        _path: &[u8],
        destination: &Path,
        _options: CopyOptions,
        _told: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<CopiedOut, Error> {
        Err(unsupported(destination))
    }
}

/// Owners, modes and links of an image are those of Unix: a file system without them would hold something else.
#[cfg(not(unix))]
fn unsupported(path: &Path) -> Error {
    Error::Io {
        path: PathBuf::from(path),
        source: std::io::ErrorKind::Unsupported.into(),
    }
}
