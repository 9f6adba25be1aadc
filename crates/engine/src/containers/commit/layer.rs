//! The layer of an image that is committed: written, listed and indexed in one pass.

use std::io::{self, Read, Write};
use std::num::NonZero;
use std::thread;

use jiff::Timestamp;
use layer::{CompressedSink, Compression, LayerScan, SeekTableBuilder};
use oci::Digest;
use store::{ContainerRecord, NewLayer, UnnamedWriter};

use super::Commit;
use crate::Error;
use crate::containers::changeset::{Change, ChangeSet, Content, Kind, Node};
use crate::containers::editing::image_of;
use crate::containers::tar::{Contents, LayerTar, unreadable};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// The layer that was written.
pub(super) struct Layer {
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) diff_id: Digest,
}

impl Commit<'_> {
    /// Writes the layer, its file index and its seek table in one pass.
    pub(super) fn layer(
        &self,
        record: &ContainerRecord,
        set: &ChangeSet,
    ) -> Result<(Layer, NewLayer), Error> {
        let store = &self.shared.store;
        let contents = Contents {
            image: match needs_image(set) {
                true => image_of(self.shared, record)?,
                false => crate::ImageFiles::none(store.clone(), record.manifest.clone()),
            },
            store: store.clone(),
            container: record.id.clone(),
        };
        let latest = self.request.epoch.map(Timestamp::as_second);
        let tar = LayerTar::of_changes(contents, set, latest);
        let total = tar.length();
        let mut reader = tar
            .read_from(0)
            .ok_or_else(|| Error::Internal("a layer has no start".into()))?;
        let mut index = store.index_writer()?;
        let mut sink = Sink {
            writer: store.ingest_unnamed()?,
            table: SeekTableBuilder::default(),
            failed: None,
        };
        let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let mut scan = LayerScan::new(&mut index);
        let compression = self.request.compression;
        let read = layer::compress(compression, threads, &mut sink, |out| {
            let mut buffer = vec![0; PIECE];
            let mut done = 0;
            loop {
                if self.stop.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let count = reader
                    .read(&mut buffer)
                    .map_err(|error| unreadable(&record.name, error))?;
                if count == 0 {
                    return Ok(());
                }
                scan.write(&buffer[..count]).map_err(scan_failed)?;
                out.write_all(&buffer[..count])
                    .map_err(|source| Error::ContainerContent {
                        container: record.name.clone(),
                        source,
                    })?;
                done += count as u64;
                self.count.send_replace((done, total));
            }
        });
        // Why nobody takes the bytes any more is what the disk said.
        if let Some(failed) = sink.failed.take() {
            return Err(failed.into());
        }
        read.map_err(|source| Error::ContainerContent {
            container: record.name.clone(),
            source,
        })??;
        let facts = scan.finish().map_err(scan_failed)?;
        let facts = crate::pipeline::facts_of(facts);
        let (digest, size) = (sink.writer.digest(), sink.writer.size());
        let mut table = store.seek_table_writer(&digest)?;
        if compression == Compression::Gzip
            && let Err(error) = sink.table.finish(facts.uncompressed_size, table.file())
        {
            // It is made when somebody reads from the middle.
            tracing::warn!(%error, "a seek table could not be written");
            table = store.seek_table_writer(&digest)?;
        }
        let layer = Layer {
            digest,
            size,
            diff_id: facts.diff_id.clone(),
        };
        let written = NewLayer {
            blob: sink.writer,
            index,
            facts,
            table,
        };
        Ok((layer, written))
    }
}

/// Takes the compressed layer. The store's own error is kept beside the one that the compressor understands.
struct Sink {
    writer: UnnamedWriter,
    table: SeekTableBuilder,
    failed: Option<store::Error>,
}

impl CompressedSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.append(bytes).map_err(|error| {
            self.failed = Some(error);
            io::ErrorKind::BrokenPipe.into()
        })
    }

    fn place(&mut self, input: u64, output: u64) -> io::Result<()> {
        self.table.place(input, output);
        Ok(())
    }
}

/// Says what is wrong with a layer of our own: its index could not be written, in the end.
fn scan_failed(error: layer::Error) -> Error {
    match error {
        layer::Error::WriteIndex(source) => Error::ContainerContent {
            container: "index".into(),
            source,
        },
        other => Error::Internal(other.to_string()),
    }
}

/// Tells whether contents of the image's own layers are to be read.
fn needs_image(set: &ChangeSet) -> bool {
    set.values().any(|change| {
        matches!(
            change,
            Change::Placed(Node {
                kind: Kind::File {
                    content: Content::Image { .. },
                    ..
                },
                ..
            })
        )
    })
}
