//! Sends files of a container that runs, as its own programs see them: volumes too.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

use super::Caller;
use super::reach::{Root, shown, split};
use super::walk::{Of, Problem, Walk};
use crate::Failure;
use crate::error::Context;
use crate::message::{Report, Take};
use crate::start::FoundPath;

/// What the kernel makes of itself, at the top of every container: it holds no files that one could keep.
const KERNEL: [&[u8]; 3] = [b"proc", b"sys", b"dev"];

/// Tells where a path leads, sends the pipe, and writes into it.
pub(super) fn take(take: &Take, caller: &Caller) -> Result<Report, Failure> {
    let root = Root::enter(take.inner)?;
    let step = format!("read {}", shown(&take.path));
    // With a slash at the end, or a dot behind it, what a link leads to is meant.
    let through = take.path.ends_with(b"/") || take.path.ends_with(b"/.");
    let found = root.find(&take.path, through).context(&*step)?;
    let Some((found, handle)) = found.filter(|(found, _)| !is_kernels(&found.path)) else {
        return Ok(Report::Found(None));
    };
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context(&*step)?;
    caller
        .say(&Report::Found(Some(found.clone())), &[read.as_fd()])
        .context(&*step)?;
    drop(read);
    let mut walk = Walk::new(File::from(write), true, Of::Root(&KERNEL));
    let told = tell(&mut walk, &root, &found, &handle);
    walk.end(told);
    Ok(Report::Done)
}

fn tell(
    walk: &mut Walk<'_, File>,
    root: &Root,
    found: &FoundPath,
    handle: &OwnedFd,
) -> Result<(), Problem> {
    let step = || format!("read {}", shown(&found.path));
    if found.is_folder == Some(true) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(handle, c".", flags, Mode::empty()).context(step())?;
        return walk.tree(folder, found.path.clone());
    }
    let (folder, name) = split(&found.path);
    let folder = root.folder(folder).context(step())?;
    walk.one(folder.as_fd(), OsStr::from_bytes(name), found.path.clone())
}

fn is_kernels(path: &[u8]) -> bool {
    let first = path.split(|byte| *byte == b'/').next();
    first.is_some_and(|first| KERNEL.contains(&first))
}
