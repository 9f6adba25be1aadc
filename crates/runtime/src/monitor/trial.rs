//! Tries what a container needs, because no setting says reliably that it works.

use std::ffi::CString;
use std::fs;
use std::path::Path;

use rustix::mount::MountFlags;

use super::{namespace, remove};
use crate::Failure;
use crate::error::Context;

/// Mounts memory and an overlay below a folder, in a namespace that ends with this process.
pub(super) fn try_all(folder: &Path) -> Result<(), Failure> {
    namespace::unshare_mounts()?;
    let own = rustix::process::getpid().as_raw_nonzero();
    let place = folder.join(format!("trial-{own}"));
    let tried = overlay(&place);
    remove::remove(&place)?;
    tried
}

fn overlay(place: &Path) -> Result<(), Failure> {
    let step = "make a folder for a trial";
    for name in ["memory", "lower", "upper", "work", "root"] {
        fs::create_dir_all(place.join(name)).context(step)?;
    }
    std::env::set_current_dir(place).context(step)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount("tmpfs", "memory", "tmpfs", flags, None).context("mount memory")?;
    let user = if namespace::is_user_namespace() {
        ",userxattr"
    } else {
        ""
    };
    let data = CString::new(format!("lowerdir=lower,upperdir=upper,workdir=work{user}"))
        .context("mount an overlay")?;
    rustix::mount::mount("overlay", "root", "overlay", flags, Some(data.as_c_str()))
        .context("mount an overlay")?;
    std::env::set_current_dir("/").context(step)?;
    let detach = rustix::mount::UnmountFlags::DETACH;
    for name in ["root", "memory"] {
        rustix::mount::unmount(place.join(name), detach).context("end the trial")?;
    }
    Ok(())
}
