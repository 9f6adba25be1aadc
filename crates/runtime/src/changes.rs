//! What a container changed: the entries of its writable layer.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use crate::{Error, Failure};

/// A path that differs from the image's files, or that has something in it that does; or any of a container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedPath {
    /// The path, without a slash at either end; the root's is empty.
    #[serde(with = "text")]
    pub path: Vec<u8>,
    /// What is there now.
    pub kind: ChangedKind,
    /// Permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The owner's number, as the container sees it.
    pub uid: u32,
    /// The group's number, as the container sees it.
    pub gid: u32,
    /// When the content last changed: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// Extended attributes in the order of their names, without those of overlay and SELinux.
    pub xattrs: Vec<Xattr>,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xattr {
    /// The name, with its namespace.
    #[serde(with = "text")]
    pub name: Vec<u8>,
    /// The value.
    #[serde(with = "text")]
    pub value: Vec<u8>,
}

/// What is at a changed path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangedKind {
    /// Nothing: it was deleted.
    Deleted,
    /// A folder. It stands here too where only something in it changed.
    Folder {
        /// Whether it hides all that the image has in it.
        opaque: bool,
    },
    /// A file.
    File {
        /// Bytes of content.
        size: u64,
    },
    /// A further name of a file.
    HardLink {
        /// A name that came before.
        #[serde(with = "text")]
        to: Vec<u8>,
    },
    /// A symbolic link.
    Symlink {
        /// What it holds.
        #[serde(with = "text")]
        target: Vec<u8>,
    },
    /// A pipe.
    Pipe,
    /// A character device.
    CharDevice {
        /// The major number.
        major: u32,
        /// The minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// The major number.
        major: u32,
        /// The minor number.
        minor: u32,
    },
}

/// What the monitor writes, before the content of a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Record {
    Path(ChangedPath),
    /// All was told.
    End,
    Failed(Failure),
}

/// Bytes that a record may have: names and attributes have at most a few hundred thousand.
const LIMIT: usize = 16 << 20;

/// Paths of a container, folders before what is in them, names in byte order. It reads from the monitor, and blocks.
///
/// The file that a path names can be read until the next path is asked for. Dropping it ends the monitor.
pub struct Changes<R = Box<dyn Read + Send>> {
    source: R,
    contents: bool,
    /// Bytes of the content that was not read yet.
    left: u64,
    done: bool,
}

#[cfg(target_os = "linux")]
impl Changes {
    /// Reads what comes out of the pipe that a monitor sent, with the content of files.
    pub(crate) fn from_pipe(files: Vec<std::os::fd::OwnedFd>) -> Result<Self, Error> {
        let pipe = files.into_iter().next();
        let pipe = pipe.ok_or_else(|| Error::MonitorEnded {
            said: String::new(),
        })?;
        let source = io::BufReader::with_capacity(256 * 1024, std::fs::File::from(pipe));
        Ok(Self::new(Box::new(source), true))
    }

    /// Says whether the content of files comes with them.
    pub(crate) fn with_contents(self, contents: bool) -> Self {
        Self { contents, ..self }
    }
}

impl<R: Read> Changes<R> {
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn new(source: R, contents: bool) -> Self {
        Self {
            source,
            contents,
            left: 0,
            done: false,
        }
    }

    /// Returns the next changed path.
    ///
    /// # Errors
    /// What the monitor met: [`Failure::NotWhole`], a file that cannot be read. There is nothing after an error.
    pub fn next_path(&mut self) -> Result<Option<ChangedPath>, Error> {
        if self.done {
            return Ok(None);
        }
        let record = self.record().inspect_err(|_| self.done = true)?;
        match record {
            Record::Path(path) => {
                if let (ChangedKind::File { size }, true) = (&path.kind, self.contents) {
                    self.left = *size;
                }
                Ok(Some(path))
            }
            Record::End => {
                self.done = true;
                Ok(None)
            }
            Record::Failed(failure) => {
                self.done = true;
                Err(failure.into())
            }
        }
    }

    fn record(&mut self) -> Result<Record, Error> {
        let ended = |error: io::Error| Error::MonitorEnded {
            said: error.to_string(),
        };
        io::copy(&mut self.by_ref(), &mut io::sink()).map_err(ended)?;
        let mut header = [0; 4];
        self.source.read_exact(&mut header).map_err(ended)?;
        let length = u32::from_le_bytes(header) as usize;
        if length > LIMIT {
            return Err(ended(io::ErrorKind::InvalidData.into()));
        }
        let mut bytes = vec![0; length];
        self.source.read_exact(&mut bytes).map_err(ended)?;
        serde_json::from_slice(&bytes).map_err(|error| ended(error.into()))
    }
}

/// Reads the content of the file that was named last; nothing for all else, and where contents were not asked for.
impl<R: Read> Read for Changes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.source.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Bytes as text, each as the character of its number: what is ASCII stays readable, and nothing is lost.
mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = text
            .chars()
            .map(|character| u8::try_from(u32::from(character)));
        bytes.collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(records: &[(Record, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (record, content) in records {
            let json = serde_json::to_vec(record).expect("is JSON");
            bytes.extend_from_slice(&u32::try_from(json.len()).expect("short").to_le_bytes());
            bytes.extend(json);
            bytes.extend_from_slice(content);
        }
        bytes
    }

    fn file(path: &[u8], size: u64) -> Record {
        Record::Path(ChangedPath {
            path: path.to_vec(),
            kind: ChangedKind::File { size },
            mode: 0o644,
            uid: 1,
            gid: 2,
            modified: (3, 4),
            xattrs: Vec::new(),
        })
    }

    #[test]
    fn content_that_nobody_reads_is_passed_over() {
        let bytes = stream(&[
            (file(b"a", 5), b"hello"),
            (file(b"b", 3), b"you"),
            (Record::End, b""),
        ]);
        let mut changes = Changes::new(&bytes[..], true);
        assert_eq!(changes.next_path().expect("reads").expect("one").path, b"a");
        assert_eq!(changes.next_path().expect("reads").expect("one").path, b"b");
        let mut content = String::new();
        changes.read_to_string(&mut content).expect("reads");
        assert_eq!(content, "you");
        assert!(changes.next_path().expect("reads").is_none());
        assert!(changes.next_path().expect("reads").is_none());
    }

    #[test]
    fn a_stream_that_ends_early_is_no_end() {
        let bytes = stream(&[(file(b"a", 5), b"hel")]);
        let mut changes = Changes::new(&bytes[..], true);
        assert!(changes.next_path().expect("reads").is_some());
        assert!(matches!(
            changes.next_path(),
            Err(Error::MonitorEnded { .. })
        ));
        assert!(changes.next_path().expect("reads").is_none());
    }

    proptest! {
        #[test]
        fn any_name_survives(path: Vec<u8>, name: Vec<u8>, value: Vec<u8>) {
            let Record::Path(mut entry) = file(&path, 0) else { unreachable!() };
            entry.xattrs.push(Xattr { name, value });
            let bytes = stream(&[(Record::Path(entry.clone()), b"")]);
            let read = Changes::new(&bytes[..], false).next_path().expect("reads");
            prop_assert_eq!(read, Some(entry));
        }
    }
}
