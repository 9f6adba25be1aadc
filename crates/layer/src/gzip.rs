//! The gzip decoder, which can note on its way where it could begin again.

use std::io::{self, BufRead};

use zlib_rs::{Inflate, InflateFlush, Status};

use crate::seek::{Finder, WINDOW};

/// Reads all members of a gzip stream, to the end of the source.
pub(crate) struct Gzip<R> {
    source: R,
    inflate: Inflate,
    /// Whether a member has ended, or none has begun.
    between: bool,
    /// Bytes of the source that were used up.
    input: u64,
    /// Bytes that came out.
    output: u64,
    finder: Option<Box<dyn Finder + Send>>,
    /// Why there is no finder any more. The layer itself is read on.
    failed: Option<io::Error>,
    /// The last byte that was used up, some of whose bits may belong to the next block.
    last: u8,
    /// What came out before, at least [`WINDOW`] bytes where there are so many. Empty without a finder.
    tail: Vec<u8>,
}

/// Tells zlib to expect a gzip header, and a window of 32 KiB.
const GZIP: u8 = 16 + 15;

/// Compressed bytes after a block's end that are decoded to find out at which bit it was.
const PROBE: usize = 512;

/// Uncompressed bytes that such a decoding must give, and may give.
const PROBED: std::ops::Range<usize> = 64..2048;

impl<R: BufRead> Gzip<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            inflate: Inflate::new(true, GZIP),
            between: true,
            input: 0,
            output: 0,
            finder: None,
            failed: None,
            last: 0,
            tail: Vec::new(),
        }
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
            let input = self.source.fill_buf()?;
            if input.is_empty() {
                return match self.between {
                    true => Ok(0),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            if std::mem::take(&mut self.between) {
                self.inflate = Inflate::new(true, GZIP);
                let found = self
                    .finder
                    .as_mut()
                    .map(|finder| finder.member(self.input, self.output));
                if let Some(Err(error)) = found {
                    (self.finder, self.failed) = (None, Some(error));
                }
            }
            let due = self
                .finder
                .as_ref()
                .is_some_and(|finder| finder.is_due(self.output));
            let flush = if due {
                InflateFlush::Block
            } else {
                InflateFlush::NoFlush
            };
            let (mut used, mut made) = (0, 0);
            let mut status = step(&mut self.inflate, input, out, flush, &mut used, &mut made)?;
            let stopped = due && status == Status::Ok && used < input.len();
            if stopped && made + PROBED.end <= out.len() && used + PROBE <= input.len() {
                // It stopped for no other reason than that a block has ended.
                let block = made;
                let before = match used {
                    0 => self.last,
                    _ => input[used - 1],
                };
                let place = (self.input + used as u64, self.output + made as u64);
                let probe = &input[used..used + PROBE];
                status = step(
                    &mut self.inflate,
                    probe,
                    &mut out[block..block + PROBED.end],
                    InflateFlush::NoFlush,
                    &mut used,
                    &mut made,
                )?;
                if let Some(finder) = self
                    .finder
                    .as_mut()
                    .filter(|_| made - block >= PROBED.start)
                {
                    let window = window(&self.tail, &out[..block]);
                    let found = finder.block(place, before, &window, probe, &out[block..made]);
                    if let Err(error) = found {
                        (self.finder, self.failed) = (None, Some(error));
                    }
                }
            }
            if used == 0 && made == 0 && status != Status::StreamEnd {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if used > 0 {
                self.last = input[used - 1];
            }
            self.source.consume(used);
            self.input += used as u64;
            self.output += made as u64;
            self.between = status == Status::StreamEnd;
            if made > 0 {
                if self.finder.is_some() {
                    self.keep(&out[..made]);
                }
                return Ok(made);
            }
        }
    }

    fn keep(&mut self, made: &[u8]) {
        if made.len() >= WINDOW || self.tail.len() + made.len() > 4 * WINDOW {
            self.tail = window(&self.tail, made);
        } else {
            self.tail.extend_from_slice(made);
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

/// Returns the last [`WINDOW`] bytes of two pieces.
fn window(before: &[u8], after: &[u8]) -> Vec<u8> {
    let after = &after[after.len().saturating_sub(WINDOW)..];
    let missing = WINDOW - after.len();
    let before = &before[before.len().saturating_sub(missing)..];
    [before, after].concat()
}

/// Decodes once, and adds up what was used and made.
fn step(
    inflate: &mut Inflate,
    input: &[u8],
    out: &mut [u8],
    flush: InflateFlush,
    used: &mut usize,
    made: &mut usize,
) -> io::Result<Status> {
    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
    let status = inflate
        .decompress(input, out, flush)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.as_str()))?;
    let count = |now: u64, before: u64| usize::try_from(now - before).unwrap_or(usize::MAX);
    *used += count(inflate.total_in(), before_in);
    *made += count(inflate.total_out(), before_out);
    Ok(status)
}
