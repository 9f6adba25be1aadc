//! Images and files of images on their way out of the window: each drag is a file or folder that is written when it is dropped on
//! another program.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use crate::Failure;
use crate::commands::inside::FileOf;
use crate::named::nonce;

/// What the pointer holds, and the file that it becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dragged {
    /// What is dragged.
    pub what: DraggedWhat,
    /// The file or folder, in a folder of its own. Neither is there before the drop.
    pub file: PathBuf,
}

/// What can be dragged out of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraggedWhat {
    /// Images, as `save` takes them: they become an archive.
    Images(Vec<String>),
    /// A file or folder of an image or a container, which becomes just that.
    File(FileOf),
}

/// Hears whether a file was written.
type Told = Box<dyn FnOnce(bool) + Send>;

/// Where dragged files stand, and who waits for one.
///
/// Whoever took a file goes on reading it after the drop, and says nothing when it is done. So the files stay until the program
/// ends; what a crash left goes at the next start.
pub(crate) struct DraggedFiles {
    folder: Option<PathBuf>,
    waiting: Mutex<HashMap<PathBuf, Told>>,
}

/// A save that somebody may wait for. Whichever way it ends, they hear of it, and of one that fails nothing stays.
pub(crate) struct SaveEnd<'a> {
    files: &'a DraggedFiles,
    path: PathBuf,
    complete: AtomicBool,
}

impl DraggedFiles {
    /// Takes a folder that no other program uses; `None` where there is no place for one.
    pub(crate) fn in_folder(folder: Option<PathBuf>) -> DraggedFiles {
        DraggedFiles {
            folder,
            waiting: Mutex::default(),
        }
    }

    /// Removes every file that was dragged out. No folder is fine.
    pub(crate) fn sweep(&self) {
        if let Some(folder) = &self.folder {
            remove(folder);
        }
    }

    /// Tells whether a path is that of something that is dragged out.
    pub(crate) fn has(&self, path: &Path) -> bool {
        let folder = self.folder.as_deref();
        folder.is_some_and(|folder| path.starts_with(folder))
    }

    /// Chooses the place of a file that is called so.
    ///
    /// # Errors
    /// `usage` when the name is more than the name of a file; `io` when there is no place.
    pub(crate) fn place(&self, name: &str) -> Result<PathBuf, Failure> {
        let mut parts = Path::new(name).components();
        let plain = matches!(
            (parts.next(), parts.next()),
            (Some(Component::Normal(part)), None) if part == name
        );
        if !plain {
            return Err(Failure::new("usage", format!("{name} names no file.")));
        }
        let folder = self.folder.as_ref().ok_or_else(|| {
            Failure::new("io", "There is no folder for files that are dragged out.")
        })?;
        Ok(folder.join(nonce()).join(name))
    }

    /// Makes the folder of a file that is going to be written. Nobody else can look into it.
    pub(crate) fn make_room(path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else {
            return Ok(());
        };
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)
    }

    /// Lets somebody hear how the save into this file ends.
    pub(crate) fn wait_for(&self, path: &Path, told: Told) {
        self.waiting().insert(path.to_owned(), told);
    }

    /// Follows a save to its end.
    pub(crate) fn save_into(&self, path: &Path) -> SaveEnd<'_> {
        SaveEnd {
            files: self,
            path: path.to_owned(),
            complete: AtomicBool::new(false),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Told>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a folder with all that is in it.
fn remove(folder: &Path) {
    let removed = match fs::remove_dir_all(folder) {
        // A folder of an image may be one that nobody may write in.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder).and_then(|()| fs::remove_dir_all(folder))
        }
        other => other,
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "dragged files stay behind");
        }
        _ => {}
    }
}

/// Lets the user write in a folder of their own and in all that are in it, following no link.
#[cfg(unix)]
fn open_up(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Elsewhere no folder of an image is written.
#[cfg(not(unix))]
fn open_up(_folder: &Path) -> io::Result<()> {
    Ok(())
}

impl SaveEnd<'_> {
    /// Tells how it ended.
    pub(crate) fn tell(&self, complete: bool) {
        self.complete.fetch_or(complete, Ordering::SeqCst);
        let told = self.files.waiting().remove(&self.path);
        if let Some(told) = told {
            told(complete);
        }
    }
}

impl Drop for SaveEnd<'_> {
    fn drop(&mut self) {
        self.tell(false);
        if !self.complete.load(Ordering::SeqCst) && self.files.has(&self.path) {
            // Its own folder. What was still being written goes with the rest, when the program ends.
            self.path.parent().into_iter().for_each(remove);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_place_is_a_new_folder_and_the_name() {
        let files = DraggedFiles::in_folder(Some("/cache/dragged".into()));
        let place = files.place("debian-12.tar").expect("a name");
        assert!(place.starts_with("/cache/dragged"));
        assert!(place.ends_with("debian-12.tar"));
        assert_ne!(files.place("debian-12.tar").expect("a name"), place);
        for bad in ["", ".", "..", "a/b", "../b", "/etc/passwd", "a/"] {
            assert_eq!(files.place(bad).expect_err(bad).code, "usage");
        }
    }

    #[test]
    fn whoever_waits_hears_once_how_a_save_ended() {
        let files = DraggedFiles::in_folder(None);
        let path = Path::new("/cache/a.tar");
        let (tell, told) = mpsc::channel();
        for complete in [true, false] {
            let tell = tell.clone();
            files.wait_for(
                path,
                Box::new(move |complete| tell.send(complete).expect("heard")),
            );
            let end = files.save_into(path);
            if complete {
                end.tell(true);
            }
        }
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn of_a_save_that_fails_nothing_stays() {
        let cache = tempfile::tempdir().expect("a folder");
        let files = DraggedFiles::in_folder(Some(cache.path().join("dragged")));
        let elsewhere = cache.path().join("saved/a.tar");
        for (path, complete, stays) in [
            (files.place("a.tar").expect("a name"), true, true),
            (files.place("a.tar").expect("a name"), false, false),
            (elsewhere, false, true),
        ] {
            DraggedFiles::make_room(&path).expect("a folder");
            fs::write(&path, "bytes").expect("a file");
            files.save_into(&path).tell(complete);
            assert_eq!(path.exists(), stays, "{}", path.display());
        }
    }

    #[test]
    fn sweeping_takes_everything_and_nothing_is_fine() {
        let cache = tempfile::tempdir().expect("a folder");
        let files = DraggedFiles::in_folder(Some(cache.path().join("dragged")));
        files.sweep();
        let place = files.place("a.tar").expect("a name");
        DraggedFiles::make_room(&place).expect("a folder");
        fs::write(&place, "bytes").expect("a file");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let folder = place.parent().expect("a folder of its own");
            fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).expect("a mode");
        }
        files.sweep();
        assert!(!cache.path().join("dragged").exists());
    }
}
