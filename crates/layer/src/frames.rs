//! The zstd decoder, which can note on its way where a frame begins.
//!
//! A frame needs nothing of what came before it, so each is a place at which decoding can begin. Seekable zstd, zstd:chunked and
//! pzstd write many; frames without content, in which they keep their own tables, are passed over.
//! Source: <https://www.rfc-editor.org/rfc/rfc8878.html#section-3.1>.

use std::io::{self, BufRead};

use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::seek::Finder;

/// log2 of the largest zstd window: what `zstd -d` allows without `--long`.
const WINDOW_LOG_MAX: u32 = 27;

/// Reads all frames of a zstd stream, to the end of the source.
pub(crate) struct Frames<R> {
    source: R,
    decoder: Decoder<'static>,
    /// Whether a frame has ended, or none has begun.
    between: bool,
    /// Bytes of the source that were used up.
    input: u64,
    /// Bytes that came out.
    output: u64,
    finder: Option<Box<dyn Finder + Send>>,
    /// Why there is no finder any more. The layer itself is read on.
    failed: Option<io::Error>,
}

impl<R: BufRead> Frames<R> {
    pub(crate) fn new(source: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self {
            source,
            decoder,
            between: true,
            input: 0,
            output: 0,
            finder: None,
            failed: None,
        })
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
            if input.is_empty() && self.between {
                return Ok(0);
            }
            if std::mem::take(&mut self.between) {
                self.decoder.reinit()?;
                let found = self
                    .finder
                    .as_mut()
                    .map(|finder| finder.member(self.input, self.output));
                if let Some(Err(error)) = found {
                    (self.finder, self.failed) = (None, Some(error));
                }
            }
            let ended = input.is_empty();
            let status = self.decoder.run_on_buffers(input, out)?;
            self.source.consume(status.bytes_read);
            self.input += status.bytes_read as u64;
            self.output += status.bytes_written as u64;
            self.between = status.remaining == 0;
            if status.bytes_written > 0 {
                return Ok(status.bytes_written);
            }
            // What the decoder still holds it gives without input; when it gives nothing, the frame is cut off.
            if ended && !self.between {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if status.bytes_read == 0 && !self.between {
                return Err(io::ErrorKind::InvalidData.into());
            }
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
