//! Archives on their way in: looking into them, loading, importing.

use engine::{
    ArchiveContents, ArchiveFormat, ArchiveSource, Compression, ImportRequest, LoadRequest,
    MovePolicy, Reference, human,
};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::images::LayerStripe;
use super::tags::{MovedFrom, TagMove};
use crate::desktop::Notice;
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
    /// The layers of its first platform, base first.
    pub strip: Vec<LayerStripe>,
    /// All that loading it would bring, unless it is here.
    pub blobs: Vec<LoadableBlob>,
    /// Whether the store has it already.
    pub present: bool,
}

/// A layer in an archive.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoadableBlob {
    /// Names it, in every archive of the same kind.
    pub digest: String,
    /// Its bytes.
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
            let look = async {
                let looked = Box::pin(engine.look_into_archive(&path)).await;
                looked.map_err(beside_its_name)
            };
            let plan = Box::pin(operations.run(&operation, look)).await?;
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
        .change(|engine| async move {
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
            let verb = engine.load(request, &sink);
            session
                .follow(operations, &operation, &sink, verb, Notice::of_load)
                .await
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
        .change(|engine| async move {
            let request = ImportRequest {
                source: ArchiveSource::Path(path),
                name: some(&name).map(str::parse::<Reference>).transpose()?,
                message: some(&message).map(str::to_owned),
                changes,
                platform: None,
                move_policy: MovePolicy::Move,
            };
            let sink = ChannelSink::new(on_event);
            let verb = engine.import(request, &sink);
            session
                .follow(operations, &operation, &sink, verb, Notice::of_load)
                .await
        })
        .await
}

/// Says what is wrong with an archive where its name stands already: without the way to it.
fn beside_its_name(error: engine::Error) -> Failure {
    let said = match &error {
        engine::Error::Archive { source, .. } => Some(human::sentence(&source.to_string())),
        _ => None,
    };
    let mut failure = Failure::from(error);
    if let Some(said) = said {
        failure.message = human::sentence_case(&said);
    }
    failure
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
            layers,
        } = image;
        // An image has the ID of the platform that this computer would run, wherever that stands in its index.
        let is_it = |platform: &&engine::ArchivePlatform| platform.id == id;
        let mut all = contents.images.iter();
        let held = all.find(|held| held.platforms.iter().any(|platform| is_it(&platform)));
        let platforms = held
            .map(|held| held.platforms.as_slice())
            .unwrap_or_default();
        let first = platforms.iter().find(is_it);
        let count = first.map_or(0, |platform| platform.layers);
        LoadableImage {
            id: id.to_string(),
            names: names.into_iter().map(LoadableName::from).collect(),
            label: held.and_then(|held| held.label.clone()),
            platforms: platforms
                .iter()
                .filter_map(|platform| platform.platform.as_ref())
                .map(ToString::to_string)
                .collect(),
            created: first
                .and_then(|platform| platform.created)
                .map(|created| created.to_string()),
            layers: u32::try_from(count).unwrap_or(u32::MAX),
            size,
            strip: layers
                .iter()
                .take(count)
                .map(|layer| LayerStripe {
                    // An artifact's layers have no content of their own; their bytes tell them apart.
                    diff_id: layer.diff_id.as_ref().unwrap_or(&layer.digest).to_string(),
                    size: layer.size,
                })
                .collect(),
            blobs: layers.into_iter().map(LoadableBlob::from).collect(),
            present,
        }
    }
}

impl From<engine::PlannedLayer> for LoadableBlob {
    fn from(planned: engine::PlannedLayer) -> LoadableBlob {
        let engine::PlannedLayer {
            digest,
            diff_id: _,
            size,
            present,
        } = planned;
        LoadableBlob {
            digest: digest.to_string(),
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
}
