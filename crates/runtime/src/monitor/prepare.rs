//! Prepares what a container starts with: its user, what is mounted in it, and the configuration that the runtime reads.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::bundle::Bundle;
use super::inside::{self, Inside};
use super::run::own;
use super::{copy, namespace, network, remove};
use crate::config::{self, Surroundings};
use crate::error::Context;
use crate::message::{Kept, Run};
use crate::options::Source;
use crate::user::User;
use crate::{Failure, Identity};

/// The file with the paths that were made only to mount something on them.
pub(super) const STUBS: &str = "stubs.json";

/// Writes the configuration and what it needs.
pub(super) fn prepare(run: &Run, identity: &Identity, bundle: &Bundle) -> Result<(), Failure> {
    let spec = &run.spec;
    let inside = Inside::open(Path::new("root")).context("open the container's root")?;
    let read = |path| {
        inside
            .read(path)
            .context(format!("read the image's {path}"))
    };
    let user = User::resolve(
        &spec.process.user,
        &read("/etc/passwd")?,
        &read("/etc/group")?,
    )?;
    let user = user.in_own_group(identity);
    if let Some(id) = unmapped(identity, &user) {
        return Err(Failure::Unmapped { id });
    }
    let folder = &spec.process.folder;
    inside
        .make(folder, true)
        .context(format!("make the folder {folder}"))?;
    let mut stubs = Stubs::read(&run.folder)?;
    let mut binds = Vec::new();
    let mut memory = Vec::new();
    for path in ["/proc", "/dev", "/sys"] {
        stubs.make(&inside, path, true)?;
    }
    network::write_files(spec, &run.programs, bundle)?;
    for name in network::FILES {
        let target = format!("/etc/{name}");
        if spec.mounts.iter().all(|mount| mount.target != target) {
            stubs.make(&inside, &target, false)?;
            // An image may have an `/etc` that is a link to nowhere: it does without.
            if inside.has(&target) {
                binds.push((bundle.at(name), target, false));
            }
        }
    }
    for mount in &spec.mounts {
        let source = match &mount.source {
            Source::Memory => {
                stubs.make(&inside, &mount.target, true)?;
                memory.push((mount.target.clone(), mount.read_only));
                continue;
            }
            Source::Host(path) => path.clone(),
            Source::Volume(name) => volume(&run.volumes.join(name), &inside, &mount.target)?,
            Source::Anonymous => {
                // Any text is a path's; a digest of it is a name.
                let name = oci::Digest::sha256(mount.target.as_bytes());
                let folder = run.folder.join("volumes").join(name.hex());
                volume(&folder, &inside, &mount.target)?
            }
        };
        let step = format!("mount {}", source.display());
        let is_folder = match inside::is_folder(&source).context(&*step)? {
            Some(is_folder) => is_folder,
            None => {
                // As docker does.
                fs::create_dir_all(&source).context(&*step)?;
                true
            }
        };
        stubs.make(&inside, &mount.target, is_folder)?;
        let source = source.to_str().ok_or_else(|| Failure::Step {
            step,
            message: "its path is no UTF-8".to_owned(),
        })?;
        binds.push((source.to_owned(), mount.target.clone(), mount.read_only));
    }
    stubs.write(&run.folder)?;
    let surroundings = Surroundings {
        user: &user,
        user_namespace: namespace::is_user_namespace(),
        terminal_group: namespace::has_group(5),
        monitor: own(),
        binds: &binds,
        memory: &memory,
    };
    bundle.write_json("config.json", &config::container(spec, &surroundings))?;
    let kept = Kept {
        process: spec.process.clone(),
        no_new_privileges: spec.no_new_privileges,
    };
    bundle.write_json("kept.json", &kept)
}

/// Returns a number of the user that the container cannot have.
pub(super) fn unmapped(identity: &Identity, user: &User) -> Option<u32> {
    let groups = user.groups.iter().chain([&user.gid]);
    (!identity.has(user.uid, 0))
        .then_some(user.uid)
        .or_else(|| groups.copied().find(|&gid| !identity.has(0, gid)))
}

/// Returns the folder of a volume, which begins as a copy of what the image has in its place.
fn volume(folder: &Path, inside: &Inside, target: &str) -> Result<PathBuf, Failure> {
    let step = format!("make the volume of {target}");
    let data = folder.join("_data");
    if inside::is_folder(&data).context(&*step)?.is_none() {
        let new = folder.join("new");
        remove::remove(&new)?;
        fs::create_dir_all(&new).context(&*step)?;
        if let Ok(from) = inside.folder(target) {
            copy::open_tree(from.as_fd(), &new).context(&*step)?;
        }
        fs::rename(&new, &data).context(&*step)?;
    }
    Ok(data)
}

/// Paths that are there only so that something can be mounted on them; they are no changes of the container's.
struct Stubs(BTreeSet<String>);

impl Stubs {
    fn read(folder: &Path) -> Result<Self, Failure> {
        match fs::read(folder.join(STUBS)) {
            Ok(bytes) => Ok(Self(serde_json::from_slice(&bytes).unwrap_or_default())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self(BTreeSet::new())),
            Err(error) => Err(error).context("read what was mounted"),
        }
    }

    fn make(&mut self, inside: &Inside, path: &str, folder: bool) -> Result<(), Failure> {
        let made = inside
            .make(path, folder)
            .context(format!("make a place for {path}"))?;
        self.0.extend(made);
        Ok(())
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(&self.0).context("write down what is mounted")?;
        fs::write(folder.join(STUBS), bytes).context("write down what is mounted")
    }
}
