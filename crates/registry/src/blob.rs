use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use oci::Descriptor;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Method, Response};

use crate::access::Access;
use crate::client::{Answer, Ask, Place};
use crate::resolve::hash;
use crate::transport::next_chunk;
use crate::{Attempts, Error, Observer, RegistryClient, Repository, What};

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
        f.debug_struct("BlobStream")
            .field("starts_at", &self.starts_at)
            .finish_non_exhaustive()
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
    /// asks its own [`Attempts`](crate::Attempts) and opens again at the offset reached. `offset` may equal the size,
    /// in which case nothing is asked and the stream is empty; the same goes for a blob of no bytes.
    pub async fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
        observer: &dyn Observer,
    ) -> Result<BlobStream, Error> {
        if offset == descriptor.size {
            return Ok(BlobStream {
                starts_at: offset,
                body: stream::empty().boxed(),
            });
        }
        // More than there is cannot be a part of it.
        let offset = if offset > descriptor.size { 0 } else { offset };
        let mut attempts = self.attempts(What::Blob(descriptor.digest.clone()));
        loop {
            match self.open(repository, descriptor, offset, observer).await {
                Ok(stream) => return Ok(stream),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    /// Fetches a small blob (a config) into memory, verified; at most `limit` bytes.
    ///
    /// Uses the bytes inside the descriptor where it has them and they are right. Retries and resumes by itself.
    pub async fn read_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        limit: u64,
        observer: &dyn Observer,
    ) -> Result<Bytes, Error> {
        let what = What::Blob(descriptor.digest.clone());
        if descriptor.size > limit {
            return Err(Error::TooLarge { what, limit });
        }
        if let Some(bytes) = inline(descriptor) {
            return Ok(bytes);
        }
        let mut attempts = self.attempts(what.clone());
        let mut bytes = BytesMut::new();
        loop {
            let error = match self
                .collect(repository, descriptor, &mut bytes, &mut attempts, observer)
                .await?
            {
                Some(broken) => broken,
                None => {
                    let found = hash(descriptor.digest.algorithm(), &bytes);
                    if found == descriptor.digest {
                        return Ok(bytes.freeze());
                    }
                    bytes.clear();
                    let host = repository.host().to_owned();
                    Error::DigestMismatch {
                        host,
                        what: what.clone(),
                        expected: descriptor.digest.clone(),
                        found,
                    }
                }
            };
            attempts.again(error, observer).await?;
        }
    }

    /// Reads a blob to its end into `bytes`, from where they end. Returns the error if the stream broke.
    async fn collect(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        bytes: &mut BytesMut,
        attempts: &mut Attempts,
        observer: &dyn Observer,
    ) -> Result<Option<Error>, Error> {
        let mut stream = self
            .blob(repository, descriptor, bytes.len() as u64, observer)
            .await?;
        if stream.starts_at() == 0 {
            bytes.clear();
        }
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => {
                    bytes.extend_from_slice(&chunk);
                    attempts.progressed_to(bytes.len() as u64);
                }
                Err(error) => return Ok(Some(error)),
            }
        }
        Ok(None)
    }

    async fn open(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
        observer: &dyn Observer,
    ) -> Result<BlobStream, Error> {
        let what = What::Blob(descriptor.digest.clone());
        let path = format!("blobs/{}", descriptor.digest);
        let mut ask = Ask {
            repository,
            what: &what,
            method: Method::GET,
            place: Place::Path(&path),
            access: &Access::Pull,
            accept: None,
            offset,
        };
        let mut answer = self.ask(&ask, observer).await?;
        if offset > 0 && !starts_right(&answer, descriptor.size, offset) {
            // The range cannot be had (416), or it is another one than was asked for: from the beginning, then.
            tracing::debug!(digest = %descriptor.digest, offset, "the server does not serve the range");
            ask.offset = 0;
            answer = self.ask(&ask, observer).await?;
        }
        let code = answer.response.status().as_u16();
        let starts_at = if code == 206 { ask.offset } else { 0 };
        if code == 206 && ask.offset == 0 {
            let reason = format!("a part of {what} instead of the whole");
            return Err(Error::BadResponse {
                host: answer.host,
                reason,
            });
        }
        let expected = descriptor.size - starts_at;
        let length = answer.response.content_length();
        if let Some(length) = length.filter(|length| *length != expected) {
            let found = Some(length.saturating_add(starts_at));
            return Err(Error::SizeMismatch {
                host: answer.host,
                what,
                expected: descriptor.size,
                found,
            });
        }
        let body = Body {
            response: answer.response,
            host: answer.host,
            what,
            reached: starts_at,
            size: descriptor.size,
            length_known: length.is_some(),
            stall: self.options().timeouts.stall,
        };
        Ok(BlobStream {
            starts_at,
            body: stream::try_unfold(body, Body::next).boxed(),
        })
    }
}

/// Tells whether an answer to a request with an offset can be used: the right part, or the whole.
fn starts_right(answer: &Answer, size: u64, offset: u64) -> bool {
    match answer.response.status().as_u16() {
        200 => true,
        206 => {
            let header = answer
                .response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|value| value.to_str().ok());
            header.and_then(content_range).is_some_and(|range| {
                range.start == offset
                    && range.end == size - 1
                    && range.total.is_none_or(|total| total == size)
            })
        }
        _ => false,
    }
}

/// What `Content-Range: bytes 5-9/10` says; the end is inclusive and the total may be `*`.
#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    start: u64,
    end: u64,
    total: Option<u64>,
}

fn content_range(text: &str) -> Option<ContentRange> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let total = if total == "*" {
        None
    } else {
        Some(total.parse().ok()?)
    };
    let range = ContentRange {
        start: start.parse().ok()?,
        end: end.parse().ok()?,
        total,
    };
    unit.eq_ignore_ascii_case("bytes").then_some(range)
}

/// A body that is being read.
struct Body {
    response: Response,
    host: String,
    what: What,
    /// The offset in the blob after the last byte that was handed out.
    reached: u64,
    size: u64,
    /// Whether the HTTP client itself knows where the body ends.
    length_known: bool,
    stall: Duration,
}

impl Body {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        let left = self.size - self.reached;
        if left == 0 {
            return self.must_end().await.map(|()| None);
        }
        let chunk = next_chunk(
            &mut self.response,
            self.stall,
            self.reached,
            Some(self.size),
        )
        .await?;
        match chunk {
            None => Err(Error::Interrupted {
                host: self.host,
                reached: self.reached,
                expected: self.size,
                reason: None,
            }),
            Some(chunk) if chunk.len() as u64 > left => Err(self.too_long()),
            Some(chunk) => {
                self.reached += chunk.len() as u64;
                Ok(Some((chunk, self)))
            }
        }
    }

    /// Refuses a body that goes on after its last byte. One that just stays open has given all that it must.
    async fn must_end(mut self) -> Result<(), Error> {
        if self.length_known {
            return Ok(());
        }
        let wait = self.stall.min(Duration::from_secs(5));
        match next_chunk(&mut self.response, wait, self.reached, Some(self.size)).await {
            Ok(Some(chunk)) if !chunk.is_empty() => Err(self.too_long()),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn too_long(self) -> Error {
        Error::SizeMismatch {
            host: self.host,
            what: self.what,
            expected: self.size,
            found: None,
        }
    }
}

/// Returns the content that a descriptor carries itself, if it is what the descriptor says.
fn inline(descriptor: &Descriptor) -> Option<Bytes> {
    let bytes = STANDARD.decode(descriptor.data.as_ref()?).ok()?;
    let right = bytes.len() as u64 == descriptor.size
        && hash(descriptor.digest.algorithm(), &bytes) == descriptor.digest;
    right.then(|| Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_future_can_move_between_threads() {
        fn moves<T: Send>(_: T) {}
        fn check(
            client: &RegistryClient,
            repository: &Repository,
            descriptor: &Descriptor,
            reference: &oci::Reference,
        ) {
            moves(client.blob(repository, descriptor, 0, &()));
            moves(client.read_blob(repository, descriptor, 0, &()));
            moves(client.manifest(repository, descriptor, &()));
            moves(client.resolve(reference, &()));
            moves(client.tags(repository, &()));
        }
        // That it compiles is the test.
        let _ = check;
    }

    #[test]
    fn content_ranges() {
        assert_eq!(
            content_range("bytes 5-9/10"),
            Some(ContentRange {
                start: 5,
                end: 9,
                total: Some(10)
            })
        );
        assert_eq!(
            content_range("Bytes 5-9/*"),
            Some(ContentRange {
                start: 5,
                end: 9,
                total: None
            })
        );
        for wrong in [
            "bytes */10",
            "5-9/10",
            "bytes 5-9",
            "items 5-9/10",
            "bytes -9/10",
            "bytes 5-99999999999999999999/*",
        ] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn inline_content_counts_only_if_it_is_right() {
        let mut descriptor =
            Descriptor::new(oci::MediaType::OciEmpty, oci::Digest::sha256(b"{}"), 2);
        assert_eq!(inline(&descriptor), None);
        descriptor.data = Some("e30=".into());
        assert_eq!(inline(&descriptor).as_deref(), Some(b"{}".as_slice()));
        descriptor.data = Some("W10=".into());
        assert_eq!(inline(&descriptor), None, "other bytes");
    }
}
