//! Reads a file index back.

use std::io::{self, Read};

use oci::Digest;
use xxhash_rust::xxh3::Xxh3Default;

use super::{
    END, FORMAT_VERSION, HAS_NANOSECONDS, HAS_XATTRS, KIND, MAGIC, Previous, SAME_OWNER, SPARSE,
};
use crate::entry::{Entry, EntryKind};
use crate::error::{Error, IndexProblem};
use crate::scan::LayerFacts;
use crate::tar::{MAX_EXTENSION_SIZE, MAX_NAME_LENGTH, MAX_XATTRS};

/// Describes one file of a layer: its headers, and what its content is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileEntry {
    /// What the headers say.
    pub entry: Entry,
    /// xxh3-128 of the stored content; of a sparse file together with its map, so that it equals only that of a
    /// file that is sparse in the same way. `None` for what has no content, such as directories and links.
    ///
    /// It tells whether two files differ. It proves nothing about a file that someone made to deceive: that is
    /// what digests are for.
    pub fingerprint: Option<u128>,
}

/// Reads the entries of a file index, in the order of the archive.
///
/// Iterate to the end before relying on any of it: only the end shows whether the index is whole. A damaged,
/// truncated or foreign one gives [`Error::Index`] there or before, and it is to be built again from the
/// layer. As an iterator it returns nothing after an error.
pub struct FileIndex<R> {
    input: Input<R>,
    previous: Previous,
    /// Name and value of an extended attribute on their way into an entry.
    name: Vec<u8>,
    value: Vec<u8>,
    entries: u64,
    facts: Option<LayerFacts>,
    failed: bool,
}

impl<R: Read> FileIndex<R> {
    /// Opens an index: reads its first bytes and checks that they are those of one.
    pub fn open(source: R) -> Result<Self, Error> {
        let mut input = Input::new(source);
        let magic: [u8; MAGIC.len()] = input.array().map_err(|error| match error {
            Error::Index(_) => Error::Index(IndexProblem::NotAnIndex),
            other => other,
        })?;
        if magic != MAGIC {
            return Err(Error::Index(IndexProblem::NotAnIndex));
        }
        let found = u16::from_le_bytes(input.array()?);
        if found != FORMAT_VERSION {
            return Err(Error::Index(IndexProblem::Version { found }));
        }
        Ok(Self {
            input,
            previous: Previous::default(),
            name: Vec::new(),
            value: Vec::new(),
            entries: 0,
            facts: None,
            failed: false,
        })
    }

    /// Reads a whole index and returns the facts at its end.
    pub fn verify(source: R) -> Result<LayerFacts, Error> {
        let mut index = Self::open(source)?;
        let mut entry = FileEntry::default();
        while index.read_into(&mut entry)? {}
        index.facts.ok_or_else(damaged)
    }

    /// Returns what is known of the layer as a whole, once all entries were read.
    pub fn facts(&self) -> Option<&LayerFacts> {
        self.facts.as_ref()
    }

    /// Reads the next entry into `file`, whose buffers are used again. Returns `false` after the last one.
    pub fn read_into(&mut self, file: &mut FileEntry) -> Result<bool, Error> {
        if self.facts.is_some() {
            return Ok(false);
        }
        let tag = self.input.byte()?;
        if tag == END {
            self.read_trailer()?;
            return Ok(false);
        }
        self.read_entry(tag, file)?;
        self.entries += 1;
        Ok(true)
    }

    fn read_entry(&mut self, tag: u8, file: &mut FileEntry) -> Result<(), Error> {
        let Self {
            input,
            previous,
            name,
            value,
            ..
        } = self;
        let FileEntry { entry, fingerprint } = file;
        entry.clear();
        *fingerprint = None;
        entry.kind = super::kind_of(tag & KIND).ok_or_else(damaged)?;
        entry.sparse = tag & SPARSE != 0;

        let shared = input.number()?;
        let shared = usize::try_from(shared)
            .ok()
            .filter(|&shared| shared <= previous.path.len())
            .ok_or_else(damaged)?;
        previous.path.truncate(shared);
        input.counted_into(
            &mut previous.path,
            LONGEST_NAME.saturating_sub(shared as u64),
        )?;
        entry.path.extend_from_slice(&previous.path);

        entry.mode = u32::try_from(input.number()?).map_err(|_| damaged())?;
        if tag & SAME_OWNER == 0 {
            previous.uid = input.signed()?;
            previous.gid = input.signed()?;
        }
        (entry.uid, entry.gid) = (previous.uid, previous.gid);
        previous.seconds = previous.seconds.wrapping_add(input.signed()?);
        entry.modified.seconds = previous.seconds;
        if tag & HAS_NANOSECONDS != 0 {
            entry.modified.nanoseconds = u32::try_from(input.number()?).map_err(|_| damaged())?;
        }

        entry.header_offset = input.blocks_after(previous.end)?;
        entry.data_offset = input.blocks_after(entry.header_offset)?;

        match entry.kind {
            EntryKind::Regular | EntryKind::Other(_) => {
                if let EntryKind::Other(type_flag) = &mut entry.kind {
                    *type_flag = input.byte()?;
                }
                entry.size = input.number()?;
                entry.stored_size = if entry.sparse {
                    input.number()?
                } else {
                    entry.size
                };
                *fingerprint = Some(if entry.size == 0 && entry.stored_size == 0 {
                    xxhash_rust::xxh3::xxh3_128(&[])
                } else {
                    u128::from_le_bytes(input.array()?)
                });
            }
            EntryKind::HardLink | EntryKind::Symlink => {
                input.counted_into(&mut entry.link_target, LONGEST_NAME)?;
            }
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                entry.device.major = input.signed()?;
                entry.device.minor = input.signed()?;
            }
            EntryKind::Directory | EntryKind::Fifo => {}
        }
        previous.end =
            super::end_of_content(entry.data_offset, entry.stored_size).ok_or_else(damaged)?;

        if tag & HAS_XATTRS != 0 {
            let count = input.number()?;
            if count > MAX_XATTRS as u64 {
                return Err(damaged());
            }
            let mut missing = MAX_EXTENSION_SIZE;
            for _ in 0..count {
                let mut part = |target: &mut Vec<u8>| {
                    target.clear();
                    input.counted_into(target, missing)?;
                    missing -= target.len() as u64;
                    Ok::<(), Error>(())
                };
                part(name)?;
                part(value)?;
                entry.xattrs.push(name, value);
            }
        }
        Ok(())
    }

    fn read_trailer(&mut self) -> Result<(), Error> {
        let input = &mut self.input;
        let mut diff_id = Vec::new();
        input.counted_into(&mut diff_id, LONGEST_DIGEST)?;
        let diff_id: Digest = std::str::from_utf8(&diff_id)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(damaged)?;
        let facts = LayerFacts {
            diff_id,
            uncompressed_size: input.number()?,
            content_size: input.number()?,
            entries: input.number()?,
        };
        let expected = input.checksum();
        let found = u64::from_le_bytes(input.array()?);
        if found != expected || facts.entries != self.entries || !input.is_at_end()? {
            return Err(damaged());
        }
        self.facts = Some(facts);
        Ok(())
    }
}

impl<R: Read> Iterator for FileIndex<R> {
    type Item = Result<FileEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mut file = FileEntry::default();
        match self.read_into(&mut file) {
            Ok(true) => Some(Ok(file)),
            Ok(false) => None,
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

const LONGEST_NAME: u64 = MAX_NAME_LENGTH as u64;

/// `sha512:` and 128 digits.
const LONGEST_DIGEST: u64 = 135;

fn damaged() -> Error {
    Error::Index(IndexProblem::Damaged)
}

/// The bytes of an index, hashed as they are used.
struct Input<R> {
    source: R,
    buffer: Box<[u8]>,
    /// The part of `buffer` that is filled and not used yet.
    start: usize,
    end: usize,
    /// Bytes at the start of `buffer` that the hash has already.
    hashed: usize,
    hash: Box<Xxh3Default>,
}

impl<R: Read> Input<R> {
    fn new(source: R) -> Self {
        let buffer = vec![0; 64 * 1024].into_boxed_slice();
        Self {
            source,
            buffer,
            start: 0,
            end: 0,
            hashed: 0,
            hash: Box::new(Xxh3Default::new()),
        }
    }

    /// Fills the buffer if it is used up. Returns whether there is anything in it.
    fn fill(&mut self) -> Result<bool, Error> {
        if self.start < self.end {
            return Ok(true);
        }
        self.hash.update(&self.buffer[self.hashed..self.end]);
        (self.start, self.end, self.hashed) = (0, 0, 0);
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(count) => {
                    self.end = count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::ReadIndex(error)),
            }
        }
    }

    fn take(&mut self, most: usize) -> Result<&[u8], Error> {
        if !self.fill()? {
            return Err(Error::Index(IndexProblem::Truncated));
        }
        let start = self.start;
        self.start = self.end.min(start.saturating_add(most));
        Ok(&self.buffer[start..self.start])
    }

    /// Returns the hash of all that was used so far.
    fn checksum(&mut self) -> u64 {
        self.hash.update(&self.buffer[self.hashed..self.start]);
        self.hashed = self.start;
        self.hash.digest()
    }

    fn is_at_end(&mut self) -> Result<bool, Error> {
        Ok(!self.fill()?)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Error> {
        if self.start == self.end && !self.fill()? {
            return Err(Error::Index(IndexProblem::Truncated));
        }
        let byte = self.buffer[self.start];
        self.start += 1;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        if let Some(&array) = self.buffer[self.start..self.end].first_chunk::<N>() {
            self.start += N;
            return Ok(array);
        }
        let mut array = [0; N];
        let mut filled = 0;
        while filled < N {
            let bytes = self.take(N - filled)?;
            array[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        }
        Ok(array)
    }

    fn number(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if (low << shift) >> shift != low {
                return Err(damaged());
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged())
    }

    fn signed(&mut self) -> Result<i64, Error> {
        Ok(super::unzigzag(self.number()?))
    }

    /// Reads a number of blocks and returns the offset that far behind `offset`.
    fn blocks_after(&mut self, offset: u64) -> Result<u64, Error> {
        let distance = self.number()?.checked_mul(super::BLOCK);
        distance
            .and_then(|distance| offset.checked_add(distance))
            .ok_or_else(damaged)
    }

    /// Adds counted bytes to `target`, if they are at most `limit`.
    fn counted_into(&mut self, target: &mut Vec<u8>, limit: u64) -> Result<(), Error> {
        let count = self.number()?;
        let mut missing = usize::try_from(count)
            .ok()
            .filter(|_| count <= limit)
            .ok_or_else(damaged)?;
        while missing > 0 {
            let bytes = self.take(missing)?;
            target.extend_from_slice(bytes);
            missing -= bytes.len();
        }
        Ok(())
    }
}
