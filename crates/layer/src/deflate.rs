//! One block of a tar as deflate's bytes (RFC 1951): what nothing makes smaller is stored, the rest compressed.
//!
//! Programs, pictures and archives hold much that is compressed already. The compressor would search it at its slowest and find
//! nothing, so it is told apart first, in cells of [`CELL`] bytes: by how often each byte occurs, and by whether pieces of it
//! repeat. That depends on the bytes alone, not on the computer.

use std::io;

use zlib_rs::{Deflate, DeflateFlush};

/// Where size and speed meet: the layers are as small as those of buildah, and the next levels take a sixth to a third more time for
/// two hundredths of the size.
const LEVEL: i32 = 3;

/// Bytes that are looked at together. A stored block has at most 65 535.
const CELL: usize = 32 * 1024;

/// How far back deflate can refer.
const WINDOW: usize = 32 * 1024;

/// Compresses blocks one by one.
pub(crate) struct Deflater {
    deflate: Deflate,
    repeats: Repeats,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self {
            deflate: Deflate::new(LEVEL, false, 15),
            repeats: Repeats(vec![0; 1 << TABLE_BITS]),
        }
    }

    /// Compresses one block. It refers to nothing before it, ends at a whole byte, and is not the last of a stream.
    pub(crate) fn block(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(block.len() / 2 + 64);
        let mut start = 0;
        while start < block.len() {
            let stored = self.is_dense(block, start);
            let mut end = (start + CELL).min(block.len());
            while end < block.len() && self.is_dense(block, end) == stored {
                end = (end + CELL).min(block.len());
            }
            match stored {
                true => block[start..end]
                    .chunks(CELL)
                    .for_each(|cell| store(cell, &mut out)),
                false => self.compress(&block[start..end], &mut out)?,
            }
            start = end;
        }
        Ok(out)
    }

    fn is_dense(&mut self, block: &[u8], start: usize) -> bool {
        let end = (start + CELL).min(block.len());
        is_even(&block[start..end]) && !self.repeats.are_in(block, start, end)
    }

    /// In one call: zlib-rs makes other bytes of other pieces.
    fn compress(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let deflate = &mut self.deflate;
        deflate.reset();
        let before = out.len();
        // Room for the worst case, and for the end of the flush.
        out.resize(before + zlib_rs::compress_bound(bytes.len()) + 64, 0);
        deflate
            .compress(bytes, &mut out[before..], DeflateFlush::SyncFlush)
            .map_err(|error| io::Error::other(format!("deflate: {error:?}")))?;
        let (taken, made) = (deflate.total_in(), deflate.total_out());
        let made = usize::try_from(made).map_err(io::Error::other)?;
        if taken != bytes.len() as u64 || before + made == out.len() {
            return Err(io::Error::other("deflate did not take a block at once"));
        }
        out.truncate(before + made);
        Ok(())
    }
}

/// Writes a stored block (RFC 1951 §3.2.4), which begins and ends at a whole byte.
fn store(cell: &[u8], out: &mut Vec<u8>) {
    #[expect(clippy::cast_possible_truncation, reason = "a cell has 32 768 bytes")]
    let length = cell.len() as u16;
    out.push(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(cell);
}

/// Tells whether all bytes occur about equally often, so that shorter codes for some are no gain: less than one part in a hundred.
fn is_even(cell: &[u8]) -> bool {
    // Most content shows it in its beginning.
    let sample = cell.len().min(4096);
    squares(&cell[..sample], 3) && squares(cell, 5)
}

/// Tells whether the sum of the squares of how often each byte occurs is near the least that it can be, which is `length² / 256`.
/// Of random bytes it is `length² / 256 + length`. The margin is the part of it, as the `margin`-th power of a half, that may be above.
fn squares(bytes: &[u8], margin: u32) -> bool {
    // Four counts, because equal bytes one after the other would wait for each other.
    let mut counts = [[0_u32; 256]; 4];
    let mut fours = bytes.chunks_exact(4);
    for four in &mut fours {
        for (count, byte) in counts.iter_mut().zip(four) {
            count[usize::from(*byte)] += 1;
        }
    }
    for byte in fours.remainder() {
        counts[0][usize::from(*byte)] += 1;
    }
    let [a, b, c, d] = &counts;
    let sum: u64 = (0..256)
        .map(|byte| u64::from(a[byte] + b[byte] + c[byte] + d[byte]).pow(2))
        .sum();
    let length = bytes.len() as u64;
    let least = length * length / 256 + length;
    sum <= least + (least >> margin)
}

/// Bits of the place of a piece in [`Repeats`].
const TABLE_BITS: u32 = 12;

/// Finds pieces that were there before: the last place, plus one, of some of the pieces of eight bytes.
struct Repeats(Vec<u32>);

impl Repeats {
    /// Tells whether more than one part in 64 of these bytes repeats what deflate could refer to.
    ///
    /// One piece in eight is looked at, chosen by what is in it, so that a repeated one is chosen wherever it stands.
    fn are_in(&mut self, block: &[u8], start: usize, end: usize) -> bool {
        self.0.fill(0);
        let from = start.saturating_sub(WINDOW);
        let mut found = 0;
        for (at, piece) in block[from..end].windows(8).enumerate() {
            let Some(piece) = piece.first_chunk::<8>() else {
                break;
            };
            let mixed = u64::from_le_bytes(*piece).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if mixed >> 61 != 0 {
                continue;
            }
            let place = usize::try_from(mixed >> (61 - TABLE_BITS)).unwrap_or_default();
            let Some(last) = self.0.get_mut(place) else {
                continue;
            };
            let before = *last as usize;
            let at = from + at;
            if at >= start && before > 0 && block[before - 1..before + 7] == *piece {
                found += 8;
            }
            *last = u32::try_from(at + 1).unwrap_or_default();
        }
        found * 64 > end - start
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x1234_5678_9abc_def1_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        (0..length.div_ceil(8))
            .flat_map(|_| next())
            .take(length)
            .collect()
    }

    fn packed(block: &[u8]) -> usize {
        let mut bytes = Deflater::new().block(block).expect("it compresses");
        let length = bytes.len();
        bytes.extend_from_slice(&[3, 0]);
        let mut read = Vec::new();
        flate2::read::DeflateDecoder::new(bytes.as_slice())
            .read_to_end(&mut read)
            .expect("it reads back");
        assert!(read == block, "it is what it was");
        length
    }

    #[test]
    fn what_is_random_is_stored_and_what_repeats_is_not() {
        let noise = noise(300_001);
        assert!(is_even(&noise[..CELL]));
        // Five bytes for each cell.
        assert_eq!(packed(&noise), noise.len() + 5 * noise.len().div_ceil(CELL));
        let text: Vec<u8> = (0..200_000_u32)
            .flat_map(|n| format!("{n} ").into_bytes())
            .collect();
        assert!(packed(&text) < text.len() / 2);
        let mixed = [&noise[..100_000], &text[..100_000], &noise[..100_000]].concat();
        assert!(packed(&mixed) < 260_000);
        // Even bytes, and the same ones again.
        let again: Vec<u8> = noise[..10_000].repeat(20);
        assert!(packed(&again) < 60_000, "{}", packed(&again));
        let counted: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        assert!(packed(&counted) < 10_000);
        assert_eq!(packed(b""), 0);
        packed(b"x");
    }
}
