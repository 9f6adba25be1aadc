//! How the whole archive is compressed, found out from its bytes, and the decoders.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// How a tar as a whole is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one member or several.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// zstd, one frame or several.
    Zstd,
}

/// Bytes that are looked at to tell them apart: those of a tar header, whose magic stands at its end.
pub(crate) const DETECT_BYTES: usize = 512;

/// How often the size may grow, once [`BOMB_SIZE`] came out. Text reaches 20, an empty disk 1 000.
const BOMB_RATIO: u64 = 500;

/// What may come out whatever went in.
const BOMB_SIZE: u64 = 4 << 30;

/// KiB of memory that xz may ask for: enough for its largest preset, and half of zstd's limit.
const XZ_MEMORY: u32 = 128 * 1024;

/// Bytes that go into an encoder at a time. zlib-rs makes other bytes of other pieces.
const BLOCK: usize = 64 * 1024;

impl Compression {
    /// Returns what the first bytes say.
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            _ => match layer::Compression::detect(start) {
                layer::Compression::None => Self::None,
                layer::Compression::Gzip => Self::Gzip,
                layer::Compression::Zstd => Self::Zstd,
            },
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        })
    }
}

/// Tells what bytes that are no archive may be instead.
pub(crate) fn looks_like(start: &[u8]) -> Option<&'static str> {
    match start {
        [] => Some("an empty file"),
        [b'P', b'K', 3 | 5, ..] => Some("a zip archive"),
        [0x7f, b'E', b'L', b'F', ..] => Some("a program"),
        [b'{' | b'[', ..] => Some("JSON"),
        [b'h', b's', b'q', b's', ..] => Some("a squashfs file system"),
        [b'<', ..] => Some("a web page"),
        // Every tar header ends in zeros.
        _ if !start.contains(&0) => Some("text"),
        _ => None,
    }
}

/// Reads the tar inside, whatever is around it. Growth beyond measure ends it.
pub(crate) struct Decoder {
    inner: Box<dyn Read + Send>,
    compression: Compression,
    taken: Arc<AtomicU64>,
    given: u64,
    allowed: u64,
}

/// The payload of the error that a decoder ends with when too much comes out.
#[derive(Debug, thiserror::Error)]
#[error("too much comes out")]
struct TooMuch;

impl Decoder {
    pub(crate) fn new(
        source: impl Read + Send + 'static,
        compression: Compression,
    ) -> Result<Self> {
        Self::with_allowance(source, compression, BOMB_SIZE)
    }

    fn with_allowance(
        source: impl Read + Send + 'static,
        compression: Compression,
        allowed: u64,
    ) -> Result<Self> {
        let taken = Arc::default();
        let source = Counted {
            inner: source,
            count: Arc::clone(&taken),
        };
        let inner: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(source),
            Compression::Gzip | Compression::Zstd => {
                Box::new(layer::Decompressor::new(source).map_err(Error::Read)?)
            }
            Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(source)),
            Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
                io::BufReader::with_capacity(BLOCK, source),
                true,
                XZ_MEMORY,
            )),
        };
        Ok(Self {
            inner,
            compression,
            taken,
            given: 0,
            allowed,
        })
    }

    /// Returns how many bytes of the source were read.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Sorts an error that reading gave.
    pub(crate) fn explain(&self, error: io::Error) -> Error {
        let compression = self.compression;
        if error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooMuch>)
        {
            return Error::Bomb {
                compression,
                ratio: BOMB_RATIO,
            };
        }
        if compression == Compression::None {
            return Error::Read(error);
        }
        match error.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::Unsupported => Error::Compressed {
                compression,
                source: error,
            },
            _ => Error::Read(error),
        }
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if self.compression != Compression::None {
            self.given += count as u64;
            let taken = self.taken();
            if self.given > self.allowed && self.given / BOMB_RATIO > taken {
                return Err(io::Error::other(TooMuch));
            }
        }
        Ok(count)
    }
}

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Compresses a tar on its way out: the same bytes for the same tar, however it comes in pieces.
pub(crate) struct Encoder<W: Write> {
    block: Vec<u8>,
    inner: Inner<W>,
}

enum Inner<W: Write> {
    Plain(W),
    Gzip(flate2::write::GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Begins; `None` where there is no encoder for it.
    pub(crate) fn new(out: W, compression: Compression) -> io::Result<Option<Self>> {
        let inner = match compression {
            Compression::None => Inner::Plain(out),
            // The header says no time and no system, as those of Go do.
            Compression::Gzip => Inner::Gzip(
                flate2::GzBuilder::new()
                    .operating_system(255)
                    .write(out, flate2::Compression::new(6)),
            ),
            Compression::Zstd => Inner::Zstd(zstd::stream::write::Encoder::new(out, 3)?),
            Compression::Bzip2 | Compression::Xz => return Ok(None),
        };
        Ok(Some(Self {
            block: Vec::with_capacity(BLOCK),
            inner,
        }))
    }

    /// Writes what is left and gives the writer back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.pass()?;
        match self.inner {
            Inner::Plain(out) => Ok(out),
            Inner::Gzip(encoder) => encoder.finish(),
            Inner::Zstd(encoder) => encoder.finish(),
        }
    }

    fn pass(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::Plain(out) => out.write_all(&self.block)?,
            Inner::Gzip(encoder) => encoder.write_all(&self.block)?,
            Inner::Zstd(encoder) => encoder.write_all(&self.block)?,
        }
        self.block.clear();
        Ok(())
    }
}

impl Encoder<Vec<u8>> {
    /// Takes the compressed bytes that are there.
    pub(crate) fn take_ready(&mut self) -> Vec<u8> {
        std::mem::take(match &mut self.inner {
            Inner::Plain(out) => out,
            Inner::Gzip(encoder) => encoder.get_mut(),
            Inner::Zstd(encoder) => encoder.get_mut(),
        })
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK {
            self.pass()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush in the middle would change the compressed bytes; the end is what is waited for.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_ends_and_says_so() {
        let zeros = vec![0; 4 << 20];
        let bomb = zstd::encode_all(zeros.as_slice(), 3).expect("compresses");
        let mut decoder =
            Decoder::with_allowance(io::Cursor::new(bomb), Compression::Zstd, 1 << 20)
                .expect("begins");
        let error = io::copy(&mut decoder, &mut io::sink()).expect_err("is refused");
        assert!(matches!(decoder.explain(error), Error::Bomb { .. }));
    }

    #[test]
    fn the_pieces_do_not_show_in_the_compressed_bytes() {
        let bytes: Vec<u8> = (0..300_000_u32)
            .flat_map(|i| (i / 7).to_le_bytes())
            .collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let packed = |piece: usize| {
                let mut encoder = Encoder::new(Vec::new(), compression)
                    .expect("begins")
                    .expect("has an encoder");
                for piece in bytes.chunks(piece) {
                    encoder.write_all(piece).expect("compresses");
                }
                encoder.finish().expect("ends")
            };
            assert_eq!(packed(1 << 20), packed(777), "{compression}");
        }
    }
}
