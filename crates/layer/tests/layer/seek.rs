//! Reading from the middle of a compressed layer.

use std::io::{Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use layer::{Decompressor, SPACING, SeekTable, read_from};

/// A writer whose bytes can be had afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Text, noise, zeros and copies: blocks of every kind.
fn content(size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 4096);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut round = 0_usize;
    while bytes.len() < size {
        round += 1;
        for _ in 0..4000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            match round / 16 % 4 {
                0 => bytes
                    .extend_from_slice(format!("line {} of {}\n", state >> 48, round).as_bytes()),
                1 => bytes.extend_from_slice(&state.to_be_bytes()),
                2 => bytes.extend_from_slice(&[0; 32]),
                _ => bytes.extend_from_slice(&(state >> 60).to_be_bytes()),
            }
        }
    }
    bytes.truncate(size);
    bytes
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn table(blob: &[u8]) -> Vec<u8> {
    let out = Shared::default();
    let mut decompressor = Decompressor::new(Cursor::new(blob.to_vec())).unwrap();
    assert!(decompressor.write_table(out.clone()));
    // In pieces as a pull reads them.
    let mut buffer = vec![0; 256 * 1024];
    while decompressor.read(&mut buffer).unwrap() > 0 {}
    decompressor.finish_table().unwrap();
    std::mem::take(&mut *out.0.lock().unwrap())
}

fn read_at(blob: &[u8], table: &[u8], offset: usize, count: usize) -> Vec<u8> {
    let mut table = SeekTable::open(Cursor::new(table))
        .unwrap()
        .expect("a table");
    let reader = read_from(Cursor::new(blob.to_vec()), Some(&mut table), offset as u64);
    let mut found = Vec::new();
    reader
        .unwrap()
        .take(count as u64)
        .read_to_end(&mut found)
        .unwrap();
    found
}

#[test]
fn the_middle_is_what_it_is_from_the_start() {
    let plain = content(40 << 20);
    for level in [3, 6, 9] {
        let blob = gzip(&plain, level);
        let table = table(&blob);
        let places = SeekTable::open(Cursor::new(&table))
            .unwrap()
            .expect("a table")
            .len();
        let wanted = plain.len() / usize::try_from(SPACING).unwrap();
        assert!(
            places + 2 >= wanted,
            "{places} places of {wanted}, level {level}"
        );
        assert!(
            table.len() < places * (33 << 10) + 64,
            "{} bytes",
            table.len()
        );
        for offset in (0..plain.len())
            .step_by(3_333_333)
            .chain([plain.len() - 10])
        {
            let count = (5 << 20).min(plain.len() - offset);
            assert!(
                read_at(&blob, &table, offset, count) == plain[offset..offset + count],
                "{offset}, level {level}"
            );
        }
    }
}

#[test]
fn members_follow_each_other() {
    let plain = content(24 << 20);
    for piece in [100_000, 5_000_000, 9_999_999] {
        let blob: Vec<u8> = plain
            .chunks(piece)
            .flat_map(|piece| gzip(piece, 6))
            .collect();
        let table = table(&blob);
        for offset in (0..plain.len()).step_by(2_222_222) {
            assert!(
                read_at(&blob, &table, offset, plain.len()) == plain[offset..],
                "{offset}, members of {piece}"
            );
        }
    }
}

/// As seekable zstd has them, with frames without content between and behind.
#[test]
fn zstd_frames_follow_each_other() {
    let plain = content(24 << 20);
    let skipped = [b"\x5e\x2a\x4d\x18\x04\x00\x00\x00", &b"seek"[..]].concat();
    for piece in [100_000, 5_000_000, 9_999_999] {
        let frames = plain.chunks(piece).flat_map(|piece| {
            let frame = zstd::encode_all(piece, 1).unwrap();
            [skipped.clone(), frame].concat()
        });
        let blob: Vec<u8> = frames.chain(skipped.clone()).collect();
        let table = table(&blob);
        let places = SeekTable::open(Cursor::new(&table))
            .unwrap()
            .expect("whole");
        assert!(places.len() >= 2, "{} places", places.len());
        for offset in (0..plain.len()).step_by(2_222_222) {
            assert!(
                read_at(&blob, &table, offset, plain.len()) == plain[offset..],
                "{offset}, frames of {piece}"
            );
        }
        // What lies before the place is not even looked at.
        let mut broken = blob.clone();
        broken[1000..2000].fill(0xff);
        assert!(read_at(&broken, &table, 23 << 20, plain.len()) == plain[23 << 20..]);
    }
    let one = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let table = table(&one);
    assert!(read_at(&one, &table, 20 << 20, plain.len()) == plain[20 << 20..]);
}

#[test]
fn a_damaged_table_is_told_and_an_end_too_soon_is_an_error() {
    let plain = content(9 << 20);
    let blob = gzip(&plain, 6);
    let table = table(&blob);
    let mut bent = table.clone();
    let at = bent.len() - 30;
    bent[at] ^= 1;
    assert!(SeekTable::open(Cursor::new(&bent)).unwrap().is_none());
    assert!(
        SeekTable::open(Cursor::new(&table[..table.len() - 1]))
            .unwrap()
            .is_none()
    );
    assert!(SeekTable::open(Cursor::new(b"short")).unwrap().is_none());
    let mut whole = SeekTable::open(Cursor::new(&table))
        .unwrap()
        .expect("a table");
    let mut reader = read_from(
        Cursor::new(blob[..blob.len() / 2].to_vec()),
        Some(&mut whole),
        100,
    )
    .unwrap();
    assert!(std::io::copy(&mut reader, &mut std::io::sink()).is_err());
    assert!(read_from(Cursor::new(blob), Some(&mut whole), 10 << 20).is_err());
}
