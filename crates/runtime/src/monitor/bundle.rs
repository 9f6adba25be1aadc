//! The folder that the runtime works from: memory, visible in the monitor's mount namespace only, gone with it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::mount::MountFlags;
use serde::Serialize;

use crate::Failure;
use crate::error::Context;

/// The bundle, which is also the working folder of the monitor, so that all names in it are short.
pub(super) struct Bundle {
    path: PathBuf,
}

impl Bundle {
    /// Makes it below the container's folder.
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let path = Self::path(folder);
        fs::create_dir_all(&path).context("make the container's folder")?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("tmpfs", &path, "tmpfs", flags, Some(c"mode=0711"))
            .context("mount the container's working folder")?;
        let bundle = Self::enter(folder)?;
        fs::create_dir("root").context("make the container's root")?;
        Ok(bundle)
    }

    /// Enters that of a container that runs.
    pub(super) fn enter(folder: &Path) -> Result<Self, Failure> {
        let path = Self::path(folder);
        std::env::set_current_dir(&path).context("enter the container's working folder")?;
        Ok(Self { path })
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("run")
    }

    /// Returns the absolute path of a name in it.
    pub(super) fn at(&self, name: &str) -> String {
        self.path.join(name).to_string_lossy().into_owned()
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        let write = || fs::File::create(name)?.write_all(content);
        write().context(format!("write {name}"))
    }

    /// Writes a file of JSON.
    pub(super) fn write_json(&self, name: &str, content: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(content).context(format!("write {name}"))?;
        self.write(name, &bytes)
    }

    /// Takes all mounts below it away, and leaves it.
    pub(super) fn clear(self) -> Result<(), Failure> {
        std::env::set_current_dir("/").context("leave the container's working folder")?;
        let detach = rustix::mount::UnmountFlags::DETACH;
        let _ = rustix::mount::unmount(self.path.join("root"), detach);
        rustix::mount::unmount(&self.path, detach).context("unmount the container's working folder")
    }
}
