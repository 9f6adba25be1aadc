//! What was changed in a container: a log of batches, and packs with the content of files.
//!
//! The log is `containers/ID/changes`, a line for each edit: `SUM TEXT`, where the sum is the first 16 digits of the SHA-256 of
//! the text, by which a line that a crash cut off is told from a whole one. What the text says is the caller's. Content stands in
//! `containers/ID/content/N`, one pack an edit, synced before the line that names it. So an edit is there as a whole or not.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use oci::{Algorithm, Hasher};

use crate::blobs::open_plain;
use crate::database::column;
use crate::lock::{self, Lock};
use crate::{ContainerId, Error, Result, Store, durable};

/// Changes a container. While it lives, nobody else does.
pub struct ContainerEdit {
    store: Store,
    id: ContainerId,
    folder: PathBuf,
    batches: Vec<String>,
    /// Bytes of the log that are whole lines.
    length: u64,
    _lock: Lock,
}

/// Writes the content of an edit's files, one after the other. Dropping it throws the bytes away.
pub struct PackWriter {
    file: BufWriter<File>,
    path: PathBuf,
    number: u64,
    written: u64,
    finished: bool,
}

/// A log from this many bytes on is written anew where little of it still counts.
const WORTH_IT: u64 = 1 << 20;

impl Store {
    /// Begins to change a container. Waits while somebody else does.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound), [`ContainerDamaged`](Error::ContainerDamaged).
    pub fn edit_container(&self, id: &ContainerId) -> Result<ContainerEdit> {
        self.refuse_read_only()?;
        let record = self.container(id)?;
        let folder = self.container_folder(id);
        let lock = lock::exclusive(&folder.join("lock"))?;
        // It may have been removed while we waited.
        self.container(id)?;
        let (batches, length) = read_log(&folder.join("changes"), &record.name)?;
        Ok(ContainerEdit {
            store: self.clone(),
            id: id.clone(),
            folder,
            batches,
            length,
            _lock: lock,
        })
    }

    /// Returns the batches of a container, oldest first.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound), [`ContainerDamaged`](Error::ContainerDamaged).
    pub fn container_batches(&self, id: &ContainerId) -> Result<Vec<String>> {
        let record = self.container(id)?;
        let path = self.container_folder(id).join("changes");
        Ok(read_log(&path, &record.name)?.0)
    }

    /// Opens the content of a container's batch, by the number that the batch gives it.
    ///
    /// # Errors
    /// [`ContainerDamaged`](Error::ContainerDamaged) where it is not there.
    pub fn open_pack(&self, id: &ContainerId, number: u64) -> Result<File> {
        let path = self
            .container_folder(id)
            .join("content")
            .join(number.to_string());
        open_plain(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::ContainerDamaged {
                container: id.short().to_owned(),
                path,
                problem: "is missing",
            },
            _ => Error::io("read", &path)(source),
        })
    }
}

impl ContainerEdit {
    /// Returns the batches that are there, oldest first.
    #[must_use]
    pub fn batches(&self) -> &[String] {
        &self.batches
    }

    /// Returns how many bytes the log has, by which somebody who has read it knows whether it has grown.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Begins the file for the content of the next batch. A batch that names it makes it stay.
    pub fn pack(&self) -> Result<PackWriter> {
        let folder = self.folder.join("content");
        let highest = packs_in(&folder)?.into_iter().max().unwrap_or_default();
        let path = folder.join((highest + 1).to_string());
        Ok(PackWriter {
            file: BufWriter::with_capacity(128 * 1024, durable::create(&path)?),
            path,
            number: highest + 1,
            written: 0,
            finished: false,
        })
    }

    /// Adds a batch, a text of one line. On return it is on disk, and packs that are not among `packs` are gone.
    ///
    /// `whole` is a batch that says all that is there now; the log is written anew with it where that makes it much shorter.
    /// `changes` and `size` are what [`ContainerRecord`](crate::ContainerRecord) then tells.
    ///
    /// # Errors
    /// [`DiskFull`](Error::DiskFull); nothing changed.
    pub fn append(
        &mut self,
        batch: &str,
        whole: &dyn Fn() -> String,
        packs: &BTreeSet<u64>,
        (changes, size): (u64, u64),
    ) -> Result<()> {
        let path = self.folder.join("changes");
        let line = line(batch);
        durable::append(&path, self.length, line.as_bytes())?;
        self.length += line.len() as u64;
        self.batches.push(batch.to_owned());
        if self.length > WORTH_IT {
            let whole = whole();
            if self.length > 4 * whole.len() as u64 {
                self.replace(&whole)?;
            }
        }
        self.store.note(|sql| {
            sql.execute(
                "UPDATE containers SET changes = ?, size = ? WHERE id = ?",
                rusqlite::params![column(changes), column(size), self.id.as_str()],
            )
            .map(drop)
        })?;
        let folder = self.folder.join("content");
        for number in packs_in(&folder)? {
            let path = folder.join(number.to_string());
            if !packs.contains(&number)
                && let Err(error) = fs::remove_file(&path)
            {
                // It goes with the next edit.
                tracing::debug!(path = %path.display(), %error, "a pack that nothing needs could not be removed");
            }
        }
        Ok(())
    }

    fn replace(&mut self, whole: &str) -> Result<()> {
        let line = line(whole);
        let temporary = self.folder.join("changes.new");
        durable::prepare(&temporary, line.as_bytes())?;
        durable::rename(&temporary, &self.folder.join("changes"))?;
        self.length = line.len() as u64;
        self.batches = vec![whole.to_owned()];
        Ok(())
    }
}

impl PackWriter {
    /// Returns the pack's number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns how many bytes were written: where the next content begins.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes back what was written from here on.
    ///
    /// # Errors
    /// [`Io`](Error::Io); the pack is of no more use then.
    pub fn rewind(&mut self, to: u64) -> Result<()> {
        let fail = Error::io("write", &self.path);
        let cut = self.file.flush().and_then(|()| {
            let file = self.file.get_mut();
            file.set_len(to)?;
            file.seek(SeekFrom::Start(to)).map(drop)
        });
        cut.map_err(fail)?;
        self.written = to;
        Ok(())
    }

    /// Makes the pack durable. Until a batch names it, the next edit throws it away.
    ///
    /// # Errors
    /// [`DiskFull`](Error::DiskFull).
    pub fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(Error::io("write", &self.path))?;
        durable::settle(self.file.get_ref(), &self.path)?;
        self.finished = true;
        Ok(())
    }

    /// Returns the error of this pack for what a write failed with.
    pub fn failed(&self, source: io::Error) -> Error {
        Error::io("write", &self.path)(source)
    }
}

impl Write for PackWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PackWriter {
    fn drop(&mut self) {
        if !self.finished
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "an unfinished pack could not be removed");
        }
    }
}

fn sum(text: &str) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(text.as_bytes());
    hasher.finish().hex()[..16].to_owned()
}

fn line(batch: &str) -> String {
    format!("{} {batch}\n", sum(batch))
}

/// Reads the whole lines of a log, and how many bytes they have.
///
/// # Errors
/// [`ContainerDamaged`](Error::ContainerDamaged) where a line that is not whole has others behind it: no crash does that.
fn read_log(path: &Path, container: &str) -> Result<(Vec<String>, u64)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    let (mut batches, mut length, mut broken) = (Vec::new(), 0, false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let batch = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.strip_suffix('\n')?.split_once(' '))
            .filter(|(found, batch)| *found == sum(batch));
        match batch {
            Some(_) if broken => {
                return Err(Error::ContainerDamaged {
                    container: container.to_owned(),
                    path: path.to_owned(),
                    problem: "has a line that was altered",
                });
            }
            Some((_, batch)) => {
                batches.push(batch.to_owned());
                length += line.len() as u64;
            }
            None => broken = true,
        }
    }
    Ok((batches, length))
}

fn packs_in(folder: &Path) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let entry = entry.map_err(Error::io("read", folder))?;
        found.extend(entry.file_name().to_string_lossy().parse::<u64>().ok());
    }
    Ok(found)
}
