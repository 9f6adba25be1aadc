//! Writes a file index while the entries come by.

use std::io::{self, Write};

use xxhash_rust::xxh3::Xxh3Default;

use super::{
    END, FORMAT_VERSION, HAS_NANOSECONDS, HAS_XATTRS, MAGIC, Previous, SAME_OWNER, SPARSE,
};
use crate::entry::{Entry, EntryKind};
use crate::scan::LayerFacts;

/// Bytes that are gathered before they go to the writer.
const BUFFER: usize = 64 * 1024;

pub(crate) struct IndexWriter<W: Write> {
    output: Output<W>,
    previous: Previous,
}

impl<W: Write> IndexWriter<W> {
    /// Begins an index. Nothing is written before the first entry or the end.
    pub(crate) fn new(writer: W) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER);
        buffer.extend_from_slice(&MAGIC);
        buffer.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        Self {
            output: Output {
                writer,
                size: buffer.len() as u64,
                buffer,
                hash: Box::new(Xxh3Default::new()),
            },
            previous: Previous::default(),
        }
    }

    /// Adds an entry with the hash of its stored content.
    pub(crate) fn entry(&mut self, entry: &Entry, fingerprint: u128) -> io::Result<()> {
        let Entry {
            path,
            kind,
            mode,
            uid,
            gid,
            size,
            stored_size,
            sparse,
            modified,
            link_target,
            device,
            xattrs,
            header_offset,
            data_offset,
        } = entry;
        let (output, previous) = (&mut self.output, &mut self.previous);

        let same_owner = (*uid, *gid) == (previous.uid, previous.gid);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let tag = super::kind_code(*kind)
            | flag(*sparse, SPARSE)
            | flag(!xattrs.is_empty(), HAS_XATTRS)
            | flag(modified.nanoseconds != 0, HAS_NANOSECONDS)
            | flag(same_owner, SAME_OWNER);
        output.bytes(&[tag])?;

        let shared = shared_prefix(&previous.path, path);
        output.number(shared as u64)?;
        output.counted(&path[shared..])?;
        previous.path.truncate(shared);
        previous.path.extend_from_slice(&path[shared..]);

        output.number(u64::from(*mode))?;
        if !same_owner {
            output.signed(*uid)?;
            output.signed(*gid)?;
            (previous.uid, previous.gid) = (*uid, *gid);
        }
        output.signed(modified.seconds.wrapping_sub(previous.seconds))?;
        previous.seconds = modified.seconds;
        if modified.nanoseconds != 0 {
            output.number(u64::from(modified.nanoseconds))?;
        }

        // The parser gives offsets that only grow, in whole blocks.
        output.number((header_offset - previous.end) / super::BLOCK)?;
        output.number((data_offset - header_offset) / super::BLOCK)?;
        previous.end = super::end_of_content(*data_offset, *stored_size).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "an offset does not fit 64 bits",
            )
        })?;

        match kind {
            EntryKind::Regular | EntryKind::Other(_) => {
                if let EntryKind::Other(type_flag) = kind {
                    output.bytes(&[*type_flag])?;
                }
                output.number(*size)?;
                if *sparse {
                    output.number(*stored_size)?;
                }
                if *size != 0 || *stored_size != 0 {
                    output.bytes(&fingerprint.to_le_bytes())?;
                }
            }
            EntryKind::HardLink | EntryKind::Symlink => output.counted(link_target)?,
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                output.signed(device.major)?;
                output.signed(device.minor)?;
            }
            EntryKind::Directory | EntryKind::Fifo => {}
        }
        if !xattrs.is_empty() {
            output.number(xattrs.len() as u64)?;
            for (name, value) in xattrs.iter() {
                output.counted(name)?;
                output.counted(value)?;
            }
        }
        Ok(())
    }

    /// Returns how many bytes the index has so far.
    pub(crate) fn size(&self) -> u64 {
        self.output.size
    }

    /// Writes the trailer and the checksum, and flushes the writer.
    pub(crate) fn finish(mut self, facts: &LayerFacts) -> io::Result<()> {
        let LayerFacts {
            diff_id,
            uncompressed_size,
            content_size,
            entries,
        } = facts;
        let output = &mut self.output;
        output.bytes(&[END])?;
        output.counted(diff_id.as_str().as_bytes())?;
        output.number(*uncompressed_size)?;
        output.number(*content_size)?;
        output.number(*entries)?;
        output.drain()?;
        let checksum = output.hash.digest();
        output.writer.write_all(&checksum.to_le_bytes())?;
        output.writer.flush()
    }
}

struct Output<W> {
    writer: W,
    size: u64,
    buffer: Vec<u8>,
    hash: Box<Xxh3Default>,
}

impl<W: Write> Output<W> {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.size += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.drain()?;
            if bytes.len() > BUFFER {
                self.hash.update(bytes);
                return self.writer.write_all(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        self.hash.update(&self.buffer);
        self.writer.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn number(&mut self, mut value: u64) -> io::Result<()> {
        let mut encoded = [0; 10];
        let mut length = 0;
        loop {
            let low = value.to_le_bytes()[0] & 0x7f;
            value >>= 7;
            encoded[length] = if value == 0 { low } else { low | 0x80 };
            length += 1;
            if value == 0 {
                return self.bytes(&encoded[..length]);
            }
        }
    }

    fn signed(&mut self, value: i64) -> io::Result<()> {
        self.number(super::zigzag(value))
    }

    fn counted(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.number(bytes.len() as u64)?;
        self.bytes(bytes)
    }
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
