//! Archives that are refused, and what is said about them.

use std::collections::BTreeSet;

use layer::{Corruption, Error, LayerScan, MAX_INDEX_SIZE};

use crate::archive::{Archive, Header, SIZE, UID, pax_records, scan, scan_chunks};

#[track_caller]
fn problem(tar: &[u8]) -> (String, Corruption) {
    match scan(tar).unwrap_err() {
        Error::Corrupt { position, problem } => (position.to_string(), problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_archive_that_is_cut_short_is_refused_at_every_byte() {
    let sparse = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.realsize", "5000"),
    ];
    let members: [(&str, u8, Vec<u8>); 7] = [
        ("a", b'0', b"content of a".to_vec()),
        ("x", b'x', pax_records([("path", "renamed")])),
        ("b", b'0', vec![b'x'; 600]),
        ("././@LongLink", b'L', b"long\0".to_vec()),
        ("c", b'0', Vec::new()),
        ("x", b'x', pax_records(sparse)),
        (
            "GNUSparseFile.1/two",
            b'0',
            format!("{:\0<512}abc", "1\n100\n3\n").into_bytes(),
        ),
    ];
    // Where Go takes the end for the end, too: before a header, and in the padding before one.
    let mut fine = BTreeSet::from([0]);
    let mut archive = Archive::new();
    for (name, type_flag, content) in &members {
        archive = archive.extension(name, *type_flag, content);
        let end = archive.0.len();
        fine.extend(end - (content.len().next_multiple_of(512) - content.len())..=end);
    }
    fine.extend([archive.0.len() + 512, archive.0.len() + 1024]);
    let tar = archive.end();
    for length in 0..=tar.len() {
        let result = scan(&tar[..length]);
        match &result {
            Ok(_) => assert!(
                fine.contains(&length),
                "{length} bytes were taken for a whole archive"
            ),
            Err(Error::Corrupt {
                problem: Corruption::Truncated,
                ..
            }) => assert!(!fine.contains(&length), "{length} bytes were refused"),
            Err(other) => panic!("{length} bytes: {other:?}"),
        }
        let drip = scan_chunks(&tar[..length], 1);
        assert_eq!(
            format!("{result:?}"),
            format!("{drip:?}"),
            "byte by byte it is the same"
        );
    }
}

#[test]
fn the_message_names_the_entry_that_is_cut_short() {
    let tar = Archive::new()
        .file("usr/bin/first", "abc")
        .file("usr/lib/second", "x".repeat(1000))
        .0;
    let error = scan(&tar[..tar.len() - 200]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the layer's tar is corrupt in `usr/lib/second` (byte 2360): it ends too early"
    );
}

#[test]
fn a_damaged_header_is_placed_after_the_entry_before_it() {
    let mut tar = Archive::new().file("first", "").file("second", "").end();
    tar[512] = b'S';
    assert_eq!(
        problem(&tar),
        ("after `first` (byte 1024)".to_owned(), Corruption::Checksum)
    );
}

#[test]
fn names_in_messages_are_short_and_harmless() {
    let name = format!("\u{1b}[31mevil\n{}", "x".repeat(5000));
    let tar = Archive::new()
        .pax([("path", name)])
        .header(&Header::new("a", b'0', 100))
        .0;
    let (position, _) = problem(&tar);
    assert!(
        position.starts_with("in `\\u{1b}[31mevil\\nxxx"),
        "{position}"
    );
    assert!(
        position.len() < 300 && position.contains("x…`"),
        "{position}"
    );
}

#[test]
fn what_is_no_tar_is_called_by_its_name() {
    let what = |start: &[u8]| problem(&[start, &[b'x'; 600]].concat()).1;
    assert_eq!(what(b"hello"), Corruption::NotTar { looks_like: None });
    assert_eq!(
        what(b"\xfd7zXZ\0"),
        Corruption::NotTar {
            looks_like: Some("xz, which layers do not use")
        }
    );
    assert_eq!(
        what(b"{\"errors\":"),
        Corruption::NotTar {
            looks_like: Some("JSON")
        }
    );
    assert!(what(b"BZh9").to_string().contains("bzip2"));
}

#[test]
fn a_single_zero_block_between_entries_is_refused() {
    let tar = Archive::new()
        .file("a", "")
        .raw([0; 512])
        .file("b", "")
        .end();
    assert_eq!(
        problem(&tar),
        (
            "after `a` (byte 1536)".to_owned(),
            Corruption::LoneZeroBlock
        )
    );
}

#[test]
fn numbers_that_are_none_are_refused() {
    let with = |change: fn(&mut Header) -> &mut Header| {
        let mut header = Header::new("name", b'0', 0);
        header.gnu();
        change(&mut header);
        problem(&Archive::new().header(&header).end())
    };
    assert_eq!(
        with(|header| header.field(SIZE, "hello")),
        (
            "in `name` (byte 512)".to_owned(),
            Corruption::Number { field: "size" }
        )
    );
    assert_eq!(
        with(|header| header.base256(SIZE, -1)).1,
        Corruption::Number { field: "size" }
    );
    assert_eq!(
        with(|header| header.field(SIZE, [0xbf; 12])).1,
        Corruption::Number { field: "size" }
    );
    assert_eq!(
        with(|header| header.field(UID, "9")).1,
        Corruption::Number { field: "uid" }
    );
}

#[test]
fn sizes_beyond_what_can_be_are_refused() {
    let mut header = Header::new("huge", b'0', 0);
    header.gnu().base256(SIZE, i64::MAX);
    let (position, problem_found) = problem(&Archive::new().header(&header).end());
    assert_eq!(
        (position.as_str(), problem_found),
        ("in `huge` (byte 1536)", Corruption::Truncated)
    );

    let hole = |archive: Archive| {
        archive
            .pax([
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", "9223372036854775807"),
            ])
            .file("hole", format!("{:\0<512}", "0\n"))
    };
    let tar = hole(hole(hole(Archive::new()))).end();
    assert_eq!(
        problem(&tar).1,
        Corruption::SizeOverflow,
        "three times 2^63 bytes cannot be counted"
    );
}

#[test]
fn pax_values_that_are_none_are_refused() {
    let with = |key: &'static str, value: &str| {
        problem(&Archive::new().pax([(key, value)]).file("name", "").end())
    };
    assert_eq!(with("uid", "root").1, Corruption::PaxValue { key: "uid" });
    assert_eq!(
        with("mtime", "yesterday").1,
        Corruption::PaxValue { key: "mtime" }
    );
    assert_eq!(
        with("size", "99999999999999999999").1,
        Corruption::PaxValue { key: "size" }
    );
    assert_eq!(with("size", "-1").1, Corruption::Number { field: "size" });
    assert_eq!(with("path", "a\0b").1, Corruption::PaxRecord);
    assert_eq!(with("GNU.sparse.offset", "1,2").1, Corruption::PaxRecord);
    assert_eq!(
        problem(
            &Archive::new()
                .extension("g", b'g', "rubbish")
                .file("name", "")
                .end()
        )
        .1,
        Corruption::PaxRecord
    );
}

#[test]
fn extension_headers_are_bounded() {
    let limit = layer::tar::MAX_EXTENSION_SIZE;
    for type_flag in [b'x', b'g', b'L', b'K'] {
        let tar = Archive::new()
            .file("before", "")
            .header(&Header::new("ext", type_flag, limit + 1))
            .0;
        let expected = Corruption::ExtensionTooLarge {
            size: limit + 1,
            limit,
        };
        assert_eq!(
            problem(&tar),
            ("after `before` (byte 1024)".to_owned(), expected)
        );
    }
    let name = "x".repeat(layer::tar::MAX_NAME_LENGTH + 1);
    for tar in [
        Archive::new()
            .extension("ext", b'L', &name)
            .file("cut", "")
            .end(),
        Archive::new().pax([("path", &name)]).file("cut", "").end(),
    ] {
        assert!(matches!(problem(&tar).1, Corruption::NameTooLong { .. }));
    }
    let many = pax_records(
        (0..=layer::tar::MAX_XATTRS).map(|number| (format!("SCHILY.xattr.user.{number}"), "x")),
    );
    let tar = Archive::new()
        .extension("ext", b'x', many)
        .file("name", "")
        .end();
    assert!(matches!(problem(&tar).1, Corruption::TooManyXattrs { .. }));

    let limit = layer::tar::MAX_XATTR_SIZE;
    for (key, most) in [
        ("SCHILY.xattr.user.x", limit),
        ("LIBARCHIVE.xattr.user.x", limit.div_ceil(3) * 4),
    ] {
        let of = |size: usize| {
            let value = "A".repeat(size);
            Archive::new()
                .extension("ext", b'x', pax_records([(key, value)]))
                .file("name", "")
                .end()
        };
        scan(&of(most)).expect("Linux takes it");
        assert!(matches!(
            problem(&of(most + 1)).1,
            Corruption::XattrTooLarge { .. }
        ));
    }
}

#[test]
fn attributes_of_a_layer_are_bounded_together() {
    let value = "\0".repeat(layer::tar::MAX_XATTR_SIZE);
    let records =
        pax_records((0..15).map(|number| (format!("SCHILY.xattr.user.{number}"), &value)));
    let member = Archive::new()
        .extension("ext", b'x', records)
        .file("name", "")
        .0;
    let mut scan = LayerScan::new(std::io::sink());
    let mut written: u64 = 0;
    let refused = loop {
        if let Err(error) = scan.write(&member) {
            break error;
        }
        written += member.len() as u64;
        assert!(written < 2 * MAX_INDEX_SIZE, "it goes on for ever");
    };
    assert!(
        matches!(refused, Error::TooMuchMetadata { .. }),
        "{refused}"
    );
    assert!(written > MAX_INDEX_SIZE - 2 * member.len() as u64);
}

#[test]
fn sparse_maps_that_lie_are_refused() {
    let records = |size: &str, blocks: &str, map: &str| {
        let records = [
            ("GNU.sparse.size", size),
            ("GNU.sparse.numblocks", blocks),
            ("GNU.sparse.name", "sparse"),
            ("GNU.sparse.map", map),
        ];
        problem(&Archive::new().pax(records).file("x", "abc").end())
    };
    for (size, blocks, map, why) in [
        ("5000", "1", "0,2", "a byte is left over"),
        ("5000", "1", "0,4", "a byte is missing"),
        ("2", "1", "0,3", "a part ends behind the file"),
        ("5000", "2", "100,1,0,2", "the parts are not in order"),
        ("5000", "2", "0,2,1,1", "the parts overlap"),
        ("5000", "2", "0,3", "the count is wrong"),
        ("5000", "1", "0", "a length is missing"),
        ("5000", "1", "0,x", "no number"),
        ("5000", "1", "-1,3", "a negative offset"),
        (
            "9223372036854775807",
            "1",
            "9223372036854775807,3",
            "the end does not fit",
        ),
        ("-1", "1", "0,3", "a negative size"),
    ] {
        assert_eq!(
            records(size, blocks, map),
            (
                "in `sparse` (byte 2048)".replace("2048", "1536"),
                Corruption::SparseMap
            ),
            "{why}"
        );
    }
    let text = |stored: &str| {
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.realsize", "5000"),
        ];
        problem(&Archive::new().pax(records).file("sparse", stored).end()).1
    };
    for (map, why) in [
        ("1\n0\n3\n", "the content is missing"),
        ("x\n", "no number"),
        ("\n", "an empty number"),
        ("-1\n", "a negative count"),
        ("9223372036854775807\n", "a count that cannot be"),
        ("1-\n", "a sign behind"),
    ] {
        assert_eq!(
            text(&format!("{map:\0<512}")),
            Corruption::SparseMap,
            "{why}"
        );
    }
    assert_eq!(
        text("1\n0\n3\n"),
        Corruption::SparseMap,
        "the map is not a whole block"
    );
    let endless = "1".to_owned() + &"\n0".repeat(1 << 20);
    assert!(matches!(
        text(&format!("9999999999{}", &endless[1..])),
        Corruption::ExtensionTooLarge { .. } | Corruption::SparseMap
    ));
    let mut star = Header::new("star", b'S', 0);
    star.field(508..512, "tar\0");
    assert_eq!(
        problem(&Archive::new().header(&star).end()).1,
        Corruption::SparseMap
    );
}
