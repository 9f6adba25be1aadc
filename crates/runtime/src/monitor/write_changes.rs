//! Tells what a container changed, from its writable layer, as the owners in there are for the container.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;

use super::Caller;
use super::prepare::STUBS;
use super::root::{COPY, UPPER};
use super::walk::{Of, Problem, Walk};
use crate::Failure;
use crate::error::Context;
use crate::message::{Changes, Report};

/// Sends the pipe, and writes into it.
pub(super) fn write(changes: &Changes, caller: &Caller) -> Result<Report, Failure> {
    let step = "tell the changes";
    if changes.folder.join(COPY).is_dir() {
        return Err(Failure::Copied);
    }
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context(step)?;
    caller
        .say(&Report::Changes, &[read.as_fd()])
        .context(step)?;
    drop(read);
    let stubs = stubs(&changes.folder);
    let mut walk = Walk::new(File::from(write), changes.contents, Of::Layer(&stubs));
    let told = tell(&mut walk, &changes.folder.join(UPPER));
    walk.end(told);
    Ok(Report::Done)
}

fn tell(walk: &mut Walk<'_, File>, upper: &Path) -> Result<(), Problem> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::open(upper, flags, Mode::empty()) {
        Ok(top) => walk.tree(top, Vec::new()),
        // It never ran.
        Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Ok(Err(error).context("open the writable layer")?),
    }
}

fn stubs(folder: &Path) -> BTreeSet<String> {
    let bytes = fs::read(folder.join(STUBS)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
