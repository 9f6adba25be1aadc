//! Decoding deflate: what zlib takes gives the same bytes, and what it refuses is refused.

use std::io::{self, Read, Write};

use flate2::Compression;
use layer::Decompressor;
use proptest::prelude::*;

/// A source that gives a few bytes at a time, as many as the next number says.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().copied().unwrap_or(1);
        let count = size.min(out.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        out[..count].copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

/// What was decoded before the end or the error, and the error's kind.
fn decode(source: impl Read, piece: usize) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut found = Vec::new();
    let mut buffer = vec![0; piece];
    let mut decompressor = Decompressor::new(source).expect("a stream that begins like gzip");
    loop {
        match decompressor.read(&mut buffer) {
            Ok(0) => return (found, None),
            Ok(count) => found.extend_from_slice(&buffer[..count]),
            Err(error) => return (found, Some(error.kind())),
        }
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A gzip member around a stream, whose checksum is taken from what zlib makes of it.
fn member(deflate: &[u8]) -> (Vec<u8>, Result<Vec<u8>, io::Error>) {
    let mut plain = Vec::new();
    let theirs = flate2::read::DeflateDecoder::new(deflate).read_to_end(&mut plain);
    let mut sum = flate2::Crc::new();
    sum.update(&plain);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let trailer = [sum.sum().to_le_bytes(), sum.amount().to_le_bytes()].concat();
    (
        [&header[..], deflate, &trailer].concat(),
        theirs.map(|_| plain),
    )
}

/// Runs, copies from near and far, text and noise: what makes blocks of every kind, and codes of every length.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        (any::<u8>(), 1..3000_usize).prop_map(|(byte, count)| vec![byte; count]),
        (prop::collection::vec(any::<u8>(), 1..20), 1..400_usize)
            .prop_map(|(piece, count)| piece.repeat(count)),
        prop::collection::vec(any::<u8>(), 1..4000),
        prop::collection::vec(prop::sample::select(b"etaoin shrdlu\n".to_vec()), 1..8000),
        // One byte that is twice as frequent as the next one, and so on: the longest codes.
        any::<u64>().prop_map(|seed| {
            let mut state = seed | 1;
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 32).trailing_zeros() as u8
            };
            (0..60_000).map(|_| next()).collect()
        }),
    ];
    prop::collection::vec((part, any::<prop::sample::Index>(), 0..40_000_usize), 0..8).prop_map(
        |parts| {
            let mut content: Vec<u8> = Vec::new();
            for (part, from, length) in parts {
                content.extend(part);
                let from = from.index(content.len());
                let end = content.len().min(from + length);
                content.extend_from_within(from..end);
            }
            content
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_zlib_has_packed_comes_out(
        content in content(),
        level in 0..=9_u32,
        sizes in prop::collection::vec(prop_oneof![1..20_usize, 1..40_000_usize], 1..8),
        piece in prop_oneof![1..10_usize, 1000..300_000_usize],
    ) {
        let packed = gzip(&content, level);
        let source = Pieces { bytes: &packed, sizes: sizes.iter().cycle() };
        prop_assert_eq!(decode(source, piece), (content, None));
    }

    #[test]
    fn what_is_damaged_is_refused_where_zlib_refuses_it(
        content in content(),
        level in 0..=9_u32,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        sizes in prop::collection::vec(1..5000_usize, 1..4),
    ) {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(&content).unwrap();
        let mut deflate = encoder.finish().unwrap();
        for (place, byte) in damage {
            let place = place.index(deflate.len().min(200));
            deflate[place] = byte;
        }
        if let Some(cut) = cut {
            deflate.truncate(cut.index(deflate.len()));
        }
        let (blob, theirs) = member(&deflate);
        let source = Pieces { bytes: &blob, sizes: sizes.iter().cycle() };
        let (found, error) = decode(source, 10_000);
        match theirs {
            // Bytes behind the last block are not deflate's; here they stand where the trailer is looked for.
            Ok(plain) => prop_assert_eq!(found, plain),
            Err(_) => prop_assert!(error.is_some(), "{} bytes were made of it", found.len()),
        }
    }
}

/// The streams of zlib's own tests of its decoder, which reach each of its errors and each state.
/// Source: <https://github.com/madler/zlib/blob/develop/test/infcover.c>.
#[test]
fn streams_that_zlib_is_tested_with() {
    let refused = [
        ("stored, with a wrong length", "00 00 00 00 00"),
        ("no kind of block", "06"),
        ("too many codes", "fc 00 00"),
        ("no code for the code lengths", "04 00 fe ff"),
        ("a length that repeats none", "04 00 24 49 00"),
        ("more lengths than codes", "04 00 24 e9 ff ff"),
        ("no end of the block", "04 00 24 e9 ff 6d"),
        (
            "a wrong code for literals",
            "04 80 49 92 24 49 92 24 71 ff ff 93 11 00",
        ),
        (
            "a wrong code for distances",
            "04 80 49 92 24 49 92 24 0f b4 ff ff c3 84",
        ),
        ("no distance", "02 7e ff ff"),
        ("too far back", "0c c0 81 00 00 00 00 00 90 ff 6b 04 00"),
    ];
    for (what, stream) in refused {
        let (mut blob, theirs) = member(&bytes(stream));
        assert!(theirs.is_err(), "{what}");
        // What stands there instead of the rest does not matter.
        blob.extend([0; 100]);
        let error = decode(blob.as_slice(), 100).1;
        assert_eq!(error, Some(io::ErrorKind::InvalidData), "{what}");
    }

    let taken = [
        ("an empty block of fixed codes", "03 00"),
        ("an empty stored block", "01 00 00 ff ff"),
        (
            "an empty stored block, then another",
            "00 00 00 ff ff 01 00 00 ff ff",
        ),
        ("stored", "01 01 00 fe ff 00"),
    ];
    for (what, stream) in taken {
        let (blob, theirs) = member(&bytes(stream));
        assert_eq!(
            decode(blob.as_slice(), 100),
            (theirs.unwrap(), None),
            "{what}"
        );
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let bytes = hex.split(' ').map(|byte| u8::from_str_radix(byte, 16));
    bytes.collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_header_may_have_everything_and_nothing_unknown() {
    let fixed = [0x03, 0x00];
    let trailer = [0; 8];
    let header = |flags: u8| vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 2, 3];
    let mut whole = header(0b1_1111);
    whole.extend([3, 0, b'a', b'b', b'c']);
    whole.extend(b"name\0comment\0");
    let mut sum = flate2::Crc::new();
    sum.update(&whole);
    let sum = sum.sum().to_le_bytes();

    let right = [&whole[..], &sum[..2], &fixed, &trailer].concat();
    assert_eq!(decode(right.as_slice(), 10), (Vec::new(), None));
    for cut in 4..right.len() {
        let error = decode(&right[..cut], 10).1;
        assert_eq!(error, Some(io::ErrorKind::UnexpectedEof), "cut at {cut}");
    }

    let wrong = [&whole[..], &[sum[0], !sum[1]], &fixed, &trailer].concat();
    let unknown = [&header(0b10_0000)[..], &fixed, &trailer].concat();
    for blob in [wrong, unknown] {
        let error = decode(blob.as_slice(), 10).1;
        assert_eq!(error, Some(io::ErrorKind::InvalidData));
    }
}
