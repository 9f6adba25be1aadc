//! Reading from the middle of a compressed layer.
//!
//! gzip can only be decoded from its start, unless one knows where a block begins, to the bit, and the 32 KiB of output before it
//! (zlib's `examples/zran.c`). The **seek table** has such places, one for every [`SPACING`] bytes of output: about 12 KiB each,
//! under a hundredth of the layer. It is made in a pass over the layer, and whatever is read with it is compared with the
//! fingerprint that the file index has, so that a wrong table costs time and never gives wrong bytes.
//!
//! Where there are no blocks there are no places: zlib-ng at its fastest level writes one block for the whole layer. zstd has no
//! place at which a decoder could begin within a frame, only at the start of one, and a layer that no tool wrote for seeking is one
//! frame. Both are read from the start.
//!
//! # Format, version 1
//!
//! ```text
//! table   = magic window* place* trailer
//! magic   = 8 bytes, 89 'S' 'T' 'R' 'S' 'K' '1' 0A
//! window  = a zstd frame: the output before the place, at most 32 KiB; nothing where the place is the start of a member
//! place   = input u64, output u64, window's offset u64, window's length u32, bits u8, the byte before u8, 2 bytes 0
//! trailer = number of places u64, xxh3-64 of the places u64
//! ```
//! Numbers are little endian. `bits` is how many bits at the top of the byte before `input` belong to the block; of a member it is 255.

mod read;

use std::io::{self, Write};

use xxhash_rust::xxh3::xxh3_64;
use zlib_rs::{Inflate, InflateFlush};

pub use read::{SeekTable, read_from};

/// Bytes of output that deflate can refer back to (RFC 1951 §2).
pub(crate) const WINDOW: usize = 32 * 1024;

/// Bytes of output between two places: what is decoded in vain is half of it, 7 ms at 300 MB/s.
pub const SPACING: u64 = 4 * 1024 * 1024;

/// After a place could not be told from its neighbours, the next one is tried this much later.
const AGAIN: u64 = 128 * 1024;

const MAGIC: [u8; 8] = *b"\x89STRSK1\n";

const PLACE: usize = 32;

const TRAILER: usize = 16;

/// The `bits` of a place at which a member begins.
const MEMBER: u8 = 255;

/// Is shown the places at which decoding could begin.
pub(crate) trait Finder {
    /// Tells whether the next place is wanted.
    fn is_due(&self, output: u64) -> bool;
    /// A member begins.
    fn member(&mut self, input: u64, output: u64) -> io::Result<()>;
    /// A block begins somewhere in the byte before `place.0`, or right at it.
    fn block(
        &mut self,
        place: (u64, u64),
        before: u8,
        window: &[u8],
        probe: &[u8],
        made: &[u8],
    ) -> io::Result<()>;
    /// That was all, after so many bytes of output.
    fn finish(&mut self, output: u64) -> io::Result<()>;
}

/// Writes a seek table.
pub(crate) struct TableWriter<W> {
    out: W,
    written: u64,
    places: Vec<u8>,
    /// Where the next place is wanted.
    next: u64,
    trial: Inflate,
}

impl<W: Write> TableWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            places: Vec::new(),
            next: SPACING,
            trial: Inflate::new(false, 15),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written == 0 {
            self.out.write_all(&MAGIC)?;
            self.written = MAGIC.len() as u64;
        }
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn add(&mut self, place: (u64, u64), bits: u8, before: u8, window: &[u8]) -> io::Result<()> {
        let packed = match window {
            [] => Vec::new(),
            _ => zstd::bulk::compress(window, 1)?,
        };
        self.write(&packed)?;
        let start = self.written - packed.len() as u64;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        self.places.extend_from_slice(&place.0.to_le_bytes());
        self.places.extend_from_slice(&place.1.to_le_bytes());
        self.places.extend_from_slice(&start.to_le_bytes());
        self.places.extend_from_slice(&length.to_le_bytes());
        self.places.extend_from_slice(&[bits, before, 0, 0]);
        self.next = place.1 + SPACING;
        Ok(())
    }

    /// Finds out how many bits of the byte before belong to the block: those with which the probe gives what was made.
    ///
    /// zlib knows, but its safe interface does not tell.
    fn bits(&mut self, before: u8, window: &[u8], probe: &[u8], made: &[u8]) -> Option<u8> {
        let mut found: Vec<(u8, bool)> = Vec::new();
        let mut out = vec![0; made.len()];
        for bits in 0..8 {
            let Ok(_) = read::begin(&mut self.trial, bits, before, window) else {
                continue;
            };
            let start = self.trial.total_out();
            let done = self
                .trial
                .decompress(probe, &mut out, InflateFlush::NoFlush);
            let count = usize::try_from(self.trial.total_out() - start).unwrap_or_default();
            if done.is_ok() && count == made.len() && out == made {
                let header = u32::from(before) >> (8 - bits) | u32::from(probe[0]) << bits;
                found.push((bits, header >> 1 & 3 == 0));
            }
        }
        match found.as_slice() {
            [(bits, _)] => Some(*bits),
            // The bits before the length of a stored block are padding, so that one is as good as the other.
            [(bits, _), ..] if found.iter().all(|(_, stored)| *stored) => Some(*bits),
            _ => None,
        }
    }
}

/// Writes the seek table of a layer whose writer knows the places: blocks that begin at a whole byte and refer to nothing before.
#[derive(Debug, Default)]
pub struct SeekTableBuilder {
    places: Vec<(u64, u64)>,
}

impl SeekTableBuilder {
    /// Adds a place: so many compressed bytes and so many uncompressed ones come before it.
    pub fn place(&mut self, input: u64, output: u64) {
        self.places.push((input, output));
    }

    /// Writes the table of a layer of so many uncompressed bytes; nothing for one that is read in no time from its start.
    pub fn finish(self, output: u64, out: impl Write) -> io::Result<()> {
        if output < SPACING {
            return Ok(());
        }
        let mut table = TableWriter::new(out);
        for place in self.places {
            table.add(place, 0, 0, &[])?;
        }
        table.finish(output)
    }
}

impl<W: Write> Finder for TableWriter<W> {
    fn is_due(&self, output: u64) -> bool {
        output >= self.next
    }

    fn member(&mut self, input: u64, output: u64) -> io::Result<()> {
        // It needs no window, so that it costs next to nothing.
        if output + SPACING >= self.next + SPACING / 16 && output > 0 {
            self.add((input, output), MEMBER, 0, &[])?;
        }
        Ok(())
    }

    fn block(
        &mut self,
        place: (u64, u64),
        before: u8,
        window: &[u8],
        probe: &[u8],
        made: &[u8],
    ) -> io::Result<()> {
        match self.bits(before, window, probe, made) {
            Some(bits) => self.add(place, bits, before, window),
            None => {
                self.next = place.1 + AGAIN;
                Ok(())
            }
        }
    }

    fn finish(&mut self, output: u64) -> io::Result<()> {
        if output < SPACING {
            // Nothing is written for a layer that is read in no time from its start.
            return Ok(());
        }
        let count = (self.places.len() / PLACE) as u64;
        let hash = xxh3_64(&self.places);
        let places = std::mem::take(&mut self.places);
        self.write(&places)?;
        self.write(&count.to_le_bytes())?;
        self.write(&hash.to_le_bytes())?;
        self.out.flush()
    }
}
