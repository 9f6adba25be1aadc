//! Where the bytes of a blob come from that is sent to a registry.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use oci::{Descriptor, Digest, Hasher};
use tokio::sync::mpsc;

use crate::{BlobStream, Error, RegistryClient, Repository, What};

/// How much is read at a time: large enough that the reading costs nothing, small enough for progress.
const PIECE: usize = 256 * 1024;

/// Pieces that may wait for the connection.
const QUEUE: usize = 4;

/// The bytes of a part of a blob, as they come.
pub type Pieces = BoxStream<'static, Result<Bytes, Error>>;

/// Gives the bytes of one blob, as often as they are needed: a try that failed begins again anywhere.
pub trait BlobSource: Send + Sync {
    /// Opens `length` bytes from `offset`. What comes is exactly that, or ends with an error.
    fn open(&self, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces, Error>>;
}

/// A blob in a file. The file is opened by the function, once for each try.
pub struct FileSource<F> {
    digest: Digest,
    open: F,
}

impl<F> std::fmt::Debug for FileSource<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FileSource").field(&self.digest).finish()
    }
}

impl<F> FileSource<F>
where
    F: Fn() -> std::io::Result<File> + Clone + Send + Sync + 'static,
{
    /// Makes a source of a blob; `open` is called where it may block.
    pub fn new(digest: Digest, open: F) -> Self {
        Self { digest, open }
    }
}

impl<F> BlobSource for FileSource<F>
where
    F: Fn() -> std::io::Result<File> + Clone + Send + Sync + 'static,
{
    fn open(&self, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces, Error>> {
        let (open, digest) = (self.open.clone(), self.digest.clone());
        let (sender, receiver) = mpsc::channel(QUEUE);
        // Ends with the receiver: nobody waits for it.
        drop(tokio::task::spawn_blocking(move || {
            if let Err(source) = read(&open, offset, length, &sender) {
                drop(sender.blocking_send(Err(Error::Source { digest, source })));
            }
        }));
        let pieces = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        Box::pin(std::future::ready(Ok(pieces.boxed())))
    }
}

fn read(
    open: &dyn Fn() -> std::io::Result<File>,
    offset: u64,
    length: u64,
    sender: &mpsc::Sender<Result<Bytes, Error>>,
) -> std::io::Result<()> {
    let mut file = open()?;
    file.seek(SeekFrom::Start(offset))?;
    let mut left = length;
    while left > 0 {
        let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; wanted];
        file.read_exact(&mut piece)?;
        left -= wanted as u64;
        if sender.blocking_send(Ok(piece.into())).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// How far apart the places are from which hashing can go on.
const MARK_EVERY: u64 = 1024 * 1024;

/// A blob of another repository, which passes through and is not kept.
///
/// It is hashed as it passes, and its last bytes are held back until the digest is right: nothing wrong becomes whole in the
/// registry that takes it, whether that compares or not. A try that begins in the middle goes on hashing from a mark before it, at
/// most 1 MiB of which is fetched once more.
#[derive(Clone, Debug)]
pub struct RemoteSource {
    client: RegistryClient,
    repository: Repository,
    descriptor: Descriptor,
    passed: Arc<Mutex<Passed>>,
}

impl RemoteSource {
    /// Makes a source of a blob that a repository has.
    pub fn new(client: RegistryClient, repository: Repository, descriptor: Descriptor) -> Self {
        let passed = Passed::new(&descriptor);
        Self {
            client,
            repository,
            descriptor,
            passed: Arc::new(Mutex::new(passed)),
        }
    }
}

impl BlobSource for RemoteSource {
    fn open(&self, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces, Error>> {
        Box::pin(async move {
            let (mark, hasher) = lock(&self.passed).mark_before(offset, &self.descriptor);
            let body = self
                .client
                .blob(&self.repository, &self.descriptor, mark, &())
                .await?;
            let passing = Passing {
                hashed_at: body.starts_at(),
                // A server that begins at the beginning again sends what is there once more, and it is hashed once more.
                hasher: match body.starts_at() == mark {
                    true => hasher,
                    false => Hasher::new(self.descriptor.digest.algorithm()),
                },
                surplus: offset.saturating_sub(body.starts_at()),
                left: length,
                body,
                host: self.repository.host().to_owned(),
                descriptor: self.descriptor.clone(),
                passed: self.passed.clone(),
            };
            Ok(stream::try_unfold(passing, Passing::next).boxed())
        })
    }
}

/// What is known of a blob that passes, over all tries.
struct Passed {
    /// States of the hash, each with the count of bytes in it. The first is of none.
    marks: Vec<(u64, Hasher)>,
}

impl std::fmt::Debug for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.marks.iter().map(|mark| mark.0))
            .finish()
    }
}

impl Passed {
    fn new(descriptor: &Descriptor) -> Self {
        let none = Hasher::new(descriptor.digest.algorithm());
        Self {
            marks: vec![(0, none)],
        }
    }

    /// Returns the last mark that is not behind an offset. What is behind it will come again and is forgotten.
    fn mark_before(&mut self, offset: u64, descriptor: &Descriptor) -> (u64, Hasher) {
        self.marks.retain(|mark| mark.0 <= offset);
        let last = self.marks.last().cloned();
        last.unwrap_or_else(|| (0, Hasher::new(descriptor.digest.algorithm())))
    }

    fn note(&mut self, at: u64, hasher: &Hasher, is_end: bool) {
        let last = self.marks.last().map_or(0, |mark| mark.0);
        if at >= last + MARK_EVERY || (is_end && at > last) {
            self.marks.push((at, hasher.clone()));
        }
    }
}

/// One try's bytes.
struct Passing {
    body: BlobStream,
    /// Bytes that come before those that were asked for.
    surplus: u64,
    left: u64,
    hasher: Hasher,
    hashed_at: u64,
    host: String,
    descriptor: Descriptor,
    passed: Arc<Mutex<Passed>>,
}

impl Passing {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        while self.left > 0 {
            let Some(piece) = self.body.next().await else {
                return Ok(None);
            };
            let mut piece = piece?;
            let skip = fitting(self.surplus, piece.len());
            piece.truncate(skip + fitting(self.left, piece.len() - skip));
            self.hasher.update(&piece);
            self.hashed_at += piece.len() as u64;
            self.surplus -= skip as u64;
            self.left -= (piece.len() - skip) as u64;
            if self.hashed_at == self.descriptor.size {
                self.judge()?;
            }
            lock(&self.passed).note(self.hashed_at, &self.hasher, self.left == 0);
            drop(piece.split_to(skip));
            if !piece.is_empty() {
                return Ok(Some((piece, self)));
            }
        }
        Ok(None)
    }

    /// Refuses a blob whose bytes are not the ones that were named.
    fn judge(&self) -> Result<(), Error> {
        let found = self.hasher.clone().finish();
        if found == self.descriptor.digest {
            return Ok(());
        }
        *lock(&self.passed) = Passed::new(&self.descriptor);
        Err(Error::DigestMismatch {
            host: self.host.clone(),
            what: What::Blob(self.descriptor.digest.clone()),
            expected: self.descriptor.digest.clone(),
            found,
        })
    }
}

/// Locks what passed. A panic elsewhere cannot leave it half-written.
fn lock(passed: &Mutex<Passed>) -> MutexGuard<'_, Passed> {
    passed.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fitting(wanted: u64, there: usize) -> usize {
    usize::try_from(wanted).map_or(there, |wanted| wanted.min(there))
}
