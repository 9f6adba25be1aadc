use std::fs::File;

use oci::Digest;

use crate::{Lease, Result, Store};

/// What became of the wish to bring a blob in.
pub enum Ingest {
    /// It is here already, and the lease now holds it.
    Present,
    /// Another writer, in this process or another, is bringing it in. Try again later.
    Busy,
    /// The caller is the one writer. There may be bytes from before: see [`IngestWriter::offset`].
    Partial(IngestWriter),
}

/// Writes one blob. It becomes visible only in [`commit`](Self::commit), whole and verified.
///
/// Dropping it keeps the bytes for a later writer, in this process or after a restart.
pub struct IngestWriter {
    _private: (),
}

impl Store {
    /// Begins or resumes bringing in a blob; the lease holds it from now on.
    ///
    /// At most one writer per digest exists over all processes. A damaged file in the blob's place is moved to `quarantine/`.
    ///
    /// # Errors
    /// [`DiskFull`](crate::Error::DiskFull) if the missing bytes are more than the disk has free.
    pub fn ingest(&self, lease: &Lease, digest: &Digest, size: u64) -> Result<Ingest> {
        let _ = (lease, digest, size);
        todo!()
    }
}

impl IngestWriter {
    /// Returns the digest that the bytes must have in the end.
    pub fn digest(&self) -> &Digest {
        todo!()
    }

    /// Returns the size that the blob must have in the end.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Returns how many bytes are there: the position at which the next [`append`](Self::append) writes.
    pub fn offset(&self) -> u64 {
        todo!()
    }

    /// Opens the bytes that are there, `0..offset`, for reading.
    pub fn partial(&self) -> Result<File> {
        todo!()
    }

    /// Reads the bytes from before once, hashes them, and shows each piece to `each` (which feeds whatever else must see the
    /// whole blob). Needed once before the first [`append`](Self::append) to a resumed blob, which does it itself if it was not done.
    pub fn rehash(&mut self, each: &mut dyn FnMut(&[u8])) -> Result<()> {
        let _ = each;
        todo!()
    }

    /// Drops the bytes from before and starts at 0.
    pub fn restart(&mut self) -> Result<()> {
        todo!()
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`SizeMismatch`](crate::Error::SizeMismatch) as soon as there would be more than announced; [`DiskFull`](crate::Error::DiskFull).
    /// After any error the writer is of no more use; what was on disk before stays for a resume.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let _ = bytes;
        todo!()
    }

    /// Makes the blob visible under its digest: size checked, digest checked, synced, renamed, folder synced, row written.
    ///
    /// # Errors
    /// [`SizeMismatch`](crate::Error::SizeMismatch) keeps a short blob for resume. [`DigestMismatch`](crate::Error::DigestMismatch)
    /// throws the bytes away: all of them are suspect, so the next try starts at 0.
    pub fn commit(self) -> Result<()> {
        todo!()
    }

    /// Throws the bytes away.
    pub fn discard(self) -> Result<()> {
        todo!()
    }
}
