//! Makes real files of an image's layers, with the owners that a container is to see.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;

use layer::{Decompressor, FileIndex, NodeId, Tree, UnpackOptions};

use super::{Caller, marks, namespace, remove};
use crate::error::Context;
use crate::message::{Report, Unpack};
use crate::{Failure, Identity};

/// Bytes after which progress is told again.
const STEP: u64 = 4 << 20;

/// Unpacks beside the target, and gives it its name when it is complete and on the disk.
pub(super) fn unpack(
    unpack: &Unpack,
    identity: &Identity,
    caller: &mut Caller,
) -> Result<Report, Failure> {
    let target = &unpack.target;
    if target.is_dir() {
        return Ok(Report::Done);
    }
    let step = format!("make {}", target.display());
    let own = rustix::process::getpid().as_raw_nonzero();
    let new = target.with_extension(format!("{own}.new"));
    fs::create_dir_all(&new).context(&*step)?;
    let made = fill(unpack, &new, identity, caller).and_then(|()| {
        if let (true, [(_, index)]) = (unpack.marks, unpack.layers.as_slice()) {
            marks::write(index, &new)?;
        }
        let handle = File::open(&new).context(&*step)?;
        // What is used for years without being looked at must not have come only half to the disk.
        rustix::fs::syncfs(&handle).context(&*step)?;
        match fs::rename(&new, target) {
            // Another was faster.
            Err(_) if target.is_dir() => Ok(()),
            other => other.context(&*step),
        }
    });
    if new.exists() {
        remove::remove(&new)?;
    }
    made.map(|()| Report::Done)
}

fn fill(
    unpack: &Unpack,
    new: &std::path::Path,
    identity: &Identity,
    caller: &mut Caller,
) -> Result<(), Failure> {
    let failed = |error: layer::Error| Failure::Unpack {
        message: chain(&error),
    };
    let mut tree = Tree::new();
    for (_, index) in &unpack.layers {
        let index = File::open(index)
            .map_err(layer::Error::ReadIndex)
            .map_err(failed)?;
        let index = FileIndex::open(io::BufReader::new(index)).map_err(failed)?;
        tree.push(index).map_err(failed)?;
    }
    let handle = File::open(new).context("open the folder")?;
    let options = UnpackOptions {
        owners: !matches!(identity, Identity::Single { .. }),
        devices: !namespace::is_user_namespace(),
        keep_target: false,
        keep_folders: false,
        as_of: None,
    };
    let open = |layer: u32, offset: u64| -> Result<Box<dyn Read + Send>, layer::Error> {
        let blob = unpack
            .layers
            .get(layer as usize)
            .map(|(blob, _)| File::open(blob));
        let blob = blob.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()));
        let mut tar =
            Decompressor::new(blob.map_err(layer::Error::Read)?).map_err(layer::Error::Read)?;
        io::copy(&mut tar.by_ref().take(offset), &mut io::sink()).map_err(layer::Error::Read)?;
        Ok(Box::new(tar))
    };
    let mut told = 0;
    let mut gone = false;
    let done = layer::unpack(
        &tree,
        NodeId::ROOT,
        handle.as_fd(),
        options,
        &open,
        &mut |bytes| {
            if bytes < told + STEP {
                return ControlFlow::Continue(());
            }
            told = bytes;
            gone = caller.say(&Report::Progress { bytes }, &[]).is_err();
            if gone {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        },
    );
    done.map_err(failed)?;
    Ok(())
}

/// Returns an error's words with those of its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = error.source();
    }
    words
}
