//! Archives on their way out: saving and dragging, and the dialogs in which archives are chosen.

use engine::{Compression, Platform, SaveRequest, SaveStyle, SaveTarget, Selector, human};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use crate::desktop::{Choice, Notice};
use crate::drag_out::DraggedWhat;
use crate::files::GivenFile;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

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
    // First of all: whatever fails from here on, the program that was dropped on hears of it.
    let end = session.dragged().save_into(&path);
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
            let verb = async {
                let saved = Box::pin(engine.save(request, &sink)).await;
                // Before anything that needs the window's thread, which may be waiting for just this.
                end.tell(saved.is_ok());
                saved
            };
            let notice = |saved: &_| Notice::of_save(&path.display().to_string(), saved);
            session
                .follow(operations, &operation, &sink, verb, notice)
                .await
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
