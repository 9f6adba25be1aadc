use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
pub(crate) fn persist(temporary: &Path, file: &File, place: &Path) -> Result<()> {
    file.sync_all().map_err(Error::io("write", temporary))?;
    rename(temporary, place)
}
pub(crate) fn prepare(temporary: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = create(temporary)?;
    file.write_all(bytes)
        .map_err(Error::io("write", temporary))?;
    file.sync_all().map_err(Error::io("write", temporary))
}
pub(crate) fn rename(temporary: &Path, place: &Path) -> Result<()> {
    fs::rename(temporary, place).map_err(Error::io("name", place))?;
    #[cfg(unix)]
    if let Some(folder) = place.parent() {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(Error::io("write", folder))?;
    }
    Ok(())
}
pub(crate) fn create(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(Error::io("create", path))
}
