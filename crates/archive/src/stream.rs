//! The members of a tar, one after the other, as they come by.

use std::io::{self, Read};

use layer::tar::{Parser, Step};
use layer::{Entry, EntryKind};

use crate::compression::Decoder;
use crate::member::{Member, text};
use crate::{Error, Result};

/// Bytes that are read at a time.
const BUFFER: usize = 256 * 1024;

/// A tar that is read from its beginning to its end.
pub(crate) struct TarStream {
    source: Decoder,
    parser: Parser,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the current member has content that was not taken yet.
    inside: bool,
    /// The member before the next header.
    last: Option<String>,
}

impl TarStream {
    pub(crate) fn new(source: Decoder) -> Self {
        Self {
            source,
            parser: Parser::new(),
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            inside: false,
            last: None,
        }
    }

    /// Goes on to the next member, past what is left of the current one. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&Entry>> {
        while self.inside {
            self.piece()?;
        }
        loop {
            let mut input = &self.buffer[self.start..self.end];
            let step = self.parser.advance(&mut input).map_err(tar)?;
            let entered = matches!(step, Step::Entry);
            let hungry = matches!(step, Step::NeedInput);
            self.start = self.end - input.len();
            if entered {
                self.inside = true;
                self.last = Some(self.name());
                return Ok(Some(self.parser.entry()));
            }
            if self.parser.at_end() {
                return Ok(None);
            }
            if hungry && !self.fill()? {
                return match self.parser.finish() {
                    Ok(()) => Ok(None),
                    Err(_) => Err(Error::CutBetween {
                        after: self.last.take(),
                    }),
                };
            }
        }
    }

    /// Returns the next bytes of the current member; nothing at its end.
    pub(crate) fn piece(&mut self) -> Result<&[u8]> {
        while self.inside {
            let mut input = &self.buffer[self.start..self.end];
            let step = self.parser.advance(&mut input).map_err(tar)?;
            let (length, hungry, ended) = match step {
                Step::Content(bytes) => (bytes.len(), false, false),
                Step::NeedInput => (0, true, false),
                Step::EntryEnd => (0, false, true),
                Step::Entry => (0, false, false),
            };
            self.start = self.end - input.len();
            if length > 0 {
                return Ok(&self.buffer[self.start - length..self.start]);
            }
            if ended {
                self.inside = false;
            }
            if hungry && !self.fill()? {
                return Err(Error::Truncated {
                    member: self.name(),
                });
            }
        }
        Ok(&[])
    }

    /// Returns how many bytes of the source were read.
    pub(crate) fn taken(&self) -> u64 {
        self.source.taken()
    }

    fn fill(&mut self) -> Result<bool> {
        (self.start, self.end) = (0, 0);
        loop {
            match self.source.read(&mut self.buffer) {
                Ok(count) => {
                    self.end = count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.source.explain(error)),
            }
        }
    }

    fn name(&self) -> String {
        text(&self.parser.entry().path)
    }
}

pub(crate) fn tar(error: layer::Error) -> Error {
    match error {
        layer::Error::Corrupt {
            problem: layer::Corruption::NotTar { looks_like },
            ..
        } => Error::NotAnArchive { looks_like },
        other => Error::Tar(Box::new(other)),
    }
}

/// Returns what an entry is, with its content at `offset`.
pub(crate) fn member(entry: &Entry, offset: u64) -> Member {
    match entry.kind {
        EntryKind::Regular if !entry.sparse => Member::File {
            offset,
            size: entry.stored_size,
        },
        EntryKind::Symlink => Member::Symlink {
            target: text(&entry.link_target),
        },
        EntryKind::HardLink => Member::Hardlink {
            target: text(&entry.link_target),
        },
        _ => Member::Other,
    }
}
