//! Files that the user gave: dropped on the window, or chosen in a system dialog.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::Failure;
use crate::named::Named;

/// More files than anyone drops before doing something with them.
const MOST: usize = 256;

/// A file that the user gave, as the page knows it.
#[derive(Debug, Clone, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GivenFile {
    /// Names it to the commands; nobody can guess it.
    pub token: String,
    /// Its name, without the folder.
    pub name: String,
}

/// The files that were given: what the user did not point at can be neither read nor written.
pub(crate) struct Files(Named<PathBuf>);

impl Default for Files {
    fn default() -> Self {
        Self(Named::at_most(MOST))
    }
}

impl Files {
    /// Keeps a path and returns what the page may know of it.
    pub(crate) fn keep(&self, path: PathBuf) -> GivenFile {
        let name = name_of(&path);
        let token = self.0.keep(path);
        GivenFile { token, name }
    }

    /// Returns the path of a token, as often as it is asked for.
    ///
    /// # Errors
    /// `not_found` when there is no such token any more.
    pub(crate) fn path(&self, token: &str) -> Result<PathBuf, Failure> {
        self.0.get(token).ok_or_else(|| {
            Failure::new("not_found", "That file was given too long ago.")
                .with_hint("Drop or choose it again.")
        })
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_for_its_token_and_for_nothing_else() {
        let files = Files::default();
        let given = files.keep("/home/somebody/app.tar".into());
        assert_eq!(given.name, "app.tar");
        let path = files.path(&given.token).expect("it was given");
        assert_eq!(path, Path::new("/home/somebody/app.tar"));
        for guess in ["", "/etc/passwd", "0"] {
            assert_eq!(files.path(guess).expect_err(guess).code, "not_found");
        }
    }
}
