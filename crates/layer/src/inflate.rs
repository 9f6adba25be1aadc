//! Decodes deflate (RFC 1951), and knows to the bit where its blocks begin.
//!
//! Most of what a pull costs is spent here, in [`Inflate::fast`]. It differs from zlib in three ways: 64 bits are fetched at a time
//! and serve several symbols, a literal or a length takes one look into a table, and what was made before is copied in pieces of
//! sixteen bytes that may run over the end of the copy. That is twice as fast on the layers of real images. The ends of what is
//! there to read and to write are handled one symbol at a time, by [`Inflate::careful`].

#![expect(
    clippy::cast_possible_truncation,
    reason = "bits are masked to the size of what they become"
)]

mod codes;

use std::io;

use codes::{
    Codes, DISTANCE_BITS, DISTANCE_CODES, DISTANCE_ENTRIES, DISTANCES, FIXED_DISTANCES,
    FIXED_LITERALS, LENGTH_BITS, LENGTH_CODES, LENGTH_ENTRIES, LENGTHS, LITERAL_BITS,
    LITERAL_CODES, LITERAL_ENTRIES, LITERALS,
};

/// Bytes of output that deflate can refer back to (RFC 1951 §2).
pub(crate) const WINDOW: usize = 32 * 1024;

/// Bytes that hold the output before and the output that nobody took yet.
const SIZE: usize = 8 * WINDOW;

/// Bytes that are copied at a time.
const PIECE: usize = 16;

/// Where no further symbol is decoded: a few literals, the longest match and what is copied past its end still fit.
const LIMIT: usize = SIZE - 258 - 4 - PIECE;

/// Tells why something is no deflate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);

impl From<Damage> for io::Error {
    fn from(damage: Damage) -> Self {
        Self::new(io::ErrorKind::InvalidData, damage.0)
    }
}

/// Tells why decoding stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All input is used up.
    Input,
    /// The output is to be taken first.
    Output,
    /// A block has ended, and another one begins.
    Block,
    /// The last block has ended, and with it the stream, at a whole byte.
    End,
}

/// Decodes one stream.
pub(crate) struct Inflate {
    out: Box<[u8]>,
    /// Where the output ends.
    end: usize,
    /// Where the output begins that was not taken yet.
    taken: usize,
    /// Bits of the last bytes of input that were not used up: fewer than eight after a block's end.
    bits: u64,
    count: u32,
    /// Whether the block is the last one.
    last: bool,
    state: State,
    literals: Codes<LITERAL_BITS, LITERAL_ENTRIES>,
    distances: Codes<DISTANCE_BITS, DISTANCE_ENTRIES>,
    lengths: Codes<LENGTH_BITS, LENGTH_ENTRIES>,
}

/// What comes next in the stream.
enum State {
    Block,
    StoredLength,
    Stored(usize),
    Dynamic,
    CodeLengths(Box<Lengths>),
    Lengths(Box<Lengths>),
    Symbols,
    End,
}

/// The lengths of a dynamic block's codes, as far as they were read.
struct Lengths {
    literals: usize,
    distances: usize,
    code_lengths: usize,
    filled: usize,
    lengths: [u8; LITERAL_CODES + DISTANCE_CODES],
}

/// The input, and the bits that were fetched from it.
struct Bits<'a> {
    input: &'a [u8],
    at: usize,
    bits: u64,
    count: u32,
}

impl Bits<'_> {
    /// Fetches bits so that there are 56 at least. There are eight bytes of input left.
    #[inline(always)]
    fn fetch(&mut self, next: [u8; 8]) {
        // Bits of a byte that is not wholly fetched lie above the count, and are fetched again at the same place.
        self.bits |= u64::from_le_bytes(next) << self.count;
        self.at += (63 - self.count as usize) >> 3;
        self.count |= 56;
    }

    #[inline(always)]
    fn next(&self) -> Option<[u8; 8]> {
        self.input.get(self.at..)?.first_chunk().copied()
    }

    /// Fetches what there is, and tells whether there are so many bits then: 56 at most.
    fn has(&mut self, count: u32) -> bool {
        while self.count < count
            && let Some(byte) = self.input.get(self.at)
        {
            self.bits |= u64::from(*byte) << self.count;
            self.count += 8;
            self.at += 1;
        }
        self.count >= count
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    fn take(&mut self, count: u32) -> usize {
        let taken = self.bits & !(u64::MAX << count);
        self.skip(count);
        taken as usize
    }

    /// Leaves whole bytes to the input. They are its own: what an earlier input left belonged to the symbol that it broke off in.
    fn give_back(&mut self) {
        let bytes = (self.count as usize / 8).min(self.at);
        self.at -= bytes;
        self.count -= 8 * bytes as u32;
        self.bits &= !(u64::MAX << self.count);
    }
}

impl Inflate {
    pub(crate) fn new() -> Self {
        Self {
            out: vec![0; SIZE].into_boxed_slice(),
            end: 0,
            taken: 0,
            bits: 0,
            count: 0,
            last: false,
            state: State::Block,
            literals: Codes::new(),
            distances: Codes::new(),
            lengths: Codes::new(),
        }
    }

    /// Begins a stream.
    pub(crate) fn begin(&mut self) {
        self.begin_within(0, 0, &[]);
    }

    /// Begins at a block in the middle of a stream: with the top `bits` of the byte before the input, and the output before it.
    pub(crate) fn begin_within(&mut self, bits: u8, before: u8, window: &[u8]) {
        let count = u32::from(bits.min(7));
        let window = &window[window.len().saturating_sub(WINDOW)..];
        self.out[..window.len()].copy_from_slice(window);
        (self.end, self.taken) = (window.len(), window.len());
        (self.bits, self.count) = (u64::from(before) >> (8 - count), count);
        (self.last, self.state) = (false, State::Block);
    }

    /// The output that was not taken yet.
    pub(crate) fn output(&self) -> &[u8] {
        &self.out[self.taken..self.end]
    }

    /// Marks so many bytes of the output as taken.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.end);
    }

    /// The last output, taken or not, as far back as a block can refer.
    pub(crate) fn window(&self) -> &[u8] {
        &self.out[self.end.saturating_sub(WINDOW)..self.end]
    }

    /// Where the next block begins, after [`Stop::Block`]: so many bits at the top of the last byte that was used up belong to it,
    /// and are given at the top of a byte.
    pub(crate) fn rest(&self) -> (u8, u8) {
        (
            (self.count & 7) as u8,
            ((self.bits << 8) >> self.count) as u8,
        )
    }

    /// Decodes, and returns how many bytes of the input were used up.
    ///
    /// The output is added to what [`Inflate::output`] returns. Errors: what is no deflate; of what came before it the output stands.
    pub(crate) fn decode(&mut self, input: &[u8]) -> Result<(usize, Stop), Damage> {
        if self.taken == self.end && self.end > WINDOW {
            self.out.copy_within(self.end - WINDOW..self.end, 0);
            (self.end, self.taken) = (WINDOW, WINDOW);
        }
        let mut bits = Bits {
            input,
            at: 0,
            bits: self.bits,
            count: self.count,
        };
        let stop = self.run(&mut bits)?;
        match stop {
            Stop::Input => bits.bits &= !(u64::MAX << bits.count),
            _ => bits.give_back(),
        }
        (self.bits, self.count) = match stop {
            Stop::End => (0, 0),
            _ => (bits.bits, bits.count),
        };
        Ok((bits.at, stop))
    }

    fn run(&mut self, bits: &mut Bits<'_>) -> Result<Stop, Damage> {
        loop {
            let next = match std::mem::replace(&mut self.state, State::End) {
                State::Block if bits.has(3) => {
                    self.last = bits.take(1) == 1;
                    match bits.take(2) {
                        0 => {
                            let padding = bits.count % 8;
                            bits.skip(padding);
                            State::StoredLength
                        }
                        1 => {
                            self.literals.build(&FIXED_LITERALS, &LITERALS)?;
                            self.distances.build(&FIXED_DISTANCES, &DISTANCES)?;
                            State::Symbols
                        }
                        2 => State::Dynamic,
                        _ => return Err(Damage("a block of no known kind")),
                    }
                }
                State::StoredLength if bits.has(32) => {
                    let (length, complement) = (bits.take(16), bits.take(16));
                    if length != !complement & 0xffff {
                        return Err(Damage("the length of a stored block is damaged"));
                    }
                    bits.give_back();
                    State::Stored(length)
                }
                State::Stored(0) => return Ok(self.end_of_block()),
                State::Stored(left) => {
                    let room = LIMIT.saturating_sub(self.end);
                    let piece = &bits.input[bits.at..];
                    let count = left.min(room).min(piece.len());
                    self.out[self.end..self.end + count].copy_from_slice(&piece[..count]);
                    self.end += count;
                    bits.at += count;
                    if count < left {
                        self.state = State::Stored(left - count);
                        return Ok(match room == count {
                            true => Stop::Output,
                            false => Stop::Input,
                        });
                    }
                    State::Stored(0)
                }
                State::Dynamic if bits.has(14) => {
                    let lengths = Lengths {
                        literals: bits.take(5) + 257,
                        distances: bits.take(5) + 1,
                        code_lengths: bits.take(4) + 4,
                        filled: 0,
                        lengths: [0; LITERAL_CODES + DISTANCE_CODES],
                    };
                    if lengths.literals > 286 || lengths.distances > 30 {
                        return Err(Damage("a block has more codes than there are symbols"));
                    }
                    State::CodeLengths(Box::new(lengths))
                }
                State::CodeLengths(mut lengths) => match self.code_lengths(bits, &mut lengths)? {
                    true => State::Lengths(lengths),
                    false => {
                        self.state = State::CodeLengths(lengths);
                        return Ok(Stop::Input);
                    }
                },
                State::Lengths(mut lengths) => match self.code(bits, &mut lengths)? {
                    true => State::Symbols,
                    false => {
                        self.state = State::Lengths(lengths);
                        return Ok(Stop::Input);
                    }
                },
                State::Symbols => {
                    let stop = self.symbols(bits)?;
                    if stop == Stop::Block {
                        return Ok(self.end_of_block());
                    }
                    self.state = State::Symbols;
                    return Ok(stop);
                }
                State::End => return Ok(Stop::End),
                waiting => {
                    self.state = waiting;
                    return Ok(Stop::Input);
                }
            };
            self.state = next;
        }
    }

    fn end_of_block(&mut self) -> Stop {
        if self.last {
            self.state = State::End;
            return Stop::End;
        }
        self.state = State::Block;
        Stop::Block
    }

    /// Reads the code for the code lengths (§3.2.7). Returns whether the input sufficed.
    fn code_lengths(&mut self, bits: &mut Bits<'_>, lengths: &mut Lengths) -> Result<bool, Damage> {
        const ORDER: [usize; LENGTH_CODES] = [
            16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
        ];
        while lengths.filled < lengths.code_lengths {
            if !bits.has(3) {
                return Ok(false);
            }
            lengths.lengths[ORDER[lengths.filled]] = bits.take(3) as u8;
            lengths.filled += 1;
        }
        self.lengths
            .build(&lengths.lengths[..LENGTH_CODES], &LENGTHS)?;
        lengths.filled = 0;
        Ok(true)
    }

    /// Reads the lengths of both codes. Returns whether the input sufficed.
    fn code(&mut self, bits: &mut Bits<'_>, lengths: &mut Lengths) -> Result<bool, Damage> {
        let wanted = lengths.literals + lengths.distances;
        while lengths.filled < wanted {
            let enough = bits.has(14);
            let entry = self.lengths.first(bits.bits);
            if entry.is_invalid() && (enough || bits.count >= LENGTH_BITS) {
                return Err(Damage("a code length that has no code"));
            }
            let symbol = entry.byte();
            let (further, least) = match symbol {
                16 => (2, 3),
                17 => (3, 3),
                18 => (7, 11),
                _ => (0, 1),
            };
            if entry.is_invalid() || entry.bits() + further > bits.count {
                return Ok(false);
            }
            bits.skip(entry.bits());
            let count = least + bits.take(further);
            let length = match (symbol, lengths.filled.checked_sub(1)) {
                (..16, _) => symbol,
                (16, Some(before)) => lengths.lengths[before],
                (16, None) => return Err(Damage("a code length that repeats none")),
                _ => 0,
            };
            let end = lengths.filled + count;
            if end > wanted {
                return Err(Damage("more code lengths than codes"));
            }
            lengths.lengths[lengths.filled..end].fill(length);
            lengths.filled = end;
        }
        let (literals, distances) = lengths.lengths[..wanted].split_at(lengths.literals);
        if literals[256] == 0 {
            return Err(Damage("a block that cannot end"));
        }
        self.literals.build(literals, &LITERALS)?;
        self.distances.build(distances, &DISTANCES)?;
        Ok(true)
    }

    /// Decodes symbols, to the end of the block where it is reached.
    fn symbols(&mut self, bits: &mut Bits<'_>) -> Result<Stop, Damage> {
        loop {
            if self.fast(bits)? {
                return Ok(Stop::Block);
            }
            if self.end >= LIMIT {
                return Ok(Stop::Output);
            }
            match self.careful(bits)? {
                None => return Ok(Stop::Input),
                Some(true) => return Ok(Stop::Block),
                Some(false) => {}
            }
        }
    }

    /// Decodes while there is plenty to read and room to write. Returns whether the block has ended.
    fn fast(&mut self, outer: &mut Bits<'_>) -> Result<bool, Damage> {
        let Ok(out) = <&mut [u8; SIZE]>::try_from(&mut *self.out) else {
            return Ok(false);
        };
        let (literals, distances) = (&self.literals, &self.distances);
        // In variables of its own, which stay in registers.
        let mut end = self.end;
        let mut bits = Bits { ..*outer };
        // Bits are fetched twice for a symbol, eight bytes are looked at each time, and the first time uses up seven at most.
        let ended = loop {
            if end >= LIMIT || bits.at + 15 > bits.input.len() {
                break Ok(false);
            }
            let Some(next) = bits.next() else {
                break Ok(false);
            };
            bits.fetch(next);
            let mut entry = literals.first(bits.bits);
            if entry.is_literal() {
                bits.skip(entry.bits());
                out[end] = entry.byte();
                end += 1;
                entry = literals.first(bits.bits);
                if entry.is_literal() {
                    bits.skip(entry.bits());
                    out[end] = entry.byte();
                    end += 1;
                    entry = literals.first(bits.bits);
                    if entry.is_literal() {
                        bits.skip(entry.bits());
                        out[end] = entry.byte();
                        end += 1;
                        continue;
                    }
                }
                let Some(next) = bits.next() else {
                    break Ok(false);
                };
                bits.fetch(next);
            }
            if entry.is_special() {
                if entry.is_second() {
                    bits.skip(LITERAL_BITS);
                    entry = literals.second(entry, bits.bits);
                    if entry.is_literal() {
                        bits.skip(entry.bits());
                        out[end] = entry.byte();
                        end += 1;
                        continue;
                    }
                }
                if entry.is_end() {
                    bits.skip(entry.bits());
                    break Ok(true);
                }
                if entry.is_invalid() {
                    break Err(NO_CODE);
                }
            }
            let length = entry.number(bits.bits);
            bits.skip(entry.bits());
            let mut entry = distances.first(bits.bits);
            if entry.is_special() {
                if entry.is_second() {
                    bits.skip(DISTANCE_BITS);
                    entry = distances.second(entry, bits.bits);
                }
                if entry.is_invalid() {
                    break Err(NO_CODE);
                }
            }
            let distance = entry.number(bits.bits);
            bits.skip(entry.bits());
            if distance > end {
                break Err(TOO_FAR);
            }
            copy(out, end, distance, length);
            end += length;
        };
        (self.end, *outer) = (end, bits);
        ended
    }

    /// Decodes one symbol. Returns whether it was the end of the block, or nothing where the input does not suffice for it.
    fn careful(&mut self, bits: &mut Bits<'_>) -> Result<Option<bool>, Damage> {
        // Two codes of 15 bits, 5 and 13 further bits.
        let enough = bits.has(48);
        let Ok(out) = <&mut [u8; SIZE]>::try_from(&mut *self.out) else {
            return Ok(None);
        };
        let (mut word, mut used) = (bits.bits, 0);
        let mut skip = |word: &mut u64, count: u32| {
            *word >>= count;
            used += count;
        };
        let mut entry = self.literals.first(word);
        if entry.is_second() {
            skip(&mut word, LITERAL_BITS);
            entry = self.literals.second(entry, word);
        }
        let mut distance = None;
        let length = entry.number(word);
        skip(&mut word, entry.bits());
        let mut valid = !entry.is_invalid();
        if valid && !entry.is_literal() && !entry.is_end() {
            let mut entry = self.distances.first(word);
            if entry.is_second() {
                skip(&mut word, DISTANCE_BITS);
                entry = self.distances.second(entry, word);
            }
            valid = !entry.is_invalid();
            distance = Some(entry.number(word));
            skip(&mut word, entry.bits());
        }
        // Of bits that are not there yet nothing can be said.
        if used > bits.count || !valid && !enough {
            return Ok(None);
        }
        if !valid {
            return Err(NO_CODE);
        }
        bits.skip(used);
        match distance {
            Some(distance) if distance > self.end => return Err(TOO_FAR),
            Some(distance) => {
                copy(out, self.end, distance, length);
                self.end += length;
            }
            None if entry.is_end() => return Ok(Some(true)),
            None => {
                out[self.end] = entry.byte();
                self.end += 1;
            }
        }
        Ok(Some(false))
    }
}

const NO_CODE: Damage = Damage("bits that are no code");
const TOO_FAR: Damage = Damage("a reference to before the start");

/// Copies `length` bytes from `distance` bytes before `end` to `end`, and up to [`PIECE`] bytes of no meaning behind them.
#[inline(always)]
fn copy(out: &mut [u8; SIZE], end: usize, distance: usize, length: usize) {
    let from = end - distance;
    if distance >= PIECE {
        copy_pieces::<PIECE>(out, from, end, length);
    } else if distance >= 8 {
        copy_pieces::<8>(out, from, end, length);
    } else {
        // The copy reads what it has written: the same few bytes, again and again.
        let mut piece = [out[from]; 8];
        if distance > 1 {
            let mut next = 1;
            for byte in &mut piece[1..] {
                if next == distance {
                    next = 0;
                }
                *byte = out[from + next];
                next += 1;
            }
        }
        let step = 8 - 8 % distance;
        let mut to = end;
        while to < end + length {
            if let Some(place) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut) {
                *place = piece;
            }
            to += step;
        }
    }
}

/// Copies in pieces that do not overlap where they come from.
#[inline(always)]
fn copy_pieces<const N: usize>(out: &mut [u8; SIZE], mut from: usize, end: usize, length: usize) {
    let (mut to, stop) = (end, end + length);
    loop {
        let Some(piece) = out.get(from..).and_then(<[u8]>::first_chunk::<N>).copied() else {
            return;
        };
        let Some(place) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<N>) else {
            return;
        };
        *place = piece;
        from += N;
        to += N;
        if to >= stop {
            return;
        }
    }
}
