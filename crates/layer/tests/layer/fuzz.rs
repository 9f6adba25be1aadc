//! Bytes that nobody meant: any answer will do, but a panic, a hang, or two different answers.

use layer::{Decompressor, FileIndex};
use proptest::prelude::*;
use std::io::Read;

use crate::archive::{Archive, scan, scan_chunks};

/// An archive with one of everything, so that a mutation hits something interesting.
fn seed() -> Vec<u8> {
    Archive::new()
        .file("a", "content")
        .pax([
            ("path", "renamed"),
            ("size", "5"),
            ("mtime", "1.5"),
            ("SCHILY.xattr.user.a", "b"),
            ("LIBARCHIVE.xattr.user.%41", "Zm9v"),
        ])
        .file("b", "12345")
        .extension("././@LongLink", b'L', "long\0")
        .extension("././@LongLink", b'K', "target\0")
        .link("c", b'2', "x")
        .extension("g", b'g', "9 uid=12\n")
        .pax([
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.realsize", "5000"),
        ])
        .file("GNUSparseFile.1/d", format!("{:\0<512}abc", "1\n100\n3\n"))
        .pax([
            ("GNU.sparse.size", "50"),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.map", "3,3"),
        ])
        .file("e", "abc")
        .header(
            crate::archive::Header::new("f", b'S', 2)
                .gnu()
                .number(483..495, 9)
                .number(386..398, 1)
                .number(398..410, 2),
        )
        .padded("ab")
        .end()
}

/// Puts right sums into blocks that look like headers, so that a mutation gets past the checksum.
fn mend_checksums(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Bytes that have a meaning in some field, more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        prop::sample::select(b"0123456789\0 \n=,-+gxLKSVD\x80\xff".to_vec())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn altered_archives_have_one_answer(changes in prop::collection::vec((any::<prop::sample::Index>(), byte()), 1..12), chunk in 1..1500usize) {
        let mut tar = seed();
        for (position, byte) in changes {
            let length = tar.len();
            tar[position.index(length)] = byte;
        }
        mend_checksums(&mut tar);
        prop_assert_eq!(format!("{:?}", scan(&tar)), format!("{:?}", scan_chunks(&tar, chunk)));
    }

    #[test]
    fn any_text_may_stand_in_an_extended_header(text in "([0-9]{1,3} (path|size|GNU.sparse.(map|offset|numbytes|major|minor|numblocks|size)|SCHILY.xattr.a)=[-0-9,a/]{0,6}\n){0,6}") {
        let tar = Archive::new().extension("x", b'x', text).file("a", "bc").end();
        let _ = scan(&tar);
    }

    #[test]
    fn altered_indexes_never_pass(position in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..20)) {
        let mut index = Vec::new();
        layer::scan(seed().as_slice(), &mut index).unwrap();
        let start = position.index(index.len());
        let end = index.len().min(start + bytes.len());
        prop_assume!(index[start..end] != bytes[..end - start]);
        index[start..end].copy_from_slice(&bytes[..end - start]);
        prop_assert!(FileIndex::verify(index.as_slice()).is_err());
    }

    #[test]
    fn altered_compressed_data_ends(start in prop::sample::select(vec![b"\x1f\x8b\x08\0".to_vec(), b"\x28\xb5\x2f\xfd".to_vec(), b"\x50\x2a\x4d\x18".to_vec(), Vec::new()]), rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let blob = [start, rest].concat();
        if let Ok(reader) = Decompressor::new(blob.as_slice()) {
            let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
        }
        let _ = layer::scan(blob.as_slice(), std::io::sink());
    }
}
