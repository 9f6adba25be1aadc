//! What the file system under the store is, and how much room it has.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// How much is held back for the records of a removal on a full disk.
const RESERVE: u64 = 1024 * 1024;

/// Below this the reserve is not worth holding: the disk is nearly full already.
const ROOMY: u64 = 16 * 1024 * 1024;

/// Refuses a network file system: SQLite's write-ahead log needs memory that all its users share.
///
/// Source: <https://www.sqlite.org/wal.html>, "all processes using a database must be on the same host computer".
pub(crate) fn refuse_network(root: &Path) -> Result<()> {
    network_kind(root)?.map_or(Ok(()), |kind| {
        Err(Error::NetworkFileSystem {
            path: root.to_owned(),
            kind,
        })
    })
}

/// Magic numbers from `linux/magic.h` and the file systems' own sources.
#[cfg(target_os = "linux")]
fn network_kind(root: &Path) -> Result<Option<&'static str>> {
    const KNOWN: [(i128, &str); 6] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB2"),
        (0x5346_414f, "AFS"),
        (0x0102_1997, "9P"),
    ];
    let stat =
        rustix::fs::statfs(root).map_err(|error| Error::io("look at", root)(error.into()))?;
    // The field is signed on some processors and 32 bits wide on others; the numbers are 32 bits.
    let magic = i128::from(stat.f_type) & 0xffff_ffff;
    let found = KNOWN.iter().find(|(number, _)| *number == magic);
    Ok(found.map(|(_, kind)| *kind))
}

/// A share that Windows shows under a path of its own; one with a drive letter cannot be told from a disk here.
#[cfg(windows)]
fn network_kind(root: &Path) -> Result<Option<&'static str>> {
    use std::path::{Component, Prefix};
    let first = root.components().next();
    let shared = matches!(
        first,
        Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..))
    );
    Ok(shared.then_some("a network share"))
}

#[cfg(not(any(target_os = "linux", windows)))]
fn network_kind(_root: &Path) -> Result<Option<&'static str>> {
    Ok(None)
}

/// Returns how many bytes can be written; `None` where the system does not say.
pub(crate) fn available(root: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(root).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = root;
        None
    }
}

fn reserve(root: &Path) -> PathBuf {
    root.join("locks").join("reserve")
}

/// Sees to it that a store has a little room of its own: on a full disk it is given up, so that whoever wants to make room
/// by removing can.
///
/// Nothing depends on it, so what goes wrong here is only logged.
pub(crate) fn keep_reserve(root: &Path) {
    let path = reserve(root);
    let Some(room) = available(root) else { return };
    if room < RESERVE {
        match fs::remove_file(&path) {
            Ok(()) => tracing::info!("the disk is full: the store's reserve was given up"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the store's reserve could not be given up"),
        }
    } else if room > ROOMY && !path.exists() {
        let size = usize::try_from(RESERVE).unwrap_or_default();
        if let Err(error) = crate::durable::prepare(&path, &vec![0; size]) {
            tracing::debug!(%error, "the store has no reserve");
        }
    }
}
