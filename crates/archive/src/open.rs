//! Finding out what a file or folder is.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::compression::{DETECT_BYTES, looks_like};
use crate::contents::{self, Bounded, Contents, Format, Part, Shelf};
use crate::folder::Folder;
use crate::member::Members;
use crate::tar_file::{Slice, TarFile};
use crate::{Compression, Error, Passage, Result, docker, layout};

/// An archive whose blobs can be read in any order.
pub struct Archive {
    place: Place,
    contents: Contents,
}

enum Place {
    Tar(TarFile),
    Folder(Folder),
}

/// What opening gave.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives per archive; a box would only be in the way of matching"
)]
pub enum Opened {
    /// Its contents are known and can be read in any order.
    Archive(Archive),
    /// It can be read once, from the beginning to the end.
    Passage(Passage),
}

/// The bytes of a blob in an archive.
pub struct PartReader {
    inner: Slice,
}

impl Archive {
    /// Opens a file or folder. Of a plain tar and of a folder only the headers and the documents are read.
    ///
    /// # Errors
    /// Says what is wrong with it; [`Error::RootFilesystem`] is no error here, but a [`Format`].
    pub fn open(path: &Path) -> Result<Opened> {
        let metadata = std::fs::metadata(path).map_err(Error::Read)?;
        if metadata.is_dir() {
            let folder = Folder::new(path);
            let (format, (images, incomplete)) = match folder.find(layout::LAYOUT)? {
                Some(_) => (Format::OciFolder, layout::images(&Bounded::new(&folder))?),
                None => (folder.without_layout()?, (Vec::new(), Vec::new())),
            };
            return Ok(Opened::Archive(Self {
                place: Place::Folder(folder),
                contents: Contents {
                    format,
                    compression: Compression::None,
                    images,
                    incomplete,
                },
            }));
        }
        let mut file = File::open(path).map_err(Error::Read)?;
        if !metadata.is_file() {
            return Ok(Opened::Passage(Passage::new(file)?));
        }
        let mut start = Vec::with_capacity(DETECT_BYTES);
        (&mut file)
            .take(DETECT_BYTES as u64)
            .read_to_end(&mut start)
            .map_err(Error::Read)?;
        if Compression::detect(&start) != Compression::None {
            file.seek(SeekFrom::Start(0)).map_err(Error::Read)?;
            return Ok(Opened::Passage(Passage::new(file)?));
        }
        if start.is_empty() || looks_like(&start).is_some() {
            return Err(Error::NotAnArchive {
                looks_like: looks_like(&start),
            });
        }
        let tar = TarFile::index(file)?;
        let contents = contents(&tar, &tar.members, Compression::None)?;
        Ok(Opened::Archive(Self {
            place: Place::Tar(tar),
            contents,
        }))
    }

    /// Tells what is in it.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Opens a blob. Its digest is the reader's to check.
    pub fn open_part(&self, part: &Part) -> Result<PartReader> {
        let inner = match &self.place {
            Place::Tar(tar) => tar.open(&part.member)?,
            Place::Folder(folder) => Slice::new(Arc::new(folder.open(&part.member)?), 0, part.size),
        };
        Ok(PartReader { inner })
    }
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl Seek for PartReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl Opened {
    /// Tells what is in it; of a passage, by letting all of it pass.
    pub fn into_contents(self) -> Result<Contents> {
        match self {
            Self::Archive(archive) => Ok(archive.contents),
            Self::Passage(mut passage) => {
                while passage.next_member()?.is_some() {}
                passage.finish()
            }
        }
    }
}

/// Reads the documents of a tar.
pub(crate) fn contents(
    shelf: &dyn Shelf,
    members: &Members,
    compression: Compression,
) -> Result<Contents> {
    let shelf = &Bounded::new(shelf);
    let is_layout = members.contains(layout::LAYOUT) && members.contains(layout::INDEX);
    // A layout is the newer of the two, and says more: digests and media types.
    if is_layout {
        let (images, incomplete) = layout::images(shelf)?;
        let format = if members.contains(docker::MANIFEST) {
            Format::OciAndDocker
        } else {
            Format::OciTar
        };
        return Ok(Contents {
            format,
            compression,
            images,
            incomplete,
        });
    }
    if let Some(manifest) = contents::document(shelf, docker::MANIFEST)? {
        return Ok(Contents {
            format: Format::Docker,
            compression,
            images: docker::images(shelf, &manifest)?,
            incomplete: Vec::new(),
        });
    }
    if members.contains(layout::LAYOUT) {
        return Err(Error::Missing {
            member: layout::INDEX.into(),
            wanted_by: layout::LAYOUT.into(),
        });
    }
    if members.contains(layout::INDEX) && members.has_in(layout::BLOBS) {
        return Err(Error::NoLayoutFile);
    }
    if members.contains("repositories") {
        return Err(Error::Legacy);
    }
    Ok(Contents {
        format: Format::RootFilesystem,
        compression,
        images: Vec::new(),
        incomplete: Vec::new(),
    })
}
