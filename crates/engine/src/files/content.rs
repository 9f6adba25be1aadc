//! The content of one file of an image.

use std::fs::File;
use std::io::{self, Read};

use layer::{Compression, Content, Decompressor, EntryKind, FileId, SeekTable};
use oci::Digest;

use super::{FileKind, FileRow, FileView, ImageFiles, LayerBlob};
use crate::Error;

/// The first bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// What is at the path: a link itself, whose content is that of what it leads to.
    pub row: FileRow,
    /// Bytes of the whole content.
    pub size: u64,
    /// Its bytes, from the start.
    pub bytes: Vec<u8>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Streams a file's content. It reads the layer's blob as it goes, which blocks; at the end the content was verified.
pub struct FileReader {
    content: Content<Box<dyn Read + Send>>,
}

impl Read for FileReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content.read(out)
    }
}

impl ImageFiles {
    /// Opens a file of the merged tree for reading; symbolic links are followed, as a program in the container would.
    ///
    /// # Errors
    /// `not_found`, also where the layer of a remote image is not here; `not_a_file` for folders and devices; `store_damaged`.
    pub fn read(&self, path: &[u8]) -> Result<FileReader, Error> {
        let tree = &self.inner.tree;
        let node = tree.resolve(path, true);
        let node = node.ok_or_else(|| self.no_such_file(path))?;
        let file = tree.current(node).ok_or_else(|| self.no_such_file(path))?;
        self.reader(file, path)
    }

    /// Reads at most `limit` bytes, as for a preview, from the start of what a view has at a path, and of what it removed as it was before.
    ///
    /// Symbolic links are followed by what is in the merged tree, to the file that the view has there.
    ///
    /// # Errors
    /// As [`ImageFiles::read`], and `usage`, where there is no such layer.
    pub fn read_start_in(
        &self,
        path: &[u8],
        view: FileView,
        limit: u64,
    ) -> Result<FileContent, Error> {
        let row = self.look_in(path, view)?;
        let tree = &self.inner.tree;
        let node = match row.kind {
            FileKind::Symlink => tree.resolve(path, true),
            _ => Some(self.node(path, view)?),
        };
        let file = node.and_then(|node| self.file_in(node, view));
        let file = file.ok_or_else(|| self.no_such_file(path))?;
        let mut bytes = Vec::new();
        self.reader(file, path)?
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|source| self.unreadable(path, source))?;
        let truncated = bytes.len() as u64 > limit;
        if truncated {
            bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(FileContent {
            row,
            size: tree.file(file).size,
            bytes,
            truncated,
        })
    }

    pub(crate) fn reader(&self, id: FileId, path: &[u8]) -> Result<FileReader, Error> {
        let file = self.inner.tree.file(id);
        let (EntryKind::Regular, Some(offset)) = (file.kind, file.header_offset) else {
            return Err(Error::NotAFile {
                path: super::escaped(path),
            });
        };
        let source = self.open_layer(file.layer, offset)?;
        let content = Content::open(source, offset, file.fingerprint);
        let content =
            content.map_err(|source| match self.inner.layers.get(file.layer as usize) {
                Some(layer) => super::broken(&layer.digest, source),
                None => self.unreadable(path, io::Error::other(source)),
            })?;
        Ok(FileReader { content })
    }

    /// Opens a layer's tar, counted from 0, at an offset where the headers of a member begin.
    pub(crate) fn open_layer(
        &self,
        layer: u32,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Error> {
        let Some(LayerBlob { digest, near, .. }) = self.inner.layers.get(layer as usize) else {
            let top = self.inner.top.as_ref();
            let reader = top.and_then(|top| top.read_from(offset));
            let reader = reader.ok_or_else(|| Error::NoSuchLayer {
                layer: layer as usize + 1,
                layers: self.layers(),
            })?;
            return Ok(Box::new(reader));
        };
        if let Some(near) = near {
            return near.read_from(digest, offset);
        }
        if !self.inner.store.contains(digest)? {
            return Err(Error::LayerNotHere {
                digest: digest.clone(),
            });
        }
        let mut table = self.seek_table(digest, offset)?;
        let blob = self.inner.store.open_blob(digest)?;
        layer::read_from(blob, table.as_mut(), offset)
            .map_err(|source| super::broken(digest, layer::Error::from_read(source)))
    }

    /// Opens the seek table of a layer, where the way to `offset` is long enough that one is of use. The pull made it; for a layer
    /// that came without, it is made now, in one pass, and kept.
    fn seek_table(&self, blob: &Digest, offset: u64) -> Result<Option<SeekTable<File>>, Error> {
        let store = &self.inner.store;
        if offset < 2 * layer::SPACING {
            return Ok(None);
        }
        let broken = |source: io::Error| Error::Layer {
            digest: blob.clone(),
            source: Box::new(layer::Error::from_read(source)),
        };
        let opened = || match store.open_seek_table(blob)? {
            Some(file) => SeekTable::open(file).map_err(broken),
            None => Ok(None),
        };
        if let Some(table) = opened()? {
            return Ok(Some(table));
        }
        let mut source = Decompressor::new(store.open_blob(blob)?).map_err(broken)?;
        if source.compression() == Compression::None || store.is_read_only() {
            return Ok(None);
        }
        let table = store.seek_table_writer(blob)?;
        source.write_table(table.file());
        let mut buffer = vec![0; 256 * 1024];
        while source.read(&mut buffer).map_err(broken)? > 0 {}
        source.finish_table().map_err(broken)?;
        table.commit()?;
        opened()
    }

    /// Returns the error of this file for what a [`FileReader`] of it failed with.
    #[must_use]
    pub fn unreadable(&self, path: &[u8], source: io::Error) -> Error {
        Error::Unreadable {
            path: super::escaped(path),
            source,
        }
    }
}
