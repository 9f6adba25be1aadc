//! Uses a seek table.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use xxhash_rust::xxh3::xxh3_64;
use zlib_rs::{Inflate, InflateError, InflateFlush, Status};

use super::{MAGIC, MEMBER, PLACE, TRAILER, WINDOW};
use crate::compression::{Compression, Decompressor};

/// Places at which decoding can begin, read from a seek table.
pub struct SeekTable<R> {
    source: R,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    input: u64,
    output: u64,
    window: u64,
    length: u32,
    bits: u8,
    before: u8,
}

/// Places that a table may have: enough for a layer of 16 TiB.
const MAX_PLACES: u64 = 1 << 22;

impl<R: Read + Seek> SeekTable<R> {
    /// Reads the places. `None` where the bytes are no whole, undamaged table of this version; it is then to be made again.
    pub fn open(mut source: R) -> io::Result<Option<Self>> {
        let mut magic = [0; MAGIC.len()];
        let size = source.seek(SeekFrom::End(0))?;
        if size < (MAGIC.len() + TRAILER) as u64 {
            return Ok(None);
        }
        source.rewind()?;
        source.read_exact(&mut magic)?;
        source.seek(SeekFrom::End(-(TRAILER as i64)))?;
        let (count, hash) = (number(&mut source)?, number(&mut source)?);
        let length = count.saturating_mul(PLACE as u64);
        let end = size - TRAILER as u64;
        if magic != MAGIC || count > MAX_PLACES || length > end - MAGIC.len() as u64 {
            return Ok(None);
        }
        source.seek(SeekFrom::Start(end - length))?;
        let mut bytes = Vec::new();
        source.by_ref().take(length).read_to_end(&mut bytes)?;
        if xxh3_64(&bytes) != hash {
            return Ok(None);
        }
        let places = bytes.chunks_exact(PLACE).map(|mut bytes| {
            let bytes = &mut bytes;
            Ok(Place {
                input: number(bytes)?,
                output: number(bytes)?,
                window: number(bytes)?,
                length: {
                    let mut length = [0; 4];
                    bytes.read_exact(&mut length)?;
                    u32::from_le_bytes(length)
                },
                bits: bytes[0],
                before: bytes[1],
            })
        });
        let places = places.collect::<io::Result<Vec<_>>>()?;
        Ok(Some(Self { source, places }))
    }

    /// Returns how many places there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Tells whether there are none, as in a small layer.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn before(&self, output: u64) -> Option<Place> {
        let after = self.places.partition_point(|place| place.output <= output);
        after.checked_sub(1).map(|at| self.places[at])
    }

    fn window(&mut self, place: &Place) -> io::Result<Vec<u8>> {
        self.source.seek(SeekFrom::Start(place.window))?;
        let mut packed = Vec::new();
        let length = u64::from(place.length);
        self.source.by_ref().take(length).read_to_end(&mut packed)?;
        zstd::bulk::decompress(&packed, WINDOW)
    }
}

fn number(source: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    source.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

/// Returns a reader of the uncompressed layer from `offset` on.
///
/// A plain layer is read from there at once, a compressed one from the last place of the table before it, or from its start.
pub fn read_from<B, T>(
    mut blob: B,
    table: Option<&mut SeekTable<T>>,
    offset: u64,
) -> io::Result<Box<dyn Read + Send>>
where
    B: Read + Seek + Send + 'static,
    T: Read + Seek,
{
    let mut start = [0; Compression::DETECT_BYTES];
    let mut filled = 0;
    while filled < start.len() {
        match blob.read(&mut start[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    let place = match (Compression::detect(&start[..filled]), table) {
        (Compression::None, _) => {
            blob.seek(SeekFrom::Start(offset))?;
            return Ok(Box::new(blob));
        }
        (Compression::Gzip, Some(table)) => match table.before(offset) {
            Some(place) if place.bits == MEMBER => Some((place, Vec::new())),
            Some(place) => Some((place, table.window(&place)?)),
            None => None,
        },
        // Within a frame there is no place; what a table says of one is not zstd's.
        (Compression::Zstd, Some(table)) => table
            .before(offset)
            .filter(|place| place.bits == MEMBER)
            .map(|place| (place, Vec::new())),
        _ => None,
    };
    let (mut reader, behind): (Box<dyn Read + Send>, u64) = match place {
        None => {
            blob.rewind()?;
            (Box::new(Decompressor::new(blob)?), offset)
        }
        Some((place, _)) if place.bits == MEMBER => {
            blob.seek(SeekFrom::Start(place.input))?;
            (Box::new(Decompressor::new(blob)?), offset - place.output)
        }
        Some((place, window)) => {
            blob.seek(SeekFrom::Start(place.input))?;
            let reader =
                FromBlock::new(BufReader::with_capacity(64 * 1024, blob), &place, &window)?;
            (Box::new(reader), offset - place.output)
        }
    };
    let skipped = io::copy(&mut (&mut reader).take(behind), &mut io::sink())?;
    if skipped < behind {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reader)
}

/// Makes a decoder whose next bits are the top `bits` of a byte, and whose output so far ends in `window`.
///
/// The bits before are filled with blocks of no consequence: a decoder must not see the bytes moved up instead, because a stored
/// block begins at the next whole byte. An empty block takes ten bits, one with a single byte in it nineteen, so that any number
/// of bits modulo eight can be had; that byte is dropped, and the window is set after it. Returns the bytes that this took, too.
pub(super) fn begin(
    inflate: &mut Inflate,
    bits: u8,
    before: u8,
    window: &[u8],
) -> Result<u64, InflateError> {
    const EMPTY: [u8; 10] = [0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    const ONE_BYTE: [u8; 19] = [0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    inflate.reset(false);
    let used = usize::from(8 - bits.min(8)) % 8;
    if used > 0 {
        let mut filling: Vec<u8> = Vec::new();
        if used % 2 == 1 {
            filling.extend(ONE_BYTE);
        }
        while filling.len() % 8 != used {
            filling.extend(EMPTY);
        }
        let own = (0..bits).rev().map(|bit| before >> (7 - bit) & 1);
        filling.extend(own);
        let bytes: Vec<u8> = filling
            .chunks_exact(8)
            .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit))
            .collect();
        inflate.decompress(&bytes, &mut [0; 4], InflateFlush::NoFlush)?;
    }
    if !window.is_empty() {
        inflate.set_dictionary(window)?;
    }
    Ok(inflate.total_in())
}

/// Reads gzip from the start of a block in the middle of a member, and then the members that follow.
struct FromBlock<B: Read> {
    state: State<B>,
}

enum State<B: Read> {
    Block {
        source: BufReader<B>,
        inflate: Box<Inflate>,
        /// Where the source was when decoding began, less what it took to begin there.
        input: u64,
    },
    Members(Box<Decompressor<BufReader<B>>>),
    End,
}

impl<B: Read + Seek> FromBlock<B> {
    fn new(source: BufReader<B>, place: &Place, window: &[u8]) -> io::Result<Self> {
        let mut inflate = Box::new(Inflate::new(false, 15));
        let taken = begin(&mut inflate, place.bits, place.before, window).map_err(invalid)?;
        Ok(Self {
            state: State::Block {
                source,
                inflate,
                input: place.input.saturating_sub(taken),
            },
        })
    }

    /// Goes on behind the end of the member: eight bytes of checksum and length, and then another member or nothing.
    fn after_member(&mut self) -> io::Result<()> {
        let State::Block {
            mut source,
            inflate,
            input,
        } = std::mem::replace(&mut self.state, State::End)
        else {
            return Ok(());
        };
        let next = input + inflate.total_in() + 8;
        if next < source.seek(SeekFrom::End(0))? {
            source.seek(SeekFrom::Start(next))?;
            self.state = State::Members(Box::new(Decompressor::new(source)?));
        }
        Ok(())
    }
}

fn invalid(error: InflateError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.as_str())
}

impl<B: Read + Seek> Read for FromBlock<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.state {
                State::End => return Ok(0),
                State::Members(members) => return members.read(out),
                State::Block {
                    source, inflate, ..
                } => {
                    let input = source.fill_buf()?;
                    if input.is_empty() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                    let status = inflate
                        .decompress(input, out, InflateFlush::NoFlush)
                        .map_err(invalid)?;
                    let count = |now, before| usize::try_from(now - before).unwrap_or(usize::MAX);
                    let used = count(inflate.total_in(), before_in);
                    let made = count(inflate.total_out(), before_out);
                    source.consume(used);
                    if status == Status::StreamEnd {
                        self.after_member()?;
                    } else if used == 0 && made == 0 {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                    if made > 0 {
                        return Ok(made);
                    }
                }
            }
        }
    }
}
