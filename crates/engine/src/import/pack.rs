//! A folder as the tar of a layer: sorted, with numeric owners, the same bytes for the same tree.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use layer::{Device, Entry, EntryKind, ModifiedTime, Xattrs, tar};
use rustix::fs::{Mode, OFlags};

/// Writes everything below a folder. Sockets are passed over: nobody listens at them in an image.
pub(super) fn pack(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut packing = Packing {
        out,
        links: HashMap::new(),
    };
    packing.folder(root, b"")?;
    packing.out.write_all(&tar::END)
}

struct Packing<'a> {
    out: &'a mut dyn Write,
    /// The first name of each file that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
}

/// One member.
struct Member<'a> {
    name: &'a [u8],
    kind: EntryKind,
    size: u64,
    link: &'a [u8],
    metadata: &'a Metadata,
}

impl Packing<'_> {
    fn folder(&mut self, path: &Path, prefix: &[u8]) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name());
        }
        names.sort_unstable();
        for name in names {
            self.member(&path.join(&name), &[prefix, name.as_bytes()].concat())?;
        }
        Ok(())
    }

    fn member(&mut self, path: &Path, name: &[u8]) -> io::Result<()> {
        let metadata = fs::symlink_metadata(path)?;
        let kind = metadata.file_type();
        let plain = Member {
            name,
            kind: EntryKind::Regular,
            size: 0,
            link: b"",
            metadata: &metadata,
        };
        if kind.is_dir() {
            let name = [name, b"/"].concat();
            self.header(
                path,
                &Member {
                    name: &name,
                    kind: EntryKind::Directory,
                    ..plain
                },
            )?;
            return self.folder(path, &name);
        }
        if kind.is_symlink() {
            let target = fs::read_link(path)?;
            let link = target.as_os_str().as_bytes();
            return self.header(
                path,
                &Member {
                    kind: EntryKind::Symlink,
                    link,
                    ..plain
                },
            );
        }
        if kind.is_socket() {
            return Ok(());
        }
        if metadata.nlink() > 1 {
            let file = (metadata.dev(), metadata.ino());
            if let Some(first) = self.links.get(&file).cloned() {
                return self.header(
                    path,
                    &Member {
                        kind: EntryKind::HardLink,
                        link: &first,
                        ..plain
                    },
                );
            }
            self.links.insert(file, name.to_vec());
        }
        if kind.is_char_device() {
            self.header(
                path,
                &Member {
                    kind: EntryKind::CharDevice,
                    ..plain
                },
            )
        } else if kind.is_block_device() {
            self.header(
                path,
                &Member {
                    kind: EntryKind::BlockDevice,
                    ..plain
                },
            )
        } else if kind.is_fifo() {
            self.header(
                path,
                &Member {
                    kind: EntryKind::Fifo,
                    ..plain
                },
            )
        } else {
            self.file(path, &plain)
        }
    }

    fn file(&mut self, path: &Path, member: &Member<'_>) -> io::Result<()> {
        // Not through a link that somebody puts there meanwhile, and not waiting at a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        let size = metadata.len();
        self.header(
            path,
            &Member {
                size,
                metadata: &metadata,
                ..*member
            },
        )?;
        let copied = io::copy(&mut file.take(size), &mut self.out)?;
        if copied != size {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{} became shorter while it was read", path.display()),
            ));
        }
        self.out.write_all(tar::padding(size))
    }

    fn header(&mut self, path: &Path, member: &Member<'_>) -> io::Result<()> {
        let metadata = member.metadata;
        let kind = member.kind;
        let device = match kind {
            EntryKind::CharDevice | EntryKind::BlockDevice => {
                let number = device(metadata);
                Device {
                    major: rustix::fs::major(number).into(),
                    minor: rustix::fs::minor(number).into(),
                }
            }
            _ => Device::default(),
        };
        let xattrs = match kind {
            EntryKind::HardLink => Xattrs::default(),
            _ => xattrs(path)?.into_iter().collect(),
        };
        let entry = Entry {
            path: member.name.to_vec(),
            kind,
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid().into(),
            gid: metadata.gid().into(),
            size: member.size,
            modified: ModifiedTime {
                seconds: metadata.mtime(),
                nanoseconds: 0,
            },
            link_target: member.link.to_vec(),
            device,
            xattrs,
            ..Entry::default()
        };
        tar::write_header(self.out, &entry)
    }
}

#[cfg_attr(
    target_vendor = "apple",
    expect(
        clippy::cast_possible_truncation,
        reason = "it was widened from this type"
    )
)]
fn device(metadata: &Metadata) -> rustix::fs::Dev {
    metadata.rdev() as rustix::fs::Dev
}

/// Reads the attributes of a path that an image may carry. Sorted.
#[cfg(target_os = "linux")]
fn xattrs(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    use rustix::fs::{lgetxattr, llistxattr};
    carried_xattrs(
        |names| llistxattr(path, names),
        |name, value| lgetxattr(path, name, value),
    )
}

/// Reads the attributes that an image may carry: capabilities, and what users put there. Sorted.
#[cfg(target_os = "linux")]
pub(crate) fn carried_xattrs(
    list: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>,
    get: impl Fn(&OsStr, &mut [u8]) -> rustix::io::Result<usize>,
) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = vec![0; 64 * 1024];
    let length = match list(&mut names) {
        Ok(length) => length,
        // A file system without attributes.
        Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0) {
        if name == b"security.capability" || name.starts_with(b"user.") {
            let mut value = vec![0; 64 * 1024];
            let length = get(OsStr::from_bytes(name), &mut value)?;
            value.truncate(length);
            found.push((name.to_vec(), value));
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(not(target_os = "linux"))]
fn xattrs(_: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    // Those of other systems mean nothing to a container.
    Ok(Vec::new())
}
