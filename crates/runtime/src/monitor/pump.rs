//! Passes on what a process writes: to the caller, and into the log.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::log::Log;
use crate::start::Stream;

/// Bytes that are taken at a time, which is what a pipe holds.
const BUFFER: usize = 64 * 1024;

/// One stream.
pub(super) struct Pump {
    stream: Stream,
    from: Option<OwnedFd>,
    /// Gone when nobody reads it any more.
    to: Option<OwnedFd>,
    buffer: Vec<u8>,
    sent: usize,
}

impl Pump {
    /// Begins; neither end is ever waited for but in `poll`.
    pub(super) fn new(stream: Stream, from: OwnedFd, to: OwnedFd) -> rustix::io::Result<Self> {
        for end in [&from, &to] {
            let flags = rustix::fs::fcntl_getfl(end)?;
            rustix::fs::fcntl_setfl(end, flags | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            stream,
            from: Some(from),
            to: Some(to),
            buffer: Vec::new(),
            sent: 0,
        })
    }

    /// Returns the end that is to be waited for, if any: to be read from, or to be written to.
    pub(super) fn awaits(&self) -> Option<(&OwnedFd, bool)> {
        match &self.to {
            Some(to) if self.sent < self.buffer.len() => Some((to, true)),
            _ => self.from.as_ref().map(|from| (from, false)),
        }
    }

    /// Tells whether nothing will come any more.
    pub(super) fn is_done(&self) -> bool {
        self.from.is_none() && (self.to.is_none() || self.sent == self.buffer.len())
    }

    /// Takes what is there, and gives on what is taken.
    pub(super) fn turn(&mut self, log: Option<&mut Log>) {
        if self.sent == self.buffer.len() || self.to.is_none() {
            self.take(log);
        }
        self.give();
    }

    fn take(&mut self, log: Option<&mut Log>) {
        let Some(from) = &self.from else { return };
        self.sent = 0;
        self.buffer.resize(BUFFER, 0);
        let count = match rustix::io::read(from.as_fd(), &mut self.buffer[..]) {
            Ok(count) => Some(count),
            Err(Errno::AGAIN | Errno::INTR) => None,
            // A terminal whose last user is gone says EIO.
            Err(_) => Some(0),
        };
        self.buffer.truncate(count.unwrap_or(0));
        match count {
            Some(0) => {
                self.from = None;
                // A full disk must not stop the container; its log has a gap then.
                let _ = log.map(|log| log.finish(self.stream));
            }
            Some(_) => {
                let _ = log.map(|log| log.take(self.stream, &self.buffer));
            }
            None => {}
        }
    }

    fn give(&mut self) {
        while let Some(to) = &self.to
            && self.sent < self.buffer.len()
        {
            match rustix::io::write(to.as_fd(), &self.buffer[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.to = None,
            }
        }
    }

    /// Stops reading, as when what still writes is not what is waited for.
    pub(super) fn stop(&mut self) {
        self.from = None;
    }
}
