//! What the caller and the monitor say to each other, over a socket that is the monitor's standard input.
//!
//! A message is its length (4 bytes, little-endian) and JSON; open files travel with it. The caller begins with one [`Order`].

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::ids::Identity;
use crate::monitor::ProcessId;
use crate::programs::Programs;
use crate::spec::{Process, RunSpec};
use crate::start::FoundPath;

/// Bytes that a message may have: an environment of a megabyte fits.
const LIMIT: usize = 16 << 20;

/// What the monitor is to do, and as whom.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) identity: Identity,
    pub(crate) work: Work,
}

/// What the monitor is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Work {
    Run(Box<Run>),
    Exec(Box<Exec>),
    Unpack(Unpack),
    Changes(Changes),
    Put(Put),
    Look(Look),
    Take(Take),
    Remove { path: PathBuf },
    Try { folder: PathBuf },
}

/// Starts a container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The container's folder, which is there.
    pub(crate) folder: PathBuf,
    /// Folders of the image's files, the topmost first.
    pub(crate) lower: Vec<PathBuf>,
    pub(crate) spec: RunSpec,
    pub(crate) programs: Programs,
    /// Where named volumes are.
    pub(crate) volumes: PathBuf,
    /// Whether it lives on when the caller is gone.
    pub(crate) detached: bool,
    /// Whether the container's folder goes away at the end.
    pub(crate) remove: bool,
    /// Bytes of the log.
    pub(crate) log: Option<u64>,
}

/// Starts a process in a container.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Exec {
    pub(crate) folder: PathBuf,
    /// The process that made the container.
    pub(crate) monitor: i32,
    /// The container's first process.
    pub(crate) first: i32,
    pub(crate) process: ExecProcess,
    pub(crate) programs: Programs,
}

/// A process whose surroundings are the container's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExecProcess {
    pub(crate) arguments: Vec<String>,
    /// On top of the container's.
    pub(crate) environment: Vec<String>,
    /// The container's where there is none.
    pub(crate) folder: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) terminal: bool,
    pub(crate) stdin: bool,
}

/// Makes real files of layers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unpack {
    /// Blob and file index of each layer, base first.
    pub(crate) layers: Vec<(PathBuf, PathBuf)>,
    /// The folder that is to be there at the end.
    pub(crate) target: PathBuf,
    /// Whether it is one layer, whose whiteouts are to be marks for overlay.
    pub(crate) marks: bool,
}

/// Tells what a container changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Changes {
    pub(crate) folder: PathBuf,
    /// Whether the content of files is sent.
    pub(crate) contents: bool,
}

/// A container that runs, as it is reached from outside.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Inner {
    /// The process that made the container.
    pub(crate) monitor: i32,
    /// The container's first process.
    pub(crate) first: ProcessId,
}

/// Changes files beneath the root of a container that runs. No link on the way to any of them is followed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Put {
    pub(crate) inner: Inner,
    /// Paths of what goes first, with all that is in it.
    pub(crate) removed: Vec<Vec<u8>>,
    /// The tar of what comes, and its file index. Folders that are not in it are there.
    pub(crate) tar: PathBuf,
    pub(crate) index: PathBuf,
}

/// Finds where a path leads in a container that runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) inner: Inner,
    pub(crate) path: Vec<u8>,
}

/// Sends what a path leads to in a container that runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Take {
    pub(crate) inner: Inner,
    pub(crate) path: Vec<u8>,
}

/// What the caller says later.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// The numbers are mapped.
    Mapped,
    /// Send this signal to the process.
    Signal(i32),
}

/// What the monitor says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// It is in a new user namespace, whose numbers are to be mapped now.
    Unshared,
    /// The process runs. With it come, in this order: where its input goes (the terminal, or a pipe where it was asked for),
    /// what it writes, and what it writes as errors (not with a terminal).
    Started {
        pid: i32,
    },
    /// The process ended.
    Exited {
        code: u8,
    },
    /// How far an unpacking is, in bytes.
    Progress {
        bytes: u64,
    },
    /// The pipe with the changes comes with it.
    Changes,
    /// Where a path leads, if its folder is there. The pipe with what is there comes with it, where that was asked for.
    Found(Option<FoundPath>),
    /// Files were changed. What had their names before could not be removed from these paths, for these reasons.
    Put {
        left: Vec<String>,
    },
    /// It is done.
    Done,
    Failed(Failure),
}

/// What was kept of a container's first process, for `exec`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) process: Process,
    pub(crate) no_new_privileges: bool,
}

/// Gathers one message.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    files: Vec<OwnedFd>,
}

impl Incoming {
    /// Receives once, and returns the message if it is whole.
    ///
    /// # Errors
    /// `UnexpectedEof` where the other side is gone; `WouldBlock`.
    pub(crate) fn step<T: DeserializeOwned>(
        &mut self,
        socket: BorrowedFd<'_>,
    ) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let wanted = match self.bytes.get(..4) {
            None => 4,
            Some(header) => {
                let length = header
                    .iter()
                    .rev()
                    .fold(0, |sum, &byte| sum << 8 | usize::from(byte));
                if length > LIMIT {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the message is too long",
                    ));
                }
                4 + length
            }
        };
        let have = self.bytes.len();
        if have < wanted {
            self.bytes.resize(wanted, 0);
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let received = rustix::net::recvmsg(
                socket,
                &mut [IoSliceMut::new(&mut self.bytes[have..])],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            );
            let count = received.as_ref().map_or(0, |message| message.bytes);
            self.bytes.truncate(have + count);
            received?;
            for message in ancillary.drain() {
                if let RecvAncillaryMessage::ScmRights(files) = message {
                    self.files.extend(files);
                }
            }
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if self.bytes.len() < wanted || wanted == 4 {
            return Ok(None);
        }
        let message = serde_json::from_slice(&self.bytes[4..])?;
        self.bytes.clear();
        Ok(Some((message, std::mem::take(&mut self.files))))
    }

    /// Receives until a message is whole.
    ///
    /// # Errors
    /// `UnexpectedEof` where the other side is gone.
    pub(crate) fn wait<T: DeserializeOwned>(
        &mut self,
        socket: BorrowedFd<'_>,
    ) -> io::Result<(T, Vec<OwnedFd>)> {
        loop {
            if let Some(message) = self.step(socket)? {
                return Ok(message);
            }
        }
    }
}

/// Returns the bytes of a message.
pub(crate) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Sends a message, which may wait until the other side reads.
pub(crate) fn send(
    socket: impl AsFd,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = encode(message)?;
    let mut sent = 0;
    while sent < bytes.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if sent == 0 && !files.is_empty() {
            ancillary.push(SendAncillaryMessage::ScmRights(files));
        }
        sent += rustix::net::sendmsg(
            &socket,
            &[IoSlice::new(&bytes[sent..])],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?;
    }
    Ok(())
}
