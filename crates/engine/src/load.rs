//! Bringing images from an archive into the store.

mod bring;
mod pass;
mod record;
mod select;

pub(crate) use self::bring::follow;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::{Archive, Opened, Passage};
use oci::{Digest, ImageName, Platform, Reference};
use store::{Lease, LeasePurpose};

use self::select::Selected;
use crate::engine::blocking;
use crate::probe::{contents_of, failed};
use crate::{
    ArchiveContents, ArchiveFormat, Engine, Error, Event, IncompleteImage, MovePolicy, MovedFrom,
    Progress, TagMove,
};

/// What to load.
#[derive(Debug)]
pub struct LoadRequest {
    /// The archive.
    pub source: ArchiveSource,
    /// Which of its images, and under which names; `None` = all, under the names that they have.
    pub chosen: Option<Vec<ChosenImage>>,
    /// Only this platform of images that have several; `None` = all that are whole.
    pub platform: Option<Platform>,
    /// What to do with names that name other images.
    pub move_policy: MovePolicy,
}

/// Where an archive comes from.
pub enum ArchiveSource {
    /// A file, plain or compressed, or the folder of an OCI layout.
    Path(PathBuf),
    /// Bytes that come by once.
    Stream(Box<dyn Read + Send>),
}

/// One image of an archive that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenImage {
    /// Its ID, as [`Engine::probe_archive`] tells it.
    pub id: Digest,
    /// The names to give it; `None` = those that it has.
    pub names: Option<Vec<Reference>>,
}

/// What a load would do, computed without changing the store.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// All that is in the archive.
    pub contents: ArchiveContents,
    /// The images that would be loaded.
    pub images: Vec<PlannedImage>,
}

/// An image that would be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedImage {
    /// The image ID.
    pub id: Digest,
    /// The manifest or index; `None` where it is made only while loading.
    pub target: Option<Digest>,
    /// The names that it would get.
    pub names: Vec<PlannedName>,
    /// Whether the store has it already.
    pub present: bool,
    /// Bytes of its layers in the archive.
    pub size: u64,
    /// Its layers, base first; of several platforms the one first whose ID it has, then what only the others have.
    pub layers: Vec<PlannedLayer>,
}

/// A layer in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedLayer {
    /// The digest of its bytes, or of its content where an archive tells only that; the same in every archive of its kind.
    pub digest: Digest,
    /// The digest of its content; `None` where the archive does not tell, as of an artifact.
    pub diff_id: Option<Digest>,
    /// Its bytes in the archive.
    pub size: u64,
    /// Whether the store has it already.
    pub present: bool,
}

/// A name that would be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedName {
    /// The name.
    pub name: ImageName,
    /// The image that it would be taken from.
    pub from: Option<MovedFrom>,
    /// Whether it names this image already.
    pub same: bool,
}

/// What a load did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The images.
    pub images: Vec<LoadedImage>,
    /// Names that were made or moved.
    pub moved: Vec<TagMove>,
    /// What the archive names and has not whole: it was left out.
    pub incomplete: Vec<IncompleteImage>,
    /// Bytes of blobs that came from the archive.
    pub fetched_bytes: u64,
    /// Bytes of blobs that were here already.
    pub reused_bytes: u64,
}

/// An image that a load brought or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// The image ID.
    pub id: Digest,
    /// What its names name.
    pub target: Digest,
    /// The names that the load gave it, in the archive's order.
    pub names: Vec<ImageName>,
    /// What else the archive calls it.
    pub label: Option<String>,
    /// Its platforms.
    pub platforms: Vec<Platform>,
}

impl Engine {
    /// Computes what a load would do. The store is not changed.
    ///
    /// A stream is used up by it. Dropping the future stops the reading.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub async fn plan_load(&self, request: LoadRequest) -> Result<LoadPlan, Error> {
        let place = request.source.to_string();
        let contents = contents_of(request.source).await?;
        let wanted = Wanted::from(request.chosen);
        self.planned_load(&place, contents, &wanted, request.platform.as_ref())
            .await
    }

    /// Tells what is in a file, reading it once, and what loading all of it would do. A file system loads nothing: it is imported.
    ///
    /// Dropping the future stops the reading.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub async fn look_into_archive(&self, path: &Path) -> Result<LoadPlan, Error> {
        let source = ArchiveSource::Path(path.to_owned());
        let place = source.to_string();
        let contents = contents_of(source).await?;
        if contents.format == ArchiveFormat::RootFilesystem {
            return Ok(LoadPlan {
                contents: ArchiveContents::from(&contents),
                images: Vec::new(),
            });
        }
        self.planned_load(&place, contents, &Wanted::All, None)
            .await
    }

    async fn planned_load(
        &self,
        place: &str,
        contents: archive::Contents,
        wanted: &Wanted,
        platform: Option<&Platform>,
    ) -> Result<LoadPlan, Error> {
        let host = &self.shared.settings.host_platform;
        let selected = select::select(&contents, place, wanted, platform, host)?;
        let images = self
            .with_store(move |store| selected.iter().map(|image| image.plan(store)).collect())
            .await?;
        Ok(LoadPlan {
            contents: ArchiveContents::from(&contents),
            images,
        })
    }

    /// Loads images: on return they are whole, verified, indexed and durable, and all their names are set at once.
    ///
    /// Blobs that are here are not read again. A layer is kept as it arrived: that of a docker-archive is a plain tar, and
    /// its manifest is made here, while the image ID stays what it is everywhere. Dropping the future cancels. Where it is
    /// cancelled or fails, no name moves and nothing stays of what it brought. One undo takes all names back.
    ///
    /// # Errors
    /// `invalid_archive`, `digest_mismatch`, `size_mismatch`, `corrupt_layer`, `too_large`, `platform_not_found`,
    /// `not_found` (a chosen image is not there), `name_taken`, `disk_full`, `read_only`, `io`.
    pub async fn load(
        &self,
        request: LoadRequest,
        progress: &dyn Progress,
    ) -> Result<Loaded, Error> {
        let LoadRequest {
            source,
            chosen,
            platform,
            move_policy,
        } = request;
        let place = source.to_string();
        let work = self
            .begin_load(place, Wanted::from(chosen), platform, move_policy)
            .await?;
        self.load_from(&work, source, progress).await
    }

    /// As [`Engine::load`], of an archive with one image, whose ID nobody knows before, and with these names.
    pub(crate) async fn load_only(
        &self,
        place: String,
        stream: Box<dyn Read + Send>,
        names: Vec<Reference>,
        (platform, move_policy): (Option<Platform>, MovePolicy),
        progress: &dyn Progress,
    ) -> Result<Loaded, Error> {
        let work = self
            .begin_load(place, Wanted::Only(names), platform, move_policy)
            .await?;
        self.load_from(&work, ArchiveSource::Stream(stream), progress)
            .await
    }

    async fn begin_load(
        &self,
        place: String,
        wanted: Wanted,
        platform: Option<Platform>,
        move_policy: MovePolicy,
    ) -> Result<Work, Error> {
        let now = self.now();
        let lease = self
            .with_store(move |store| {
                let purpose = LeasePurpose::Local {
                    operation: "load".into(),
                };
                let mut lease = store.lease(&purpose, now)?;
                lease.forget_when_dropped();
                Ok(Arc::new(lease))
            })
            .await?;
        Ok(Work {
            place,
            wanted,
            platform,
            move_policy,
            lease,
        })
    }

    async fn load_from(
        &self,
        work: &Work,
        source: ArchiveSource,
        progress: &dyn Progress,
    ) -> Result<Loaded, Error> {
        let length = source.length();
        let name = work.place.clone();
        let opened = blocking(move || source.open().map_err(failed(name))).await?;
        match opened {
            Opened::Archive(archive) => self.load_archive(work, Arc::new(archive), progress).await,
            Opened::Passage(passage) => self.load_passage(work, passage, length, progress).await,
        }
    }

    async fn load_archive(
        &self,
        work: &Work,
        archive: Arc<Archive>,
        progress: &dyn Progress,
    ) -> Result<Loaded, Error> {
        let contents = archive.contents();
        let selected = self.select(work, contents)?;
        self.refuse_taken(work, &selected).await?;
        let brought = self
            .bring_parts(work, &archive, &selected, progress)
            .await?;
        progress.report(Event::Recording);
        self.record_loaded(work, selected, contents, brought).await
    }

    async fn load_passage(
        &self,
        work: &Work,
        passage: Passage,
        length: Option<u64>,
        progress: &dyn Progress,
    ) -> Result<Loaded, Error> {
        let (contents, brought) = self.pass(work, passage, length, progress).await?;
        let selected = self.select(work, &contents)?;
        self.refuse_taken(work, &selected).await?;
        progress.report(Event::Recording);
        self.record_loaded(work, selected, &contents, brought).await
    }

    fn select(&self, work: &Work, contents: &archive::Contents) -> Result<Vec<Selected>, Error> {
        select::select(
            contents,
            &work.place,
            &work.wanted,
            work.platform.as_ref(),
            &self.shared.settings.host_platform,
        )
    }

    /// Refuses before anything is written where a name must not move and would.
    async fn refuse_taken(&self, work: &Work, selected: &[Selected]) -> Result<(), Error> {
        if work.move_policy == MovePolicy::Move {
            return Ok(());
        }
        let selected = selected.to_vec();
        self.with_store(move |store| {
            for image in &selected {
                for PlannedName { name, from, .. } in image.plan(store)?.names {
                    if let Some(from) = from {
                        return Err(Error::NameTaken {
                            name,
                            holder: from.target,
                        });
                    }
                }
            }
            Ok(())
        })
        .await
    }
}

/// What a load works with.
struct Work {
    place: String,
    wanted: Wanted,
    platform: Option<Platform>,
    move_policy: MovePolicy,
    lease: Arc<Lease>,
}

/// Which images of an archive are wanted.
enum Wanted {
    /// All of them.
    All,
    /// Some of them, by their IDs.
    These(Vec<ChosenImage>),
    /// The only one, under these names.
    Only(Vec<Reference>),
}

impl From<Option<Vec<ChosenImage>>> for Wanted {
    fn from(chosen: Option<Vec<ChosenImage>>) -> Self {
        chosen.map_or(Self::All, Self::These)
    }
}

impl ArchiveSource {
    pub(crate) fn open(self) -> Result<Opened, archive::Error> {
        match self {
            Self::Path(path) => Archive::open(&path),
            Self::Stream(reader) => Ok(Opened::Passage(Passage::new(reader)?)),
        }
    }

    /// Returns the bytes of a file.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Path(path) => std::fs::metadata(path)
                .ok()
                .filter(std::fs::Metadata::is_file)
                .map(|file| file.len()),
            Self::Stream(_) => None,
        }
    }
}

impl fmt::Display for ArchiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stream(_) => f.write_str("the archive"),
        }
    }
}

impl fmt::Debug for ArchiveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
