//! Links in what is dragged out of the window: none may lead to files of this computer.

use std::path::Path;
use std::{fs, io};

/// Removes every link of a folder that leads out of it or nowhere, and tells how many there were.
///
/// Whoever takes the folder may read through its links, and what an image says there is not what is there on this computer.
pub(crate) fn leave_out(folder: &Path) -> io::Result<u64> {
    // A link itself is not followed.
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Ok(0);
    }
    let root = fs::canonicalize(folder)?;
    let mut left_out = 0;
    let mut waiting = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() {
                waiting.push(path);
            } else if kind.is_symlink() && !stays_inside(&path, &root)? {
                remove(&path, &folder)?;
                left_out += 1;
            }
        }
    }
    Ok(left_out)
}

/// Tells whether a link leads to something below the root, wherever the root goes from here.
fn stays_inside(link: &Path, root: &Path) -> io::Result<bool> {
    if fs::read_link(link)?.is_absolute() {
        return Ok(false);
    }
    // Through every link on the way, as a reader would go. What leads nowhere here may lead somewhere elsewhere.
    Ok(fs::canonicalize(link).is_ok_and(|target| target.starts_with(root)))
}

/// Removes a link, also from a folder that nobody may write in.
fn remove(link: &Path, folder: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        #[cfg(unix)]
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            use std::os::unix::fs::PermissionsExt as _;

            let before = fs::metadata(folder)?.permissions();
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
            fs::remove_file(link)?;
            fs::set_permissions(folder, before)
        }
        #[cfg(not(unix))]
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "a link cannot be left out");
            Err(error)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn only_links_that_stay_in_the_folder_go_with_it() {
        use std::fs;
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        use super::leave_out;

        let home = tempfile::tempdir().expect("a folder");
        fs::File::create(home.path().join("secret")).expect("a file");
        let root = home.path().join("dragged/etc");
        fs::create_dir_all(root.join("deep/er")).expect("folders");
        fs::File::create(root.join("deep/er/a")).expect("a file");
        for (target, name) in [
            ("deep/er/a", "good"),
            ("../deep/er/a", "deep/good"),
            ("/etc/passwd", "absolute"),
            ("../../secret", "out"),
            ("../../../../secret", "deep/er/out"),
            ("missing", "nowhere"),
            ("loop", "loop"),
            // One by one they look as if they stayed inside.
            ("deep", "near"),
            ("near/../../../secret", "by_way"),
        ] {
            symlink(target, root.join(name)).expect("a link");
        }
        let closed = fs::Permissions::from_mode(0o555);
        fs::set_permissions(root.join("deep/er"), closed).expect("a mode");
        assert_eq!(leave_out(&root).expect("it can be looked through"), 6);
        let is_there = |name: &str| fs::symlink_metadata(root.join(name)).is_ok();
        assert!(is_there("good") && is_there("deep/good") && is_there("near"));
        assert!(!is_there("deep/er/out") && !is_there("out") && !is_there("absolute"));
        let mode = fs::metadata(root.join("deep/er"))
            .expect("a folder")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o555);
        assert_eq!(leave_out(&root.join("deep/er/a")).expect("a file"), 0);
        fs::set_permissions(root.join("deep/er"), fs::Permissions::from_mode(0o755))
            .expect("a mode");
    }
}
