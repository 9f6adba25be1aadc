//! The same archive, read by this crate and by Python's `tarfile`, written by GNU tar and by Python.
//!
//! Only on Linux: elsewhere `tar` is another program, and device nodes are another matter.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use layer::{EntryKind, FileEntry};

use crate::archive::entries;

/// Prints one line per member; names in hexadecimal, because they may be anything.
const DUMP: &str = r"
import sys, tarfile
h = lambda text: text.encode('utf-8', 'surrogateescape').hex()
for m in tarfile.open(sys.argv[1], 'r:', encoding='utf-8', errors='surrogateescape'):
    kind = {b'\0': '0', b'7': '0', b'S': '0'}.get(m.type, m.type.decode())
    link = h(m.linkname) if kind in '12' else ''
    numbers = f'{m.devmajor},{m.devminor}' if kind in '34' else '0,0'
    size = m.size if kind == '0' else 0
    xattrs = ','.join(f'{h(k[13:])}={h(v)}' for k, v in sorted(m.pax_headers.items()) if k.startswith('SCHILY.xattr.'))
    print(h(m.name.rstrip('/')), kind, f'{m.mode & 0o7777:o}', m.uid, m.gid, size, int(m.mtime // 1), link, numbers, m.offset_data, xattrs)
";

/// Writes an archive with what GNU tar does not make without being root.
const WRITE: &str = r"
import io, sys, tarfile
kinds = [tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE]
form = {'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[sys.argv[2]]
long = form != tarfile.USTAR_FORMAT
with tarfile.open(sys.argv[1], 'w', format=form, encoding='utf-8', errors='surrogateescape') as out:
    for number, kind in enumerate(kinds):
        for name in ['short', 'p' * 90 + '/' + 'n' * 95] + (['x' * 300, 'l/' * 400 + 'n'] if long else []):
            m = tarfile.TarInfo(f'{number}/{name}')
            m.type, m.mode, m.uid, m.gid, m.mtime = kind, 0o4755 >> number, number * 1000, 7, 1_600_000_000 + number
            if long:
                m.uid, m.mtime = 3_000_000_000, -1000 - number
            if form == tarfile.PAX_FORMAT:
                m.mtime += 0.25
                m.pax_headers = {'SCHILY.xattr.user.b': 'v', 'SCHILY.xattr.user.a': 'w=x', 'comment': 'no'}
            if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE):
                m.linkname = 'target/' + name[:90] if not long else name + '-target'
            if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
                m.devmajor, m.devminor = 8, number
            content = name.encode() * number if kind in (tarfile.REGTYPE, tarfile.CONTTYPE) else b''
            m.size = len(content)
            out.addfile(m, io.BytesIO(content))
    out.addfile(tarfile.TarInfo('caf\udce9' if form == tarfile.GNU_FORMAT else 'café'))
";

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} is needed for this test: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn python(code: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg("-c").arg(code);
    command
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Describes a file in the way of `DUMP`.
fn line(file: &FileEntry) -> String {
    let entry = &file.entry;
    let kind = match entry.kind {
        EntryKind::Regular => '0',
        EntryKind::HardLink => '1',
        EntryKind::Symlink => '2',
        EntryKind::CharDevice => '3',
        EntryKind::BlockDevice => '4',
        EntryKind::Directory => '5',
        EntryKind::Fifo => '6',
        EntryKind::Other(type_flag) => char::from(type_flag),
    };
    let name = entry
        .path
        .iter()
        .rposition(|&byte| byte != b'/')
        .map_or(&[][..], |last| &entry.path[..=last]);
    let xattrs: Vec<_> = entry
        .xattrs
        .iter()
        .map(|(name, value)| format!("{}={}", hex(name), hex(value)))
        .collect();
    let (device, modified) = (entry.device, entry.modified.seconds);
    let numbers = format!("{},{}", device.major, device.minor);
    let owner = format!("{} {}", entry.uid, entry.gid);
    let (target, xattrs) = (hex(&entry.link_target), xattrs.join(","));
    format!(
        "{} {kind} {:o} {owner} {} {modified} {target} {numbers} {} {xattrs}",
        hex(name),
        entry.mode,
        entry.size,
        entry.data_offset
    )
}

#[track_caller]
fn compare(archive: &Path, at_least: usize) -> Vec<FileEntry> {
    let theirs = run(python(DUMP).arg(archive));
    let files = entries(&fs::read(archive).unwrap());
    let ours: Vec<_> = files.iter().map(line).collect();
    let theirs: Vec<_> = theirs.lines().collect();
    assert!(theirs.len() >= at_least, "only {} members", theirs.len());
    assert_eq!(ours, theirs);
    files
}

/// Makes a folder with what an unprivileged user can make: links, odd names, a pipe, files with holes.
fn tree(folder: &Path, long_names: bool) {
    let root = folder.join("root");
    fs::create_dir_all(root.join("etc/sub")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0").unwrap();
    fs::write(root.join("etc/empty"), "").unwrap();
    fs::write(root.join("etc/block"), [b'x'; 512]).unwrap();
    fs::write(root.join("etc/large"), vec![b'y'; 100_001]).unwrap();
    fs::hard_link(root.join("etc/passwd"), root.join("etc/passwd-")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("absolute")).unwrap();
    std::os::unix::fs::symlink("nowhere/at all", root.join("dangling")).unwrap();
    run(Command::new("mkfifo").arg(root.join("pipe")));
    run(Command::new("chmod").arg("u+s").arg(root.join("etc/block")));
    run(Command::new("touch")
        .args(["-d", "@1234567890.123456789"])
        .arg(root.join("etc/empty")));
    fs::write(root.join("größe"), "unicode").unwrap();
    if long_names {
        let deep = root.join("d".repeat(200)).join("e".repeat(200));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("f".repeat(200)), "deep").unwrap();
        std::os::unix::fs::symlink("t".repeat(300), root.join("long-target")).unwrap();
    }
}

#[test]
fn gnu_tar_in_all_its_formats() {
    for (format, long_names) in [
        ("v7", false),
        ("ustar", false),
        ("oldgnu", true),
        ("gnu", true),
        ("posix", true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path(), long_names);
        // V7 has no types for pipes; tar leaves them out and says so.
        if format == "v7" {
            fs::remove_file(folder.path().join("root/pipe")).unwrap();
        }
        let archive = folder.path().join("layer.tar");
        run(Command::new("tar")
            .args(["--format", format, "--sort=name", "-cf"])
            .arg(&archive)
            .arg("-C")
            .arg(folder.path().join("root"))
            .arg("."));
        let files = compare(&archive, 10);
        if format == "posix" {
            let empty = files
                .iter()
                .find(|file| file.entry.path == b"./etc/empty")
                .unwrap();
            assert_eq!(empty.entry.modified.nanoseconds, 123_456_789);
        }
    }
}

#[test]
fn gnu_tar_with_sparse_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    // Many parts, so that the maps need continuations; holes at the start, in the middle, at the end, and everywhere.
    let make = r"
import sys, os
def sparse(name, size, parts):
    with open(os.path.join(sys.argv[1], name), 'wb') as f:
        for part in parts:
            f.seek(part)
            f.write(b'data%d' % part)
        f.truncate(size)
sparse('many', 100 << 20, range(1 << 20, 90 << 20, 1 << 20))
sparse('few', 10 << 20, [0, 5 << 20])
sparse('hole', 1 << 30, [])
sparse('end', (1 << 20) + 5, [1 << 20])
sparse('huge', 9 << 30, [8 << 30])
open(os.path.join(sys.argv[1], 'plain'), 'w').write('plain')
";
    run(python(make).arg(&root));
    let formats: [&[&str]; 5] = [
        &["--format=gnu"],
        &["--format=oldgnu"],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ];
    for format in formats {
        let archive = folder.path().join("sparse.tar");
        run(Command::new("tar")
            .args(format)
            .args([
                "--sparse",
                "--hole-detection=raw",
                "--sort=name",
                "--exclude=huge",
                "-cf",
            ])
            .arg(&archive)
            .arg("-C")
            .arg(&root)
            .arg("."));
        let files = compare(&archive, 6);
        let sparse = files.iter().filter(|file| file.entry.sparse).count();
        assert_eq!(sparse, 4, "{format:?}");
        // Finding holes by reading takes too long for this one.
        run(Command::new("tar")
            .args(format)
            .args(["--sparse", "--hole-detection=seek", "-cf"])
            .arg(&archive)
            .arg("-C")
            .arg(&root)
            .arg("huge"));
        compare(&archive, 1);
    }
}

#[test]
fn pythons_tar_in_all_its_formats() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["ustar", "gnu", "pax"] {
        let archive = folder.path().join("python.tar");
        run(python(WRITE).arg(&archive).arg(format));
        compare(&archive, 17);
    }
}

#[test]
fn archives_that_were_appended_and_concatenated() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path(), true);
    let archive = folder.path().join("layer.tar");
    let tar = |mode: &str, what: &str| {
        run(Command::new("tar")
            .arg(mode)
            .arg(&archive)
            .arg("-C")
            .arg(folder.path().join("root"))
            .arg(what))
    };
    tar("-cf", "etc");
    tar("-rf", "etc/passwd");
    tar("-rf", "absolute");
    compare(&archive, 8);
}
