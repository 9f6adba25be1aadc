//! What lies in a folder, as far as an image can say.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a file is, as far as an image can say; folders that no layer names have no time of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) size: u64,
    pub(crate) device: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) link: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first path of the same inode.
    pub(crate) same_as: Vec<u8>,
}

pub(crate) fn tree(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut found = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    visit(root, root, &mut inodes, &mut found);
    found
}

fn visit(
    root: &Path,
    folder: &Path,
    inodes: &mut BTreeMap<u64, Vec<u8>>,
    found: &mut BTreeMap<Vec<u8>, Seen>,
) {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    for path in entries {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .as_os_str()
            .as_bytes()
            .to_vec();
        let same_as = inodes
            .entry(metadata.ino())
            .or_insert_with(|| name.clone())
            .clone();
        let folder = metadata.is_dir();
        let seen = Seen {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: if folder { 0 } else { metadata.size() },
            device: metadata.rdev(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            link: fs::read_link(&path)
                .map(|link| link.as_os_str().as_bytes().to_vec())
                .unwrap_or_default(),
            content: if metadata.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            },
            xattrs: xattrs(&path),
            same_as,
        };
        found.insert(name, seen);
        if folder {
            visit(root, &path, inodes, found);
        }
    }
}

fn xattrs(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 4096];
    let count = rustix::fs::llistxattr(path, &mut names).unwrap_or_default();
    let mut found: Vec<_> = names[..count]
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 4096];
            let count = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value).unwrap();
            (name.to_vec(), value[..count].to_vec())
        })
        .collect();
    found.sort();
    found
}
