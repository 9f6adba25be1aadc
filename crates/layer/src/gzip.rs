//! The gzip decoder (RFC 1952), which can note on its way where it could begin again.

use std::io::{self, BufRead};

use zlib_rs::crc32::crc32;

use crate::inflate::{Damage, Inflate, Stop};
use crate::seek::{Block, Finder};

/// Reads all members of a gzip stream, to the end of the source.
pub(crate) struct Gzip<R> {
    source: R,
    inflate: Inflate,
    state: State,
    /// Bytes of the source that were used up.
    input: u64,
    /// Bytes that were decoded, taken or not.
    output: u64,
    finder: Option<Box<dyn Finder + Send>>,
    /// Why there is no finder any more. The layer itself is read on.
    failed: Option<io::Error>,
}

/// What comes next.
enum State {
    /// A member, or the end.
    Between,
    /// The rest of a member, whose checksum and length so far are these; nothing where it was not read from its start.
    Within(Option<Sum>),
    /// The checksum and length of a member, which are to be these.
    Sum(Option<Sum>),
    /// Nothing: what came before was damaged.
    Damaged(Damage),
}

#[derive(Clone, Copy, Default)]
struct Sum {
    checksum: u32,
    length: u64,
}

/// Flags of a member's header (RFC 1952 §2.3.1). The lowest says that it is text, which changes nothing.
const HEADER_SUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

impl<R: BufRead> Gzip<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            inflate: Inflate::new(),
            state: State::Between,
            input: 0,
            output: 0,
            finder: None,
            failed: None,
        }
    }

    /// Reads the rest of a member from one of its blocks on, and the members that follow. The checksum of that member is not
    /// compared: it is over bytes that were not read.
    pub(crate) fn within(source: R, block: &Block<'_>) -> Self {
        let mut gzip = Self::new(source);
        gzip.inflate
            .begin_within(block.bits, block.before, block.window);
        gzip.state = State::Within(None);
        gzip
    }

    /// Shows the finder every place at which decoding could begin.
    pub(crate) fn find(&mut self, finder: Box<dyn Finder + Send>) {
        self.finder = Some(finder);
    }

    pub(crate) fn source(&mut self) -> &mut R {
        &mut self.source
    }

    pub(crate) fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let ready = self.inflate.output();
            if !ready.is_empty() {
                let count = ready.len().min(out.len());
                out[..count].copy_from_slice(&ready[..count]);
                self.inflate.take(count);
                return Ok(count);
            }
            match self.state {
                State::Between => {
                    if !self.begin()? {
                        return Ok(0);
                    }
                }
                State::Within(sum) => self.decode(sum)?,
                State::Sum(sum) => self.end(sum)?,
                State::Damaged(damage) => return Err(damage.into()),
            }
        }
    }

    /// Reads a member's header. Returns whether there is one, or the source has ended.
    fn begin(&mut self) -> io::Result<bool> {
        let place = (self.input, self.output);
        let Some(first) = self.byte()? else {
            return Ok(false);
        };
        let mut header = Header {
            gzip: self,
            checksum: crc32(0, &[first]),
        };
        let magic = [first, header.byte()?, header.byte()?];
        let flags = header.byte()?;
        if magic != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
            return Err(Damage("no header of a member").into());
        }
        // The time, what the compressor was told, and where it ran.
        header.skip(6)?;
        if flags & EXTRA != 0 {
            let length = u16::from_le_bytes([header.byte()?, header.byte()?]);
            header.skip(length)?;
        }
        for _ in 0..(flags & (NAME | COMMENT)).count_ones() {
            while header.byte()? != 0 {}
        }
        if flags & HEADER_SUM != 0 {
            let [low, high, ..] = header.checksum.to_le_bytes();
            if [header.byte()?, header.byte()?] != [low, high] {
                return Err(Damage("the checksum of a header is wrong").into());
            }
        }
        self.inflate.begin();
        self.state = State::Within(Some(Sum::default()));
        if let Some(finder) = &mut self.finder
            && let Err(error) = finder.member(place.0, place.1)
        {
            (self.finder, self.failed) = (None, Some(error));
        }
        Ok(true)
    }

    /// Decodes on. What there is of output is to be given before anything that was wrong behind it.
    fn decode(&mut self, sum: Option<Sum>) -> io::Result<()> {
        let input = self.source.fill_buf()?;
        let ended = input.is_empty();
        let result = self.inflate.decode(input);
        let made = self.inflate.output();
        let sum = sum.map(|sum| Sum {
            checksum: crc32(sum.checksum, made),
            length: sum.length.wrapping_add(made.len() as u64),
        });
        self.output += made.len() as u64;
        self.state = State::Within(sum);
        let (used, stop) = match result {
            Ok(decoded) => decoded,
            Err(damage) => {
                self.state = State::Damaged(damage);
                return Ok(());
            }
        };
        self.source.consume(used);
        self.input += used as u64;
        match stop {
            Stop::Input if ended => return Err(io::ErrorKind::UnexpectedEof.into()),
            Stop::Input | Stop::Output => {}
            Stop::Block => self.block(),
            Stop::End => self.state = State::Sum(sum),
        }
        Ok(())
    }

    /// Reads the end of a member, and compares it with what was decoded.
    fn end(&mut self, sum: Option<Sum>) -> io::Result<()> {
        let mut trailer = [0; 8];
        for byte in &mut trailer {
            *byte = self.byte()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        self.state = State::Between;
        if let Some(sum) = sum {
            // The length is given modulo 2^32.
            let [a, b, c, d, ..] = sum.length.to_le_bytes();
            let [e, f, g, h] = sum.checksum.to_le_bytes();
            if trailer != [e, f, g, h, a, b, c, d] {
                self.state = State::Damaged(Damage("the checksum of a member is wrong"));
            }
        }
        Ok(())
    }

    /// Shows the finder the block that begins here, where it wants one.
    fn block(&mut self) {
        let Some(finder) = &mut self.finder else {
            return;
        };
        if !finder.is_due(self.output) {
            return;
        }
        let (bits, before) = self.inflate.rest();
        let block = Block {
            bits,
            before,
            window: self.inflate.window(),
        };
        if let Err(error) = finder.block((self.input, self.output), &block) {
            (self.finder, self.failed) = (None, Some(error));
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.source.fill_buf() {
                Ok(input) => {
                    let byte = input.first().copied();
                    if byte.is_some() {
                        self.source.consume(1);
                        self.input += 1;
                    }
                    return Ok(byte);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends the list of places.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        match &mut self.finder {
            Some(finder) => finder.finish(self.output),
            None => Ok(()),
        }
    }
}

/// A header while it is read, with the checksum over it.
struct Header<'a, R> {
    gzip: &'a mut Gzip<R>,
    checksum: u32,
}

impl<R: BufRead> Header<'_, R> {
    fn byte(&mut self) -> io::Result<u8> {
        let byte = self.gzip.byte()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        self.checksum = crc32(self.checksum, &[byte]);
        Ok(byte)
    }

    fn skip(&mut self, count: u16) -> io::Result<()> {
        (0..count).try_for_each(|_| self.byte().map(drop))
    }
}
