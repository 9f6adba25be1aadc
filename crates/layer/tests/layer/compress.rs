//! Layers of our own: the same bytes whatever the number of cores, read by everybody, and from the middle.

use std::convert::Infallible;
use std::io::{self, Cursor, Read, Write};
use std::num::NonZero;

use flate2::read::{GzDecoder, MultiGzDecoder};
use layer::{
    COMPRESSED_BLOCK, CompressedSink, Compression, Decompressor, Device, Entry, EntryKind,
    FileIndex, LayerScan, ModifiedTime, SeekTable, SeekTableBuilder, Xattrs, compress, read_from,
    tar,
};
use proptest::prelude::*;

#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
    table: SeekTableBuilder,
    places: usize,
    room: Option<usize>,
}

impl CompressedSink for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        match self.room {
            Some(room) if self.bytes.len() > room => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn place(&mut self, input: u64, output: u64) -> io::Result<()> {
        assert_eq!(input, self.bytes.len() as u64);
        self.table.place(input, output);
        self.places += 1;
        Ok(())
    }
}

fn packed(bytes: &[u8], compression: Compression, threads: usize, piece: usize) -> Sink {
    let mut sink = Sink::default();
    let threads = NonZero::new(threads).unwrap();
    compress(compression, threads, &mut sink, |out| {
        for piece in bytes.chunks(piece) {
            out.write_all(piece)?;
        }
        Ok::<_, io::Error>(())
    })
    .unwrap()
    .unwrap();
    sink
}

fn sample(length: usize) -> Vec<u8> {
    let words = (0_u32..).flat_map(|number| {
        let text = format!("{} ", number.wrapping_mul(2_654_435_761) >> (number % 20));
        text.into_bytes()
    });
    words.take(length).collect()
}

#[test]
fn cores_and_pieces_do_not_show_and_everybody_reads_it() {
    for length in [
        0,
        1,
        COMPRESSED_BLOCK - 1,
        COMPRESSED_BLOCK,
        3 * COMPRESSED_BLOCK + 77,
    ] {
        let bytes = sample(length);
        for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
            let one = packed(&bytes, compression, 1, 1 << 20);
            let more = packed(&bytes, compression, 5, 4097);
            assert_eq!(one.bytes, more.bytes, "{compression}, {length}");
            let mut read = Vec::new();
            let mut decoder = Decompressor::new(one.bytes.as_slice()).unwrap();
            decoder.read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes, "{compression}, {length}");
        }
        let gzip = packed(&bytes, Compression::Gzip, 2, 1000).bytes;
        let (mut one, mut all) = (Vec::new(), Vec::new());
        GzDecoder::new(gzip.as_slice())
            .read_to_end(&mut one)
            .unwrap();
        MultiGzDecoder::new(gzip.as_slice())
            .read_to_end(&mut all)
            .unwrap();
        assert_eq!(one, bytes, "there is one member, and its sum is right");
        assert_eq!(all, bytes);
    }
}

#[test]
fn every_block_is_a_place_to_begin_at() {
    let bytes = sample(6 * COMPRESSED_BLOCK + 5);
    let sink = packed(&bytes, Compression::Gzip, 3, 64 * 1024);
    assert_eq!(sink.places, 6);
    let mut table = Vec::new();
    sink.table.finish(bytes.len() as u64, &mut table).unwrap();
    let mut table = SeekTable::open(Cursor::new(table)).unwrap().unwrap();
    assert_eq!(table.len(), 6);
    for offset in [
        0,
        1,
        COMPRESSED_BLOCK,
        3 * COMPRESSED_BLOCK - 1,
        6 * COMPRESSED_BLOCK + 4,
    ] {
        let blob = Cursor::new(sink.bytes.clone());
        let mut reader = read_from(blob, Some(&mut table), offset as u64).unwrap();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert!(read == bytes[offset..], "from {offset}");
    }
    let small = SeekTableBuilder::default();
    let mut nothing = Vec::new();
    small.finish(100, &mut nothing).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn a_sink_that_is_full_ends_it_and_what_the_filler_says_comes_back() {
    let bytes = sample(8 * COMPRESSED_BLOCK);
    let mut sink = Sink {
        room: Some(100_000),
        ..Sink::default()
    };
    let threads = NonZero::new(2).unwrap();
    let filled = compress(Compression::Gzip, threads, &mut sink, |out| {
        out.write_all(&bytes)
    });
    let (Err(error) | Ok(Err(error))) = filled else {
        panic!("there was no room")
    };
    assert!(matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::BrokenPipe
    ));

    let mut sink = Sink::default();
    let refused = compress(Compression::Gzip, threads, &mut sink, |_| {
        Err::<Infallible, _>("no")
    });
    assert_eq!(refused.unwrap().unwrap_err(), "no");
}

fn entry() -> impl Strategy<Value = Entry> {
    let path = prop::collection::vec("[a-z\u{e4}]{1,60}", 1..5).prop_map(|parts| parts.join("/"));
    let kind = prop_oneof![
        Just(EntryKind::Regular),
        Just(EntryKind::Directory),
        Just(EntryKind::Symlink),
        Just(EntryKind::HardLink),
        Just(EntryKind::CharDevice),
        Just(EntryKind::Fifo),
    ];
    let numbers = (0..0o10000_u32, 0..5_000_000_000_i64, 0..5_000_000_000_i64);
    let time = (
        -5_000_000_000..100_000_000_000_i64,
        prop_oneof![Just(0), 0..1_000_000_000_u32],
    );
    let xattrs = prop::collection::btree_map(
        "user\\.[a-z]{1,9}",
        prop::collection::vec(any::<u8>(), 1..40),
        0..3,
    );
    (path, kind, numbers, time, xattrs, "[a-z/]{1,150}").prop_map(
        |(path, kind, (mode, uid, gid), (seconds, nanoseconds), xattrs, link)| {
            let is_link = matches!(kind, EntryKind::Symlink | EntryKind::HardLink);
            Entry {
                path: match kind {
                    EntryKind::Directory => format!("{path}/").into_bytes(),
                    _ => path.into_bytes(),
                },
                kind,
                mode,
                uid,
                gid,
                modified: ModifiedTime {
                    seconds,
                    nanoseconds,
                },
                link_target: if is_link {
                    link.into_bytes()
                } else {
                    Vec::new()
                },
                device: match kind {
                    EntryKind::CharDevice => Device { major: 5, minor: 1 },
                    _ => Device::default(),
                },
                xattrs: match kind {
                    EntryKind::HardLink => Xattrs::default(),
                    _ => xattrs.into_iter().collect(),
                },
                ..Entry::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back(entries in prop::collection::vec(entry(), 0..8), content in "[a-z]{0,700}") {
        let mut bytes = Vec::new();
        let mut written = Vec::new();
        for mut entry in entries {
            if entry.kind == EntryKind::Regular {
                entry.size = content.len() as u64;
                entry.stored_size = entry.size;
            }
            entry.header_offset = bytes.len() as u64;
            tar::write_header(&mut bytes, &entry).unwrap();
            entry.data_offset = bytes.len() as u64;
            let size = tar::content_size(&entry);
            bytes.extend_from_slice(&content.as_bytes()[..usize::try_from(size).unwrap()]);
            bytes.extend_from_slice(tar::padding(size));
            written.push(entry);
        }
        bytes.extend_from_slice(&tar::END);
        let mut index = Vec::new();
        let mut scan = LayerScan::new(&mut index);
        scan.write(&bytes).unwrap();
        scan.finish().unwrap();
        let mut index = FileIndex::open(index.as_slice()).unwrap();
        let mut found = layer::FileEntry::default();
        for entry in &written {
            prop_assert!(index.read_into(&mut found).unwrap());
            prop_assert_eq!(&found.entry, entry);
        }
        prop_assert!(!index.read_into(&mut found).unwrap());
    }
}
