//! A tar on its way: to become a layer, or to be read in any order.

use std::io::{self, Read, Write as _};

use crate::compression::{DETECT_BYTES, Decoder, Encoder, looks_like};
use crate::{Compression, Error, Result};

/// Bytes that are decompressed at a time.
const PIECE: usize = 256 * 1024;

/// Reads the bytes that a layer of that tar has: gzip, zstd and plain as they are, bzip2 and xz packed anew with gzip, because
/// layers are never those.
pub struct LayerReader {
    inner: Inner,
}

enum Inner {
    Same(Box<dyn Read + Send>),
    Anew(Box<Repacking>),
}

/// A tar that goes from one compression to another.
struct Repacking {
    source: Decoder,
    /// `None` when the source has ended.
    encoder: Option<Encoder<Vec<u8>>>,
    ready: Vec<u8>,
    taken: usize,
}

/// Looks at the first bytes of a tar, and reads it as a layer.
///
/// # Errors
/// Where it is plainly no tar. Whether it is one shows only when it is read.
pub fn as_layer(mut source: impl Read + Send + 'static) -> Result<LayerReader> {
    let mut start = Vec::with_capacity(DETECT_BYTES);
    (&mut source)
        .take(DETECT_BYTES as u64)
        .read_to_end(&mut start)
        .map_err(Error::Read)?;
    let compression = Compression::detect(&start);
    if compression == Compression::None && (start.is_empty() || looks_like(&start).is_some()) {
        return Err(Error::NotAnArchive {
            looks_like: looks_like(&start),
        });
    }
    let source = io::Cursor::new(start).chain(source);
    let inner = match compression {
        Compression::None | Compression::Gzip | Compression::Zstd => Inner::Same(Box::new(source)),
        Compression::Bzip2 | Compression::Xz => Inner::Anew(Box::new(Repacking {
            source: Decoder::new(source, compression)?,
            encoder: Encoder::new(Vec::new(), Compression::Gzip).map_err(Error::Write)?,
            ready: Vec::new(),
            taken: 0,
        })),
    };
    Ok(LayerReader { inner })
}

/// Reads a tar without the compression around it, whatever that is.
///
/// # Errors
/// Where it is plainly no tar. How much may come out of how little is limited, as for a [`Passage`](crate::Passage).
pub fn plain(mut source: impl Read + Send + 'static) -> Result<PlainReader> {
    let mut start = Vec::with_capacity(DETECT_BYTES);
    (&mut source)
        .take(DETECT_BYTES as u64)
        .read_to_end(&mut start)
        .map_err(Error::Read)?;
    let compression = Compression::detect(&start);
    let source = io::Cursor::new(start).chain(source);
    Ok(PlainReader {
        source: Decoder::new(source, compression)?,
    })
}

/// The bytes of a tar, decompressed.
pub struct PlainReader {
    source: Decoder,
}

impl PlainReader {
    /// Reads some bytes; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map_err(|error| self.source.explain(error)),
            }
        }
    }
}

impl LayerReader {
    /// Reads some bytes; 0 at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match &mut self.inner {
            Inner::Same(source) => loop {
                match source.read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => return other.map_err(Error::Read),
                }
            },
            Inner::Anew(repacking) => repacking.read(buffer),
        }
    }
}

impl Repacking {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            if self.taken < self.ready.len() {
                let count = buffer.len().min(self.ready.len() - self.taken);
                buffer[..count].copy_from_slice(&self.ready[self.taken..self.taken + count]);
                self.taken += count;
                return Ok(count);
            }
            let Some(mut encoder) = self.encoder.take() else {
                return Ok(0);
            };
            self.taken = 0;
            let mut piece = vec![0; PIECE];
            let count = self
                .source
                .read(&mut piece)
                .map_err(|error| self.source.explain(error))?;
            if count == 0 {
                self.ready = encoder.finish().map_err(Error::Write)?;
                continue;
            }
            encoder.write_all(&piece[..count]).map_err(Error::Write)?;
            self.ready = encoder.take_ready();
            self.encoder = Some(encoder);
        }
    }
}
