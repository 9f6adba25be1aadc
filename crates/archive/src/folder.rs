//! A layout that is a folder.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::contents::{Format, Shelf};
use crate::member::normal;
use crate::{Error, Result, docker, layout};

/// Folders of which every file system that something runs in has one.
const TOP_FOLDERS: [&str; 5] = ["bin", "etc", "lib", "sbin", "usr"];

/// The files of a folder. Only names of a layout are ever asked for.
pub(crate) struct Folder {
    pub(crate) root: PathBuf,
}

impl Folder {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Opens a file of the layout.
    ///
    /// A link in a blob's place is followed, as some builders lay them to their cache: what it leads to is verified like any
    /// other bytes. Pipes and devices are not opened.
    pub(crate) fn open(&self, name: &str) -> Result<File> {
        File::open(self.path(name)?).map_err(Error::Read)
    }

    /// Tells what a folder is that has no file `oci-layout`.
    ///
    /// # Errors
    /// Where it is neither an image nor a file system; the error says what it may be.
    pub(crate) fn without_layout(&self) -> Result<Format> {
        let is_file = |name: &str| self.root.join(name).is_file();
        let is_folder = |name: &&str| self.root.join(name).is_dir();
        if is_file(layout::INDEX) && is_folder(&layout::BLOBS) {
            return Err(Error::NoLayoutFile);
        }
        let looks_like = match is_file(docker::MANIFEST) {
            true if is_file("version") => "a folder of skopeo's transport dir",
            true => "a docker archive that was unpacked",
            // Where files have no owners and modes, no file system can be taken in from them.
            false if cfg!(unix) && TOP_FOLDERS.iter().any(is_folder) => {
                return Ok(Format::RootFilesystem);
            }
            false => "a folder without the file oci-layout",
        };
        Err(Error::NotAnArchive {
            looks_like: Some(looks_like),
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        match normal(name) {
            Some(inside) => Ok(self.root.join(inside)),
            None => Err(Error::Outside {
                member: name.to_owned(),
                target: name.to_owned(),
            }),
        }
    }
}

impl Shelf for Folder {
    fn find(&self, name: &str) -> Result<Option<(String, u64)>> {
        match fs::metadata(self.path(name)?) {
            Ok(found) if found.is_file() => Ok(Some((name.to_owned(), found.len()))),
            Ok(_) => Err(Error::NotAFile {
                member: name.to_owned(),
            }),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::Read(error)),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = crate::MAX_DOCUMENT_SIZE;
        self.open(name)?
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::Read)?;
        if bytes.len() as u64 > limit {
            return Err(Error::TooLarge {
                member: name.to_owned(),
                size: bytes.len() as u64,
                limit,
            });
        }
        Ok(bytes)
    }
}
