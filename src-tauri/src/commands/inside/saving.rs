//! Files of an image as files of this computer.

use engine::{CopyOptions, CopyProgress, Event, Progress as _};
use serde::Serialize;
use specta::Type;
use tauri::{State, ipc::Channel};

use super::{FileView, FilesOf, paths};
use crate::desktop::{Choice, Notice};
use crate::files::GivenFile;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

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
    let path = paths::bytes(&path)?;
    session
        .with(|engine| async move {
            let files = target.open(session, &engine).await?;
            let sink = ChannelSink::new(on_event);
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
            let verb = files.copy_out(&path, &place, options, &told);
            let notice = |saved: &_| Notice::of_saved_file(&paths::absolute(&path), saved);
            session
                .follow(operations, &operation, &sink, verb, notice)
                .await
        })
        .await
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

impl Notice {
    /// Says how saving a file of an image ended.
    fn of_saved_file(name: &str, saved: &Result<FilesSaved, Failure>) -> Notice {
        match saved {
            Ok(saved) => Notice {
                title: format!("{name} was saved"),
                body: format!("{} written.", engine::human::size(saved.written_bytes)),
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
    use super::file_name;

    #[test]
    fn a_suggested_name_is_no_path_and_hides_nothing() {
        assert_eq!(file_name("os-release"), "os-release");
        assert_eq!(file_name("../../etc/x"), "_.._etc_x");
        assert_eq!(file_name(".bashrc"), "bashrc");
        assert_eq!(file_name("a\nb"), "a_b");
        assert_eq!(file_name("..."), "file");
    }
}
