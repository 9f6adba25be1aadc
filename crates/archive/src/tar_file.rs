//! A plain tar on disk: its headers are read, its content is skipped over and read where it is wanted.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use layer::tar::{BLOCK_SIZE, Parser, Step};

use crate::contents::Shelf;
use crate::member::{Members, text};
use crate::stream::{member, tar};
use crate::{Error, Result};

/// A plain tar and where everything is in it.
pub(crate) struct TarFile {
    file: Arc<File>,
    pub(crate) members: Members,
}

impl TarFile {
    /// Reads the headers.
    pub(crate) fn index(file: File) -> Result<Self> {
        let length = file.metadata().map_err(Error::Read)?.len();
        let mut members = Members::default();
        let (mut position, mut last) = (0, None);
        while let Some(next) = header(&file, position, length, &mut members, &mut last)? {
            position = next;
            if members.is_file_system() {
                break;
            }
        }
        Ok(Self {
            file: Arc::new(file),
            members,
        })
    }

    /// Opens a member's bytes. Several may be read at once.
    pub(crate) fn open(&self, name: &str) -> Result<Slice> {
        match self.members.find(name)? {
            Some((_, offset, size)) => Ok(Slice::new(Arc::clone(&self.file), offset, size)),
            None => Err(Error::NotAFile {
                member: name.to_owned(),
            }),
        }
    }
}

/// Reads one entry's headers; returns where the next one begins, or `None` at the end.
fn header(
    file: &File,
    position: u64,
    length: u64,
    members: &mut Members,
    last: &mut Option<String>,
) -> Result<Option<u64>> {
    // A parser of its own for every entry: what one extended header says is over with its entry.
    let mut parser = Parser::new();
    let mut block = [0; BLOCK_SIZE];
    let mut offset = position;
    loop {
        let count = read_full(file, &mut block, offset).map_err(Error::Read)?;
        offset += count as u64;
        let mut input = &block[..count];
        let step = parser.advance(&mut input).map_err(|error| match error {
            // Not the beginning of the file, so it is no other format but damage.
            layer::Error::Corrupt { .. } if position > 0 => Error::Tar(Box::new(error)),
            other => tar(other),
        })?;
        if matches!(step, Step::Entry) {
            let entry = parser.entry();
            let data = position + entry.data_offset;
            let end = data
                .checked_add(entry.stored_size)
                .filter(|end| *end <= length)
                .ok_or_else(|| Error::Truncated {
                    member: text(&entry.path),
                })?;
            let what = member(entry, data);
            members.add(&entry.path, what)?;
            *last = Some(text(&entry.path));
            return Ok(Some(end.next_multiple_of(BLOCK_SIZE as u64)));
        }
        if parser.at_end() {
            return Ok(None);
        }
        if count < BLOCK_SIZE {
            return match parser.finish() {
                Ok(()) => Ok(None),
                Err(_) => Err(Error::CutBetween { after: last.take() }),
            };
        }
    }
}

impl Shelf for TarFile {
    fn find(&self, name: &str) -> Result<Option<(String, u64)>> {
        Ok(self.members.find(name)?.map(|(name, _, size)| (name, size)))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?
            .read_to_end(&mut bytes)
            .map_err(Error::Read)?;
        Ok(bytes)
    }
}

/// A stretch of a file.
pub(crate) struct Slice {
    file: Arc<File>,
    start: u64,
    size: u64,
    position: u64,
}

impl Slice {
    pub(crate) fn new(file: Arc<File>, start: u64, size: u64) -> Self {
        Self {
            file,
            start,
            size,
            position: 0,
        }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position);
        let want = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if want == 0 {
            return Ok(0);
        }
        match read_at(&self.file, &mut buffer[..want], self.start + self.position)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.position += count as u64;
                Ok(count)
            }
        }
    }
}

impl Seek for Slice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn read_full(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads without moving the file's own position, which several readers share.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_at(file, buffer, offset)
    }
    #[cfg(windows)]
    {
        std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
    }
}
