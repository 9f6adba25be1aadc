//! Where the bytes of a blob come from that is sent to a registry.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use oci::{Descriptor, Digest};
use tokio::sync::mpsc;

use crate::{Error, RegistryClient, Repository};

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

/// A blob of another repository, which passes through and is not kept.
///
/// The registry that takes it compares the digest; nothing is hashed on the way.
#[derive(Clone, Debug)]
pub struct RemoteSource {
    client: RegistryClient,
    repository: Repository,
    descriptor: Descriptor,
}

impl RemoteSource {
    /// Makes a source of a blob that a repository has.
    pub fn new(client: RegistryClient, repository: Repository, descriptor: Descriptor) -> Self {
        Self {
            client,
            repository,
            descriptor,
        }
    }
}

impl BlobSource for RemoteSource {
    fn open(&self, offset: u64, length: u64) -> BoxFuture<'_, Result<Pieces, Error>> {
        Box::pin(async move {
            let body = self
                .client
                .blob(&self.repository, &self.descriptor, offset, &())
                .await?;
            let surplus = offset.saturating_sub(body.starts_at());
            let cut = stream::unfold(
                (body, surplus, length),
                async |(mut body, mut surplus, mut left)| {
                    while left > 0 {
                        let mut piece = match body.next().await? {
                            Ok(piece) => piece,
                            Err(error) => return Some((Err(error), (body, surplus, 0))),
                        };
                        // A server that begins at the beginning again sends what is there once more.
                        let skip = fitting(surplus, piece.len());
                        surplus -= skip as u64;
                        drop(piece.split_to(skip));
                        piece.truncate(fitting(left, piece.len()));
                        left -= piece.len() as u64;
                        if !piece.is_empty() {
                            return Some((Ok(piece), (body, surplus, left)));
                        }
                    }
                    None
                },
            );
            Ok(cut.boxed())
        })
    }
}

fn fitting(wanted: u64, there: usize) -> usize {
    usize::try_from(wanted).map_or(there, |wanted| wanted.min(there))
}
