//! The state machine that turns chunks of an archive into entries.

mod member;

use super::MAX_EXTENSION_SIZE;
use super::block::{BLOCK_SIZE, Block};
use super::pax::Pax;
use super::sparse::{MapText, SparseMap};
use crate::entry::Entry;
use crate::error::{Corruption, EntryName, Error, Position};

/// Says what [`Parser::advance`] came upon.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// All input is used up; go on with the next chunk.
    NeedInput,
    /// A new entry begins; [`Parser::entry`] describes it.
    Entry,
    /// The next stored bytes of the entry. Never empty.
    Content(&'a [u8]),
    /// The entry is complete.
    EntryEnd,
}

/// Reads a tar archive that is handed to it in chunks of any size.
///
/// It does no I/O and buffers nothing but the headers of one entry (below 2 MiB whatever the archive says):
/// content is passed through as slices of the input. See the [module](self) for what it accepts.
///
/// ```
/// # use layer::tar::{Parser, Step};
/// # fn list(chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, layer::Error> {
/// let mut parser = Parser::new();
/// let mut names = Vec::new();
/// for mut chunk in chunks.iter().copied() {
///     loop {
///         match parser.advance(&mut chunk)? {
///             Step::NeedInput => break,
///             Step::Entry => names.push(parser.entry().path.clone()),
///             Step::Content(_) | Step::EntryEnd => {}
///         }
///     }
/// }
/// parser.finish()?;
/// # Ok(names)
/// # }
/// # assert_eq!(list(&[&[0; 700], &[0; 324]]).unwrap(), Vec::<Vec<u8>>::new());
/// ```
pub struct Parser {
    state: State,
    /// Bytes taken from the input so far.
    offset: u64,
    block: Block,
    /// Bytes of `block` that the input has filled.
    filled: usize,
    /// Content of the extension header that is being read.
    extension: Vec<u8>,
    pax: Pax,
    long_name: Vec<u8>,
    long_link: Vec<u8>,
    /// Where the first header of the current entry began, its extension headers included.
    header_offset: Option<u64>,
    entry: Entry,
    /// Whether there was an entry yet, so that `entry` may be named in errors.
    seen_entry: bool,
    map: Option<SparseMap>,
    map_text: MapText,
    /// What [`SparseMap::finish`] said about the current entry, or 0.
    map_name: u64,
    /// Whether the parts of sparse files are kept.
    keeps_parts: bool,
    parts: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    /// One block of zeros was read.
    ZeroBlock,
    Extension {
        kind: Extension,
        missing: u64,
        padding: u64,
    },
    /// Further blocks of the map of a file in GNU's sparse format; content of `stored` bytes follows.
    GnuMap {
        stored: u64,
    },
    /// The map of a PAX 1.0 sparse file, which is part of the `stored` bytes.
    PaxMap {
        stored: u64,
        padding: u64,
    },
    Content {
        missing: u64,
        padding: u64,
    },
    Padding {
        missing: u64,
    },
    /// Both zero blocks were read.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    Pax,
    PaxGlobal,
    LongName,
    LongLink,
}

/// Which entry an error names.
#[derive(Clone, Copy)]
enum Fault {
    /// The one that is being read.
    Entry,
    /// None by itself; the one before shows where it is.
    AfterEntry,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Creates a parser for a new archive.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            offset: 0,
            block: Block([0; BLOCK_SIZE]),
            filled: 0,
            extension: Vec::new(),
            pax: Pax::default(),
            long_name: Vec::new(),
            long_link: Vec::new(),
            header_offset: None,
            entry: Entry::default(),
            seen_entry: false,
            map: None,
            map_text: MapText::default(),
            map_name: 0,
            keeps_parts: false,
            parts: Vec::new(),
        }
    }

    /// Creates a parser that begins in the middle of an archive, at the first header of an entry, and keeps the maps of
    /// sparse files, of up to 65 536 parts.
    pub(crate) fn for_content(offset: u64) -> Self {
        Self {
            offset,
            keeps_parts: true,
            ..Self::new()
        }
    }

    /// Returns offset and length of the stored parts of the current entry, if it is sparse.
    pub(crate) fn sparse_parts(&self) -> &[(u64, u64)] {
        &self.parts
    }

    /// Returns the current entry. Valid from [`Step::Entry`] until the step after [`Step::EntryEnd`].
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Tells whether the end mark of the archive was read. Everything after it is skipped.
    pub fn at_end(&self) -> bool {
        self.state == State::End
    }

    /// Returns a hash of size and map of the current entry if it is sparse, 0 if it is not.
    pub(crate) fn sparse_map_name(&self) -> u64 {
        self.map_name
    }

    /// Takes input up to the next thing worth telling, and moves `input` behind it.
    ///
    /// After an error the parser is of no more use.
    pub fn advance<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, Error> {
        loop {
            match self.state {
                State::Header => {
                    if !self.fill_block(input) {
                        return Ok(Step::NeedInput);
                    }
                    if self.take_header()? {
                        return Ok(Step::Entry);
                    }
                }
                State::ZeroBlock => {
                    if !self.fill_block(input) {
                        return Ok(Step::NeedInput);
                    }
                    if !self.block.is_zero() {
                        return Err(self.corrupt(Fault::AfterEntry, Corruption::LoneZeroBlock));
                    }
                    self.state = State::End;
                }
                State::Extension {
                    kind,
                    missing: 0,
                    padding,
                } => {
                    self.take_extension(kind)?;
                    self.state = State::Padding { missing: padding };
                }
                State::Extension {
                    kind,
                    missing,
                    padding,
                } => {
                    if input.is_empty() {
                        return Ok(Step::NeedInput);
                    }
                    let bytes = self.take(input, missing);
                    self.extension.extend_from_slice(bytes);
                    self.state = State::Extension {
                        kind,
                        missing: missing - bytes.len() as u64,
                        padding,
                    };
                }
                State::GnuMap { stored } => {
                    if !self.fill_block(input) {
                        return Ok(Step::NeedInput);
                    }
                    let continues = self
                        .continue_gnu_map()
                        .map_err(|problem| self.corrupt(Fault::Entry, problem))?;
                    if !continues {
                        self.begin_content(stored, padding_of(stored))?;
                        return Ok(Step::Entry);
                    }
                }
                State::PaxMap { stored, padding } => {
                    if !self.fill_block(input) {
                        return Ok(Step::NeedInput);
                    }
                    if self.take_map_text(stored, padding)? {
                        return Ok(Step::Entry);
                    }
                }
                State::Content {
                    missing: 0,
                    padding,
                } => {
                    self.state = State::Padding { missing: padding };
                    return Ok(Step::EntryEnd);
                }
                State::Content { missing, padding } => {
                    if input.is_empty() {
                        return Ok(Step::NeedInput);
                    }
                    let bytes = self.take(input, missing);
                    self.state = State::Content {
                        missing: missing - bytes.len() as u64,
                        padding,
                    };
                    return Ok(Step::Content(bytes));
                }
                State::Padding { missing: 0 } => self.state = State::Header,
                State::Padding { missing } => {
                    if input.is_empty() {
                        return Ok(Step::NeedInput);
                    }
                    let bytes = self.take(input, missing);
                    self.state = State::Padding {
                        missing: missing - bytes.len() as u64,
                    };
                }
                State::End => {
                    self.take(input, u64::MAX);
                    return Ok(Step::NeedInput);
                }
            }
        }
    }

    /// Ends the archive where the input ended.
    ///
    /// That must be after the end mark, or between two entries: archives without the mark, with one block of
    /// zeros, or without the last padding are common enough that Go takes them. Anything else is cut short.
    pub fn finish(&self) -> Result<(), Error> {
        let fault = match self.state {
            State::Header | State::ZeroBlock if self.filled == 0 => return Ok(()),
            State::End
            | State::Padding { .. }
            | State::Content { missing: 0, .. }
            | State::Extension { missing: 0, .. } => return Ok(()),
            State::Header | State::ZeroBlock | State::Extension { .. } => Fault::AfterEntry,
            State::GnuMap { .. } | State::PaxMap { .. } | State::Content { .. } => Fault::Entry,
        };
        Err(self.corrupt(fault, Corruption::Truncated))
    }

    /// Moves at most `most` bytes out of the input.
    fn take<'a>(&mut self, input: &mut &'a [u8], most: u64) -> &'a [u8] {
        let count = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
        let (bytes, rest) = input.split_at(count);
        *input = rest;
        self.offset += count as u64;
        bytes
    }

    /// Moves input into the block. Returns whether it is full, and if so makes it ready for the next one.
    fn fill_block(&mut self, input: &mut &[u8]) -> bool {
        let bytes = self.take(input, (BLOCK_SIZE - self.filled) as u64);
        self.block.0[self.filled..self.filled + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
        let full = self.filled == BLOCK_SIZE;
        if full {
            self.filled = 0;
        }
        full
    }

    /// Reads the block as a header. Returns whether an entry begins.
    fn take_header(&mut self) -> Result<bool, Error> {
        let start = self.offset - BLOCK_SIZE as u64;
        if self.block.is_zero() {
            self.state = State::ZeroBlock;
            return Ok(false);
        }
        if !self.block.checksum_is_right() {
            let problem = match start {
                0 => Corruption::NotTar {
                    looks_like: looks_like(&self.block.0),
                },
                _ => Corruption::Checksum,
            };
            return Err(self.corrupt(Fault::AfterEntry, problem));
        }
        let fields = match self.block.fields() {
            Ok(fields) => fields,
            Err(problem) => {
                self.block.name_into(&mut self.entry.path);
                self.seen_entry = true;
                return Err(self.corrupt(Fault::Entry, problem));
            }
        };
        let extension = match fields.type_flag {
            b'x' => Extension::Pax,
            b'g' => Extension::PaxGlobal,
            b'L' => Extension::LongName,
            b'K' => Extension::LongLink,
            _ => {
                let header_offset = self.header_offset.take().unwrap_or(start);
                self.begin_entry(&fields, header_offset)?;
                return Ok(matches!(self.state, State::Content { .. }));
            }
        };
        self.header_offset.get_or_insert(start);
        let size = u64::try_from(fields.size)
            .map_err(|_| self.corrupt(Fault::AfterEntry, Corruption::Number { field: "size" }))?;
        if size > MAX_EXTENSION_SIZE {
            return Err(self.corrupt(
                Fault::AfterEntry,
                Corruption::ExtensionTooLarge {
                    size,
                    limit: MAX_EXTENSION_SIZE,
                },
            ));
        }
        self.extension.clear();
        self.state = State::Extension {
            kind: extension,
            missing: size,
            padding: padding_of(size),
        };
        Ok(false)
    }

    /// Takes in an extension header whose content is complete.
    fn take_extension(&mut self, kind: Extension) -> Result<(), Error> {
        let result = match kind {
            Extension::Pax => self.pax.replace(&mut self.extension),
            Extension::PaxGlobal => {
                // Checked, because Go refuses malformed ones; then forgotten, and what came before it, too.
                let result = self.pax.replace(&mut self.extension);
                self.forget_extensions();
                result
            }
            Extension::LongName => member::keep_name(&self.extension, &mut self.long_name),
            Extension::LongLink => member::keep_name(&self.extension, &mut self.long_link),
        };
        result.map_err(|problem| self.corrupt(Fault::AfterEntry, problem))
    }

    fn forget_extensions(&mut self) {
        self.pax.clear();
        self.long_name.clear();
        self.long_link.clear();
        self.header_offset = None;
    }

    fn continue_gnu_map(&mut self) -> Result<bool, Corruption> {
        let map = self.map.as_mut().ok_or(Corruption::SparseMap)?;
        let array = self.block.sparse_continuation();
        add_entries(&array, map)?;
        Ok(array.continues())
    }

    /// Takes the block as a part of the map in the content. Returns whether the content proper begins.
    fn take_map_text(&mut self, stored: u64, padding: u64) -> Result<bool, Error> {
        let (Some(map), Some(stored)) = (self.map.as_mut(), stored.checked_sub(BLOCK_SIZE as u64))
        else {
            return Err(self.corrupt(Fault::Entry, Corruption::SparseMap));
        };
        let complete = self
            .map_text
            .take(&self.block.0, map)
            .map_err(|problem| self.corrupt(Fault::Entry, problem))?;
        if complete {
            self.begin_content(stored, padding)?;
        } else {
            self.state = State::PaxMap { stored, padding };
        }
        Ok(complete)
    }

    fn begin_content(&mut self, stored: u64, padding: u64) -> Result<(), Error> {
        if let Some(map) = self.map.take() {
            self.map_name = map
                .finish(stored)
                .map_err(|problem| self.corrupt(Fault::Entry, problem))?;
            self.parts = map.into_parts();
            self.entry.sparse = true;
        }
        self.entry.stored_size = stored;
        self.entry.data_offset = self.offset;
        let end = self
            .offset
            .checked_add(stored)
            .and_then(|end| end.checked_add(padding));
        if end.is_none() {
            return Err(self.corrupt(Fault::Entry, Corruption::SizeOverflow));
        }
        self.state = State::Content {
            missing: stored,
            padding,
        };
        Ok(())
    }

    fn corrupt(&self, fault: Fault, problem: Corruption) -> Error {
        let entry = self.seen_entry.then(|| EntryName::new(&self.entry.path));
        let after = matches!(fault, Fault::AfterEntry) && entry.is_some();
        Error::Corrupt {
            position: Position {
                offset: self.offset,
                entry,
                after,
            },
            problem,
        }
    }
}

fn add_entries(
    array: &super::block::SparseArray<'_>,
    map: &mut SparseMap,
) -> Result<(), Corruption> {
    for pair in array.entries() {
        let (offset, length) = pair?;
        map.add(offset)?;
        map.add(length)?;
    }
    Ok(())
}

/// Returns the bytes that fill the last block of some content.
fn padding_of(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_SIZE as u64
}

/// Guesses what a layer that is no tar archive is instead, for the message.
fn looks_like(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'B', b'Z', b'h', ..] => Some("bzip2, which layers do not use"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz, which layers do not use"),
        [0x1f, 0x8b, 0x08, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Some("something that was compressed twice")
        }
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [b'h', b's', b'q', b's', ..] => Some("a squashfs image"),
        [b'{', ..] => Some("JSON"),
        [b'<', ..] => Some("HTML or XML"),
        _ => None,
    }
}
