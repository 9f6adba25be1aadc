//! The content of one file.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

use crate::entry::Entry;
use crate::error::{EntryName, Error};
use crate::tar::{Parser, Step};

/// Reads the content of one member of a tar, holes as zeros.
///
/// The source stands where the member's headers begin ([`Entry::header_offset`]), so that only they and the content are read.
/// The headers are read anew, by the same parser as in the pass that made the index. At the end the content is compared with the
/// fingerprint that the index has: bytes that are not the ones that were indexed are an error of kind `InvalidData`.
pub struct Content<R> {
    source: R,
    parser: Parser,
    buffer: Box<[u8]>,
    /// The part of `buffer` that the parser has not had yet.
    start: usize,
    end: usize,
    expected: Option<u128>,
    hash: Box<Xxh3>,
    /// How far in the file, holes included, the reader is.
    position: u64,
    /// The part of a sparse file that is next or being read.
    part: usize,
    checked: bool,
}

const BUFFER: usize = 64 * 1024;

impl<R: Read> Content<R> {
    /// Reads the headers at `offset`, which is where the source stands.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where no member begins there.
    pub fn open(source: R, offset: u64, expected: Option<u128>) -> Result<Self, Error> {
        let mut content = Self {
            source,
            parser: Parser::for_content(offset),
            buffer: vec![0; BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            expected,
            hash: Box::new(Xxh3::new()),
            position: 0,
            part: 0,
            checked: false,
        };
        loop {
            let mut input = &content.buffer[content.start..content.end];
            let found = match content.parser.advance(&mut input)? {
                Step::Entry => true,
                Step::NeedInput => false,
                // Only after an entry.
                Step::Content(_) | Step::EntryEnd => true,
            };
            content.start = content.end - input.len();
            if found {
                break;
            }
            if content.fill().map_err(Error::from_read)? == 0 {
                content.parser.finish()?;
                return Err(content.changed());
            }
        }
        content.hash = Box::new(Xxh3::with_seed(content.parser.sparse_map_name()));
        Ok(content)
    }

    /// Goes on to the member whose headers begin at a later `offset`, past what is between, without opening the source anew.
    ///
    /// # Errors
    /// [`Error::Changed`] where no member begins there.
    pub fn go_on(&mut self, offset: u64, expected: Option<u128>) -> Result<(), Error> {
        loop {
            let mut input = &self.buffer[self.start..self.end];
            let found = match self.parser.advance(&mut input)? {
                Step::Entry => Some(self.parser.entry().header_offset),
                Step::NeedInput => None,
                Step::Content(_) | Step::EntryEnd => Some(0),
            };
            self.start = self.end - input.len();
            match found {
                Some(at) if at == offset => break,
                Some(at) if at > offset => return Err(self.changed()),
                Some(_) => {}
                None if self.fill().map_err(Error::from_read)? == 0 => {
                    self.parser.finish()?;
                    return Err(self.changed());
                }
                None => {}
            }
        }
        *self.hash = Xxh3::with_seed(self.parser.sparse_map_name());
        (self.expected, self.position, self.part, self.checked) = (expected, 0, 0, false);
        Ok(())
    }

    /// Returns what the headers say.
    pub fn entry(&self) -> &Entry {
        self.parser.entry()
    }

    /// Tells that there is something else than the index says. The layer or the index was altered since.
    fn changed(&self) -> Error {
        Error::Changed {
            entry: EntryName::new(&self.parser.entry().path),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(count) => {
                    (self.start, self.end) = (0, count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads stored bytes, as they are in the archive.
    fn stored(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let most = self.end.min(self.start.saturating_add(out.len()));
            let mut input = &self.buffer[self.start..most];
            let given = input.len();
            let (copied, ended) = match self.parser.advance(&mut input).map_err(invalid)? {
                Step::Content(bytes) => {
                    out[..bytes.len()].copy_from_slice(bytes);
                    self.hash.update(bytes);
                    (bytes.len(), false)
                }
                Step::EntryEnd | Step::Entry => (0, true),
                Step::NeedInput => (0, false),
            };
            self.start += given - input.len();
            if copied > 0 || ended {
                return Ok(copied);
            }
            if self.start == self.end && self.fill()? == 0 {
                self.parser.finish().map_err(invalid)?;
                return Ok(0);
            }
        }
    }

    /// Compares what was read with what the index has.
    fn check(&mut self) -> io::Result<usize> {
        if !std::mem::replace(&mut self.checked, true)
            && self
                .expected
                .is_some_and(|expected| expected != self.hash.digest128())
        {
            return Err(invalid(self.changed()));
        }
        Ok(0)
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // What comes after the content is the next member.
        if out.is_empty() || self.checked {
            return Ok(0);
        }
        if !self.parser.entry().sparse {
            return match self.stored(out)? {
                0 => self.check(),
                count => Ok(count),
            };
        }
        loop {
            let size = self.parser.entry().size;
            let parts = self.parser.sparse_parts();
            let (offset, length) = parts.get(self.part).copied().unwrap_or((size, 0));
            if self.position < offset {
                let hole = offset - self.position;
                let count = usize::try_from(hole).map_or(out.len(), |hole| hole.min(out.len()));
                out[..count].fill(0);
                self.position += count as u64;
                return Ok(count);
            }
            if self.part >= parts.len() {
                return self.check();
            }
            let missing = (offset + length).saturating_sub(self.position);
            if missing == 0 {
                self.part += 1;
                continue;
            }
            let most = usize::try_from(missing).map_or(out.len(), |most| most.min(out.len()));
            let count = self.stored(&mut out[..most])?;
            self.position += count as u64;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            return Ok(count);
        }
    }
}

fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
