use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result, durable};

/// A file outside of the store that appears whole or not at all.
///
/// It is written under a temporary name in the same folder and takes its name in [`commit`](Self::commit). Dropping it
/// removes what was written; a file that had the name before stays.
pub struct OutputFile {
    file: File,
    temporary: PathBuf,
    place: PathBuf,
    finished: bool,
}

impl OutputFile {
    /// Begins a file that is to have this name. A link in its place is followed: what it leads to is replaced.
    ///
    /// # Errors
    /// Also where something is in its place that is no plain file, such as a device.
    pub fn begin(place: &Path) -> Result<Self> {
        Self::begin_with(place, durable::create_new)
    }

    /// As [`begin`](Self::begin), for secrets: only the user can read the file, whoever could read the one before it.
    pub fn begin_private(place: &Path) -> Result<Self> {
        Self::begin_with(place, durable::create_new_private)
    }

    fn begin_with(place: &Path, create: fn(&Path) -> Result<Option<File>>) -> Result<Self> {
        let place = match fs::canonicalize(place) {
            Ok(there) => there,
            // A bare name has no folder to sync.
            Err(_)
                if place
                    .parent()
                    .is_some_and(|folder| folder.as_os_str().is_empty()) =>
            {
                Path::new(".").join(place)
            }
            Err(_) => place.to_owned(),
        };
        let refused = match (fs::metadata(&place), place.parent()) {
            (Ok(there), _) if there.is_dir() => {
                Some(("replace", io::ErrorKind::IsADirectory, "it is a folder"))
            }
            (Ok(there), _) if !there.is_file() => Some((
                "replace",
                io::ErrorKind::InvalidInput,
                "it is no plain file",
            )),
            // Before the temporary file's name is what the system complains of.
            (Err(_), Some(folder)) if !folder.is_dir() => {
                Some(("create", io::ErrorKind::NotFound, "its folder is not there"))
            }
            _ => None,
        };
        if let Some((verb, kind, why)) = refused {
            return Err(Error::io(verb, &place)(io::Error::new(kind, why)));
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        // Only for people; the whole of a long name would leave no room for the rest.
        let name: String = name.chars().take(40).collect();
        // Others may write into the folder: what they cannot foresee and what was not there is no link of theirs.
        let (file, temporary) = loop {
            let number = RandomState::new().hash_one(std::process::id());
            let temporary = place.with_file_name(format!(".{name}.{number:016x}.part"));
            if let Some(file) = create(&temporary)? {
                break (file, temporary);
            }
        };
        Ok(Self {
            file,
            temporary,
            place,
            finished: false,
        })
    }

    /// Gives the file its name. On return it is on disk.
    pub fn commit(mut self) -> Result<()> {
        durable::persist(&self.temporary, &self.file, &self.place)?;
        self.finished = true;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.temporary)
        {
            tracing::debug!(path = %self.temporary.display(), %error, "an unfinished file could not be removed");
        }
    }
}
