//! A folder as the tar of a layer: sorted, with numeric owners, the same bytes for the same tree.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use layer::tar::BLOCK_SIZE;
use rustix::fs::{Mode, OFlags};

/// The largest number that a header's field of eight bytes holds.
const MAX_SHORT: u64 = 0o7_777_777;

/// The largest number that a header's field of twelve bytes holds.
const MAX_LONG: u64 = 0o77_777_777_777;

/// Writes everything below a folder. Sockets are passed over: nobody listens at them in an image.
pub(super) fn pack(root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut packing = Packing {
        out,
        links: HashMap::new(),
    };
    packing.folder(root, b"")?;
    packing.out.write_all(&[0; 2 * BLOCK_SIZE])
}

struct Packing<'a> {
    out: &'a mut dyn Write,
    /// The first name of each file that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
}

/// One member.
struct Member<'a> {
    name: &'a [u8],
    kind: u8,
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
            kind: b'0',
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
                    kind: b'5',
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
                    kind: b'2',
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
                        kind: b'1',
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
                    kind: b'3',
                    ..plain
                },
            )
        } else if kind.is_block_device() {
            self.header(
                path,
                &Member {
                    kind: b'4',
                    ..plain
                },
            )
        } else if kind.is_fifo() {
            self.header(
                path,
                &Member {
                    kind: b'6',
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
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let missing = size.next_multiple_of(BLOCK_SIZE as u64) - size;
        let missing = usize::try_from(missing).unwrap_or_default();
        self.out.write_all(&[0; BLOCK_SIZE][..missing])
    }

    fn header(&mut self, path: &Path, member: &Member<'_>) -> io::Result<()> {
        let records = records(path, member)?;
        if !records.is_empty() {
            let size = records.len() as u64;
            let extension = Fields {
                name: b"pax",
                kind: b'x',
                size,
                ..Fields::default()
            };
            self.out.write_all(&extension.block())?;
            self.out.write_all(&records)?;
            self.pad(size)?;
        }
        let metadata = member.metadata;
        let (major, minor) = match member.kind {
            b'3' | b'4' => (
                u64::from(rustix::fs::major(metadata.rdev())),
                u64::from(rustix::fs::minor(metadata.rdev())),
            ),
            _ => (0, 0),
        };
        let fields = Fields {
            name: member.name,
            kind: member.kind,
            mode: u64::from(metadata.mode() & 0o7777),
            uid: u64::from(metadata.uid()),
            gid: u64::from(metadata.gid()),
            size: member.size,
            modified: u64::try_from(metadata.mtime()).unwrap_or_default(),
            link: member.link,
            major,
            minor,
        };
        self.out.write_all(&fields.block())
    }
}

/// What does not fit into a header, as PAX records; nothing where all of it does.
fn records(path: &Path, member: &Member<'_>) -> io::Result<Vec<u8>> {
    let mut records = Vec::new();
    let mut add = |key: &[u8], value: &[u8]| {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        records.extend(length.to_string().into_bytes());
        records.push(b' ');
        records.extend(key);
        records.push(b'=');
        records.extend(value);
        records.push(b'\n');
    };
    let metadata = member.metadata;
    let number = |value: u64| value.to_string().into_bytes();
    if member.name.len() > 100 {
        add(b"path", member.name);
    }
    if member.link.len() > 100 {
        add(b"linkpath", member.link);
    }
    if member.size > MAX_LONG {
        add(b"size", &number(member.size));
    }
    for (key, value) in [(&b"uid"[..], metadata.uid()), (b"gid", metadata.gid())] {
        if u64::from(value) > MAX_SHORT {
            add(key, &number(value.into()));
        }
    }
    if u64::try_from(metadata.mtime()).map_or(true, |time| time > MAX_LONG) {
        add(b"mtime", metadata.mtime().to_string().as_bytes());
    }
    if member.kind != b'1' {
        for (name, value) in xattrs(path)? {
            add(&[b"SCHILY.xattr.", name.as_slice()].concat(), &value);
        }
    }
    Ok(records)
}

/// Reads the attributes that an image may carry: capabilities, and what users put there. Sorted.
#[cfg(target_os = "linux")]
fn xattrs(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    use rustix::fs::{lgetxattr, llistxattr};
    let mut list = vec![0; 64 * 1024];
    let length = match llistxattr(path, &mut list[..]) {
        Ok(length) => length,
        // A file system without attributes.
        Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut found = Vec::new();
    for name in list[..length].split(|byte| *byte == 0) {
        if name == b"security.capability" || name.starts_with(b"user.") {
            let mut value = vec![0; 64 * 1024];
            let length = lgetxattr(path, OsStr::from_bytes(name), &mut value[..])?;
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

/// The fields of a ustar header.
#[derive(Default)]
struct Fields<'a> {
    name: &'a [u8],
    kind: u8,
    mode: u64,
    uid: u64,
    gid: u64,
    size: u64,
    modified: u64,
    link: &'a [u8],
    major: u64,
    minor: u64,
}

impl Fields<'_> {
    fn block(&self) -> [u8; BLOCK_SIZE] {
        let mut block = [0; BLOCK_SIZE];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        let short = |value: u64| format!("{:07o}\0", if value > MAX_SHORT { 0 } else { value });
        let long = |value: u64| format!("{:011o}\0", if value > MAX_LONG { 0 } else { value });
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, short(self.mode).as_bytes());
        put(108, short(self.uid).as_bytes());
        put(116, short(self.gid).as_bytes());
        put(124, long(self.size).as_bytes());
        put(136, long(self.modified).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, short(self.major).as_bytes());
        put(337, short(self.minor).as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}
