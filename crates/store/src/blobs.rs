use std::fmt;
use std::fs::File;

use oci::Digest;

use crate::{Lease, Result, Store};

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
        let _ = digest;
        todo!()
    }

    /// Tells what is here of each blob, in the order asked.
    pub fn blob_states(&self, digests: &[Digest]) -> Result<Vec<BlobState>> {
        let _ = digests;
        todo!()
    }

    /// Opens a blob for reading. Links are not followed. The content is not verified here: a reader that passes it on must hash.
    ///
    /// # Errors
    /// [`BlobMissing`](crate::Error::BlobMissing), [`BlobDamaged`](crate::Error::BlobDamaged).
    pub fn open_blob(&self, digest: &Digest) -> Result<File> {
        let _ = digest;
        todo!()
    }

    /// Reads a manifest, index or config and verifies its digest.
    ///
    /// # Errors
    /// [`TooLarge`](crate::Error::TooLarge) before anything is read; [`BlobDamaged`](crate::Error::BlobDamaged), and the blob then
    /// counts as absent, so that the next pull fetches it again.
    pub fn read_document(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>> {
        let _ = (digest, limit);
        todo!()
    }

    /// Stores a small document under its SHA-256 digest, held by the lease. On return it is on disk.
    pub fn put_document(&self, lease: &Lease, bytes: &[u8]) -> Result<Digest> {
        let _ = (lease, bytes);
        todo!()
    }

    /// Stores a small document whose digest is known, held by the lease. On return it is on disk.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::Error::DigestMismatch), and nothing is stored.
    pub fn put_verified(&self, lease: &Lease, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let _ = (lease, digest, bytes);
        todo!()
    }
}
