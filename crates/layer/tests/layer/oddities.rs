//! Archives that are unusual and yet fine, as they turn up in real images.

use layer::{EntryKind, ModifiedTime};

use crate::archive::{
    Archive, Header, MAGIC, PREFIX, SIZE, UID, entries, names, pax_records, scan,
};

#[test]
fn a_name_stays_as_the_archive_has_it() {
    let tar = Archive::new()
        .file("./etc/passwd", "1")
        .file("/etc/passwd", "2")
        .file("a/../../b", "3")
        .file("etc/passwd", "4")
        .file("etc/passwd", "5")
        .end();
    assert_eq!(
        names(&tar),
        [
            "./etc/passwd",
            "/etc/passwd",
            "a/../../b",
            "etc/passwd",
            "etc/passwd"
        ]
    );
}

#[test]
fn names_are_bytes() {
    let tar = Archive::new()
        .file(b"caf\xe9/\xff\xfe", "x")
        .pax([("path", b"\xf0\x28".as_slice())])
        .file("y", "")
        .end();
    let files = entries(&tar);
    assert_eq!(files[0].entry.path, b"caf\xe9/\xff\xfe");
    assert_eq!(files[1].entry.path, b"\xf0\x28");
}

#[test]
fn long_names_come_by_prefix_by_gnu_header_and_by_pax() {
    let long = "d/".repeat(200) + "file";
    let mut prefixed = Header::new("name", b'0', 0);
    prefixed.field(PREFIX, "p".repeat(155));
    let mut full = Header::new("n".repeat(100), b'0', 0);
    full.field(PREFIX, "p".repeat(155));
    let tar = Archive::new()
        .header(&prefixed)
        .header(&full)
        .extension("././@LongLink", b'L', format!("{long}\0"))
        .file("cut", "")
        .pax([("path", &long)])
        .file("cut", "")
        .extension("././@LongLink", b'K', format!("{long}\0"))
        .link("link", b'2', "cut")
        .pax([("linkpath", &long)])
        .link("link", b'1', "cut")
        .end();
    let files = entries(&tar);
    assert_eq!(
        files[0].entry.path,
        format!("{}/name", "p".repeat(155)).into_bytes()
    );
    assert_eq!(
        files[1].entry.path,
        format!("{}/{}", "p".repeat(155), "n".repeat(100)).into_bytes()
    );
    assert_eq!(files[2].entry.path, long.as_bytes());
    assert_eq!(files[3].entry.path, long.as_bytes());
    assert_eq!(files[4].entry.link_target, long.as_bytes());
    assert_eq!(files[5].entry.link_target, long.as_bytes());
    assert_eq!(files[5].entry.kind, EntryKind::HardLink);
}

#[test]
fn a_long_name_ends_at_nul_beats_pax_and_holds_for_one_entry() {
    let tar = Archive::new()
        .extension("././@LongLink", b'L', "first\0rubbish\0")
        .pax([("path", "second")])
        .file("third", "")
        .file("fourth", "")
        .end();
    assert_eq!(names(&tar), ["first", "fourth"]);
}

#[test]
fn a_pax_size_wins_over_the_header() {
    // CVE-2025-62518: whoever takes the header's size sees `hidden`, whoever takes the record's size does not.
    let hidden = Archive::new().file("hidden", "");
    let tar = Archive::new()
        .pax([("size", hidden.0.len().to_string())])
        .header(&Header::new("carrier", b'0', 0))
        .raw(&hidden.0)
        .file("next", "")
        .end();
    let files = entries(&tar);
    assert_eq!(names(&tar), ["carrier", "next"]);
    assert_eq!(files[0].entry.size, 512);

    let mut small = Header::new("small", b'0', 3);
    small.field(SIZE, "00000002000\0");
    let tar = Archive::new()
        .pax([("size", "3")])
        .header(&small)
        .padded("abc")
        .file("next", "")
        .end();
    assert_eq!(names(&tar), ["small", "next"]);
}

#[test]
fn a_pax_size_does_not_concern_the_long_name_in_between() {
    // CVE-2026-53655.
    let tar = Archive::new()
        .pax([("size", "5")])
        .extension("././@LongLink", b'L', "a-name\0")
        .header(&Header::new("short", b'0', 0))
        .padded("12345")
        .file("next", "")
        .end();
    assert_eq!(names(&tar), ["a-name", "next"]);
    assert_eq!(entries(&tar)[0].entry.size, 5);
}

#[test]
fn global_headers_are_ignored() {
    let tar = Archive::new()
        .extension(
            "pax_global_header",
            b'g',
            pax_records([("comment", "a commit"), ("uid", "4242")]),
        )
        .file("a", "b")
        .end();
    let files = entries(&tar);
    assert_eq!(names(&tar), ["a"], "a global header is no entry");
    assert_eq!(files[0].entry.uid, 1000);
    assert_eq!(files[0].entry.header_offset, 1024);
}

#[test]
fn an_empty_pax_value_leaves_the_header_alone() {
    let tar = Archive::new()
        .pax([("path", ""), ("uid", ""), ("size", "")])
        .file("a", "bc")
        .end();
    let file = &entries(&tar)[0].entry;
    assert_eq!(
        (file.path.as_slice(), file.uid, file.size),
        (b"a".as_slice(), 1000, 2)
    );
}

#[test]
fn numbers_may_be_in_base_256() {
    let mut header = Header::new("big", b'0', 0);
    header
        .gnu()
        .base256(UID, 3_000_000_000)
        .base256(136..148, -5)
        .base256(SIZE, 3);
    let tar = Archive::new().header(&header).padded("abc").end();
    let file = &entries(&tar)[0].entry;
    assert_eq!(
        (file.uid, file.modified.seconds, file.size),
        (3_000_000_000, -5, 3)
    );
}

#[test]
fn pax_gives_owners_times_and_attributes() {
    let capability = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice();
    let records: [(&str, &[u8]); 8] = [
        ("uid", b"4000000000"),
        ("gid", b"4000000001"),
        ("mtime", b"-1.25"),
        ("SCHILY.xattr.user.b", b"old"),
        ("SCHILY.xattr.user.b", b"a\0b=c\n"),
        ("SCHILY.xattr.security.capability", capability),
        ("SCHILY.xattr.user.empty", b""),
        ("unknown.key", b"whatever"),
    ];
    let tar = Archive::new().pax(records).file("ping", "").end();
    let file = &entries(&tar)[0].entry;
    assert_eq!((file.uid, file.gid), (4_000_000_000, 4_000_000_001));
    assert_eq!(
        file.modified,
        ModifiedTime {
            seconds: -2,
            nanoseconds: 750_000_000
        }
    );
    let xattrs: Vec<_> = file.xattrs.iter().collect();
    assert_eq!(
        xattrs,
        [
            (b"security.capability".as_slice(), capability),
            (b"user.b", b"a\0b=c\n")
        ]
    );
    assert_eq!(file.xattrs.get(b"user.b"), Some(b"a\0b=c\n".as_slice()));
}

#[test]
fn links_directories_and_devices_have_no_content_whatever_they_say() {
    let mut device = Header::new("null", b'3', 512);
    device.number(329..337, 1).number(337..345, 3);
    let mut tar = Archive::new().header(&device);
    for (name, type_flag) in [
        ("hard", b'1'),
        ("soft", b'2'),
        ("block", b'4'),
        ("dir/", b'5'),
        ("pipe", b'6'),
        ("old/", 0),
    ] {
        tar = tar.header(&Header::new(name, type_flag, 512));
    }
    let tar = tar.file("next", "").end();
    let (facts, files) = scan(&tar).unwrap();
    let kinds: Vec<_> = files.iter().map(|file| file.entry.kind).collect();
    use EntryKind::{BlockDevice, CharDevice, Directory, Fifo, HardLink, Regular, Symlink};
    assert_eq!(
        kinds,
        [
            CharDevice,
            HardLink,
            Symlink,
            BlockDevice,
            Directory,
            Fifo,
            Directory,
            Regular
        ]
    );
    assert!(files.iter().all(|file| file.entry.size == 0));
    assert_eq!(
        (files[0].entry.device.major, files[0].entry.device.minor),
        (1, 3)
    );
    assert_eq!(facts.content_size, 0);
}

#[test]
fn content_size_counts_files_once_and_links_never() {
    let tar = Archive::new()
        .file("a", "12345")
        .link("b", b'1', "a")
        .link("c", b'2', "a")
        .file("d", "123")
        .end();
    let (facts, files) = scan(&tar).unwrap();
    assert_eq!(
        (facts.content_size, facts.entries, facts.uncompressed_size),
        (8, 4, tar.len() as u64)
    );
    assert_eq!(
        &tar[usize::try_from(files[3].entry.data_offset).unwrap()..][..3],
        b"123"
    );
}

#[test]
fn equal_content_has_equal_fingerprints_however_it_is_cut() {
    let text = "0123456789".repeat(1000);
    let tar = Archive::new()
        .file("a", &text)
        .file("b", &text)
        .file("c", text.replace('9', "8"))
        .file("empty", "")
        .link("l", b'2', "a")
        .end();
    for chunk in [1, 7, 512, 4096, 1 << 20] {
        let files = crate::archive::scan_chunks(&tar, chunk).unwrap().1;
        assert_eq!(files, entries(&tar), "chunks of {chunk}");
        assert!(files[0].fingerprint.is_some());
        assert_eq!(files[0].fingerprint, files[1].fingerprint);
        assert_ne!(files[0].fingerprint, files[2].fingerprint);
        assert!(files[3].fingerprint.is_some());
        assert_eq!(files[4].fingerprint, None);
    }
}

#[test]
fn other_formats_and_types_are_read() {
    let mut v7 = Header::new("v7", 0, 2);
    v7.field(MAGIC, "").field(PREFIX, "not-a-prefix");
    let mut star = Header::new("name", b'0', 0);
    star.field(PREFIX, "star-prefix").field(508..512, "tar\0");
    let mut broken_gnu = Header::new("name", b'0', 0);
    broken_gnu.gnu().field(PREFIX, "go1.7-prefix");
    let tar = Archive::new()
        .header(&v7)
        .padded("ab")
        .header(&star)
        .header(&broken_gnu)
        .header(&Header::new("label", b'V', 0))
        .header(&Header::new("contiguous", b'7', 3))
        .padded("abc")
        .end();
    let files = entries(&tar);
    assert_eq!(
        names(&tar),
        [
            "v7",
            "star-prefix/name",
            "go1.7-prefix/name",
            "label",
            "contiguous"
        ]
    );
    assert_eq!(files[3].entry.kind, EntryKind::Other(b'V'));
    assert_eq!(files[4].entry.kind, EntryKind::Regular);
}

#[test]
fn the_end_may_be_missing_or_be_followed_by_anything() {
    let archive = Archive::new().file("a", "bc");
    let whole = archive.clone().end();
    let bare = archive.0.clone();
    let one_block = [bare.as_slice(), &[0; 512]].concat();
    let without_padding = bare[..514].to_vec();
    let followed = [whole.as_slice(), b"anything"].concat();
    for tar in [whole, bare, one_block, without_padding, followed] {
        let (facts, files) = scan(&tar).unwrap();
        assert_eq!(files.len(), 1, "{} bytes", tar.len());
        assert_eq!(facts.diff_id, oci::Digest::sha256(&tar));
    }
    assert_eq!(
        names(&[0; 512]).len() + names(&[0; 1024]).len() + names(&[]).len(),
        0
    );
}

#[test]
fn setuid_and_sticky_bits_stay_and_file_type_bits_go() {
    let mut header = Header::new("su", b'0', 0);
    header.field(100..108, "0104755\0");
    assert_eq!(
        entries(&Archive::new().header(&header).end())[0].entry.mode,
        0o4755
    );
}

fn gnu_sparse(name: &str, stored: u64, real: u64, parts: &[(u64, u64)], more: bool) -> Header {
    let mut header = Header::new(name, b'S', stored);
    header.gnu().number(483..495, real);
    for (slot, &(offset, length)) in parts.iter().enumerate() {
        let at = 386 + slot * 24;
        header
            .number(at..at + 12, offset)
            .number(at + 12..at + 24, length);
    }
    header.field(482..483, [u8::from(more)]);
    header
}

#[test]
fn gnu_sparse_files_have_their_full_size() {
    // A continuation has no checksum.
    let mut continued = [0u8; 512];
    continued[..24].copy_from_slice(b"00000007640\x0000000000002\0");
    let tar = Archive::new()
        .header(&gnu_sparse(
            "four",
            4,
            10_000,
            &[(0, 1), (512, 1), (1024, 2), (10_000, 0)],
            false,
        ))
        .padded("abcd")
        .header(&gnu_sparse(
            "more",
            6,
            5_000,
            &[(0, 1), (10, 1), (20, 1), (30, 1)],
            true,
        ))
        .raw(continued)
        .padded("abcdef")
        .file("next", "")
        .end();
    let (facts, files) = scan(&tar).unwrap();
    assert_eq!(names(&tar), ["four", "more", "next"]);
    assert_eq!(
        (
            files[0].entry.size,
            files[0].entry.stored_size,
            files[0].entry.sparse
        ),
        (10_000, 4, true)
    );
    assert_eq!(
        (
            files[1].entry.size,
            files[1].entry.stored_size,
            files[1].entry.data_offset
        ),
        (5_000, 6, 1024 + 1024)
    );
    assert_eq!(facts.content_size, 15_000);
}

#[test]
fn pax_sparse_files_have_their_own_name_and_full_size() {
    let map = "3\n0\n1\n100\n2\n5000\n0\n";
    let stored = format!("{map:\0<512}abc");
    let tar = Archive::new()
        .pax([
            ("GNU.sparse.size", "5000"),
            ("GNU.sparse.numblocks", "2"),
            ("GNU.sparse.offset", "0"),
            ("GNU.sparse.numbytes", "1"),
            ("GNU.sparse.offset", "100"),
            ("GNU.sparse.numbytes", "2"),
        ])
        .file("zero", "abc")
        .pax([
            ("GNU.sparse.size", "5000"),
            ("GNU.sparse.numblocks", "2"),
            ("GNU.sparse.name", "one"),
            ("GNU.sparse.map", "0,1,100,2"),
        ])
        .file("GNUSparseFile.1/one", "abc")
        .pax([
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "two"),
            ("GNU.sparse.realsize", "5000"),
        ])
        .file("GNUSparseFile.1/two", &stored)
        .pax([
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.name", "three"),
            ("GNU.sparse.realsize", "5000"),
            ("size", "515"),
        ])
        .header(&Header::new("GNUSparseFile.1/three", b'0', 0))
        .padded(&stored)
        .file("next", "")
        .end();
    let files = entries(&tar);
    assert_eq!(names(&tar), ["zero", "one", "two", "three", "next"]);
    for file in &files[..4] {
        assert_eq!(
            (file.entry.size, file.entry.stored_size, file.entry.sparse),
            (5000, 3, true),
            "{file:?}"
        );
        assert_eq!(
            &tar[usize::try_from(file.entry.data_offset).unwrap()..][..3],
            b"abc"
        );
    }
    assert_eq!(
        files[0].fingerprint, files[1].fingerprint,
        "the same map and the same content"
    );
    assert_ne!(
        files[0].fingerprint, files[2].fingerprint,
        "an empty part more is another map"
    );
    assert_eq!(files[2].fingerprint, files[3].fingerprint);
}

#[test]
fn a_file_of_unheard_size_that_is_all_hole_costs_nothing() {
    let tar = Archive::new()
        .pax([
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.realsize", "9223372036854775807"),
        ])
        .file("hole", format!("{:\0<512}", "0\n"))
        .end();
    assert_eq!(entries(&tar)[0].entry.size, i64::MAX.cast_unsigned());
}
