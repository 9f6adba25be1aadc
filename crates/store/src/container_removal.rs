//! How a container goes: its row first, so that it is there as a whole or not at all, then its files.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use crate::collect::written_before;
use crate::database::micros;
use crate::{Collected, ContainerId, Error, Result, Store, lock, usage};

impl Store {
    /// Removes a container with all that was changed in it: the row first, its files after. Returns the bytes that came back.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound). What keeps the files from being removed: the container is gone then, and the
    /// next collection tries again.
    pub fn remove_container(&self, id: &ContainerId) -> Result<u64> {
        self.forget_container(id, || true)?;
        self.remove_container_files(id)
    }

    /// Removes a container's row, if `may_go` says so, and leaves its files to [`Self::remove_container_files`]. Nobody edits or
    /// starts it meanwhile. Returns whether it went. On return that is on disk.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound). Nothing changed.
    pub fn forget_container(
        &self,
        id: &ContainerId,
        may_go: impl FnOnce() -> bool,
    ) -> Result<bool> {
        self.refuse_read_only()?;
        self.container(id)?;
        let folder = self.container_folder(id);
        let _alone = match folder.is_dir() {
            true => Some(lock::exclusive(&folder.join("lock"))?),
            false => None,
        };
        // It may have been renamed or removed while we waited.
        let record = self.container(id)?;
        if !may_go() {
            return Ok(false);
        }
        self.change(|change| {
            change.run("DELETE FROM containers WHERE id = ?", [id.as_str()])?;
            change.run("DELETE FROM in_use WHERE container = ?", [&record.name])?;
            change.count_use()
        })?;
        Ok(true)
    }

    /// Removes the files of a container that has no row any more. Returns the bytes that came back.
    ///
    /// # Errors
    /// Where one of them cannot be removed; what was removed until then is gone.
    pub fn remove_container_files(&self, id: &ContainerId) -> Result<u64> {
        let folder = self.container_folder(id);
        let gone = |found: std::io::Result<()>, path: &Path| match found {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", path)(error))
            }
            _ => Ok(()),
        };
        // Without this a lost database does not bring it back, whatever is left of the rest.
        let document = folder.join("container.json");
        gone(fs::remove_file(&document), &document)?;
        let bytes = usage::folder_size(&folder)?;
        gone(fs::remove_dir_all(&folder), &folder)?;
        Ok(bytes)
    }

    /// Lists the containers of which there are files and no row, and which nobody can be making any more.
    ///
    /// # Errors
    /// [`Unchecked`](Error::Unchecked) on a store that was recovered until a check has passed: rows may be missing.
    pub fn forgotten_containers(&self, now: Timestamp) -> Result<Vec<ContainerId>> {
        if self.recovery().is_some() {
            return Err(Error::Unchecked);
        }
        self.without_rows(micros(
            now.saturating_sub(crate::GRACE).unwrap_or(Timestamp::MIN),
        ))
    }
}

impl Store {
    fn without_rows(&self, oldest: i64) -> Result<Vec<ContainerId>> {
        let mut found = Vec::new();
        for (id, folder) in self.container_folders()? {
            let known = !matches!(self.container(&id), Err(Error::ContainerNotFound { .. }));
            if !known && written_before(&folder, oldest) {
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Removes the folders that a crash left of containers that were not made or were removed.
    pub(crate) fn sweep_containers(&self, oldest: i64, collected: &mut Collected) -> Result<()> {
        for id in self.without_rows(oldest)? {
            match self.remove_container_files(&id) {
                Ok(bytes) => collected.freed_bytes += bytes,
                // Files of a user namespace belong to others, and one folder must not keep the rest from being collected.
                Err(error) => {
                    tracing::warn!(container = id.short(), %error, "what is left of a container stays for now");
                }
            }
        }
        Ok(())
    }
}
