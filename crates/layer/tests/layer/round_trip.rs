//! Whatever is written into an archive is in its index.

use layer::{EntryKind, ModifiedTime};
use proptest::prelude::*;

use crate::archive::{Archive, Header, UID, scan_chunks};

#[derive(Debug, Clone)]
struct Member {
    path: Vec<u8>,
    kind: Kind,
    mode: u32,
    uid: i64,
    modified: ModifiedTime,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pax: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    File(Vec<u8>),
    HardLink(Vec<u8>),
    Symlink(Vec<u8>),
    Directory,
    Device(u32, u32),
    Fifo,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'/'), b'a'..=b'c', 1..=255u8];
    prop_oneof![
        8 => prop::collection::vec(byte.clone(), 1..40),
        1 => prop::collection::vec(byte.clone(), 99..102),
        1 => prop::collection::vec(byte, 200..600),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(Kind::File),
        1 => name().prop_map(Kind::HardLink),
        1 => name().prop_map(Kind::Symlink),
        1 => Just(Kind::Directory),
        1 => (0..0o7_777_777u32, 0..0o7_777_777u32).prop_map(|(major, minor)| Kind::Device(major, minor)),
        1 => Just(Kind::Fifo),
    ]
}

prop_compose! {
    fn member()(
        path in name(),
        kind in kind(),
        mode in 0..=0o7777u32,
        uid in prop_oneof![0..2000i64, any::<u32>().prop_map(i64::from)],
        seconds in prop_oneof![0..4_000_000_000i64, -1_000_000_000_000..1_000_000_000_000i64],
        nanoseconds in prop_oneof![Just(0), 0..1_000_000_000u32],
        xattrs in prop::collection::btree_map(prop::collection::vec(b'a'..=b'z', 1..10), prop::collection::vec(any::<u8>(), 1..50), 0..3),
        pax in any::<bool>(),
    ) -> Member {
        let nanoseconds = if pax { nanoseconds } else { 0 };
        let xattrs = if pax { xattrs.into_iter().collect() } else { Vec::new() };
        Member { path, kind, mode, uid, modified: ModifiedTime { seconds, nanoseconds }, xattrs, pax }
    }
}

/// Writes a time as PAX does: a fraction counts away from zero if there is a minus.
fn pax_time(time: ModifiedTime) -> String {
    if time.seconds < 0 && time.nanoseconds > 0 {
        return format!(
            "-{}.{:09}",
            -(time.seconds + 1),
            1_000_000_000 - time.nanoseconds
        );
    }
    format!("{}.{:09}", time.seconds, time.nanoseconds)
}

/// Writes a member in the PAX way or in the GNU way.
fn write(archive: Archive, member: &Member) -> Archive {
    let none: &[u8] = &[];
    let (type_flag, content, target) = match &member.kind {
        Kind::File(content) => (b'0', content.as_slice(), none),
        Kind::HardLink(target) => (b'1', none, target.as_slice()),
        Kind::Symlink(target) => (b'2', none, target.as_slice()),
        Kind::Device(..) => (b'3', none, none),
        Kind::Directory => (b'5', none, none),
        Kind::Fifo => (b'6', none, none),
    };
    let mut header = Header::new(&member.path, type_flag, content.len() as u64);
    header
        .field(157..257, target)
        .field(100..108, format!("{:07o}\0", member.mode));
    if let Kind::Device(major, minor) = member.kind {
        header
            .number(329..337, major.into())
            .number(337..345, minor.into());
    }
    let mut archive = archive;
    if member.pax {
        let mut records = vec![
            (b"path".to_vec(), member.path.clone()),
            (b"uid".to_vec(), member.uid.to_string().into_bytes()),
            (b"mtime".to_vec(), pax_time(member.modified).into_bytes()),
        ];
        if !target.is_empty() {
            records.push((b"linkpath".to_vec(), target.to_vec()));
        }
        for (name, value) in &member.xattrs {
            records.push(([b"SCHILY.xattr.".as_slice(), name].concat(), value.clone()));
        }
        archive = archive.pax(records);
    } else {
        if member.path.len() > 100 {
            archive = archive.extension("././@LongLink", b'L', &member.path);
        }
        if target.len() > 100 {
            archive = archive.extension("././@LongLink", b'K', target);
        }
        header
            .gnu()
            .base256(UID, member.uid)
            .base256(136..148, member.modified.seconds);
    }
    archive.header(&header).padded(content)
}

proptest! {
    #[test]
    fn every_member_is_in_the_index(members in prop::collection::vec(member(), 0..20), chunk in 1..3000usize, end in any::<bool>()) {
        let archive = members.iter().fold(Archive::new(), write);
        let tar = if end { archive.end() } else { archive.0 };
        let (facts, files) = scan_chunks(&tar, chunk).unwrap();
        prop_assert_eq!(facts.diff_id, oci::Digest::sha256(&tar));
        prop_assert_eq!(facts.uncompressed_size, tar.len() as u64);
        prop_assert_eq!(files.len(), members.len());
        let mut content_size = 0;
        for (file, member) in files.iter().zip(&members) {
            let entry = &file.entry;
            prop_assert_eq!(&entry.path, &member.path);
            prop_assert_eq!((entry.mode, entry.uid, entry.gid, entry.modified), (member.mode, member.uid, 1000, member.modified));
            let xattrs: Vec<_> = entry.xattrs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
            prop_assert_eq!(&xattrs, &member.xattrs);
            let (kind, target): (_, &[u8]) = match &member.kind {
                Kind::File(content) => {
                    let offset = usize::try_from(entry.data_offset).unwrap();
                    prop_assert_eq!(&tar[offset..offset + content.len()], content.as_slice());
                    prop_assert_eq!(file.fingerprint, Some(xxhash_rust::xxh3::xxh3_128(content)));
                    content_size += content.len() as u64;
                    (EntryKind::Regular, &[])
                }
                Kind::HardLink(target) => (EntryKind::HardLink, target),
                Kind::Symlink(target) => (EntryKind::Symlink, target),
                Kind::Directory => (EntryKind::Directory, &[]),
                Kind::Device(major, minor) => {
                    prop_assert_eq!((entry.device.major, entry.device.minor), (i64::from(*major), i64::from(*minor)));
                    (EntryKind::CharDevice, &[])
                }
                Kind::Fifo => (EntryKind::Fifo, &[]),
            };
            prop_assert_eq!((entry.kind, entry.link_target.as_slice()), (kind, target));
        }
        prop_assert_eq!(facts.content_size, content_size);
    }
}
