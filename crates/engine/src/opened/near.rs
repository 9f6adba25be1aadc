//! The bytes of layers that are within reach without being in the store.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use archive::{Archive, Opened, Part};
use oci::Digest;
use store::{Scratch, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::files::broken;
use crate::probe::failed;

/// A layer's blob that can be read at once.
#[derive(Clone)]
pub(crate) enum NearBlob {
    /// A part of an archive.
    Part(OpenArchive, Part),
    /// What was fetched from a registry, and verified.
    Fetched(Arc<Scratch>),
}

/// An archive whose parts can be read in any order.
#[derive(Clone)]
pub(crate) struct OpenArchive {
    pub(crate) archive: Arc<Archive>,
    place: Arc<str>,
    /// The archive without the compression around it.
    _plain: Option<Arc<Scratch>>,
}

/// Bytes that are decompressed at a time.
const PIECE: usize = 256 * 1024;

/// A source that counts the bytes that it gave, and gives none any more once it is stopped.
pub(crate) struct Watched<R> {
    source: R,
    count: watch::Sender<u64>,
    stop: CancellationToken,
}

impl<R> Watched<R> {
    pub(crate) fn new(source: R, count: watch::Sender<u64>, stop: CancellationToken) -> Self {
        Self {
            source,
            count,
            stop,
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            // Nobody waits for the answer any more.
            return Err(io::Error::other("the reading was stopped"));
        }
        let count = self.source.read(buffer)?;
        self.count.send_modify(|sum| *sum += count as u64);
        Ok(count)
    }
}

/// Opens an archive; one that can be read only from its start to its end is decompressed into a scratch file first, of which
/// `watched` makes the source.
pub(crate) fn open_archive(
    store: &Store,
    path: &Path,
    watched: impl FnOnce(File) -> Watched<File>,
) -> Result<OpenArchive, Error> {
    let place: Arc<str> = path.display().to_string().into();
    let fail = failed(place.to_string());
    if let Opened::Archive(archive) = Archive::open(path).map_err(&fail)? {
        return Ok(OpenArchive {
            archive: Arc::new(archive),
            place,
            _plain: None,
        });
    }
    let source = File::open(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let mut source = archive::plain(watched(source)).map_err(&fail)?;
    let mut scratch = store.scratch()?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = source.read(&mut piece).map_err(&fail)?;
        if count == 0 {
            break;
        }
        scratch.append(&piece[..count])?;
    }
    match Archive::open(scratch.path()).map_err(&fail)? {
        Opened::Archive(archive) => Ok(OpenArchive {
            archive: Arc::new(archive),
            place,
            _plain: Some(Arc::new(scratch)),
        }),
        // A tar in two compressions, one around the other.
        Opened::Passage(_) => Err(fail(archive::Error::NotAnArchive {
            looks_like: Some("something that is compressed twice"),
        })),
    }
}

/// What a layer can be read from at any place.
trait Bytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> Bytes for T {}

impl NearBlob {
    /// Opens the blob as it is.
    pub(crate) fn open(&self) -> Result<impl Read + Seek + Send + 'static, Error> {
        let opened: Box<dyn Bytes> = match self {
            Self::Part(archive, part) => {
                let opened = archive.archive.open_part(part);
                Box::new(opened.map_err(failed(archive.place.to_string()))?)
            }
            Self::Fetched(scratch) => Box::new(scratch.open()?),
        };
        Ok(opened)
    }

    /// Opens the layer's tar at an offset.
    pub(crate) fn read_from(
        &self,
        digest: &Digest,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, Error> {
        let blob = self.open()?;
        let table: Option<&mut layer::SeekTable<File>> = None;
        layer::read_from(blob, table, offset)
            .map_err(|source| broken(digest, layer::Error::from_read(source)))
    }
}
