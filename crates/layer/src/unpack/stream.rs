//! Writes the contents of a layer's files in one pass over the layer.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::place;
use super::{OnBytes, OpenLayer, Unpacker};
use crate::error::{EntryName, Error};
use crate::scan::Fingerprint;
use crate::tar::{Parser, Step};
use crate::tree::{File, NodeId};

/// Bytes that are decompressed at a time, and buffers that may wait to be written.
const BUFFER: usize = 256 * 1024;
const QUEUE: usize = 8;

/// A file that is being written.
struct Writing<'a> {
    node: NodeId,
    file: &'a File,
    handle: fs::File,
    /// The part of a sparse file that is being written, and how much of it was.
    part: usize,
    written: u64,
}

impl<'a> Unpacker<'a> {
    /// Reads a layer from the first file that is wanted to the last, and writes those.
    pub(super) fn stream(
        &mut self,
        layer: u32,
        mut wanted: HashMap<u64, NodeId>,
        open: &OpenLayer<'_>,
        on_bytes: &mut OnBytes<'_>,
    ) -> Result<(), Error> {
        let Some(&start) = wanted.keys().min() else {
            return Ok(());
        };
        let source = open(layer, start)?;
        thread::scope(|scope| {
            let (full, buffers) = sync_channel(QUEUE);
            let (used, free) = sync_channel(QUEUE);
            let reading = scope.spawn(move || read(source, &full, &free));
            let written = self.write(start, &mut wanted, buffers, &used, on_bytes);
            // It ends at its next buffer, because nobody takes that any more.
            let read = reading
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Damaged data ends the buffers early; the decoder's error is the one that says why.
            read.map_err(Error::from_read)?;
            written
        })
    }

    fn write(
        &mut self,
        start: u64,
        wanted: &mut HashMap<u64, NodeId>,
        buffers: Receiver<Vec<u8>>,
        used: &SyncSender<Vec<u8>>,
        on_bytes: &mut OnBytes<'_>,
    ) -> Result<(), Error> {
        let mut parser = Parser::for_content(start);
        let mut fingerprint = Fingerprint::new();
        let mut writing: Option<Writing<'a>> = None;
        for buffer in buffers {
            let mut input = buffer.as_slice();
            loop {
                match parser.advance(&mut input)? {
                    Step::NeedInput => break,
                    Step::Entry => {
                        let entry = parser.entry();
                        if let Some(node) = wanted.remove(&entry.header_offset) {
                            fingerprint.begin(parser.sparse_map_name(), entry.stored_size);
                            writing = Some(self.begin(node)?);
                        }
                    }
                    Step::Content(bytes) => {
                        if let Some(file) = &mut writing {
                            fingerprint.update(bytes);
                            let parts = parser.sparse_parts();
                            file.take(bytes, parts)
                                .map_err(|source| self.failed(file.node, source))?;
                        }
                    }
                    Step::EntryEnd => {
                        if let Some(file) = writing.take() {
                            self.end(file, fingerprint.finish())?;
                            if on_bytes(self.done.bytes) == ControlFlow::Break(()) {
                                return Err(Error::Stopped);
                            }
                            if wanted.is_empty() {
                                return Ok(());
                            }
                        }
                    }
                }
            }
            // Where the queue of free buffers is full, one less is needed.
            drop(used.try_send(buffer));
        }
        parser.finish()?;
        // Everything that the index names is there, or it is another layer's index.
        wanted
            .values()
            .next()
            .map_or(Ok(()), |&node| Err(self.changed(node)))
    }

    fn begin(&mut self, node: NodeId) -> Result<Writing<'a>, Error> {
        let tree = self.tree;
        let file = self.file_of(node).map(|id| tree.file(id));
        let file = file.ok_or_else(|| self.changed(node))?;
        let handle = self.at(node, |place| place.file())?;
        Ok(Writing {
            node,
            file,
            handle: handle.into(),
            part: 0,
            written: 0,
        })
    }

    fn end(&mut self, writing: Writing<'a>, fingerprint: u128) -> Result<(), Error> {
        let Writing {
            node, file, handle, ..
        } = writing;
        if file
            .fingerprint
            .is_some_and(|expected| expected != fingerprint)
        {
            return Err(self.changed(node));
        }
        if file.sparse {
            let sized = rustix::fs::ftruncate(&handle, file.size);
            sized.map_err(|source| self.failed(node, source.into()))?;
        }
        self.done.bytes = self.done.bytes.saturating_add(file.size);
        let lost = place::attributes(handle.as_fd(), file, self.options.owners)
            .map_err(|source| self.failed(node, source))?;
        self.note_xattrs(node, lost);
        Ok(())
    }

    fn changed(&self, node: NodeId) -> Error {
        Error::Changed {
            entry: EntryName::new(&self.tree.path(node)),
        }
    }
}

impl Writing<'_> {
    /// Writes stored bytes to where they belong.
    fn take(&mut self, mut bytes: &[u8], parts: &[(u64, u64)]) -> io::Result<()> {
        if !self.file.sparse {
            return self.handle.write_all(bytes);
        }
        while !bytes.is_empty() {
            let &(offset, length) = parts.get(self.part).ok_or(io::ErrorKind::InvalidData)?;
            let missing = usize::try_from(length - self.written).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            self.handle.write_all_at(now, offset + self.written)?;
            self.written += now.len() as u64;
            if self.written == length {
                (self.part, self.written) = (self.part + 1, 0);
            }
            bytes = later;
        }
        Ok(())
    }
}

/// Reads until the source ends or nobody takes the result.
fn read(
    mut source: Box<dyn Read + Send>,
    full: &SyncSender<Vec<u8>>,
    free: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut buffer = free.try_recv().unwrap_or_default();
        buffer.resize(BUFFER, 0);
        let mut filled = 0;
        while filled < BUFFER {
            match source.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(filled);
        let last = filled < BUFFER;
        if full.send(buffer).is_err() || last {
            return Ok(());
        }
    }
}
