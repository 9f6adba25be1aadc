//! Files of an image as files of this computer.

use std::path::PathBuf;

use engine::{CopyOptions, CopyProgress, Event, FileKind, FileRow, Progress as _, human};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use super::{FileOf, FileView, FilesOf, look, paths};
use crate::desktop::{Choice, Notice};
use crate::drag_links;
use crate::drag_out::DraggedWhat;
use crate::files::GivenFile;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// Bytes that are dragged out at most. Whoever takes them copies them once more, and waits meanwhile.
const MOST_DRAGGED: u64 = 2_000_000_000;

/// What was saved.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FilesSaved {
    /// Names, those of folders included.
    pub files: u64,
    /// Bytes of files.
    pub written_bytes: u64,
    /// What is not as the image says, in words; the first hundred of them.
    pub notes: Vec<String>,
}

/// Lets the user say in a system dialog where a file goes, or into which folder a folder goes. `null`: the dialog was closed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_file_place(
    session: State<'_, Session>,
    suggested: String,
    folder: bool,
) -> Result<Option<GivenFile>, Failure> {
    let choice = match folder {
        true => Choice::FolderPlace,
        false => Choice::FilePlace(file_name(&suggested)),
    };
    Ok(session.choose_files(choice).await.pop())
}

/// Saves a file or a folder of an image where the user chose. Owners become the user, and devices are left out.
#[tauri::command]
#[specta::specta]
#[expect(clippy::too_many_arguments, reason = "each is a field of the form")]
pub(crate) async fn save_file(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    token: String,
    target: FilesOf,
    view: FileView,
    path: String,
    on_event: Channel<PullEvent>,
) -> Result<FilesSaved, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    let place = session.file(&token)?;
    // First of all: whatever fails from here on, the program that was dropped on hears of it.
    let end = session.dragged().save_into(&place);
    let path = paths::bytes(&path)?;
    session
        .with(|engine| async move {
            let files = target.open(session, &engine).await?;
            let sink = ChannelSink::from_any_loop(on_event);
            let told = |progress: CopyProgress| {
                let CopyProgress { current, total } = progress;
                sink.report(Event::Passed {
                    current,
                    total: Some(total),
                });
            };
            let options = CopyOptions {
                owners: false,
                view: view.into(),
            };
            let saved = operations.run(&operation, async {
                let dragged = session.dragged().has(&place);
                if dragged {
                    refuse_undraggable(&files.look_in(&path, view.into())?, &path)?;
                }
                let copy = files.copy_out(&path, &place, options, &told);
                let saved = Box::pin(sink.tell(copy)).await;
                let mut saved = saved.map(FilesSaved::from).map_err(Failure::from);
                if dragged && saved.is_ok() {
                    let left_out = leave_out_links(place.clone()).await;
                    saved = saved.and_then(|saved| Ok(saved.without(left_out?)));
                }
                // Before anything that needs the window's thread, which may be waiting for just this.
                end.tell(saved.is_ok());
                session.announce_end(Notice::of_saved_file(&paths::absolute(&path), &saved));
                saved
            });
            Box::pin(saved).await
        })
        .await
}

/// Lets the pointer, whose button is down, take a file or a folder out of the window.
///
/// It is written when it is dropped on another program; the window hears of it as `FileDropped` and saves. What could not be
/// written then is refused before anything is held.
#[tauri::command]
#[specta::specta]
pub(crate) async fn drag_file(session: State<'_, Session>, source: FileOf) -> Result<(), Failure> {
    let (path, view) = (paths::bytes(&source.path)?, source.view);
    // Where nothing can be dragged, that is what there is to say.
    if session.drags_out() {
        let looked = path.clone();
        let look = look(&session, source.target.clone(), move |files| {
            files.look_in(&looked, view.into())
        });
        refuse_undraggable(&Box::pin(look).await?, &path)?;
    }
    session.drag_out(DraggedWhat::File(source), &dragged_name(&path))
}

/// Removes the links of a dragged folder that lead out of it, and tells how many there were.
async fn leave_out_links(place: PathBuf) -> Result<u64, Failure> {
    let work = tauri::async_runtime::spawn_blocking(move || drag_links::leave_out(&place)).await;
    let work = work.map_err(|error| Failure::new("internal", error.to_string()))?;
    work.map_err(|error| {
        let words = format!("The links of the folder cannot be looked through: {error}.");
        Failure::new("io", words).with_hint("Use Save instead.")
    })
}

/// Refuses links, which another program would follow on this computer, and what is too much for whoever waits for it.
fn refuse_undraggable(row: &FileRow, path: &[u8]) -> Result<(), Failure> {
    let path = paths::absolute(path);
    if row.kind == FileKind::Symlink {
        let words = format!("{path} is a link, and what it leads to is in the image.");
        return Err(Failure::new("unsupported", words).with_hint("Drag what it leads to."));
    }
    if row.size <= MOST_DRAGGED {
        return Ok(());
    }
    let words = format!(
        "{path} has {}, and no more than {} can be dragged out of the window.",
        human::size(row.size),
        human::size(MOST_DRAGGED)
    );
    Err(Failure::new("too_large", words).with_hint("Choose it, and use Save in its panel instead."))
}

/// Names what is dragged out: as in the image, as far as every system can have it.
fn dragged_name(path: &[u8]) -> String {
    let last = path.rsplit(|byte| *byte == b'/').next();
    let name = String::from_utf8_lossy(last.unwrap_or_default());
    let plain = |character: char| match character {
        '\\' | ':' => '_',
        character if character.is_control() => '_',
        character => character,
    };
    // A name has 255 bytes at most, and a character up to four.
    let name: String = name.chars().map(plain).take(60).collect();
    match &*name {
        "" | "." | ".." => "files".to_owned(),
        _ => name,
    }
}

/// Makes the name that the dialog suggests of one that an image chose.
fn file_name(suggested: &str) -> String {
    let plain = |character: char| match character {
        '/' | '\\' | ':' => '_',
        character if character.is_control() => '_',
        character => character,
    };
    let name: String = suggested.chars().map(plain).take(200).collect();
    let name = name.trim().trim_start_matches('.');
    match name {
        "" => "file".to_owned(),
        name => name.to_owned(),
    }
}

impl From<engine::CopiedOut> for FilesSaved {
    fn from(copied: engine::CopiedOut) -> FilesSaved {
        let engine::CopiedOut {
            files,
            bytes,
            notes,
            noted: _,
        } = copied;
        FilesSaved {
            files,
            written_bytes: bytes,
            notes,
        }
    }
}

impl FilesSaved {
    /// Notes links that were left out; they are told first.
    fn without(mut self, links: u64) -> FilesSaved {
        if links > 0 {
            let noun = if links == 1 {
                "link leads"
            } else {
                "links lead"
            };
            let note = format!("{links} {noun} out of the folder or nowhere, and stayed behind.");
            self.notes.insert(0, note);
            self.files = self.files.saturating_sub(links);
        }
        self
    }
}

impl Notice {
    /// Says how saving a file of an image ended.
    fn of_saved_file(name: &str, saved: &Result<FilesSaved, Failure>) -> Notice {
        match saved {
            Ok(saved) => Notice {
                title: format!("{name} was saved"),
                body: format!("{} written.", human::size(saved.written_bytes)),
                target: None,
            },
            Err(failure) => Notice {
                title: format!("{name} could not be saved"),
                body: failure.message.clone(),
                target: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{dragged_name, file_name};

    #[test]
    fn a_suggested_name_is_no_path_and_hides_nothing() {
        assert_eq!(file_name("os-release"), "os-release");
        assert_eq!(file_name("../../etc/x"), "_.._etc_x");
        assert_eq!(file_name(".bashrc"), "bashrc");
        assert_eq!(file_name("a\nb"), "a_b");
        assert_eq!(file_name("..."), "file");
    }

    #[test]
    fn what_is_dragged_out_keeps_its_name() {
        assert_eq!(dragged_name(b"etc/os-release"), "os-release");
        assert_eq!(dragged_name(b"root/.bashrc"), ".bashrc");
        assert_eq!(dragged_name(b"a/b\nc:\\d"), "b_c__d");
        assert_eq!(dragged_name(b"a/\xff"), "\u{fffd}");
        assert_eq!(dragged_name(b""), "files");
        assert!(dragged_name("\u{1f980}".repeat(200).as_bytes()).len() <= 255);
    }
}
