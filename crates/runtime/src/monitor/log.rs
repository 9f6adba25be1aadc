//! The log of what a container wrote: lines as the kubelet's runtimes write them (`TIME STREAM P|F TEXT`), in at most two files.
//!
//! Format: <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use super::state;
use crate::start::{Line, Stream};

const LOG: &str = "log";
const OLDER: &str = "log.1";

/// Bytes of a line that are kept together; a longer one is written in parts.
const LONGEST: usize = 16 * 1024;

/// Writes the log.
pub(super) struct Log {
    folder: PathBuf,
    file: File,
    size: u64,
    /// Bytes after which a new file is begun: half of what the log may take.
    limit: u64,
    /// The line that each stream has begun.
    begun: [Vec<u8>; 2],
}

impl Log {
    /// Opens it, to go on behind what is there.
    pub(super) fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        let file = append(folder)?;
        let size = file.metadata()?.len();
        Ok(Self {
            folder: folder.to_owned(),
            file,
            size,
            limit: limit / 2,
            begun: [Vec::new(), Vec::new()],
        })
    }

    /// Takes what a stream wrote. A line goes to the disk when it is complete.
    pub(super) fn take(&mut self, stream: Stream, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let have = self.begun[index(stream)].len();
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let room = LONGEST - have;
            match end {
                Some(end) if end <= room => {
                    self.begun[index(stream)].extend_from_slice(&bytes[..end]);
                    self.write(stream, true)?;
                    bytes = &bytes[end + 1..];
                }
                _ => {
                    let count = room.min(bytes.len());
                    self.begun[index(stream)].extend_from_slice(&bytes[..count]);
                    bytes = &bytes[count..];
                    if self.begun[index(stream)].len() >= LONGEST {
                        self.write(stream, false)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes what has no end of line.
    pub(super) fn finish(&mut self, stream: Stream) -> io::Result<()> {
        match self.begun[index(stream)].is_empty() {
            true => Ok(()),
            false => self.write(stream, false),
        }
    }

    fn write(&mut self, stream: Stream, complete: bool) -> io::Result<()> {
        let time = jiff::Timestamp::from_nanosecond(i128::from(state::now())).unwrap_or_default();
        let part = if complete { 'F' } else { 'P' };
        let mut line = format!("{time:.9} {} {part} ", name(stream)).into_bytes();
        line.append(&mut self.begun[index(stream)]);
        line.push(b'\n');
        if self.size > 0 && self.size + line.len() as u64 > self.limit {
            fs::rename(self.folder.join(LOG), self.folder.join(OLDER))?;
            self.file = append(&self.folder)?;
            self.size = 0;
        }
        self.file.write_all(&line)?;
        self.size += line.len() as u64;
        Ok(())
    }
}

fn append(folder: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join(LOG))
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Output => 0,
        Stream::Error => 1,
    }
}

fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Output => "stdout",
        Stream::Error => "stderr",
    }
}

impl Line {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.splitn(4, |&byte| byte == b' ');
        let time = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
        let stream = match fields.next()? {
            b"stdout" => Stream::Output,
            b"stderr" => Stream::Error,
            _ => return None,
        };
        let complete = match fields.next()? {
            b"F" => true,
            b"P" => false,
            _ => return None,
        };
        let mut text = fields.next()?.to_vec();
        if complete {
            text.push(b'\n');
        }
        Some(Self { time, stream, text })
    }
}

/// Reads a log, also while it is written.
#[derive(Debug)]
pub struct LogReader {
    folder: PathBuf,
    /// The file that is read, and the one after it.
    files: Vec<BufReader<File>>,
    /// The end of the file so far, where it ends in the middle of a line.
    begun: Vec<u8>,
}

impl LogReader {
    /// Opens the log of a container; one that wrote nothing has an empty one.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for name in [LOG, OLDER] {
            match File::open(folder.join(name)) {
                Ok(file) => files.push(BufReader::new(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
            begun: Vec::new(),
        })
    }

    /// Returns the next line, or `None` where there is none yet. Lines that are none are passed over.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(file) = self.files.last_mut() else {
                match File::open(self.folder.join(LOG)) {
                    Ok(file) => self.files.push(BufReader::new(file)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(error),
                }
                continue;
            };
            file.read_until(b'\n', &mut self.begun)?;
            if self.begun.pop_if(|byte| *byte == b'\n').is_some() {
                let line = Line::parse(&self.begun);
                self.begun.clear();
                match line {
                    Some(line) => return Ok(Some(line)),
                    None => continue,
                }
            }
            if self.files.len() > 1 {
                self.files.pop();
            } else if self.was_replaced()? {
                // What is open now is the older file; it is at its end.
                self.files.pop();
            } else {
                return Ok(None);
            }
            self.begun.clear();
        }
    }

    fn was_replaced(&self) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let Some(file) = self.files.last() else {
            return Ok(false);
        };
        match fs::metadata(self.folder.join(LOG)) {
            Ok(found) => Ok(found.ino() != file.get_ref().metadata()?.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
