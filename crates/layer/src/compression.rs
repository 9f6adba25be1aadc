//! How a layer is compressed, found out from its bytes, and the decoder for it.

use std::fmt;
use std::io::{self, BufReader, Read, Write};

use crate::error::Undecodable;
use crate::frames::Frames;
use crate::gzip::Gzip;
use crate::seek::TableWriter;

/// Tells how the bytes of a layer are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Plain tar.
    None,
    /// [RFC 1952](https://www.rfc-editor.org/rfc/rfc1952), one member or several.
    Gzip,
    /// [RFC 8878](https://www.rfc-editor.org/rfc/rfc8878), one frame or several.
    Zstd,
}

impl Compression {
    /// Bytes that [`Compression::detect`] needs to be sure.
    pub const DETECT_BYTES: usize = 4;

    /// Returns what the first bytes of a layer say, whatever its media type claims.
    ///
    /// Media types are wrong often enough that containerd and moby go by content, too
    /// (containerd `pkg/archive/compression`). zstd data may begin with a skippable frame (RFC 8878 §3.1.2).
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Reads the uncompressed bytes of a layer.
///
/// All gzip members and all zstd frames are read, to the end of the source: a reader that stopped
/// after the first would compute another diff ID than the rest of the world. Bytes after the last
/// member that are no member, zeros included, are an error, as they are for Go's `compress/gzip`.
/// A zstd frame that asks for a window above 2^27 bytes (128 MiB, the limit of the `zstd` tool) is
/// refused before any memory is taken for it.
///
/// It is `Send` if its source is, so that a pull can run it on a thread of its own behind a channel.
/// Errors: what the source returned comes through unchanged; for data that cannot be decoded there
/// is an error of kind `InvalidData`, or `UnexpectedEof` if it is cut short.
/// [`Error::from_read`](crate::Error::from_read) tells the two apart.
pub struct Decompressor<R: Read> {
    decoder: Decoder<R>,
}

enum Decoder<R: Read> {
    None(BufReader<Source<R>>),
    Gzip(Box<Gzip<BufReader<Source<R>>>>),
    Zstd(Box<Frames<BufReader<Source<R>>>>),
}

/// Compressed bytes that are taken from the source at a time.
const INPUT_BUFFER: usize = 128 * 1024;

impl<R: Read> Decompressor<R> {
    /// Reads the first bytes of `source` and chooses the decoder. Nothing at all is a valid, plain layer.
    pub fn new(source: R) -> io::Result<Self> {
        let mut source = Source {
            inner: source,
            start: [0; Compression::DETECT_BYTES],
            length: 0,
            position: 0,
            failed: false,
        };
        source.look_ahead()?;
        let compression = Compression::detect(&source.start[..source.length]);
        let source = BufReader::with_capacity(INPUT_BUFFER, source);
        let decoder = match compression {
            Compression::None => Decoder::None(source),
            Compression::Gzip => Decoder::Gzip(Box::new(Gzip::new(source))),
            Compression::Zstd => Decoder::Zstd(Box::new(Frames::new(source)?)),
        };
        Ok(Self { decoder })
    }

    /// Returns how the layer is compressed.
    pub fn compression(&self) -> Compression {
        match self.decoder {
            Decoder::None(_) => Compression::None,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Zstd(_) => Compression::Zstd,
        }
    }

    /// Writes a [seek table](crate::SeekTable) while the layer is read, where one is of use: not for a plain one. Returns whether it is.
    ///
    /// To be called before the first read. The table is whole after [`Decompressor::finish_table`]; of a layer below
    /// [`SPACING`](crate::SPACING) nothing is written.
    pub fn write_table(&mut self, out: impl Write + Send + 'static) -> bool {
        let finder = Box::new(TableWriter::new(out));
        match &mut self.decoder {
            Decoder::None(_) => return false,
            Decoder::Gzip(decoder) => decoder.find(finder),
            Decoder::Zstd(decoder) => decoder.find(finder),
        }
        true
    }

    /// Ends the seek table, after the layer was read to its end. Returns what kept it from being written: the layer was read anyway.
    pub fn finish_table(&mut self) -> io::Result<()> {
        match &mut self.decoder {
            Decoder::Gzip(decoder) => decoder.finish(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::None(_) => Ok(()),
        }
    }

    fn source(&mut self) -> &mut Source<R> {
        match &mut self.decoder {
            Decoder::None(reader) => reader.get_mut(),
            Decoder::Gzip(decoder) => decoder.source().get_mut(),
            Decoder::Zstd(decoder) => decoder.source().get_mut(),
        }
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = match &mut self.decoder {
            Decoder::None(reader) => return reader.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
            Decoder::Zstd(decoder) => decoder.read(buffer),
        };
        result.map_err(|error| {
            if std::mem::take(&mut self.source().failed) {
                return error;
            }
            let kind = match error.kind() {
                io::ErrorKind::UnexpectedEof => io::ErrorKind::UnexpectedEof,
                _ => io::ErrorKind::InvalidData,
            };
            io::Error::new(
                kind,
                Undecodable {
                    compression: self.compression(),
                    source: error,
                },
            )
        })
    }
}

/// The source, with the bytes that were looked at put back in front, and with its errors marked:
/// a decoder passes them on, and they must not be taken for damaged data.
struct Source<R> {
    inner: R,
    start: [u8; Compression::DETECT_BYTES],
    length: usize,
    position: usize,
    failed: bool,
}

impl<R: Read> Source<R> {
    fn look_ahead(&mut self) -> io::Result<()> {
        while self.length < self.start.len() {
            match self.inner.read(&mut self.start[self.length..]) {
                Ok(0) => break,
                Ok(count) => self.length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position < self.length {
            let count = (&self.start[self.position..self.length]).read(buffer)?;
            self.position += count;
            return Ok(count);
        }
        let result = self.inner.read(buffer);
        self.failed = result.is_err();
        result
    }
}
