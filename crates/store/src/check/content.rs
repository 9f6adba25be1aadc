//! Hashing every blob, on all cores.

use std::cmp::Reverse;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use oci::{Digest, Hasher};

use super::{PIECE, Report};
use crate::{BlobFault, Error, Result, Store};

/// Tells whether a disk could not read what it holds: content that is lost. Any other refusal, such as that of too many open files,
/// says nothing of the content.
pub(super) fn is_unreadable(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::IO)
    }
    #[cfg(not(unix))]
    {
        // ERROR_CRC, which is what a bad sector gives.
        error.raw_os_error() == Some(23)
    }
}

impl Store {
    /// Hashes blobs on all cores.
    pub(super) fn check_content(
        &self,
        blobs: &[(Digest, u64)],
        report: &mut Report,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<()> {
        // The largest first: a large one that begins last would keep one core busy and the others waiting.
        let mut blobs: Vec<_> = blobs.iter().collect();
        blobs.sort_by_key(|(_, size)| Reverse(*size));
        let next = AtomicUsize::new(0);
        let read = AtomicU64::new(0);
        let stopped = AtomicBool::new(false);
        let work = || -> Result<Vec<(Digest, BlobFault)>> {
            let mut wrong = Vec::new();
            let mut buffer = vec![0; PIECE];
            while let Some((digest, size)) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.hash_file(digest, &mut buffer, &read, &stopped, progress) {
                    Ok(Some(found)) if found == *digest => {}
                    Ok(Some(_)) => wrong.push((digest.clone(), BlobFault::Content)),
                    Ok(None) => return Err(Error::Stopped),
                    // It went or changed while we looked: a collector may have taken it, and then no row names it any more.
                    Err(Error::BlobMissing { .. }) => {}
                    Err(Error::BlobDamaged { fault, .. }) => wrong.push((digest.clone(), fault)),
                    Err(Error::Io { source, .. }) if *size > 0 && is_unreadable(&source) => {
                        wrong.push((digest.clone(), BlobFault::Content));
                    }
                    Err(other) => return Err(other),
                }
            }
            Ok(wrong)
        };
        let threads = std::thread::available_parallelism()
            .map_or(1, std::num::NonZero::get)
            .min(blobs.len().max(1));
        let results: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            running
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect()
        });
        for result in results {
            let wrong = result.unwrap_or_else(|_| Err(Error::Stopped))?;
            for (digest, fault) in wrong {
                self.report_blob(&digest, fault, report)?;
            }
        }
        report.bytes_read = read.into_inner();
        Ok(())
    }

    /// Returns the digest of a blob's file; `None` if the caller wants to stop.
    fn hash_file(
        &self,
        digest: &Digest,
        buffer: &mut [u8],
        read: &AtomicU64,
        stopped: &AtomicBool,
        progress: &(dyn Fn(u64) -> ControlFlow<()> + Sync),
    ) -> Result<Option<Digest>> {
        let mut file = self.open_blob(digest)?;
        let mut hasher = Hasher::new(digest.algorithm());
        loop {
            let count = file
                .read(buffer)
                .map_err(Error::io("read", &self.blob_path(digest)))?;
            if count == 0 {
                return Ok(Some(hasher.finish()));
            }
            hasher.update(&buffer[..count]);
            let total = read.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
            if progress(total).is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
            if stopped.load(Ordering::Relaxed) {
                return Ok(None);
            }
        }
    }
}
