//! Reads only as long as somebody waits for what comes of it.

use std::io::{self, Read};
use std::os::fd::OwnedFd;

use super::{Caller, is_gone};

/// Bytes after which it is asked again whether somebody waits.
const STEP: usize = 1 << 20;

/// A source that fails when the caller is gone.
pub(super) struct Waited<R> {
    source: R,
    socket: OwnedFd,
    /// Bytes that may be read before it is asked again.
    left: usize,
}

impl<R: Read> Waited<R> {
    pub(super) fn new(source: R, caller: &Caller) -> io::Result<Self> {
        let socket = caller.socket.try_clone()?;
        Ok(Self {
            source,
            socket,
            left: 0,
        })
    }
}

impl<R: Read> Read for Waited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            if is_gone(&self.socket) {
                return Err(io::Error::other("nobody waits for it any more"));
            }
            self.left = STEP;
        }
        let count = self.source.read(buffer)?;
        self.left = self.left.saturating_sub(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::message::Incoming;

    #[test]
    fn reading_ends_soon_after_the_caller_went() {
        let (socket, other) = UnixStream::pair().expect("sockets");
        let caller = Caller {
            socket: socket.into(),
            incoming: Incoming::default(),
        };
        let mut source = Waited::new(io::repeat(1), &caller).expect("a source");
        let mut buffer = vec![0; STEP];
        source
            .read_exact(&mut buffer[..STEP / 2])
            .expect("it reads");
        source.read_exact(&mut buffer).expect("it reads");
        drop(other);
        let refused = io::copy(&mut source.by_ref().take(2 * STEP as u64), &mut io::sink());
        refused.expect_err("nobody waits");
    }
}
