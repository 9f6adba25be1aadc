//! Bytes between an engine's stream and work that blocks.

use std::io::{self, Read, Write};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

/// Pieces that may wait.
const QUEUE: usize = 16;

/// Bytes that are handed over at a time.
const PIECE: usize = 256 * 1024;

/// A piece, or the end. A channel that closes without the end was broken off.
enum Passed {
    Piece(Bytes),
    End,
}

/// The end that blocks and reads.
pub(super) struct PipeReader {
    receiver: mpsc::Receiver<Passed>,
    piece: Bytes,
    ended: bool,
}

/// The end that does not block and hands over.
pub(super) struct PipeInput {
    sender: mpsc::Sender<Passed>,
}

/// Makes a pipe from a stream to work that reads.
pub(super) fn reading() -> (PipeInput, PipeReader) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let reader = PipeReader {
        receiver,
        piece: Bytes::new(),
        ended: false,
    };
    (PipeInput { sender }, reader)
}

impl PipeInput {
    /// Hands a whole stream over. It ends early, and well, where nobody reads any more.
    pub(super) async fn pump<E>(
        self,
        mut pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), E> {
        while let Some(piece) = pieces.next().await {
            if self.sender.send(Passed::Piece(piece?)).await.is_err() {
                return Ok(());
            }
        }
        // Whoever stopped reading knows all that there was to know.
        drop(self.sender.send(Passed::End).await);
        Ok(())
    }
}

impl Read for PipeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Passed::Piece(piece)) => self.piece = piece,
                Some(Passed::End) => self.ended = true,
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            }
        }
        let count = self.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

/// Makes a pipe from a stream to another one, which ends in an error where the first did.
pub(super) fn relaying() -> (
    PipeInput,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (PipeInput { sender }, pieces(receiver))
}

fn pieces(
    receiver: mpsc::Receiver<Passed>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Some(Passed::Piece(piece)) => Ok(Some((piece, receiver))),
            Some(Passed::End) => Ok(None),
            None => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    })
}

/// The end that blocks and writes.
pub(super) struct PipeWriter {
    sender: mpsc::Sender<Passed>,
    piece: Vec<u8>,
}

/// Makes a pipe from work that writes to a stream. The stream ends in an error where the writer goes without
/// [`PipeWriter::end`].
pub(super) fn writing() -> (
    PipeWriter,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let writer = PipeWriter {
        sender,
        piece: Vec::with_capacity(PIECE),
    };
    (writer, pieces(receiver))
}

impl PipeWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Passed::Piece(piece.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.send()?;
        }
        Ok(count)
    }

    /// Sends what is left. An archive flushes once, when it is complete: that is the end.
    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.sender
            .blocking_send(Passed::End)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
