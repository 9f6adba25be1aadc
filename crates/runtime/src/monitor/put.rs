//! Changes files of a container that runs: all of them, or none.
//!
//! What comes is made whole beside its place, under a name that nothing else has; until then nothing was changed, and most that can
//! fail has failed. Then it gets its name ([`super::swap`]).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::time::{SystemTime, UNIX_EPOCH};

use layer::{EntryKind, FileIndex, NodeId, Tree, UnpackOptions};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::reach::{Root, shown, split};
use super::swap::{Swap, Swaps};
use super::waited::Waited;
use super::{Caller, namespace};
use crate::error::Context;
use crate::message::{Put, Report};
use crate::{Failure, Identity};

const STEP: &str = "change files of the container";

/// How the names begin under which files are prepared.
const PREPARED: &str = ".strata-";

/// Removes what is to go, and makes what comes.
pub(super) fn put(put: &Put, identity: &Identity, caller: &Caller) -> Result<Report, Failure> {
    let tar = File::open(&put.tar).context(STEP)?;
    let index = File::open(&put.index).context(STEP)?;
    let root = Root::enter(put.inner)?;
    let mut tree = Tree::new();
    let index = FileIndex::open(io::BufReader::new(index)).context(STEP)?;
    tree.push(index).context(STEP)?;
    let owners = !matches!(identity, Identity::Single { .. });
    let mut plan = Plan::of(&tree, &root, &put.removed)?;
    let done = plan
        .prepare(&tar, owners, caller)
        .and_then(|()| plan.carry_out(owners));
    let mut left = match done {
        Ok(()) => Vec::new(),
        Err(_) => plan.swaps.undo(),
    };
    // What was prepared, or what had the names before.
    left.extend(plan.swaps.clear());
    match done {
        // All has its name: that something is left over is no failure.
        Ok(()) => Ok(Report::Put { left }),
        Err(failure) if left.is_empty() => Err(failure),
        Err(failure) => Err(format!("{failure}; {}", left.join("; "))).context(STEP),
    }
}

/// What is to be changed.
struct Plan<'p> {
    tree: &'p Tree,
    root: &'p Root,
    swaps: Swaps<'p>,
    goes: Vec<usize>,
    /// What comes, each with the name under which it is prepared. What is in a new folder comes with that.
    comes: Vec<(usize, NodeId)>,
    prepared: HashMap<NodeId, Vec<u8>>,
    /// Folders that are there and get other attributes.
    changed: Vec<NodeId>,
}

impl<'p> Plan<'p> {
    /// Looks at what is there.
    fn of(tree: &'p Tree, root: &'p Root, removed: &[Vec<u8>]) -> Result<Self, Failure> {
        let mounts = root.mounts().context(STEP)?;
        refuse_mounted(&mounts, removed)?;
        let mut plan = Self {
            tree,
            root,
            swaps: Swaps::new(root),
            goes: Vec::new(),
            comes: Vec::new(),
            prepared: HashMap::new(),
            changed: Vec::new(),
        };
        let mut names = Names::new();
        let mut replaced: HashSet<Vec<u8>> = HashSet::new();
        let mut inside: HashSet<NodeId> = HashSet::new();
        let mut near: Option<(NodeId, OwnedFd)> = None;
        for node in tree.walk(NodeId::ROOT).filter(|node| *node != NodeId::ROOT) {
            let Some(file) = tree.current(node).map(|id| tree.file(id)) else {
                continue;
            };
            let parent = tree.parent(node);
            if inside.contains(&parent) {
                inside.insert(node);
                continue;
            }
            let path = tree.path(node);
            let step = || format!("put {} there", shown(&path));
            if near.as_ref().is_none_or(|(open, _)| *open != parent) {
                let folder = root.folder(&tree.path(parent)).context(step())?;
                near = Some((parent, folder));
            }
            let Some((_, folder)) = &near else { continue };
            let there = is_folder(folder, tree.name(node)).context(step())?;
            if there == Some(true) && file.is_folder() {
                if file.header_offset.is_some() {
                    plan.changed.push(node);
                }
                continue;
            }
            if there.is_some_and(|there| there != file.is_folder()) && !removed.contains(&path) {
                return Err(Failure::InTheWay { path: shown(&path) });
            }
            if mounts.contains(&path) {
                return Err(mounted(&path)).context(step());
            }
            let aside = names.next();
            let number = plan.swaps.add(Swap {
                folder: tree.path(parent),
                name: tree.name(node).to_vec(),
                aside: aside.clone(),
            });
            plan.comes.push((number, node));
            plan.prepared.insert(node, aside);
            inside.insert(node);
            replaced.insert(path);
        }
        // In their order, so that what is in a folder comes after it and went with it.
        for path in removed.iter().filter(|path| !replaced.contains(*path)) {
            let (folder, name) = split(path);
            plan.goes.push(plan.swaps.add(Swap {
                folder: folder.to_vec(),
                name: name.to_vec(),
                aside: names.next(),
            }));
        }
        Ok(plan)
    }

    /// Makes what comes, beside its place.
    fn prepare(&mut self, tar: &File, owners: bool, caller: &Caller) -> Result<(), Failure> {
        let options = UnpackOptions {
            owners,
            devices: !namespace::is_user_namespace(),
            keep_target: true,
            keep_folders: true,
            as_of: None,
        };
        let open = |_, offset| -> Result<Box<dyn Read + Send>, layer::Error> {
            let mut tar = tar.try_clone().map_err(layer::Error::Read)?;
            tar.seek(SeekFrom::Start(offset))
                .map_err(layer::Error::Read)?;
            // One file may be large, and whoever went may change others by now.
            let tar = Waited::new(tar, caller).map_err(layer::Error::Read)?;
            Ok(Box::new(tar))
        };
        let mut go_on = |_| match caller.is_gone() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let names = self.prepared.clone();
        let root = self.root.as_fd();
        match layer::unpack_renamed(self.tree, root, names, options, &open, &mut go_on) {
            Ok(_) => {}
            Err(layer::Error::Unpack { entry, source }) => {
                return Err(source).context(format!("put /{} there", entry.as_str()));
            }
            Err(error) => return Err(error).context(STEP),
        }
        if caller.is_gone() {
            return Err("nobody waits for it any more").context(STEP);
        }
        // Devices that the user may not make were left out, with all their names; what has these now stays.
        let (tree, swaps) = (self.tree, &self.swaps);
        self.comes
            .retain(|(number, node)| !is_device(tree, *node) || swaps.is_aside(*number));
        Ok(())
    }

    fn carry_out(&mut self, owners: bool) -> Result<(), Failure> {
        for number in std::mem::take(&mut self.goes) {
            self.swaps.put_aside(number)?;
        }
        for (number, _) in std::mem::take(&mut self.comes) {
            self.swaps.put_in_place(number)?;
        }
        // From the deepest up, so that one that may not be entered any more was.
        for node in std::mem::take(&mut self.changed).into_iter().rev() {
            let Some(file) = self.tree.current(node).map(|id| self.tree.file(id)) else {
                continue;
            };
            self.swaps.change(&self.tree.path(node), |folder| {
                layer::set_attributes(folder.as_fd(), file, owners).map(drop)
            })?;
        }
        self.swaps.remove_the_rest()
    }
}

fn is_device(tree: &Tree, node: NodeId) -> bool {
    let kind = tree.current(node).map(|id| tree.file(id).kind);
    matches!(kind, Some(EntryKind::CharDevice | EntryKind::BlockDevice))
}

/// Refuses to remove what something is mounted on. The system would let it go from here, and with it what is mounted.
fn refuse_mounted(mounts: &[Vec<u8>], removed: &[Vec<u8>]) -> Result<(), Failure> {
    for path in removed {
        let below = [path.as_slice(), b"/"].concat();
        let mount = mounts
            .iter()
            .find(|mount| *mount == path || mount.starts_with(&below));
        if let Some(mount) = mount {
            return Err(mounted(mount)).context(format!("remove {}", shown(path)));
        }
    }
    Ok(())
}

fn mounted(path: &[u8]) -> String {
    format!("something is mounted at {}", shown(path))
}

/// Tells whether a name is a folder; `None` where nothing has it.
fn is_folder(folder: &OwnedFd, name: &[u8]) -> rustix::io::Result<Option<bool>> {
    match rustix::fs::statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(
            FileType::from_raw_mode(found.st_mode) == FileType::Directory,
        )),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes names that nothing has.
struct Names {
    start: u128,
    count: u64,
}

impl Names {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            start: now.map_or(0, |now| now.as_nanos()),
            count: 0,
        }
    }

    fn next(&mut self) -> Vec<u8> {
        self.count += 1;
        format!("{PREPARED}{:x}-{}", self.start, self.count).into_bytes()
    }
}
