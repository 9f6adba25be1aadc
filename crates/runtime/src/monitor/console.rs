//! The terminal of a process: the runtime makes it inside and sends its other end over a socket.

use std::fs;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

/// A socket that waits for a terminal. Its name is relative: a path may be too long for one.
pub(super) struct Console {
    listener: UnixListener,
    name: String,
}

impl Console {
    /// Makes it in the working folder.
    pub(super) fn listen(name: &str) -> io::Result<Self> {
        let listener = UnixListener::bind(name)?;
        // The runtime has sent it by the time it has ended, or it never will.
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            name: name.to_owned(),
        })
    }

    /// Takes the terminal.
    pub(super) fn receive(self) -> io::Result<OwnedFd> {
        let (socket, _) = self.listener.accept()?;
        let mut name = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(&mut name)],
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(mut files) = message
                && let Some(file) = files.next()
            {
                return Ok(file);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "no terminal came",
        ))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.name);
    }
}
