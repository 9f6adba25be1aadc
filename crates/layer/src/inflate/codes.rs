//! The tables by which a prefix code of deflate is decoded (RFC 1951 §3.2).
//!
//! A table is indexed by the next bits of the stream, the first bit lowest. An entry tells how many of them are the code, what it
//! stands for and how many further bits belong to it, so that a symbol costs one look. Codes longer than the index go by a second
//! table, which lies behind the first.

use super::Damage;

/// Bits that index the table of literals and lengths: what most codes need, in 8 KiB that stay in the processor's nearest memory.
pub(super) const LITERAL_BITS: u32 = 11;

/// Bits that index the table of distances.
pub(super) const DISTANCE_BITS: u32 = 8;

/// Bits that index the table of code lengths, whose codes have no more (RFC 1951 §3.2.7).
pub(super) const LENGTH_BITS: u32 = 7;

/// Entries that 288 codes of at most 15 bits can need with [`LITERAL_BITS`], second tables included.
/// Source: `enough 288 11 15` of <https://github.com/madler/zlib/blob/develop/examples/enough.c>.
pub(super) const LITERAL_ENTRIES: usize = 2342;

/// The same of 32 codes with [`DISTANCE_BITS`].
pub(super) const DISTANCE_ENTRIES: usize = 402;

pub(super) const LENGTH_ENTRIES: usize = 1 << LENGTH_BITS;

/// Codes for literals and lengths, and for distances.
pub(super) const LITERAL_CODES: usize = 288;
pub(super) const DISTANCE_CODES: usize = 32;
pub(super) const LENGTH_CODES: usize = 19;

/// The longest code.
const LONGEST: usize = 15;

/// What the next bits of the stream stand for.
///
/// ```text
/// bits 0-4    how many bits are used up, further bits included
/// bits 5-8    how many of them are the code; of a second table, how many bits index it
/// bits 9-24   the literal, the least length or distance, or where the second table begins
/// bits 28-31  the flags below
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    const LITERAL: u32 = 1 << 31;
    const SECOND: u32 = 1 << 30;
    const END: u32 = 1 << 29;
    const INVALID: u32 = 1 << 28;

    const fn value(value: u32, further: u32) -> Self {
        Self(value << 9 | further)
    }

    const fn literal(byte: u8) -> Self {
        Self(Self::LITERAL | (byte as u32) << 9)
    }

    /// The entry of a code of so many bits.
    const fn with_length(self, length: u32) -> Self {
        Self((self.0 + length) | length << 5)
    }

    const fn second(start: u32, bits: u32, first: u32) -> Self {
        Self(Self::SECOND | start << 9 | bits << 5 | first)
    }

    #[inline(always)]
    pub(super) fn is_literal(self) -> bool {
        self.0 & Self::LITERAL != 0
    }

    /// Whether it is neither a literal nor a length or distance.
    #[inline(always)]
    pub(super) fn is_special(self) -> bool {
        self.0 & (Self::SECOND | Self::END | Self::INVALID) != 0
    }

    #[inline(always)]
    pub(super) fn is_second(self) -> bool {
        self.0 & Self::SECOND != 0
    }

    #[inline(always)]
    pub(super) fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }

    #[inline(always)]
    pub(super) fn is_invalid(self) -> bool {
        self.0 & Self::INVALID != 0
    }

    /// Bits that are used up.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 31
    }

    #[inline(always)]
    pub(super) fn byte(self) -> u8 {
        (self.0 >> 9) as u8
    }

    /// The length or distance, with the further bits that `bits` has behind the code.
    #[inline(always)]
    pub(super) fn number(self, bits: u64) -> usize {
        let further = (bits & !(u64::MAX << self.bits())) >> (self.0 >> 5 & 15);
        (self.0 >> 9 & 0xffff) as usize + further as usize
    }

    /// Where in the second table the entry is, by the bits behind the first table's.
    #[inline(always)]
    fn in_second(self, bits: u64) -> usize {
        (self.0 >> 9 & 0xffff) as usize + (bits & !(u64::MAX << (self.0 >> 5 & 15))) as usize
    }
}

/// A prefix code, indexed by `BITS` bits.
pub(super) struct Codes<const BITS: u32, const ENTRIES: usize>(Box<[Entry; ENTRIES]>);

impl<const BITS: u32, const ENTRIES: usize> Codes<BITS, ENTRIES> {
    pub(super) fn new() -> Self {
        Self(Box::new([Entry(Entry::INVALID); ENTRIES]))
    }

    /// Returns the entry for the next bits: at least [`Entry::bits`] of them are to be there.
    #[inline(always)]
    pub(super) fn first(&self, bits: u64) -> Entry {
        self.0[(bits & ((1 << BITS) - 1)) as usize]
    }

    /// Returns the entry for the bits that follow those of an entry that [is one of a second table](Entry::is_second).
    #[inline(always)]
    pub(super) fn second(&self, entry: Entry, bits: u64) -> Entry {
        self.0
            .get(entry.in_second(bits))
            .copied()
            .unwrap_or(Entry(Entry::INVALID))
    }

    /// Makes the code in which symbol n has a code of `lengths[n]` bits, 0 for one that does not occur, and stands for `symbols[n]`.
    ///
    /// As zlib does, it takes no code that leaves bits without a meaning, but for none at all and for a single one of one bit.
    pub(super) fn build(&mut self, lengths: &[u8], symbols: &[Entry]) -> Result<(), Damage> {
        let mut counts = [0_u32; LONGEST + 1];
        for &length in lengths {
            counts[usize::from(length) & LONGEST] += 1;
        }
        counts[0] = 0;
        let room = counts[1..]
            .iter()
            .try_fold(1_u32, |room, count| (2 * room).checked_sub(*count));
        let Some(room) = room else {
            return Err(Damage("a prefix code has more codes than bits"));
        };
        if room > 0 {
            if counts[1..].iter().sum::<u32>() > counts[1] || counts[1] > 1 {
                return Err(Damage("a prefix code leaves bits without a meaning"));
            }
            self.0[..1 << BITS].fill(Entry(Entry::INVALID));
        }

        // The symbols by the length of their code and then by number: the order of the codes (§3.2.2).
        let (mut codes, mut places) = ([0_u32; LONGEST + 1], [0_usize; LONGEST + 2]);
        for length in 1..=LONGEST {
            codes[length] = (codes[length - 1] + counts[length - 1]) << 1;
            places[length + 1] = places[length] + counts[length] as usize;
        }
        let used = places[LONGEST + 1];
        let mut sorted = [0_u16; LITERAL_CODES];
        for (symbol, &length) in (0_u16..).zip(lengths) {
            if length > 0 {
                let place = &mut places[usize::from(length) & LONGEST];
                sorted[*place] = symbol;
                *place += 1;
            }
        }

        let mut free = 1 << BITS;
        let (mut prefix, mut start) = (None, 0);
        for &symbol in &sorted[..used] {
            let length = u32::from(lengths[usize::from(symbol)]);
            let code = codes[length as usize];
            codes[length as usize] += 1;
            let reversed = (code.reverse_bits() >> (32 - length)) as usize;
            let entry = symbols[usize::from(symbol)];
            if length <= BITS {
                let entry = entry.with_length(length);
                self.0[reversed..1 << BITS]
                    .iter_mut()
                    .step_by(1 << length)
                    .for_each(|place| *place = entry);
            } else {
                let low = reversed & ((1 << BITS) - 1);
                if prefix != Some(low) {
                    // As large as the codes need that begin with these bits: they are the next ones.
                    let mut second = length - BITS;
                    let mut filled = counts[length as usize];
                    while filled < 1 << second && BITS + second < 15 {
                        second += 1;
                        filled = 2 * filled + counts[(BITS + second) as usize];
                    }
                    (prefix, start) = (Some(low), free);
                    free += 1 << second;
                    self.0[low] = Entry::second(start as u32, second, BITS);
                }
                let entry = entry.with_length(length - BITS);
                self.0[start + (reversed >> BITS)..free]
                    .iter_mut()
                    .step_by(1 << (length - BITS))
                    .for_each(|place| *place = entry);
            }
            counts[length as usize] -= 1;
        }
        Ok(())
    }
}

/// What the codes for literals and lengths stand for (RFC 1951 §3.2.5).
pub(super) const LITERALS: [Entry; LITERAL_CODES] = {
    let mut symbols = [Entry(Entry::INVALID); LITERAL_CODES];
    let mut at = 0;
    while at < 256 {
        symbols[at] = Entry::literal(at as u8);
        at += 1;
    }
    symbols[256] = Entry(Entry::END);
    let (mut length, mut at) = (3, 0);
    while at < 28 {
        let further = if at < 8 { 0 } else { at / 4 - 1 };
        symbols[257 + at as usize] = Entry::value(length, further);
        length += 1 << further;
        at += 1;
    }
    symbols[285] = Entry::value(258, 0);
    symbols
};

/// What the codes for distances stand for.
pub(super) const DISTANCES: [Entry; DISTANCE_CODES] = {
    let mut symbols = [Entry(Entry::INVALID); DISTANCE_CODES];
    let (mut distance, mut at) = (1, 0);
    while at < 30 {
        let further = if at < 4 { 0 } else { at / 2 - 1 };
        symbols[at as usize] = Entry::value(distance, further);
        distance += 1 << further;
        at += 1;
    }
    symbols
};

/// What the codes for code lengths stand for: themselves.
pub(super) const LENGTHS: [Entry; LENGTH_CODES] = {
    let mut symbols = [Entry(0); LENGTH_CODES];
    let mut at = 0;
    while at < LENGTH_CODES {
        symbols[at] = Entry::value(at as u32, 0);
        at += 1;
    }
    symbols
};

/// The lengths of the fixed code for literals and lengths (RFC 1951 §3.2.6).
pub(super) const FIXED_LITERALS: [u8; LITERAL_CODES] = {
    let mut lengths = [8; LITERAL_CODES];
    let mut at = 144;
    while at < 280 {
        lengths[at] = if at < 256 { 9 } else { 7 };
        at += 1;
    }
    lengths
};

/// The lengths of the fixed code for distances.
pub(super) const FIXED_DISTANCES: [u8; DISTANCE_CODES] = [5; DISTANCE_CODES];
