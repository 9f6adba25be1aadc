//! What happens to a blob's bytes while they arrive, from a registry or an archive: hashed and written, decompressed, hashed again and indexed.
//!
//! Three threads a layer, joined by short queues: one writes the compressed bytes, one decompresses, one reads the tar. Nothing
//! is read twice and nothing grows with the layer. When the sender of the bytes goes away, all three stop at their next piece.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use bytes::Bytes;
use layer::{Compression, Decompressor, LayerScan};
use oci::{Algorithm, Digest};
use store::{IngestWriter, Lease, Store, UnnamedWriter};
use tokio::sync::mpsc;

use crate::Error;

/// What the fetching side sends.
pub(crate) enum Message {
    /// More bytes.
    Piece(Bytes),
    /// That was all. A channel that closes without it was cancelled.
    End,
}

/// Compressed pieces and uncompressed buffers that may wait for the next thread.
const QUEUE: usize = 16;

/// Bytes that are decompressed at a time: large enough that zlib's inner loop runs undisturbed.
const BUFFER: usize = 256 * 1024;

/// How many bytes may become of one compressed byte. Deflate cannot do better than 1032; zstd can, and then it is zeros.
const RATIO: u64 = 1100;

/// What any layer may have uncompressed, however small its blob and however full the disk: it takes a second to read.
const SMALL: u64 = 1 << 30;

/// What no layer may have more of uncompressed: a terabyte, which takes the better part of an hour to read.
const LARGEST: u64 = 1 << 40;

/// Where the bytes go.
pub(crate) enum Sink {
    /// A blob whose digest is known.
    Named(IngestWriter),
    /// A blob whose digest its bytes tell, and its size where that is known; the lease holds it then.
    Unnamed(UnnamedWriter, Arc<Lease>, Option<u64>),
}

impl Sink {
    /// Takes a blob from its beginning: what an earlier attempt left of it is as easily read again as hashed again.
    ///
    /// Nothing of it stays where it does not come to its end.
    pub(crate) fn anew(mut writer: IngestWriter) -> Result<Self, Error> {
        writer.forget_when_dropped();
        if writer.offset() > 0 {
            writer.restart()?;
        }
        Ok(Self::Named(writer))
    }

    /// Returns the digest, where it is known before the bytes.
    fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Named(writer) => Some(writer.digest()),
            Self::Unnamed(..) => None,
        }
    }
}

/// A blob that was written, and what its bytes are as a layer.
pub(crate) struct Stored {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) compression: Compression,
    /// The error where it cannot be read as a layer, which matters only where it is one.
    pub(crate) facts: Result<store::LayerFacts, layer::Error>,
}

/// Writes a blob and, where it is a layer, its file index. On return both are durable.
///
/// A blob that was cut off stays as a partial download.
pub(crate) fn store(
    store: &Store,
    writer: IngestWriter,
    diff_id: Option<&Digest>,
    pieces: mpsc::Receiver<Message>,
) -> Result<(), Error> {
    let Some(diff_id) = diff_id else {
        write(Sink::Named(writer), pieces, &mut |_| {})?;
        return Ok(());
    };
    let stored = store_layer(store, Sink::Named(writer), Some(diff_id), pieces)?;
    let digest = stored.digest.clone();
    verify(&digest, diff_id, &stored.facts()?.diff_id)
}

/// Writes a blob and, where it can be read as a layer, its file index. Whether it is the right one is for the caller to say, who
/// gives the diff ID that is expected, where one is, so that the content gets one of the same algorithm.
pub(crate) fn store_layer(
    store: &Store,
    sink: Sink,
    expected: Option<&Digest>,
    pieces: mpsc::Receiver<Message>,
) -> Result<Stored, Error> {
    let mut index = store.index_writer()?;
    let limit = bound(
        store,
        match &sink {
            Sink::Named(writer) => Some(writer.size()),
            Sink::Unnamed(_, _, size) => *size,
        },
    );
    // The table lies beside the blob under its digest: one that is known only at the end gets it when somebody reads from its middle.
    let table = sink
        .digest()
        .map(|digest| store.seek_table_writer(digest))
        .transpose()?;
    let (written, compression, facts, whole) = thread::scope(|scope| {
        let (compressed, source) = sync_channel(QUEUE);
        let (plain, tar) = sync_channel(QUEUE / 2);
        let (used, free) = sync_channel(QUEUE / 2);
        let index = &mut index;
        let table_file = table.as_ref().map(store::SeekTableWriter::file);
        let scanning = scope.spawn(move || {
            let scan = LayerScan::with_algorithm(algorithm_of(expected), index).limit(limit);
            feed(scan, tar, &used)
        });
        let inflating = scope.spawn(move || {
            inflate(
                Pieces {
                    source,
                    current: Bytes::new(),
                },
                table_file,
                &plain,
                &free,
            )
        });
        // A layer that cannot be read is still worth its digest: wrong bytes and a broken layer are two different errors.
        let written = write(sink, pieces, &mut |piece| drop(compressed.send(piece)));
        drop(compressed);
        let inflated = join(inflating);
        let scanned = join(scanning);
        // When the tar is broken the decompressor stops too; the tar's error is the one that says why.
        match (scanned, inflated) {
            (Err(error), _) => (written, Compression::None, Err(error), false),
            (Ok(_), Err(error)) => (
                written,
                Compression::None,
                Err(layer::Error::from_read(error)),
                false,
            ),
            (Ok(facts), Ok((compression, whole))) => (written, compression, Ok(facts), whole),
        }
    });
    let (digest, size) = written?;
    let facts = facts.map(facts_of);
    if let Ok(facts) = &facts {
        index.commit(&digest, facts)?;
        if let Some(table) = table.filter(|_| whole) {
            table.commit()?;
        }
    }
    Ok(Stored {
        digest,
        size,
        compression,
        facts,
    })
}

impl Stored {
    /// Returns what the layer holds.
    pub(crate) fn facts(self) -> Result<store::LayerFacts, Error> {
        let digest = self.digest;
        self.facts.map_err(|source| Error::Layer {
            digest,
            source: Box::new(source),
        })
    }
}

/// Reads a layer from its blob and writes the index, where that was not done yet.
pub(crate) fn index_stored(
    store: &Store,
    digest: &Digest,
    expected: Option<&Digest>,
) -> Result<(), Error> {
    let algorithm = algorithm_of(expected);
    let found = match store.layer(digest)? {
        Some(record) if expected.is_none() || record.facts.diff_id.algorithm() == algorithm => {
            record.facts.diff_id
        }
        // Another image names the same content by another algorithm, and the index under that name stays.
        Some(_) => read_layer(store, digest, expected, &mut io::sink())?.diff_id,
        None => return index_anew(store, digest, expected).map(drop),
    };
    expected.map_or(Ok(()), |expected| verify(digest, expected, &found))
}

/// Reads a layer from its blob and writes the index, whether or not there is one. Returns the diff ID.
pub(crate) fn index_anew(
    store: &Store,
    digest: &Digest,
    expected: Option<&Digest>,
) -> Result<Digest, Error> {
    let mut index = store.index_writer()?;
    let facts = read_layer(store, digest, expected, &mut index)?;
    index.commit(digest, &facts)?;
    if let Some(expected) = expected {
        verify(digest, expected, &facts.diff_id)?;
    }
    Ok(facts.diff_id)
}

/// Reads a layer from its blob, with its file index going to `index`.
fn read_layer(
    store: &Store,
    digest: &Digest,
    expected: Option<&Digest>,
    index: &mut dyn io::Write,
) -> Result<store::LayerFacts, Error> {
    let blob = store.open_blob(digest)?;
    let size = blob.metadata().map(|found| found.len()).ok();
    let scan = LayerScan::with_algorithm(algorithm_of(expected), index).limit(bound(store, size));
    let (_, facts) = scan.read(blob).map_err(|source| Error::Layer {
        digest: digest.clone(),
        source: Box::new(source),
    })?;
    Ok(facts_of(facts))
}

/// Compares a layer's content with what the image says.
pub(crate) fn verify(digest: &Digest, expected: &Digest, found: &Digest) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    Err(Error::DiffId {
        digest: digest.clone(),
        expected: expected.clone(),
        found: found.clone(),
    })
}

/// Returns how many bytes a layer may have uncompressed: no more than its blob can honestly hold, and no more than the disk has
/// room for, where it must be unpacked in the end.
pub(crate) fn bound(store: &Store, compressed: Option<u64>) -> u64 {
    let declared = compressed.map_or(LARGEST, |size| size.saturating_mul(RATIO).min(LARGEST));
    let free = store.free_bytes().unwrap_or(LARGEST);
    declared.min(free).max(SMALL)
}

pub(crate) fn algorithm_of(expected: Option<&Digest>) -> Algorithm {
    expected.map_or(Algorithm::Sha256, Digest::algorithm)
}

pub(crate) fn facts_of(facts: layer::LayerFacts) -> store::LayerFacts {
    store::LayerFacts {
        diff_id: facts.diff_id,
        uncompressed_size: facts.uncompressed_size,
        content_size: facts.content_size,
        entries: facts.entries,
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Hashes and writes the compressed bytes, those of an earlier attempt first, and shows them all to `each`.
fn write(
    mut sink: Sink,
    mut pieces: mpsc::Receiver<Message>,
    each: &mut dyn FnMut(Bytes),
) -> Result<(Digest, u64), Error> {
    if let Sink::Named(writer) = &mut sink
        && writer.offset() > 0
    {
        writer.rehash(&mut |old| each(Bytes::copy_from_slice(old)))?;
    }
    loop {
        match pieces.blocking_recv() {
            Some(Message::Piece(piece)) => {
                match &mut sink {
                    Sink::Named(writer) => writer.append(&piece)?,
                    Sink::Unnamed(writer, ..) => writer.append(&piece)?,
                }
                each(piece);
            }
            Some(Message::End) => break,
            None => return Err(Error::Cancelled),
        }
    }
    match sink {
        Sink::Named(writer) => {
            let (digest, size) = (writer.digest().clone(), writer.size());
            writer.commit()?;
            Ok((digest, size))
        }
        Sink::Unnamed(writer, lease, _) => Ok(writer.commit(&lease)?),
    }
}

/// Decompresses until the source ends or nobody takes the result. Returns whether the seek table is whole; a layer without one
/// gets it when somebody reads from its middle.
fn inflate(
    source: Pieces,
    table: Option<store::SeekTableFile>,
    plain: &SyncSender<Vec<u8>>,
    free: &Receiver<Vec<u8>>,
) -> io::Result<(Compression, bool)> {
    let mut decompressor = Decompressor::new(source)?;
    let has_table = table.is_some();
    if let Some(table) = table {
        decompressor.write_table(table);
    }
    loop {
        let mut buffer = free.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        let mut filled = 0;
        while filled < BUFFER {
            match decompressor.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        buffer.truncate(filled);
        let last = filled < BUFFER;
        if plain.send(buffer).is_err() {
            return Ok((decompressor.compression(), false));
        }
        if last {
            let compression = decompressor.compression();
            let whole = match decompressor.finish_table() {
                Ok(()) => has_table,
                Err(error) => {
                    tracing::warn!(%error, "a seek table could not be written");
                    false
                }
            };
            return Ok((compression, whole));
        }
    }
}

/// Reads the tar and writes the index; gives the buffers back.
fn feed(
    mut scan: LayerScan<&mut store::IndexWriter>,
    tar: Receiver<Vec<u8>>,
    used: &SyncSender<Vec<u8>>,
) -> Result<layer::LayerFacts, layer::Error> {
    for buffer in tar {
        scan.write(&buffer)?;
        // Where the queue of free buffers is full, one less is needed.
        drop(used.try_send(buffer));
    }
    scan.finish()
}

/// The pieces as a reader. It ends when the sender goes away.
struct Pieces {
    source: Receiver<Bytes>,
    current: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.source.recv() {
                Ok(piece) => self.current = piece,
                Err(_) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
