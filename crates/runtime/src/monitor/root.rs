//! The container's root: the image's files below, what it writes above.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::MountFlags;

use super::{copy, namespace};
use crate::Failure;
use crate::error::Context;
use crate::message::Run;

/// The folder of what a container changed, and the one that overlay needs beside it.
pub(super) const UPPER: &str = "upper";
const WORK: &str = "work";

/// A whole copy of the image's files, where there is no overlay.
pub(super) const COPY: &str = "copy";

/// Mounts the root at `root` in the working folder.
///
/// Devices do not work in it, whatever the image brings: nothing else keeps the container from them.
pub(super) fn mount(run: &Run) -> Result<(), Failure> {
    let folder = &run.folder;
    if folder.join(COPY).is_dir() {
        return mount_copy(folder);
    }
    make_upper(run).context("make the container's writable layer")?;
    // Short names: the system takes one page of options, in which colons and commas have a meaning.
    let link = |path: &Path, name: &str| symlink(path, name).context("name a layer");
    link(&folder.join(UPPER), "u")?;
    link(&folder.join(WORK), "w")?;
    let mut lower = Vec::new();
    for (number, path) in run.lower.iter().enumerate() {
        let name = format!("l{number}");
        link(path, &name)?;
        lower.push(name);
    }
    if lower.is_empty() {
        // Overlay wants at least one.
        fs::create_dir("l").context("make an empty layer")?;
        lower.push("l".to_owned());
    }
    let lower = lower.join(":");
    let plain = format!("lowerdir={lower},upperdir=u,workdir=w");
    let options = if namespace::is_user_namespace() {
        format!("{plain},userxattr")
    } else {
        // What a layer cannot tell: renamed folders and changed attributes without their content.
        format!("{plain},redirect_dir=nofollow,metacopy=off,index=off,xino=off")
    };
    let data = std::ffi::CString::new(options).context("mount the container's root")?;
    let mounted = rustix::mount::mount(
        "overlay",
        "root",
        "overlay",
        MountFlags::NODEV,
        Some(data.as_c_str()),
    );
    let Err(kernel) = mounted else { return Ok(()) };
    let fused = match &run.programs.fuse_overlayfs {
        Some(program) => mount_fuse(program, &plain),
        None => Err("fuse-overlayfs is not installed".to_owned()),
    };
    match fused {
        Ok(()) => Ok(()),
        // What was written through an overlay can only be read through one.
        Err(fuse)
            if fs::read_dir(folder.join(UPPER)).is_ok_and(|mut found| found.next().is_some()) =>
        {
            Err(Failure::Step {
                step: "mount the container's root".to_owned(),
                message: format!("overlay: {kernel}; fuse-overlayfs: {fuse}"),
            })
        }
        Err(_) => {
            copy_layers(run)?;
            mount_copy(folder)
        }
    }
}

/// Makes the writable layer, whose top is as the image's: it is what the container sees as its root.
fn make_upper(run: &Run) -> io::Result<()> {
    let (upper, new) = (run.folder.join(UPPER), run.folder.join("upper.new"));
    fs::create_dir_all(run.folder.join(WORK))?;
    if upper.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&new)?;
    if let Some(top) = run.lower.first() {
        copy::folder(top, &new)?;
    }
    fs::rename(&new, &upper)
}

fn mount_fuse(program: &Path, options: &str) -> Result<(), String> {
    let output = Command::new(program)
        .args(["-o", options, "root"])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Copies the image's files, which must be one folder: a stack has marks in it that only an overlay reads.
fn copy_layers(run: &Run) -> Result<(), Failure> {
    let step = "copy the image's files";
    let [lower] = run.lower.as_slice() else {
        return Err(Failure::Step {
            step: step.to_owned(),
            message: "without overlay the image must be one folder".to_owned(),
        });
    };
    let (new, done) = (run.folder.join("copy.new"), run.folder.join(COPY));
    super::remove::remove(&new)?;
    fs::create_dir(&new).context(step)?;
    copy::tree(lower, &new).context(step)?;
    fs::rename(&new, &done).context(step)
}

fn mount_copy(folder: &Path) -> Result<(), Failure> {
    let step = "mount the container's root";
    rustix::mount::mount_bind(folder.join(COPY), "root").context(step)?;
    let flags = MountFlags::BIND | MountFlags::NODEV;
    // Without this the image's device nodes would work, for root; in a user namespace none can.
    rustix::mount::mount_remount("root", flags, c"").context(step)
}
