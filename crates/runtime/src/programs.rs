//! The programs of others that are used: found once, on the path that the caller gives.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Which OCI runtime starts the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuntimeKind {
    /// <https://github.com/containers/crun>: the faster one.
    Crun,
    /// <https://github.com/opencontainers/runc>.
    Runc,
}

impl RuntimeKind {
    /// Returns the program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crun => "crun",
            Self::Runc => "runc",
        }
    }
}

/// Where the programs are. Only the runtime must be there; the others make more possible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programs {
    /// Which runtime.
    pub kind: RuntimeKind,
    /// The runtime.
    pub runtime: PathBuf,
    /// Maps user numbers; set-user-ID or with capabilities.
    pub newuidmap: Option<PathBuf>,
    /// Maps group numbers.
    pub newgidmap: Option<PathBuf>,
    /// An overlay without the kernel's.
    pub fuse_overlayfs: Option<PathBuf>,
    /// A network without rights.
    pub pasta: Option<PathBuf>,
    /// The older one.
    pub slirp4netns: Option<PathBuf>,
}

/// Folders that hold such programs and are missing from the path of many users.
const ALSO: [&str; 4] = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/sbin"];

impl Programs {
    /// Looks for them in the folders of `path`, which is spelled as in the environment, and in the system's folders.
    ///
    /// # Errors
    /// [`Error::NoRuntime`].
    pub fn find(path: &OsStr) -> Result<Self, Error> {
        let find = |name| find(path, name);
        let (kind, runtime) = [RuntimeKind::Crun, RuntimeKind::Runc]
            .into_iter()
            .find_map(|kind| Some((kind, find(kind.name())?)))
            .ok_or(Error::NoRuntime)?;
        Ok(Self {
            kind,
            runtime,
            newuidmap: find("newuidmap"),
            newgidmap: find("newgidmap"),
            fuse_overlayfs: find("fuse-overlayfs"),
            pasta: find("pasta"),
            slirp4netns: find("slirp4netns"),
        })
    }

    /// Uses the other runtime.
    ///
    /// # Errors
    /// [`Error::NoRuntime`] where it is not installed.
    pub fn with_runtime(mut self, kind: RuntimeKind, path: &OsStr) -> Result<Self, Error> {
        self.runtime = find(path, kind.name()).ok_or(Error::NoRuntime)?;
        self.kind = kind;
        Ok(self)
    }
}

/// Finds a program. A relative folder of the path is passed over: it would be another one tomorrow.
pub(crate) fn find(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .chain(ALSO.iter().map(PathBuf::from))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(_file: &Path) -> bool {
    false
}
