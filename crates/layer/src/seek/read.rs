//! Uses a seek table.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use xxhash_rust::xxh3::xxh3_64;

use super::{Block, MAGIC, MEMBER, PLACE, TRAILER};
use crate::compression::{Compression, Decompressor};
use crate::gzip::Gzip;
use crate::inflate::WINDOW;

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
            let block = Block {
                bits: place.bits,
                before: place.before,
                window: &window,
            };
            let source = BufReader::with_capacity(64 * 1024, blob);
            let reader = FromBlock(Gzip::within(source, &block));
            (Box::new(reader), offset - place.output)
        }
    };
    let skipped = io::copy(&mut (&mut reader).take(behind), &mut io::sink())?;
    if skipped < behind {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reader)
}

/// Reads gzip from the start of a block in the middle of a member, and then the members that follow.
struct FromBlock<B: Read>(Gzip<BufReader<B>>);

impl<B: Read> Read for FromBlock<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}
