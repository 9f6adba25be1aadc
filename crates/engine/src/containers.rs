//! Working containers: an image with changes of one's own over it, from which a new image is committed.
//!
//! Nothing is unpacked. What is changed is a set of paths over the file indexes of the image's layers, with the content of new
//! files beside it; so a container is there at once whatever the size of its image, and a commit costs what was changed.

mod changeset;
pub(crate) mod check;
mod commit;
mod config;
mod copy_in;
mod copy_out;
mod docker_line;
mod edit;
mod editing;
mod environment_text;
mod files;
mod ground;
#[cfg(unix)]
mod host;
mod inside;
mod names;
mod place;
mod removal;
mod run;
mod run_text;
mod running;
mod settling;
mod shell_words;
mod steps;
mod stream;
mod tar;
mod upper;
mod view;
mod whole;

use jiff::Timestamp;
use oci::{Digest, Reference, Selector};
use runtime::RunOptions;
use store::{ContainerId, ContainerRecord, ContainerStatus, NewContainer};

pub use commit::{CommitRequest, Committed};
pub use config::ContainerConfig;
pub use copy_in::{CopiedIn, CopySource};
pub use copy_out::TarTarget;
pub use docker_line::docker_run;
pub use files::ContainerChange;
pub(crate) use files::ContainerFilesCache;
pub use run::StartRequest;
pub use run_text::{RunField, RunProblem, RunText, split_words};
pub use running::RunningContainer;
pub(crate) use tar::LayerTar;

use crate::engine::blocking;
use crate::{Engine, Error};

/// Which container to make.
#[derive(Debug, Clone)]
pub struct CreateRequest {
    /// The image.
    pub image: Selector,
    /// Its name; `None` = one is made up.
    pub name: Option<String>,
}

/// A working container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its ID.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image, as it was called when the container was made: its full name, or its ID.
    pub image: String,
    /// The image's ID.
    pub image_id: Digest,
    /// What the image's names pointed at.
    pub target: Digest,
    /// When it was made.
    pub created: Timestamp,
    /// What it does.
    pub status: ContainerStatus,
    /// The code with which the last program in it ended.
    pub exit_code: Option<i32>,
    /// Since when it runs, where it does.
    pub started: Option<Timestamp>,
    /// When it ended, where that is known.
    pub ended: Option<Timestamp>,
    /// How many paths were changed.
    pub changes: u64,
    /// Bytes of their content.
    pub size: u64,
}

/// One change of a container's files. Links on the way of a path are followed as in the container, never out of its root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContainerEdit {
    /// Makes a folder, root's, mode 0755.
    MakeFolder {
        /// Where.
        path: Vec<u8>,
        /// Make the folders on the way too, and do not mind one that is there.
        parents: bool,
    },
    /// Makes an empty file, root's, mode 0644, where nothing is yet.
    MakeFile {
        /// Where.
        path: Vec<u8>,
    },
    /// Writes a file as a program would: what is there keeps mode and owner, a new file is root's, mode 0644.
    Write {
        /// Where.
        path: Vec<u8>,
        /// The whole content.
        bytes: Vec<u8>,
    },
    /// Makes a symbolic link.
    Symlink {
        /// Where.
        path: Vec<u8>,
        /// Where it points, which need not be there.
        target: Vec<u8>,
    },
    /// Gives something another path, where nothing is yet. A folder takes along what is in it.
    Rename {
        /// What.
        from: Vec<u8>,
        /// To where.
        to: Vec<u8>,
    },
    /// Removes something, a folder with all that is in it.
    Remove {
        /// What.
        path: Vec<u8>,
    },
    /// Sets the permission bits. A link has none.
    SetMode {
        /// Of what.
        path: Vec<u8>,
        /// The bits, `0o7777` at most.
        mode: u32,
    },
    /// Sets the owner.
    SetOwner {
        /// Of what.
        path: Vec<u8>,
        /// The user's number.
        uid: u32,
        /// The group's number.
        gid: u32,
    },
    /// Makes a path, and what is below it, what the image has there.
    Revert {
        /// What.
        path: Vec<u8>,
    },
}

impl Engine {
    /// Makes a container of an image. Costs the same whatever the size of the image, which stays until the container goes.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`; `name_taken`; `usage` for a bad name or an image without a file system; `read_only`.
    pub async fn create_container(&self, request: CreateRequest) -> Result<Container, Error> {
        self.make_container(request, None).await
    }

    /// As [`Engine::create_container`], of one that is started as these options say, and removed when it has ended if that is wanted.
    ///
    /// # Errors
    /// Also `usage` where nothing could run so; there is no container then.
    pub async fn create_container_to_run(
        &self,
        request: CreateRequest,
        options: RunOptions,
        remove: bool,
    ) -> Result<Container, Error> {
        self.make_container(request, Some((options, remove))).await
    }

    async fn make_container(
        &self,
        request: CreateRequest,
        run: Option<(RunOptions, bool)>,
    ) -> Result<Container, Error> {
        let CreateRequest { image, name } = request;
        if let Some(name) = &name {
            names::check(name)?;
        }
        let now = self.now();
        self.with_store(move |store| {
            let resolved = store.resolve(&image)?;
            let detail = store.image(&resolved.target)?;
            let layers = || detail.layers.iter();
            if !detail.manifest_media_type.is_manifest()
                || layers().any(|layer| !layer.media_type.is_layer() || layer.diff_id.is_none())
            {
                return Err(Error::NoFileSystem {
                    reference: image.text().to_owned(),
                });
            }
            let reference = resolved
                .name
                .map_or_else(|| detail.summary.id.to_string(), |name| name.to_string());
            let id = names::new_id()?;
            let mut settings = "{}".to_owned();
            if let Some((options, remove)) = run {
                let planned = ContainerRecord {
                    id: id.clone(),
                    name: name.clone().unwrap_or_default(),
                    target: resolved.target.clone(),
                    image: detail.summary.id.clone(),
                    manifest: detail.manifest.clone(),
                    reference: reference.clone(),
                    created: now,
                    status: ContainerStatus::Created,
                    exit_code: None,
                    settings: settings.clone(),
                    changes: 0,
                    size: 0,
                };
                run::refuse(store, &planned, options.clone())?;
                let kept = config::Settings {
                    run: Some(options),
                    remove,
                    ..config::Settings::default()
                };
                settings = kept.text()?;
            }
            for attempt in 0.. {
                let made = store.create_container(&NewContainer {
                    id: &id,
                    name: name.as_ref().unwrap_or(&names::new_name(attempt)),
                    target: &resolved.target,
                    manifest: &detail.manifest,
                    reference: &reference,
                    settings: &settings,
                    now,
                });
                match made {
                    Err(store::Error::ContainerNameTaken { .. }) if name.is_none() => {}
                    made => return Ok(made?.into()),
                }
            }
            Err(Error::Internal("all names are taken".into()))
        })
        .await
    }

    /// Lists all containers, newest first.
    ///
    /// # Errors
    /// `store_damaged`.
    pub async fn containers(&self) -> Result<Vec<Container>, Error> {
        self.settle_all().await?;
        self.with_store(|store| {
            let records = store.containers()?.into_iter();
            Ok(records
                .map(|record| Container::seen(store, record))
                .collect())
        })
        .await
    }

    /// Finds a container by its ID, its name, or the start of its ID.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn container(&self, text: &str) -> Result<Container, Error> {
        let text = text.to_owned();
        self.settle_all().await?;
        self.with_store(move |store| Ok(Container::seen(store, store.find_container(&text)?)))
            .await
    }

    /// Removes a container with all that was changed in it. Returns the bytes that came back. One that is running is killed if it is
    /// forced.
    ///
    /// # Errors
    /// `not_found`; `conflict` while it is running, unless forced; `run_failed`.
    pub async fn remove_container(&self, id: &ContainerId, force: bool) -> Result<u64, Error> {
        self.settle(id).await?;
        let known = id.clone();
        let record = self
            .with_store(move |store| Ok(store.container(&known)?))
            .await?;
        if record.status.is_running() {
            if !force {
                return Err(Error::ContainerRunning { name: record.name });
            }
            self.kill(id).await?;
        }
        self.discard(id).await
    }

    /// Changes files of a container, one change after the other: all of them, durably, or none. Those of one that runs are changed
    /// where its programs see them, each at once; what is in its volumes is none of these.
    ///
    /// # Errors
    /// `not_found`, `not_a_folder`, `not_a_file`; `conflict` where something is in the way; `usage`; `disk_full`, `read_only`;
    /// `run_failed` where a container that runs does not let it be done. Nothing was changed then, but that of a folder of the image
    /// that was to go a part may have gone, and that what a program made in a place meanwhile stays there: what was there before has a
    /// name that begins with `.strata-` then, which the error says.
    pub async fn edit_container(
        &self,
        id: &ContainerId,
        edits: Vec<ContainerEdit>,
    ) -> Result<(), Error> {
        self.up_to_date(id, true, true).await?;
        let (known, shared) = (id.clone(), self.shared.clone());
        let ((), inside) = blocking(move || {
            inside::change(&shared, &known, None, |editing| {
                edits.iter().try_for_each(|edit| apply(editing, edit))
            })
        })
        .await?;
        Box::pin(self.put_inside(id, inside)).await
    }
}

fn apply(editing: &mut editing::Editing<'_>, edit: &ContainerEdit) -> Result<(), Error> {
    use ContainerEdit as E;
    let edits = &mut editing.edits;
    match edit {
        E::MakeFolder { path, parents } => edits.make_folder(path, *parents),
        E::MakeFile { path } => editing.make_file(path),
        E::Write { path, bytes } => editing.write(path, bytes),
        E::Symlink { path, target } => edits.make_symlink(path, target),
        E::Rename { from, to } => edits.rename(from, to),
        E::Remove { path } => edits.remove(path),
        E::SetMode { path, mode } => edits.alter(path, &|node| {
            if matches!(node.kind, changeset::Kind::Symlink { .. }) {
                return Err(Error::NotAFile {
                    path: crate::files::escaped(path),
                });
            }
            node.mode = mode & 0o7777;
            Ok(())
        }),
        E::SetOwner { path, uid, gid } => edits.alter(path, &|node| {
            (node.uid, node.gid) = (i64::from(*uid), i64::from(*gid));
            Ok(())
        }),
        E::Revert { path } => edits.revert(path),
    }
}

impl Container {
    /// Adds to what the store knows when it started and ended.
    fn seen(store: &store::Store, record: ContainerRecord) -> Self {
        let mut container = Self::from(record);
        if container.status == ContainerStatus::Created {
            return container;
        }
        let folder = run::folder(store, &container.id);
        match runtime::Runtime::status_of(&folder) {
            Ok(runtime::Status::Running { since, .. }) => container.started = Some(since),
            Ok(runtime::Status::Exited { at, .. }) => container.ended = at,
            Ok(runtime::Status::New) => {}
            Err(error) => {
                tracing::debug!(container = container.name, %error, "its state cannot be read");
            }
        }
        container
    }
}

impl Container {
    /// Returns the image as people write it: the short name that it was called by, or its short ID.
    #[must_use]
    pub fn image_called(&self) -> String {
        match self.image.parse::<Digest>() {
            Ok(id) => id.short().to_owned(),
            Err(_) => self
                .image
                .parse::<Reference>()
                .map_or_else(|_| self.image.clone(), |name| name.familiar()),
        }
    }
}

impl From<ContainerRecord> for Container {
    fn from(record: ContainerRecord) -> Self {
        let ContainerRecord {
            id,
            name,
            target,
            image,
            manifest: _,
            reference,
            created,
            status,
            exit_code,
            settings: _,
            changes,
            size,
        } = record;
        Self {
            id,
            name,
            image: reference,
            image_id: image,
            target,
            created,
            status,
            exit_code,
            started: None,
            ended: None,
            changes,
            size,
        }
    }
}
