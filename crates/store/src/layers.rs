use std::fs::File;
use std::io::{self, Write};

use oci::Digest;

use crate::{Result, Store};

/// What is known of a layer after its tar was read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerFacts {
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Bytes of the uncompressed tar.
    pub uncompressed_size: u64,
    /// Bytes of its regular files, hard links once.
    pub content_size: u64,
    /// How many entries the tar has.
    pub entries: u64,
}

/// A layer blob's facts as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRecord {
    /// The blob: the compressed bytes.
    pub digest: Digest,
    /// What its tar holds.
    pub facts: LayerFacts,
    /// Bytes of the file index on disk; `None` where there is none.
    pub index_size: Option<u64>,
}

/// Writes the file index of a layer. It becomes visible only in [`commit`](Self::commit); dropping it throws it away.
pub struct IndexWriter {
    _private: (),
}

impl Store {
    /// Begins the file index of a layer blob. Writes are buffered.
    pub fn index_writer(&self, blob: &Digest) -> Result<IndexWriter> {
        let _ = blob;
        todo!()
    }

    /// Returns what is known of a layer blob, or `None` where its tar was never read.
    pub fn layer(&self, blob: &Digest) -> Result<Option<LayerRecord>> {
        let _ = blob;
        todo!()
    }

    /// Opens the file index of a layer, or returns `None` where there is none.
    pub fn open_index(&self, diff_id: &Digest) -> Result<Option<File>> {
        let _ = diff_id;
        todo!()
    }

    /// Records facts without a (new) file index, as after reading them from an index that is there.
    pub fn put_layer_facts(&self, blob: &Digest, facts: &LayerFacts) -> Result<()> {
        let _ = (blob, facts);
        todo!()
    }

    /// Returns the layer blobs of live images whose facts are not known, with the diff ID that the config gives them.
    ///
    /// Empty but for a store that was rebuilt or an image that is no file system. Until they are known such layers count 0 bytes unpacked.
    pub fn layers_without_facts(&self) -> Result<Vec<(Digest, Option<Digest>)>> {
        todo!()
    }
}

impl IndexWriter {
    /// Makes the index durable as `layers/<diff ID>.index` and records the facts for its blob.
    pub fn commit(self, facts: &LayerFacts) -> Result<()> {
        let _ = facts;
        todo!()
    }
}

impl Write for IndexWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = bytes;
        todo!()
    }

    fn flush(&mut self) -> io::Result<()> {
        todo!()
    }
}
