//! Files of a container: changed one by one, added from this computer, made again what they were.

use engine::{
    ContainerEdit, CopiedIn, CopyOptions, CopyProgress, CopySource, Event, Progress as _,
};
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{State, ipc::Channel};

use super::id_of;
use crate::commands::inside::listing::{FileChange, FileKind};
use crate::commands::inside::{FilesOf, look, paths};
use crate::desktop::Choice;
use crate::files::GivenFile;
use crate::progress::{ChannelSink, PullEvent};
use crate::{Failure, Operations, Session};

/// Bytes of a text that can be edited. A longer one is for an editor.
const LONGEST_TEXT: u64 = 1024 * 1024;

/// One change of a container's files. Files and folders are named by their keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum FileEdit {
    /// Makes a folder.
    MakeFolder {
        /// In which folder.
        folder: String,
        /// Its name.
        name: String,
    },
    /// Makes an empty file.
    MakeFile {
        /// In which folder.
        folder: String,
        /// Its name.
        name: String,
    },
    /// Writes the whole text of a file.
    Write {
        /// Which file.
        path: String,
        /// What it will have in it.
        text: String,
    },
    /// Gives a file or folder another name.
    Rename {
        /// Which.
        path: String,
        /// Its new name. With slashes in it, it goes there: from the folder that it is in, or from the root.
        name: String,
    },
    /// Removes a file, or a folder with all that is in it.
    Remove {
        /// Which.
        path: String,
    },
    /// Sets permission bits and owner.
    SetAttributes {
        /// Of what.
        path: String,
        /// The bits; `null` for a link, which has none.
        mode: Option<u32>,
        /// The user's number.
        uid: u32,
        /// The group's number.
        gid: u32,
    },
    /// Makes a path, and what is below it, what the image has there.
    Revert {
        /// Which.
        path: String,
    },
}

/// One path that differs from the image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ContainerChange {
    /// Names it to the commands.
    pub path: String,
    /// Its path for reading, with a slash in front.
    pub place: String,
    /// Names the folder that it is in.
    pub folder: String,
    /// What became of it.
    pub change: FileChange,
    /// What it is; of what was removed, what it was.
    pub kind: FileKind,
    /// Bytes of its content.
    pub size: u64,
    /// Whether it is a folder that is as it was, and named only because of what is in it.
    pub only_inside: bool,
}

/// What was added.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FilesAdded {
    /// Names, those of folders included.
    pub files: u64,
    /// Bytes of content.
    pub bytes: u64,
}

/// Lists what was changed in a container, by path. A removed folder stands for all that was in it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn container_changes(
    session: State<'_, Session>,
    container: String,
) -> Result<Vec<ContainerChange>, Failure> {
    session
        .with(|engine| async move {
            let changes = engine.container_changes(&id_of(&container)?).await?;
            Ok(changes.into_iter().map(ContainerChange::from).collect())
        })
        .await
}

/// Changes files of a container: all that is asked for, or nothing.
#[tauri::command]
#[specta::specta]
pub(crate) async fn edit_container(
    session: State<'_, Session>,
    container: String,
    edits: Vec<FileEdit>,
) -> Result<(), Failure> {
    session
        .change(|engine| async move {
            let mut wanted = Vec::with_capacity(edits.len());
            for edit in edits {
                edit.parse(&mut wanted)?;
            }
            Ok(engine.edit_container(&id_of(&container)?, wanted).await?)
        })
        .await
}

/// Reads the whole text of a file, to be edited.
#[tauri::command]
#[specta::specta]
pub(crate) async fn container_text(
    session: State<'_, Session>,
    container: String,
    path: String,
) -> Result<String, Failure> {
    let path = paths::bytes(&path)?;
    let content = look(&session, FilesOf::Container { container }, move |files| {
        files.read_start_in(&path, engine::FileView::Merged, LONGEST_TEXT)
    });
    let content = content.await?;
    if content.truncated {
        return Err(
            Failure::new("usage", "The file is too large to be edited here.")
                .with_hint("Save it, edit it, and add it again."),
        );
    }
    match String::from_utf8(content.bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Failure::new("usage", "The file is no text in UTF-8.")
            .with_hint("Save it, edit it, and add it again.")),
    }
}

/// Lets the user choose files, or folders, in a system dialog.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_files_to_add(
    session: State<'_, Session>,
    folders: bool,
) -> Result<Vec<GivenFile>, Failure> {
    let choice = match folders {
        true => Choice::FoldersToAdd,
        false => Choice::FilesToAdd,
    };
    Ok(session.choose_files(choice).await)
}

/// Copies files and folders that the user gave into a folder of a container. They become root's. Progress goes to `on_event`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn add_files(
    session: State<'_, Session>,
    operations: State<'_, Operations>,
    operation: String,
    container: String,
    folder: String,
    tokens: Vec<String>,
    on_event: Channel<PullEvent>,
) -> Result<FilesAdded, Failure> {
    let (session, operations) = (session.inner(), operations.inner());
    // A slash at the end: it is a folder that they go into, whatever their names.
    let folder = [b"/", paths::bytes(&folder)?.as_slice(), b"/"].concat();
    let sources: Result<Vec<_>, _> = tokens.iter().map(|token| session.file(token)).collect();
    let sources = sources?;
    session
        .change(|engine| async move {
            let id = id_of(&container)?;
            let sink = ChannelSink::new(on_event);
            let told = |progress: CopyProgress| {
                sink.report(Event::Passed {
                    current: progress.current,
                    total: None,
                });
            };
            let added = operations.run(&operation, async {
                let mut added = FilesAdded { files: 0, bytes: 0 };
                for source in sources {
                    let source = CopySource::Path(source);
                    let options = CopyOptions::default();
                    let copy = engine.copy_in(&id, source, &folder, options, &told);
                    let CopiedIn { files, bytes } = Box::pin(sink.tell(copy)).await?;
                    added.files += files;
                    added.bytes += bytes;
                }
                Ok::<_, engine::Error>(added)
            });
            Box::pin(added).await
        })
        .await
}

impl FileEdit {
    fn parse(self, edits: &mut Vec<ContainerEdit>) -> Result<(), Failure> {
        let edit = match self {
            FileEdit::MakeFolder { folder, name } => ContainerEdit::MakeFolder {
                path: beside(&paths::bytes(&folder)?, &name)?,
                parents: false,
            },
            FileEdit::MakeFile { folder, name } => ContainerEdit::MakeFile {
                path: beside(&paths::bytes(&folder)?, &name)?,
            },
            FileEdit::Write { path, text } => ContainerEdit::Write {
                path: paths::bytes(&path)?,
                bytes: text.into_bytes(),
            },
            FileEdit::Rename { path, name } => {
                let from = paths::bytes(&path)?;
                ContainerEdit::Rename {
                    to: beside(paths::folder(&from), &name)?,
                    from,
                }
            }
            FileEdit::Remove { path } => ContainerEdit::Remove {
                path: paths::bytes(&path)?,
            },
            FileEdit::SetAttributes {
                path,
                mode,
                uid,
                gid,
            } => {
                let path = paths::bytes(&path)?;
                edits.push(ContainerEdit::SetOwner {
                    path: path.clone(),
                    uid,
                    gid,
                });
                let Some(mode) = mode else { return Ok(()) };
                if mode > 0o7777 {
                    return Err(Failure::new("usage", "Permissions are 7777 at most."));
                }
                ContainerEdit::SetMode { path, mode }
            }
            FileEdit::Revert { path } => ContainerEdit::Revert {
                path: paths::bytes(&path)?,
            },
        };
        edits.push(edit);
        Ok(())
    }
}

/// Makes a path of a folder and what somebody typed: a name, or a path from there or from the root.
fn beside(folder: &[u8], name: &str) -> Result<Vec<u8>, Failure> {
    match name {
        "" | "." | ".." => Err(Failure::new("usage", "That is no name of a file.")),
        name if name.starts_with('/') => Ok(name.as_bytes().to_vec()),
        name => Ok([folder, b"/", name.as_bytes()].concat()),
    }
}

impl From<engine::ContainerChange> for ContainerChange {
    fn from(change: engine::ContainerChange) -> ContainerChange {
        let engine::ContainerChange {
            path,
            change,
            kind,
            size,
            only_inside,
        } = change;
        ContainerChange {
            place: paths::absolute(&path),
            folder: paths::key(paths::folder(&path)),
            path: paths::key(&path),
            change: change.into(),
            kind: kind.into(),
            size,
            only_inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_beside_or_where_its_slashes_lead() {
        let to = |name| beside(b"etc/app", name).map(|path| String::from_utf8(path).expect("text"));
        assert_eq!(to("conf").as_deref(), Ok("etc/app/conf"));
        assert_eq!(to("../motd").as_deref(), Ok("etc/app/../motd"));
        assert_eq!(to("/srv/conf").as_deref(), Ok("/srv/conf"));
        for bad in ["", ".", ".."] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}
