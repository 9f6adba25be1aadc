//! Writes what a layer removes as overlay reads it, beside the files that it has.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use layer::{FileEntry, FileIndex};
use rustix::fs::{FileType, Mode, XattrFlags};
use rustix::io::Errno;

use super::inside::Inside;
use super::namespace;
use crate::Failure;
use crate::error::Context;

/// What makes a name a whiteout, and the name that makes its folder opaque ([OCI image-spec, layer.md]).
///
/// [OCI image-spec, layer.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Reads a layer's index again and makes the marks in `folder`, where its files are already.
pub(super) fn write(index: &Path, folder: &Path) -> Result<(), Failure> {
    let step = "write what the layer removes";
    let inside = Inside::open(folder).context(step)?;
    let file = File::open(index).context(step)?;
    let mut index = FileIndex::open(BufReader::new(file)).context(step)?;
    let mut found = FileEntry::default();
    while index.read_into(&mut found).context(step)? {
        let path = found
            .entry
            .path
            .strip_suffix(b"/")
            .unwrap_or(&found.entry.path);
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(at) => (&path[..at], &path[at + 1..]),
            None => (&b""[..], path),
        };
        let Some(removed) = name.strip_prefix(WHITEOUT) else {
            continue;
        };
        // The tree has refused those that would remove the folder around them.
        if name != OPAQUE
            && (removed.starts_with(WHITEOUT) || matches!(removed, b"" | b"." | b".."))
        {
            continue;
        }
        let parent = std::str::from_utf8(parent).context(step)?;
        mark(&inside, parent, (name != OPAQUE).then_some(removed)).context(step)?;
    }
    Ok(())
}

/// Marks one name as removed, or a folder as opaque.
fn mark(inside: &Inside, parent: &str, removed: Option<&[u8]>) -> io::Result<()> {
    inside.make(parent, true)?;
    let folder = inside.folder(parent)?;
    let Some(removed) = removed else {
        return opaque(&folder);
    };
    let made = rustix::fs::mknodat(
        &folder,
        removed,
        FileType::CharacterDevice,
        Mode::empty(),
        0,
    );
    match made {
        // The layer has something else there. A folder must not let through what was removed; anything else covers it anyway.
        Err(Errno::EXIST) => {
            let flags = rustix::fs::OFlags::RDONLY
                | rustix::fs::OFlags::DIRECTORY
                | rustix::fs::OFlags::NOFOLLOW
                | rustix::fs::OFlags::CLOEXEC;
            match rustix::fs::openat(&folder, removed, flags, Mode::empty()) {
                Ok(inner) => opaque(&inner),
                Err(Errno::NOTDIR | Errno::LOOP) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
        other => Ok(other?),
    }
}

fn opaque(folder: &std::os::fd::OwnedFd) -> io::Result<()> {
    let name = if namespace::is_user_namespace() {
        "user.overlay.opaque"
    } else {
        "trusted.overlay.opaque"
    };
    Ok(rustix::fs::fsetxattr(
        folder,
        name,
        b"y",
        XattrFlags::empty(),
    )?)
}
