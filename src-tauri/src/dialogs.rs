//! System dialogs. They open on this side: the page can ask for one, and cannot decide what comes out of it.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use tauri::{AppHandle, Runtime};
use tauri_plugin_dialog::{DialogExt as _, FileDialogBuilder, FilePath};
use tokio::sync::oneshot;

use crate::desktop::Choice;
use crate::window;

/// Shows the dialog; an empty answer means that it was closed.
pub(crate) fn choose<R: Runtime>(
    app: &AppHandle<R>,
    choice: Choice,
) -> BoxFuture<'static, Vec<PathBuf>> {
    let mut dialog = app.dialog().file();
    if let Some(window) = window::main(app) {
        dialog = dialog.set_parent(&window);
    }
    let (answer, chosen) = oneshot::channel();
    // Nobody waits any more when the program is ending: then the answer goes nowhere.
    let answer = move |paths: Vec<FilePath>| drop(answer.send(paths));
    match choice {
        Choice::StorePlace => pick_folder(dialog.set_title("Folder for the image store"), answer),
        Choice::CertificateFiles => dialog
            .set_title("Certificates to trust")
            .add_filter("PEM certificates", &["pem", "crt", "cer"])
            .pick_files(|files| answer(files.unwrap_or_default())),
        Choice::Archives => dialog
            .set_title("Archives with images")
            .add_filter("Archives", &["tar", "gz", "tgz", "zst", "xz", "bz2"])
            .add_filter("All files", &["*"])
            .pick_files(|files| answer(files.unwrap_or_default())),
        Choice::ArchivePlace(suggested) => dialog
            .set_title("Save images")
            .set_file_name(suggested)
            .save_file(|file| answer(file.into_iter().collect())),
        Choice::FilePlace(suggested) => dialog
            .set_title("Save the file")
            .set_file_name(suggested)
            .save_file(|file| answer(file.into_iter().collect())),
        Choice::FilesToAdd => dialog
            .set_title("Files to add")
            .pick_files(|files| answer(files.unwrap_or_default())),
        Choice::FoldersToAdd => dialog
            .set_title("Folders to add")
            .pick_folders(|folders| answer(folders.unwrap_or_default())),
        Choice::FolderPlace => pick_folder(dialog.set_title("Save the folder into"), answer),
    }
    Box::pin(async {
        let chosen = chosen.await.unwrap_or_default();
        chosen
            .into_iter()
            .filter_map(|path| path.into_path().ok())
            .collect()
    })
}

fn pick_folder<R: Runtime>(
    dialog: FileDialogBuilder<R>,
    answer: impl FnOnce(Vec<FilePath>) + Send + 'static,
) {
    dialog.pick_folder(|folder| answer(folder.into_iter().collect()));
}
