//! Writing images into an archive.

mod folder;
mod gather;

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use archive::{Compression, Style, Writer};
use oci::{Digest, ImageName, Platform, Selector};
use store::{LeasePurpose, OutputFile, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::gather::Called;
use self::gather::Gathered;
use crate::engine::blocking;
use crate::load::follow;
use crate::probe::failed;
use crate::{Engine, Error, Event, Progress};

/// What to save.
#[derive(Debug)]
pub struct SaveRequest {
    /// The images. One that is meant by a name is saved with it, one that is meant by its ID without any.
    pub images: Vec<Selector>,
    /// Which readers it is for.
    pub style: Style,
    /// How the whole is compressed: not, with gzip or with zstd. The layers stay as they are.
    pub compression: Compression,
    /// Only these platforms of images that have several, as far as they have them; none = all that are here. Of one platform its
    /// manifest is saved, of more the index, in which the others are named and missing.
    pub platforms: Vec<Platform>,
    /// Where it goes.
    pub target: SaveTarget,
}

/// Where an archive goes.
pub enum SaveTarget {
    /// A file. It appears when it is complete; one that had the name before is replaced then.
    File(PathBuf),
    /// The folder of an OCI layout, which is made where there is none. Images that it has stay; one that is called the same is
    /// replaced. Compression and style mean nothing here.
    Folder(PathBuf),
    /// A stream, which has a part of an archive where saving fails.
    Stream(Box<dyn Write + Send>),
}

/// What a save did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The images.
    pub images: Vec<SavedImage>,
    /// Bytes that were written.
    pub written_bytes: u64,
}

/// An image that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedImage {
    /// The image ID.
    pub id: Digest,
    /// The manifest or index in the archive.
    pub target: Digest,
    /// The names that it has there.
    pub names: Vec<ImageName>,
}

impl Engine {
    /// Saves images as one tar that is an OCI layout and a docker-archive at once; the same images give the same bytes.
    ///
    /// Every blob is hashed while it is read, so what was written is what was pulled. Dropping the future cancels: no file
    /// appears.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `platform_not_found`, `store_damaged` (a blob is not what it was), `disk_full`,
    /// `read_only`, `io`.
    pub async fn save(
        &self,
        request: SaveRequest,
        progress: &dyn Progress,
    ) -> Result<Saved, Error> {
        self.save_as(request, None, progress).await
    }

    /// As [`Engine::save`], under another name than here.
    pub(crate) async fn save_as(
        &self,
        request: SaveRequest,
        called: Option<Called>,
        progress: &dyn Progress,
    ) -> Result<Saved, Error> {
        let SaveRequest {
            images,
            style,
            compression,
            platforms,
            target,
        } = request;
        let host = self.shared.settings.host_platform.clone();
        let gathered = self
            .with_store(move |store| {
                gather::gather(store, &images, &platforms, &host, called.as_ref())
            })
            .await?;
        let total = gathered.total();
        let tell = |current| {
            progress.report(Event::Passed {
                current,
                total: Some(total),
            });
        };
        tell(0);
        let stop = CancellationToken::new();
        let _cancels_when_dropped = stop.clone().drop_guard();
        let (count, mut counts) = watch::channel(0);
        let (store, now) = (self.shared.store.clone(), self.now());
        let work = blocking(move || {
            // Nothing of it is collected meanwhile. A store that cannot be written has no collector either.
            let _lease = match store.is_read_only() {
                true => None,
                false => {
                    let purpose = LeasePurpose::Local {
                        operation: "save".into(),
                    };
                    let lease = store.lease(&purpose, now)?;
                    lease.hold(&gathered.blobs.keys().cloned().collect::<Vec<_>>())?;
                    Some(lease)
                }
            };
            let Gathered {
                images,
                saved,
                blobs,
            } = gathered;
            let place = target.to_string();
            let writing = Writing {
                store: &store,
                place: &place,
                stop: &stop,
                count: &count,
            };
            let written_bytes = match target {
                SaveTarget::File(path) => {
                    let file = OutputFile::begin(&path)?;
                    let (file, bytes) = writing.write(file, compression, style, &saved, blobs)?;
                    file.commit()?;
                    bytes
                }
                SaveTarget::Folder(path) => folder::write(&writing, &path, &saved, &blobs)?,
                SaveTarget::Stream(out) => writing.write(out, compression, style, &saved, blobs)?.1,
            };
            Ok(Saved {
                images,
                written_bytes,
            })
        });
        let saved = follow(work, &mut counts, &tell).await?;
        tell(total);
        Ok(saved)
    }
}

/// One archive on its way, on a thread that blocks.
struct Writing<'a> {
    store: &'a Store,
    place: &'a str,
    stop: &'a CancellationToken,
    count: &'a watch::Sender<u64>,
}

impl Writing<'_> {
    fn write<W: Write>(
        &self,
        out: W,
        compression: Compression,
        style: Style,
        images: &[archive::SavedImage],
        blobs: std::collections::BTreeMap<Digest, u64>,
    ) -> Result<(W, u64), Error> {
        let fail = failed(self.place.to_owned());
        let written = AtomicU64::new(0);
        let out = Counted {
            inner: out,
            count: &written,
        };
        let writer = Writer::new(out, compression, style, images, blobs).map_err(&fail)?;
        let done = writer.write(
            |digest| Ok(self.store.open_blob(digest).map_err(Error::from)?),
            |current| {
                self.count.send_replace(current);
                match self.stop.is_cancelled() {
                    true => Err(Failed::Other(Error::Cancelled)),
                    false => Ok(()),
                }
            },
        );
        let mut out = done.map_err(|failure| match failure {
            Failed::Other(error) => error,
            // The archive's name for a blob is of no use to anybody: the store's blob is what is damaged.
            Failed::Archive(archive::Error::DigestMismatch { expected, .. }) => {
                store::Error::BlobDamaged {
                    digest: expected,
                    fault: store::BlobFault::Content,
                }
                .into()
            }
            Failed::Archive(error) => fail(error),
        })?;
        out.flush()
            .map_err(|error| fail(archive::Error::Write(error)))?;
        Ok((out.inner, written.load(Ordering::Relaxed)))
    }
}

/// Why writing ended.
enum Failed {
    Archive(archive::Error),
    Other(Error),
}

impl From<archive::Error> for Failed {
    fn from(error: archive::Error) -> Self {
        Self::Archive(error)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

struct Counted<'a, W> {
    inner: W,
    count: &'a AtomicU64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.count.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl fmt::Display for SaveTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Folder(path) => path.display().fmt(f),
            Self::Stream(_) => f.write_str("the archive"),
        }
    }
}

impl fmt::Debug for SaveTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
