use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use oci::{Digest, Hasher};
use rusqlite::OptionalExtension;

use crate::database::{Text, size};
use crate::{Error, Ingest, Lease, Result, Store, lock};

/// What the store has of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobState {
    /// All of it, in place, with its size in bytes.
    Present {
        /// The size.
        size: u64,
    },
    /// The first bytes of it, from a download that did not end. They were not verified.
    Partial {
        /// How many.
        bytes: u64,
    },
    /// Nothing (or only a damaged file, which the next download replaces).
    Absent,
}

/// What is wrong with a blob's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BlobFault {
    /// There is no file.
    Missing,
    /// In its place is a link, folder, pipe or device. It was not followed.
    NotAFile,
    /// The file has another size than the row says.
    Size,
    /// The bytes have another digest.
    Content,
}

impl fmt::Display for BlobFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "its file is missing",
            Self::NotAFile => "something that is no plain file is in its place",
            Self::Size => "its file has another size",
            Self::Content => "its bytes have another digest",
        })
    }
}

impl Store {
    /// Tells whether the blob is here whole: a row, and a plain file of the right size. Content is not read.
    pub fn contains(&self, digest: &Digest) -> Result<bool> {
        Ok(matches!(
            self.blob_state(digest)?,
            BlobState::Present { .. }
        ))
    }

    /// Tells what is here of each blob, in the order asked.
    pub fn blob_states(&self, digests: &[Digest]) -> Result<Vec<BlobState>> {
        digests
            .iter()
            .map(|digest| self.blob_state(digest))
            .collect()
    }

    /// Opens a blob for reading. Links are not followed. The content is not verified here: a reader that passes it on must hash.
    ///
    /// # Errors
    /// [`BlobMissing`](crate::Error::BlobMissing), [`BlobDamaged`](crate::Error::BlobDamaged).
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        let Some(expected) = self.blob_row_size(digest)? else {
            return Err(Error::BlobMissing {
                digest: digest.clone(),
            });
        };
        let damaged = |fault| {
            Err(Error::BlobDamaged {
                digest: digest.clone(),
                fault,
            })
        };
        let path = self.blob_path(digest);
        let file = match open_plain(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return damaged(BlobFault::Missing);
            }
            Err(error) if is_no_file(&error) => return damaged(BlobFault::NotAFile),
            // Too many open files, a disk that fails: it says nothing of the blob.
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let metadata = file.metadata().map_err(Error::io("look at", &path))?;
        match (metadata.is_file(), metadata.len() == expected) {
            (false, _) => damaged(BlobFault::NotAFile),
            (true, false) => damaged(BlobFault::Size),
            (true, true) => Ok(file),
        }
    }

    /// Reads a manifest, index or config and verifies its digest.
    ///
    /// # Errors
    /// [`TooLarge`](crate::Error::TooLarge) before anything is read; [`BlobDamaged`](crate::Error::BlobDamaged), and the blob then
    /// counts as absent, so that the next pull fetches it again.
    pub fn read_document(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let size = self
            .blob_row_size(digest)?
            .ok_or_else(|| Error::BlobMissing {
                digest: digest.clone(),
            })?;
        if size > limit {
            return Err(Error::TooLarge {
                digest: digest.clone(),
                size,
                limit,
            });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let path = self.blob_path(digest);
        let read = self.open_blob(digest).and_then(|file| {
            file.take(size + 1)
                .read_to_end(&mut bytes)
                .map_err(Error::io("read", &path))
        });
        let found = read.and_then(|_| {
            let mut hasher = Hasher::new(digest.algorithm());
            hasher.update(&bytes);
            if hasher.finish() == *digest {
                Ok(bytes)
            } else {
                Err(Error::BlobDamaged {
                    digest: digest.clone(),
                    fault: BlobFault::Content,
                })
            }
        });
        if matches!(found, Err(Error::BlobDamaged { .. })) && !self.is_read_only() {
            self.mark_damaged(digest)?;
        }
        found
    }

    /// Stores a small document under its SHA-256 digest, held by the lease. On return it is on disk.
    ///
    /// # Errors
    /// [`DiskFull`](crate::Error::DiskFull), and there is no such blob then.
    pub fn put_document(&self, lease: &Lease, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::sha256(bytes);
        self.put_verified(lease, &digest, bytes)?;
        Ok(digest)
    }

    /// Stores a small document whose digest is known, held by the lease. On return it is on disk.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::Error::DigestMismatch), [`DiskFull`](crate::Error::DiskFull), and there is no such blob then.
    pub fn put_verified(&self, lease: &Lease, digest: &Digest, bytes: &[u8]) -> Result<()> {
        match self.ingest(lease, digest, bytes.len() as u64)? {
            Ingest::Present => Ok(()),
            Ingest::Partial(mut writer) => {
                if writer.offset() > 0 {
                    writer.restart()?;
                }
                writer.append(bytes)?;
                writer.commit()
            }
            // Somebody else writes these very bytes at this moment: wait for the lock, and look again.
            Ingest::Busy => {
                drop(lock::exclusive(&self.ingest_path(digest))?);
                match self.ingest(lease, digest, bytes.len() as u64)? {
                    Ingest::Present => Ok(()),
                    Ingest::Partial(mut writer) => {
                        writer.restart()?;
                        writer.append(bytes)?;
                        writer.commit()
                    }
                    Ingest::Busy => Err(Error::Busy {
                        what: format!("blob {digest}"),
                    }),
                }
            }
        }
    }
}

impl Store {
    /// Returns the size that a blob's row says; `None` where there is no row or the blob is known to be damaged.
    pub(crate) fn blob_row_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.read(|sql| {
            sql.prepare_cached("SELECT size FROM blobs WHERE digest = ? AND damaged = 0")?
                .query_row([Text(digest)], |row| row.get(0).map(size))
                .optional()
        })
    }

    fn blob_state(&self, digest: &Digest) -> Result<BlobState> {
        if let Some(size) = self.blob_row_size(digest)? {
            let whole = fs::symlink_metadata(self.blob_path(digest))
                .is_ok_and(|found| found.is_file() && found.len() == size);
            if whole {
                return Ok(BlobState::Present { size });
            }
        }
        match fs::symlink_metadata(self.ingest_path(digest)) {
            Ok(found) if found.is_file() && found.len() > 0 => {
                Ok(BlobState::Partial { bytes: found.len() })
            }
            _ => Ok(BlobState::Absent),
        }
    }

    /// Notes that a blob's bytes are not what they should be: it counts as absent until it is fetched again.
    pub(crate) fn mark_damaged(&self, digest: &Digest) -> Result<()> {
        self.note(|sql| {
            sql.execute(
                "UPDATE blobs SET damaged = 1 WHERE digest = ?",
                [Text(digest)],
            )
            .map(drop)
        })
    }
}

/// Tells whether [`open_plain`] failed because of what is in the file's place.
fn is_no_file(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        // A link; a socket, or a device that no driver serves.
        matches!(
            Errno::from_io_error(error),
            Some(Errno::LOOP | Errno::NXIO | Errno::NODEV)
        )
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::InvalidInput
    }
}

/// Opens a file that must be a plain one, without following a link in its place or waiting for a pipe's other end.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
    }
    #[cfg(not(unix))]
    {
        if fs::symlink_metadata(path)?.is_file() {
            File::open(path)
        } else {
            Err(io::Error::from(io::ErrorKind::InvalidInput))
        }
    }
}
