//! Blobs as they come from a registry.

use std::io::{self, Cursor, Read, Write};

use layer::{Compression, Decompressor, Error};
use oci::Digest;

use crate::archive::Archive;

fn tar() -> Vec<u8> {
    let noise: Vec<u8> = (0..300_000u32)
        .flat_map(|number| (number.wrapping_mul(2_654_435_761) >> 7).to_le_bytes())
        .collect();
    Archive::new()
        .file("noise", noise)
        .file("text", "layer ".repeat(40_000))
        .end()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[track_caller]
fn check(blob: &[u8], compression: Compression, tar: &[u8]) {
    let mut index = Vec::new();
    let (found, facts) = layer::scan(blob, &mut index).unwrap();
    assert_eq!(found, compression);
    assert_eq!(
        facts.diff_id,
        Digest::sha256(tar),
        "the diff ID is the digest of the whole tar"
    );
    assert_eq!(facts.uncompressed_size, tar.len() as u64);
    assert_eq!(layer::FileIndex::verify(index.as_slice()).unwrap(), facts);
}

#[test]
fn the_three_kinds_are_told_apart_by_content() {
    let tar = tar();
    check(&tar, Compression::None, &tar);
    check(&gzip(&tar), Compression::Gzip, &tar);
    check(&zstd(&tar), Compression::Zstd, &tar);
}

#[test]
fn empty_layers_are_layers() {
    check(b"", Compression::None, b"");
    check(&gzip(b""), Compression::Gzip, b"");
    check(&zstd(b""), Compression::Zstd, b"");
    check(&[0; 1024], Compression::None, &[0; 1024]);
    check(&gzip(&[0; 1024]), Compression::Gzip, &[0; 1024]);
}

#[test]
fn every_gzip_member_and_every_zstd_frame_is_read() {
    let tar = tar();
    let (first, second) = tar.split_at(70_001);
    check(
        &[gzip(first), gzip(b""), gzip(second)].concat(),
        Compression::Gzip,
        &tar,
    );
    let skippable = b"\x5a\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    check(
        &[skippable.clone(), zstd(first), zstd(second), skippable].concat(),
        Compression::Zstd,
        &tar,
    );
}

#[test]
fn what_follows_the_end_of_the_tar_is_part_of_the_diff_id() {
    let mut tar = tar();
    tar.extend_from_slice(&[7; 5000]);
    check(&tar, Compression::None, &tar);
    check(&gzip(&tar), Compression::Gzip, &tar);
}

#[test]
fn a_source_that_gives_a_byte_at_a_time_is_read_as_well() {
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }
    let tar = Archive::new().file("a", "b").end();
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let (_, facts) = layer::scan(Drip(&blob), io::sink()).unwrap();
        assert_eq!(facts.diff_id, Digest::sha256(&tar));
    }
}

#[test]
fn data_that_is_cut_short_anywhere_is_damaged() {
    let tar = Archive::new()
        .file("a", "some text in a file, some text in a file")
        .end();
    for blob in [gzip(&tar), zstd(&tar)] {
        for length in 4..blob.len() {
            let error = layer::scan(&blob[..length], io::sink()).unwrap_err();
            assert!(
                matches!(error, Error::Decompress { .. }),
                "{length} of {} bytes: {error:?}",
                blob.len()
            );
        }
    }
}

#[test]
fn a_wrong_checksum_or_garbage_behind_the_data_is_damage() {
    let tar = tar();
    let mut wrong_sum = gzip(&tar);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let zeros_behind = [gzip(&tar), vec![0; 512]].concat();
    let text_behind = [zstd(&tar), b"<html>".to_vec()].concat();
    for blob in [wrong_sum, zeros_behind, text_behind] {
        let error = layer::scan(blob.as_slice(), io::sink()).unwrap_err();
        assert!(matches!(error, Error::Decompress { .. }), "{error:?}");
    }
}

#[test]
fn a_zstd_frame_with_a_huge_window_is_refused() {
    // RFC 8878 §3.1.1.1: magic, a descriptor without content size, a window of 2^41 bytes.
    let bomb = b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00";
    let error = layer::scan(bomb.as_slice(), io::sink()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Decompress {
                compression: Compression::Zstd,
                ..
            }
        ),
        "{error:?}"
    );

    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&[0; 1024]).unwrap();
    check(&encoder.finish().unwrap(), Compression::Zstd, &[0; 1024]);
}

#[test]
fn a_failing_source_is_not_taken_for_damaged_data() {
    struct Fails(Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone")),
                count => Ok(count),
            }
        }
    }
    let tar = tar();
    for blob in [tar.clone(), gzip(&tar), zstd(&tar)] {
        let half = blob[..blob.len() / 2].to_vec();
        match layer::scan(Fails(Cursor::new(half)), io::sink()).unwrap_err() {
            Error::Read(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_limit_ends_a_bomb_early() {
    let bomb = zstd(&vec![0; 64 << 20]);
    let mut reader = Decompressor::new(bomb.as_slice()).unwrap();
    let mut scan = layer::LayerScan::new(io::sink()).limit(1 << 20);
    let mut buffer = vec![0; 65536];
    let error = loop {
        let count = reader.read(&mut buffer).unwrap();
        if let Err(error) = scan.write(&buffer[..count]) {
            break error;
        }
    };
    assert!(
        matches!(error, Error::TooLong { limit: 1_048_576 }),
        "{error:?}"
    );
}

#[test]
fn a_decompressor_can_go_to_another_thread() {
    fn assert_send<T: Send>(_: &T) {}
    assert_send(&Decompressor::new(Cursor::new(Vec::new())).unwrap());
    assert_send(&layer::LayerScan::new(Vec::new()));
}
