use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use oci::Descriptor;

use crate::{Error, Observer, RegistryClient, Repository};

/// The bytes of a blob as they arrive, not verified except that they are never more than the descriptor says.
///
/// Ends after exactly the expected number of bytes. An error is its last item: [`Error::Interrupted`] or
/// [`Error::Timeout`] if the connection broke, after which the blob can be opened again at the offset reached.
pub struct BlobStream {
    starts_at: u64,
    body: BoxStream<'static, Result<Bytes, Error>>,
}

impl BlobStream {
    /// Returns the offset of the first byte: what was asked for, or 0 if the server starts from the beginning.
    ///
    /// A caller that holds bytes after this offset throws them away.
    pub fn starts_at(&self) -> u64 {
        self.starts_at
    }
}

impl std::fmt::Debug for BlobStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobStream").field("starts_at", &self.starts_at).finish_non_exhaustive()
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.body.as_mut().poll_next(context)
    }
}

impl RegistryClient {
    /// Opens a blob at an offset.
    ///
    /// Retries by itself until there is an answer; what comes after that is the caller's: on an error in the stream it
    /// asks its own [`Attempts`](crate::Attempts) and opens again at the offset reached. `offset` may equal the size.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
        observer: &dyn Observer,
    ) -> Result<BlobStream, Error> {
        unimplemented!("{repository} {descriptor:?} {offset} {:p}", observer)
    }

    /// Fetches a small blob (a config) into memory, verified; at most `limit` bytes.
    ///
    /// Uses the bytes inside the descriptor where it has them. Retries and resumes by itself.
    pub async fn read_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        limit: u64,
        observer: &dyn Observer,
    ) -> Result<Bytes, Error> {
        unimplemented!("{repository} {descriptor:?} {limit} {:p}", observer)
    }
}
