//! Archives: looking into them, loading, importing, saving.

use engine::{
    ArchiveContents, ArchiveFormat, ArchiveSource, Compression, ImportRequest, LoadRequest,
    MovePolicy, Platform, Reference, SaveRequest, SaveStyle, SaveTarget, Selector, human,
};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::tags::{MovedFrom, TagMove};
use crate::desktop::{Choice, Notice};
use crate::drag_out::DraggedWhat;
use crate::files::GivenFile;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// What is in a file, and what loading it would do.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoadPlan {
    /// What kind of archive it is, in words.
    pub kind: String,
    /// Whether it is the tar of a file system, which is imported and not loaded.
    pub importable: bool,
    /// How it is compressed, in a word; empty where it is not.
    pub compression: String,
    /// The images in it that are whole.
    pub images: Vec<LoadableImage>,
    /// What it names and has not whole, in a sentence each.
    pub incomplete: Vec<String>,
}

/// An image in an archive.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoadableImage {
    /// The image ID, which names it to `load`.
    pub id: String,
    /// The names that it would get.
    pub names: Vec<LoadableName>,
    /// What else the archive calls it.
    pub label: Option<String>,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
    /// How many layers it has.
    pub layers: u32,
    /// Bytes of its layers in the archive.
    pub size: u64,
    /// Whether the store has it already.
    pub present: bool,
}

/// A name that an image would get.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoadableName {
    /// As people write it.
    pub familiar: String,
    /// The image that it would be taken from.
    pub from: Option<MovedFrom>,
    /// Whether it names this image already.
    pub same: bool,
}

/// An image that is to be loaded.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ChosenImage {
    /// Its ID.
    pub id: String,
    /// The names to give it.
    pub names: Vec<String>,
}

/// What a load or an import did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoadOutcome {
    /// The targets of the images that came.
    pub images: Vec<String>,
    /// Names that were made or moved.
    pub moved: Vec<TagMove>,
    /// Bytes that came from the archive.
    pub fetched_bytes: u64,
    /// Bytes that were here already.
    pub reused_bytes: u64,
}

/// What a save did.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SaveOutcome {
    /// How many images were saved.
    pub images: u32,
    /// Bytes that were written.
    pub written_bytes: u64,
}

/// Which readers a saved archive is for.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SaveFormat {
    /// All of them.
    Docker,
    /// Readers of OCI layouts.
    Oci,
}

/// How a saved archive is compressed as a whole.
#[derive(Debug, Clone, Copy, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SaveCompression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

/// Lets the user choose archives in a system dialog.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_archives(
    session: State<'_, Session>,
) -> Result<Vec<GivenFile>, Failure> {
    Ok(session.choose_files(Choice::Archives).await)
}

/// Lets the user say in a system dialog where an archive goes. `null`: the dialog was closed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_archive_place(
    session: State<'_, Session>,
    suggested: String,
) -> Result<Option<GivenFile>, Failure> {
    Ok(session
        .choose_files(Choice::ArchivePlace(suggested))
        .await
        .pop())
}

/// Looks into a file that the user gave. The store is not changed. `cancel` with the same operation stops it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn plan_load(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    token: String,
) -> Result<LoadPlan, Failure> {
    let path = session.file(&token)?;
    session
        .with(|engine| async move {
            let look = operations.run(&operation, engine.look_into_archive(&path));
            let plan = Box::pin(look).await?;
            Ok(LoadPlan::new(&plan.contents, plan.images))
        })
        .await
}

/// Loads the chosen images of a file that the user gave. Progress goes to `on_event`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn load(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    token: String,
    chosen: Vec<ChosenImage>,
    on_event: Channel<PullEvent>,
) -> Result<LoadOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    let path = session.file(&token)?;
    session
        .with(|engine| async move {
            let chosen = chosen
                .into_iter()
                .map(ChosenImage::parse)
                .collect::<Result<_, _>>()?;
            let request = LoadRequest {
                source: ArchiveSource::Path(path),
                chosen: Some(chosen),
                platform: None,
                move_policy: MovePolicy::Move,
            };
            let sink = ChannelSink::new(on_event);
            let verb = Box::pin(engine.load(request, &sink));
            bring(session, operations, &operation, &sink, verb).await
        })
        .await
}

/// Makes an image of a file system that the user gave. Progress goes to `on_event`.
#[tauri::command]
#[specta::specta]
#[expect(clippy::too_many_arguments, reason = "each is a field of the form")]
pub(crate) async fn import(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    token: String,
    name: String,
    message: String,
    changes: Vec<String>,
    on_event: Channel<PullEvent>,
) -> Result<LoadOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    let path = session.file(&token)?;
    session
        .with(|engine| async move {
            let request = ImportRequest {
                source: ArchiveSource::Path(path),
                name: some(&name).map(str::parse::<Reference>).transpose()?,
                message: some(&message).map(str::to_owned),
                changes,
                platform: None,
                move_policy: MovePolicy::Move,
            };
            let sink = ChannelSink::new(on_event);
            let verb = Box::pin(engine.import(request, &sink));
            bring(session, operations, &operation, &sink, verb).await
        })
        .await
}

/// Saves images into the file that the user chose. Progress goes to `on_event`.
#[tauri::command]
#[specta::specta]
#[expect(clippy::too_many_arguments, reason = "each is a field of the form")]
pub(crate) async fn save(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    token: String,
    images: Vec<String>,
    format: SaveFormat,
    compression: SaveCompression,
    platforms: Vec<String>,
    on_event: Channel<PullEvent>,
) -> Result<SaveOutcome, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    let path = session.file(&token)?;
    session
        .with(|engine| async move {
            let platforms: Result<Vec<Platform>, _> =
                platforms.iter().map(|platform| platform.parse()).collect();
            let platforms = platforms?;
            let request = SaveRequest {
                images: images
                    .iter()
                    .map(|image| Selector::from(image.as_str()))
                    .collect(),
                style: match format {
                    SaveFormat::Docker => SaveStyle::Docker,
                    SaveFormat::Oci => SaveStyle::Oci,
                },
                compression: match compression {
                    SaveCompression::None => Compression::None,
                    SaveCompression::Gzip => Compression::Gzip,
                    SaveCompression::Zstd => Compression::Zstd,
                },
                platforms,
                target: SaveTarget::File(path.clone()),
            };
            let sink = ChannelSink::from_any_loop(on_event);
            let end = session.dragged().save_into(&path);
            let saved = operations.run(&operation, async {
                let saved = Box::pin(sink.tell(engine.save(request, &sink))).await;
                let saved = saved.map(SaveOutcome::from).map_err(Failure::from);
                // Before anything that needs the window's thread, which may be waiting for just this.
                end.tell(saved.is_ok());
                session.announce_end(Notice::of_save(&path.display().to_string(), &saved));
                saved
            });
            Box::pin(saved).await
        })
        .await
}

/// Lets the pointer, whose button is down, take images out of the window as an archive that is called `name`.
///
/// The archive is written when it is dropped on another program; the window hears of it as `ImagesDropped` and saves.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drag_images(
    session: State<'_, Session>,
    images: Vec<String>,
    name: String,
) -> Result<(), Failure> {
    session.drag_out(DraggedWhat::Images(images), &name)
}

/// Runs a verb that brings images in, tells its progress and its end, and lets the list hear of it.
async fn bring<T>(
    session: &Session,
    operations: &Operations,
    operation: &str,
    sink: &ChannelSink,
    verb: impl Future<Output = Result<T, engine::Error>>,
) -> Result<LoadOutcome, Failure>
where
    LoadOutcome: From<T>,
{
    let brought = operations.run(operation, async {
        let brought = sink.tell(verb).await;
        let brought = brought.map(LoadOutcome::from).map_err(Failure::from);
        session.announce_end(Notice::of_load(&brought));
        brought
    });
    let brought = brought.await;
    session.changed();
    brought
}

/// A field of a form that was left empty asks for nothing.
fn some(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

impl ChosenImage {
    fn parse(self) -> Result<engine::ChosenImage, Failure> {
        let ChosenImage { id, names } = self;
        let names: Result<Vec<Reference>, _> =
            names.iter().map(|name| name.trim().parse()).collect();
        Ok(engine::ChosenImage {
            id: id
                .parse::<engine::Digest>()
                .map_err(|error| Failure::new("usage", error.to_string()))?,
            names: Some(names?),
        })
    }
}

impl LoadPlan {
    fn new(contents: &ArchiveContents, images: Vec<engine::PlannedImage>) -> LoadPlan {
        let kind = match contents.format {
            ArchiveFormat::Docker => "Docker archive",
            ArchiveFormat::OciAndDocker => "Docker archive and OCI layout",
            ArchiveFormat::OciTar => "OCI archive",
            ArchiveFormat::OciFolder => "OCI layout (folder)",
            ArchiveFormat::RootFilesystem => "Root file system",
        };
        let compression = match contents.compression {
            Compression::None => String::new(),
            compressed => compressed.to_string(),
        };
        LoadPlan {
            kind: kind.to_owned(),
            importable: contents.format == ArchiveFormat::RootFilesystem,
            compression,
            images: images
                .into_iter()
                .map(|image| LoadableImage::new(image, contents))
                .collect(),
            incomplete: contents
                .incomplete
                .iter()
                .map(|image| match &image.platform {
                    Some(platform) => format!("{platform}: {} is not in it.", image.missing),
                    None => format!("{}: {} is not in it.", image.digest.short(), image.missing),
                })
                .collect(),
        }
    }
}

impl LoadableImage {
    fn new(image: engine::PlannedImage, contents: &ArchiveContents) -> LoadableImage {
        let engine::PlannedImage {
            id,
            target: _,
            names,
            present,
            size,
        } = image;
        let held = contents.images.iter().find(|held| held.id == id);
        let platforms = held
            .map(|held| held.platforms.as_slice())
            .unwrap_or_default();
        LoadableImage {
            id: id.to_string(),
            names: names.into_iter().map(LoadableName::from).collect(),
            label: held.and_then(|held| held.label.clone()),
            platforms: platforms
                .iter()
                .filter_map(|platform| platform.platform.as_ref())
                .map(ToString::to_string)
                .collect(),
            created: platforms
                .first()
                .and_then(|platform| platform.created)
                .map(|created| created.to_string()),
            layers: platforms.first().map_or(0, |platform| {
                u32::try_from(platform.layers).unwrap_or(u32::MAX)
            }),
            size,
            present,
        }
    }
}

impl From<engine::PlannedName> for LoadableName {
    fn from(planned: engine::PlannedName) -> LoadableName {
        let engine::PlannedName { name, from, same } = planned;
        LoadableName {
            familiar: name.familiar(),
            from: from.map(MovedFrom::from),
            same,
        }
    }
}

impl From<engine::Loaded> for LoadOutcome {
    fn from(loaded: engine::Loaded) -> LoadOutcome {
        let engine::Loaded {
            images,
            moved,
            incomplete: _,
            fetched_bytes,
            reused_bytes,
        } = loaded;
        LoadOutcome {
            images: images
                .iter()
                .map(|image| image.target.to_string())
                .collect(),
            moved: moved.into_iter().map(TagMove::from).collect(),
            fetched_bytes,
            reused_bytes,
        }
    }
}

impl From<engine::Imported> for LoadOutcome {
    fn from(imported: engine::Imported) -> LoadOutcome {
        let engine::Imported {
            id: _,
            target,
            name: _,
            platform: _,
            moved,
            layer_bytes,
        } = imported;
        LoadOutcome {
            images: vec![target.to_string()],
            moved: moved.into_iter().map(TagMove::from).collect(),
            fetched_bytes: layer_bytes,
            reused_bytes: 0,
        }
    }
}

impl From<engine::Saved> for SaveOutcome {
    fn from(saved: engine::Saved) -> SaveOutcome {
        let engine::Saved {
            images,
            written_bytes,
        } = saved;
        SaveOutcome {
            images: u32::try_from(images.len()).unwrap_or(u32::MAX),
            written_bytes,
        }
    }
}

impl Notice {
    /// Says how a load or an import ended.
    fn of_load(loaded: &Result<LoadOutcome, Failure>) -> Notice {
        match loaded {
            Ok(loaded) => Notice {
                title: match loaded.images.len() {
                    1 => "1 image was loaded".to_owned(),
                    count => format!("{count} images were loaded"),
                },
                body: format!(
                    "{} came from the archive.",
                    human::size(loaded.fetched_bytes)
                ),
                target: loaded.images.first().cloned(),
            },
            Err(failure) => Notice {
                title: "The archive could not be loaded".to_owned(),
                body: failure.message.clone(),
                target: None,
            },
        }
    }

    /// Says how a save ended.
    fn of_save(place: &str, saved: &Result<SaveOutcome, Failure>) -> Notice {
        match saved {
            Ok(saved) => Notice {
                title: "The archive is complete".to_owned(),
                body: format!("{place}, {}", human::size(saved.written_bytes)),
                target: None,
            },
            Err(failure) => Notice {
                title: "The images could not be saved".to_owned(),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}
