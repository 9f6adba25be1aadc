//! The pass over a layer: diff ID, sizes and file index, in one go.

use std::io::{self, Read, Write};

use oci::{Algorithm, Digest, Hasher};
use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::compression::{Compression, Decompressor};
use crate::entry::EntryKind;
use crate::error::{Corruption, EntryName, Error, Position};
use crate::index::{IndexWriter, MAX_INDEX_SIZE};
use crate::tar::{Parser, Step};

/// Holds what is known of a layer after every byte of it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFacts {
    /// The digest of the uncompressed bytes, to be compared with the config's `rootfs.diff_ids`.
    pub diff_id: Digest,
    /// Bytes of the uncompressed tar, with what follows its end mark.
    pub uncompressed_size: u64,
    /// Bytes of regular files, holes included; a hard link adds nothing, a file that stands twice counts twice.
    pub content_size: u64,
    /// Members of the archive.
    pub entries: u64,
}

/// Reads the uncompressed bytes of a layer as they come, and writes the file index meanwhile.
///
/// It is a stage of a pipeline: it is pushed to, so that it can sit behind a decompressor on another
/// thread, behind a channel, or in a loop (as in [`scan`]). Chunks may have any size; large ones (64 KiB
/// and more) save time. The diff ID is over *every* byte, also those after the tar's end mark
/// (containerd/containerd#4628); the parser skips those.
///
/// If it is dropped, or returned an error, what was written so far is an incomplete index, which
/// [`FileIndex`](crate::FileIndex) refuses.
pub struct LayerScan<W: Write> {
    hasher: Hasher,
    indexer: Indexer<W>,
    size: u64,
    limit: u64,
}

impl<W: Write> LayerScan<W> {
    /// Begins a scan that names the layer by SHA-256 and writes its index to `index`.
    pub fn new(index: W) -> Self {
        Self::with_algorithm(Algorithm::Sha256, index)
    }

    /// Begins a scan for a diff ID of the given algorithm, which is the one that the config uses.
    pub fn with_algorithm(algorithm: Algorithm, index: W) -> Self {
        Self {
            hasher: Hasher::new(algorithm),
            indexer: Indexer::new(index),
            size: 0,
            limit: u64::MAX,
        }
    }

    /// Refuses layers of more than `limit` bytes, uncompressed, with [`Error::TooLong`].
    ///
    /// A few kilobytes of zstd can be terabytes of zeros. They take no memory here, but time.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Reads a whole blob, compressed or not, to its end, and ends the scan. Returns how it was compressed and what it holds.
    pub fn read(mut self, blob: impl Read) -> Result<(Compression, LayerFacts), Error> {
        let mut reader = Decompressor::new(blob).map_err(Error::from_read)?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.write(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_read(error)),
            }
        }
        Ok((reader.compression(), self.finish()?))
    }

    /// Takes the next uncompressed bytes. After an error the scan is of no more use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.limit {
            return Err(Error::TooLong { limit: self.limit });
        }
        // The parser first: it stops at once at what is no tar.
        self.indexer.write(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Ends the layer and the index. The index is flushed to the writer, which is then dropped.
    ///
    /// Whether the bytes are the ones that the config promises is for the caller to check:
    /// [`LayerFacts::diff_id`].
    pub fn finish(self) -> Result<LayerFacts, Error> {
        let Self {
            hasher,
            indexer,
            size,
            limit: _,
        } = self;
        indexer.finish(size, hasher)
    }
}

/// Scans a whole blob, compressed or not, and writes its file index.
///
/// Returns how it was compressed and what it holds. The source is read to its end.
pub fn scan(blob: impl Read, index: impl Write) -> Result<(Compression, LayerFacts), Error> {
    LayerScan::new(index).read(blob)
}

/// Everything of a scan but the diff ID.
struct Indexer<W: Write> {
    parser: Parser,
    index: IndexWriter<W>,
    fingerprint: Fingerprint,
    content_size: u64,
    entries: u64,
}

impl<W: Write> Indexer<W> {
    fn new(index: W) -> Self {
        Self {
            parser: Parser::new(),
            index: IndexWriter::new(index),
            fingerprint: Fingerprint::new(),
            content_size: 0,
            entries: 0,
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        loop {
            match self.parser.advance(&mut bytes)? {
                Step::NeedInput => return Ok(()),
                Step::Entry => self.begin_entry()?,
                Step::Content(content) => self.fingerprint.update(content),
                Step::EntryEnd => {
                    self.index
                        .entry(self.parser.entry(), self.fingerprint.finish())
                        .map_err(Error::WriteIndex)?;
                    if self.index.size() > MAX_INDEX_SIZE {
                        return Err(Error::TooMuchMetadata {
                            limit: MAX_INDEX_SIZE,
                        });
                    }
                }
            }
        }
    }

    fn begin_entry(&mut self) -> Result<(), Error> {
        let entry = self.parser.entry();
        self.entries += 1;
        if entry.kind == EntryKind::Regular {
            let total = self.content_size.checked_add(entry.size);
            self.content_size = total.ok_or_else(|| Error::Corrupt {
                position: Position {
                    offset: entry.data_offset,
                    entry: Some(EntryName::new(&entry.path)),
                    after: false,
                },
                problem: Corruption::SizeOverflow,
            })?;
        }
        self.fingerprint
            .begin(self.parser.sparse_map_name(), entry.stored_size);
        Ok(())
    }

    fn finish(self, uncompressed_size: u64, hasher: Hasher) -> Result<LayerFacts, Error> {
        let Self {
            parser,
            index,
            fingerprint: _,
            content_size,
            entries,
        } = self;
        parser.finish()?;
        let facts = LayerFacts {
            diff_id: hasher.finish(),
            uncompressed_size,
            content_size,
            entries,
        };
        index.finish(&facts).map_err(Error::WriteIndex)?;
        Ok(facts)
    }
}

/// Hashes the content of one entry after the other.
///
/// Most files come in one piece, for which the one-shot function is several times faster than setting up a state.
pub(crate) struct Fingerprint {
    seed: u64,
    missing: u64,
    state: Box<Xxh3>,
    streaming: bool,
    done: u128,
}

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self {
            seed: 0,
            missing: 0,
            state: Box::new(Xxh3::new()),
            streaming: false,
            done: 0,
        }
    }

    /// Begins an entry of `length` stored bytes. The map of a sparse file is part of its content: it makes the seed.
    pub(crate) fn begin(&mut self, seed: u64, length: u64) {
        (self.seed, self.missing, self.streaming) = (seed, length, false);
        if length == 0 {
            self.done = xxh3_128_with_seed(&[], seed);
        }
    }

    pub(crate) fn update(&mut self, content: &[u8]) {
        self.missing = self.missing.saturating_sub(content.len() as u64);
        if !self.streaming {
            if self.missing == 0 {
                self.done = xxh3_128_with_seed(content, self.seed);
                return;
            }
            *self.state = Xxh3::with_seed(self.seed);
            self.streaming = true;
        }
        self.state.update(content);
        if self.missing == 0 {
            self.done = self.state.digest128();
        }
    }

    pub(crate) fn finish(&self) -> u128 {
        self.done
    }
}

/// Hashes the content of a file as the file index does, so that the two can be compared.
#[derive(Default)]
pub struct ContentHash(Box<Xxh3>);

impl ContentHash {
    /// Begins.
    pub fn new() -> Self {
        Self(Box::new(Xxh3::with_seed(0)))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns what [`FileEntry::fingerprint`](crate::FileEntry::fingerprint) is for a file of these bytes.
    pub fn finish(&self) -> u128 {
        self.0.digest128()
    }
}
