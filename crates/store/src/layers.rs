use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use oci::Digest;
use rusqlite::{OptionalExtension, Row, params};

use crate::blobs::open_plain;
use crate::bring::Written;
use crate::database::{Text, column, size};
use crate::{Error, Result, Store, durable};

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

/// Numbers the unfinished indexes of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes the file index of a layer. It becomes visible only in [`commit`](Self::commit); dropping it throws it away.
pub struct IndexWriter {
    store: Store,
    path: PathBuf,
    /// Gone once it was committed.
    file: Option<BufWriter<File>>,
}

impl Store {
    /// Begins the file index of a layer. Writes are buffered.
    pub fn index_writer(&self) -> Result<IndexWriter> {
        self.refuse_read_only()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self
            .locks()
            .join(format!("{}.index-{number}.new", self.owner()));
        let file = durable::create(&path)?;
        Ok(IndexWriter {
            store: self.clone(),
            path,
            file: Some(BufWriter::with_capacity(128 * 1024, file)),
        })
    }

    /// Returns what is known of a layer blob, or `None` where its tar was never read.
    pub fn layer(&self, blob: &Digest) -> Result<Option<LayerRecord>> {
        self.read(|sql| {
            sql.prepare_cached("SELECT blob, diff_id, uncompressed_size, content_size, entries, index_size FROM layers WHERE blob = ?")?
                .query_row([Text(blob)], record)
                .optional()
        })
    }

    /// Opens the file index of a layer, or returns `None` where there is none.
    pub fn open_index(&self, diff_id: &Digest) -> Result<Option<File>> {
        let path = self.index_path(diff_id);
        match open_plain(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Returns the layer blobs of live images whose facts are not known, with the diff ID that the config gives them.
    ///
    /// Empty but for a store that was rebuilt with a gap in the log of facts. Until they are known such layers count 0 bytes unpacked.
    pub fn layers_without_facts(&self) -> Result<Vec<(Digest, Digest)>> {
        let rows = self.read(|sql| {
            let mut statement =
                sql.prepare("SELECT manifests FROM images WHERE removed IS NULL ORDER BY id")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        })?;
        let mut missing = std::collections::BTreeMap::new();
        for manifests in rows {
            for manifest in crate::record::manifest_list(&manifests) {
                let Ok(stack) = self.stack(&manifest) else {
                    continue;
                };
                for (descriptor, diff_id) in stack.layers {
                    if let Some(diff_id) = diff_id
                        && self.layer(&descriptor.digest)?.is_none()
                    {
                        missing.insert(descriptor.digest, diff_id);
                    }
                }
            }
        }
        Ok(missing.into_iter().collect())
    }
}

impl IndexWriter {
    /// Returns what was written, all of it in the file.
    pub(crate) fn flushed(mut self, diff_id: &Digest) -> Result<Written> {
        let Some(buffered) = self.file.take() else {
            return Err(Error::io("write", &self.path)(
                io::ErrorKind::BrokenPipe.into(),
            ));
        };
        let file = buffered
            .into_inner()
            .map_err(|error| Error::io("write", &self.path)(error.into_error()))?;
        Written::new(&self.path, self.store.index_path(diff_id), file)
    }

    /// Makes the index durable as `layers/<diff ID>.index` and records the facts for the layer's blob.
    ///
    /// On return the index is on disk. A crash before its row is written costs nothing: the next open gives it one.
    ///
    /// # Errors
    /// [`DiskFull`](Error::DiskFull).
    pub fn commit(mut self, blob: &Digest, facts: &LayerFacts) -> Result<()> {
        let Some(buffered) = self.file.take() else {
            return Ok(());
        };
        let file = buffered
            .into_inner()
            .map_err(|error| Error::io("write", &self.path)(error.into_error()))?;
        let size = file
            .metadata()
            .map_err(Error::io("look at", &self.path))?
            .len();
        let before = self.store.layer(blob)?.map(|known| known.facts.diff_id);
        // The log first: from it the next open gives an index its row, should this process die before it does.
        self.store.log_facts(blob, facts)?;
        durable::persist(&self.path, &file, &self.store.index_path(&facts.diff_id))?;
        self.store
            .jot(|sql| put_layer(sql, blob, facts, Some(size)))?;
        // The same layer by the name that another algorithm gives it: one index is enough.
        match before.filter(|before| *before != facts.diff_id) {
            Some(before) => self.store.remove_unused_index(&before).map(drop),
            None => Ok(()),
        }
    }
}

impl Write for IndexWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::Error::from(io::ErrorKind::BrokenPipe)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        if self.file.is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "an unfinished file index could not be removed");
        }
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<LayerRecord> {
    Ok(LayerRecord {
        digest: row.get::<_, Text<Digest>>(0)?.0,
        facts: LayerFacts {
            diff_id: row.get::<_, Text<Digest>>(1)?.0,
            uncompressed_size: size(row.get(2)?),
            content_size: size(row.get(3)?),
            entries: size(row.get(4)?),
        },
        index_size: row.get::<_, Option<i64>>(5)?.map(size),
    })
}

/// Writes what is known of a layer. Where it was not known before, the images that hold the layer are counted anew.
pub(crate) fn put_layer(
    sql: &rusqlite::Connection,
    blob: &Digest,
    facts: &LayerFacts,
    index_size: Option<u64>,
) -> rusqlite::Result<()> {
    let LayerFacts {
        diff_id,
        uncompressed_size,
        content_size,
        entries,
    } = facts;
    let content = column(*content_size);
    let before: Option<i64> = sql
        .prepare_cached("SELECT content_size FROM layers WHERE blob = ?")?
        .query_row([Text(blob)], |row| row.get(0))
        .optional()?;
    sql.prepare_cached("INSERT OR REPLACE INTO layers (blob, diff_id, uncompressed_size, content_size, entries, index_size) VALUES (?, ?, ?, ?, ?, ?)")?
        .execute(params![
            Text(blob),
            Text(diff_id),
            column(*uncompressed_size),
            content,
            column(*entries),
            index_size.map(column)
        ])?;
    match before == Some(content) {
        true => Ok(()),
        false => count_unpacked(sql, blob),
    }
}

/// Adds up anew how large the images are unpacked that hold a layer. In a pull there are none yet.
fn count_unpacked(sql: &rusqlite::Connection, blob: &Digest) -> rusqlite::Result<()> {
    let mut holders = sql.prepare_cached(
        "SELECT images.id, images.strip FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id
         JOIN images ON images.id = image_blobs.image WHERE blobs.digest = ?",
    )?;
    let holders = holders
        .query_map([Text(blob)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (image, strip) in holders {
        let mut unpacked: i64 = 0;
        for layer in crate::record::unpack(&strip) {
            let content: Option<i64> = sql
                .prepare_cached(
                    "SELECT content_size FROM layers WHERE diff_id = ?1 OR blob = ?1 LIMIT 1",
                )?
                .query_row([Text(&layer.diff_id)], |row| row.get(0))
                .optional()?;
            unpacked = unpacked.saturating_add(content.unwrap_or_default());
        }
        sql.prepare_cached("UPDATE images SET size = ? WHERE id = ?")?
            .execute(params![unpacked, image])?;
    }
    Ok(())
}

impl Store {
    fn facts_path(&self) -> PathBuf {
        self.root().join("layers").join("facts")
    }

    /// Appends a layer's facts to the log from which a rebuild takes them. It is derived data, so it is not synced.
    pub(crate) fn log_facts(&self, blob: &Digest, facts: &LayerFacts) -> Result<()> {
        let LayerFacts {
            diff_id,
            uncompressed_size,
            content_size,
            entries,
        } = facts;
        let path = self.facts_path();
        let line = format!("{blob} {diff_id} {uncompressed_size} {content_size} {entries}\n");
        let mut file = fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        file.write_all(line.as_bytes())
            .map_err(Error::io("write", &path))
    }

    /// Reads the log of facts; lines that are cut or altered are passed over.
    pub(crate) fn logged_facts(&self) -> HashMap<Digest, LayerFacts> {
        let path = self.facts_path();
        let bytes = fs::read(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "the log of layers' facts could not be read");
            }
            Vec::new()
        });
        let parse = |line: &[u8]| {
            // What a power cut took from a log that is not synced may have been filled with zeros.
            let line = std::str::from_utf8(line).ok()?.trim_start_matches('\0');
            let mut words = line.split(' ');
            let blob = words.next()?.parse().ok()?;
            let diff_id = words.next()?.parse().ok()?;
            let mut number = || words.next()?.parse::<u64>().ok();
            let facts = LayerFacts {
                diff_id,
                uncompressed_size: number()?,
                content_size: number()?,
                entries: number()?,
            };
            Some((blob, facts))
        };
        bytes
            .split(|byte| *byte == b'\n')
            .filter_map(parse)
            .collect()
    }
}
