//! The index as a file: whole, or refused.

use std::io::{self, Write};

use layer::{Error, FileIndex, IndexProblem, LayerScan};

use crate::archive::Archive;

fn index() -> Vec<u8> {
    let tar = Archive::new()
        .file("usr/bin/a", "content")
        .file("usr/bin/ab", "other content")
        .link("usr/bin/c", b'2', "a")
        .pax([
            ("SCHILY.xattr.user.x", "value"),
            ("mtime", "1.5"),
            ("path", &"long/".repeat(60)),
        ])
        .file("x", "")
        .end();
    let mut index = Vec::new();
    layer::scan(tar.as_slice(), &mut index).unwrap();
    index
}

#[test]
fn an_index_that_is_cut_short_is_refused_at_every_byte() {
    let index = index();
    for length in 0..index.len() {
        let error = FileIndex::verify(&index[..length]).unwrap_err();
        assert!(
            matches!(error, Error::Index(_)),
            "{length} bytes: {error:?}"
        );
    }
    FileIndex::verify(index.as_slice()).unwrap();
}

#[test]
fn a_single_altered_bit_is_noticed() {
    let index = index();
    for position in 0..index.len() {
        for bit in 0..8 {
            let mut altered = index.clone();
            altered[position] ^= 1 << bit;
            let error = FileIndex::verify(altered.as_slice()).unwrap_err();
            assert!(
                matches!(error, Error::Index(_)),
                "bit {bit} of byte {position}: {error:?}"
            );
        }
    }
}

#[test]
fn bytes_behind_the_end_are_noticed() {
    let error = FileIndex::verify([index(), vec![0]].concat().as_slice()).unwrap_err();
    assert!(
        matches!(error, Error::Index(IndexProblem::Damaged)),
        "{error:?}"
    );
}

#[test]
fn other_files_and_other_versions_are_called_so() {
    let problem = |bytes: &[u8]| match FileIndex::verify(bytes).unwrap_err() {
        Error::Index(problem) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(problem(b"SQLite format 3\0"), IndexProblem::NotAnIndex);
    assert_eq!(problem(b""), IndexProblem::NotAnIndex);
    let mut newer = index();
    newer[8] = 2;
    assert_eq!(problem(&newer), IndexProblem::Version { found: 2 });
}

#[test]
fn after_an_error_the_iterator_ends() {
    let mut index = index();
    index.truncate(60);
    let results: Vec<_> = FileIndex::open(index.as_slice())
        .unwrap()
        .take(100)
        .collect();
    assert!(results.len() < 10 && results.last().unwrap().is_err());
}

#[test]
fn an_index_is_small() {
    let mut archive = Archive::new();
    for number in 0..1000 {
        archive = archive.file(
            format!("usr/share/doc/some-package/file-{number:04}.txt"),
            "content",
        );
    }
    let mut index = Vec::new();
    layer::scan(archive.end().as_slice(), &mut index).unwrap();
    assert!(
        index.len() < 32 * 1000,
        "{} bytes for 1000 files",
        index.len()
    );
}

#[test]
fn a_scan_that_was_dropped_leaves_no_valid_index() {
    let mut index = Vec::new();
    let mut scan = LayerScan::new(&mut index);
    scan.write(&Archive::new().file("a", "b").end()).unwrap();
    drop(scan);
    FileIndex::verify(index.as_slice()).unwrap_err();
}

#[test]
fn a_writer_that_fails_is_an_error_of_the_index_not_of_the_layer() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = layer::scan([0; 1024].as_slice(), Full).unwrap_err();
    assert!(
        matches!(error, Error::WriteIndex(source) if source.kind() == io::ErrorKind::StorageFull)
    );
}
