use crate::{Error, Result};
use std::path::Path;
pub(crate) fn refuse_network(root: &Path) -> Result<()> {
    let known: [(u64, &str); 3] = [(0x6969, "NFS"), (0x517b, "SMB"), (0xff53_4d42, "CIFS")];
    let stat =
        rustix::fs::statfs(root).map_err(|error| Error::io("look at", root)(error.into()))?;
    let magic = u64::try_from(stat.f_type).unwrap_or_default() & 0xffff_ffff;
    known
        .iter()
        .find(|(number, _)| *number == magic)
        .map_or(Ok(()), |(_, kind)| {
            Err(Error::NetworkFileSystem {
                path: root.to_owned(),
                kind,
            })
        })
}
pub(crate) fn available(root: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(root).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
