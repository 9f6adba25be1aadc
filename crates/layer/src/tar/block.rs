//! A header block: 512 bytes of fixed fields.

use crate::error::Corruption;

/// Bytes of a tar block: headers are one, content is padded to a multiple.
pub const BLOCK_SIZE: usize = 512;

/// The layout of a header behind its first 257 bytes, which all formats share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Nothing more.
    V7,
    /// POSIX: owner names, device numbers, a prefix of the name.
    Ustar,
    /// Jörg Schilling's star: as POSIX, but the prefix is shorter and times follow it.
    Star,
    /// GNU tar: times where POSIX has the prefix, and the map of a sparse file.
    Gnu,
}

/// Header fields as numbers. Names stay in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    format: Format,
    pub(super) type_flag: u8,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) size: i64,
    pub(super) modified: i64,
    pub(super) major: i64,
    pub(super) minor: i64,
}

/// One block of an archive.
pub(super) struct Block(pub(super) [u8; BLOCK_SIZE]);

/// Byte ranges of the fields: POSIX.1-2017 pax, "ustar Header Block"; GNU tar manual, "Basic Tar Format".
mod at {
    use std::ops::Range;

    pub(super) const NAME: Range<usize> = 0..100;
    pub(super) const MODE: Range<usize> = 100..108;
    pub(super) const UID: Range<usize> = 108..116;
    pub(super) const GID: Range<usize> = 116..124;
    pub(super) const SIZE: Range<usize> = 124..136;
    pub(super) const MODIFIED: Range<usize> = 136..148;
    pub(super) const CHECKSUM: Range<usize> = 148..156;
    pub(super) const TYPE_FLAG: usize = 156;
    pub(super) const LINK_NAME: Range<usize> = 157..257;
    /// Six bytes of magic and two of version.
    pub(super) const MAGIC: Range<usize> = 257..265;
    pub(super) const MAJOR: Range<usize> = 329..337;
    pub(super) const MINOR: Range<usize> = 337..345;
    pub(super) const PREFIX: Range<usize> = 345..500;
    pub(super) const STAR_PREFIX: Range<usize> = 345..476;
    pub(super) const STAR_TRAILER: Range<usize> = 508..512;
    pub(super) const GNU_ACCESSED: Range<usize> = 345..357;
    pub(super) const GNU_CHANGED: Range<usize> = 357..369;
    /// Four entries of 24 bytes, then the flag "more follows".
    pub(super) const GNU_SPARSE: Range<usize> = 386..483;
    pub(super) const GNU_REAL_SIZE: Range<usize> = 483..495;
}

impl Block {
    pub(super) fn is_zero(&self) -> bool {
        self.0 == [0; BLOCK_SIZE]
    }

    /// Tells whether the checksum is right, as the sum of unsigned bytes (POSIX) or of signed ones (old Sun tar).
    pub(super) fn checksum_is_right(&self) -> bool {
        let Some(given) = parse_octal(&self.0[at::CHECKSUM]) else {
            return false;
        };
        let field = &self.0[at::CHECKSUM];
        let unsigned = sum_unsigned(&self.0) - sum_unsigned(field) + 8 * u32::from(b' ');
        if given == i64::from(unsigned) {
            return true;
        }
        // A byte of 128 or more counts 256 less when it is taken as signed.
        let high = |bytes: &[u8]| {
            bytes
                .iter()
                .filter(|&&byte| byte >= 0x80)
                .fold(0i64, |count, _| count + 1)
        };
        given == i64::from(unsigned) - 256 * (high(&self.0) - high(field))
    }

    /// Reads the numbers of a header whose checksum is right.
    pub(super) fn fields(&self) -> Result<Fields, Corruption> {
        let number =
            |range, field| parse_number(self.slice(range)).ok_or(Corruption::Number { field });
        let format = self.format();
        let (major, minor) = match format {
            Format::V7 => (0, 0),
            Format::Ustar | Format::Star | Format::Gnu => (
                number(at::MAJOR, "devmajor")?,
                number(at::MINOR, "devminor")?,
            ),
        };
        Ok(Fields {
            format,
            type_flag: self.0[at::TYPE_FLAG],
            mode: number(at::MODE, "mode")?,
            uid: number(at::UID, "uid")?,
            gid: number(at::GID, "gid")?,
            size: number(at::SIZE, "size")?,
            modified: number(at::MODIFIED, "mtime")?,
            major,
            minor,
        })
    }

    /// Writes the name, with its prefix, into `path`.
    pub(super) fn name_into(&self, path: &mut Vec<u8>) {
        path.clear();
        let prefix = match self.format() {
            Format::V7 => &[],
            Format::Ustar => until_nul(self.slice(at::PREFIX)),
            Format::Star => until_nul(self.slice(at::STAR_PREFIX)),
            Format::Gnu => self.gnu_prefix(),
        };
        if !prefix.is_empty() {
            path.extend_from_slice(prefix);
            path.push(b'/');
        }
        path.extend_from_slice(until_nul(self.slice(at::NAME)));
    }

    /// Returns the link's target.
    pub(super) fn link_name(&self) -> &[u8] {
        until_nul(self.slice(at::LINK_NAME))
    }

    /// Returns the real size of a file in GNU's sparse format, and the first part of its map. `None`
    /// for other formats: star has the same type flag with another layout.
    pub(super) fn gnu_sparse(&self) -> Option<(Result<i64, Corruption>, SparseArray<'_>)> {
        let size = parse_number(self.slice(at::GNU_REAL_SIZE))
            .ok_or(Corruption::Number { field: "realsize" });
        (self.format() == Format::Gnu).then(|| (size, SparseArray(self.slice(at::GNU_SPARSE))))
    }

    /// Takes the whole block as a continuation of a sparse map: 21 entries and the flag.
    pub(super) fn sparse_continuation(&self) -> SparseArray<'_> {
        SparseArray(&self.0[..21 * SparseArray::ENTRY + 1])
    }

    fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.0[range]
    }

    fn format(&self) -> Format {
        match self.slice(at::MAGIC) {
            b"ustar  \0" => Format::Gnu,
            magic if magic.starts_with(b"ustar\0") => match self.slice(at::STAR_TRAILER) {
                b"tar\0" => Format::Star,
                _ => Format::Ustar,
            },
            _ => Format::V7,
        }
    }

    /// Returns the prefix that Go before 1.8 wrote into GNU headers, where it does not belong.
    ///
    /// Such archives are known by the times there that are no numbers (golang/go#12594).
    fn gnu_prefix(&self) -> &[u8] {
        let is_time = |range| {
            let field = self.slice(range);
            field[0] == 0 || parse_number(field).is_some()
        };
        if is_time(at::GNU_ACCESSED) && is_time(at::GNU_CHANGED) {
            return &[];
        }
        let prefix = until_nul(self.slice(at::PREFIX));
        if prefix.is_ascii() { prefix } else { &[] }
    }
}

/// A part of the map of a file in GNU's sparse format: pairs of offset and length, twelve bytes each.
pub(super) struct SparseArray<'a>(&'a [u8]);

impl SparseArray<'_> {
    const ENTRY: usize = 24;

    /// Returns the pairs up to the first that is not used, which GNU and BSD tar know by its first byte.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<(i64, i64), Corruption>> {
        let number = |field| parse_number(field).ok_or(Corruption::SparseMap);
        self.0
            .chunks_exact(Self::ENTRY)
            .take_while(|entry| entry[0] != 0)
            .map(move |entry| Ok((number(&entry[..12])?, number(&entry[12..])?)))
    }

    /// Tells whether another block of pairs follows.
    pub(super) fn continues(&self) -> bool {
        self.0.last().is_some_and(|&flag| flag != 0)
    }
}

/// Returns the bytes before the first NUL.
pub(super) fn until_nul(field: &[u8]) -> &[u8] {
    &field[..field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len())]
}

fn sum_unsigned(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, &byte| sum + u32::from(byte))
}

/// Parses a number in octal or, if the first bit is set, in base 256 (GNU tar manual, "Extensions":
/// big-endian two's complement). `None` if it is neither or does not fit.
fn parse_number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(&first) if first & 0x80 != 0 => {
            // The mark takes the first bit, so the sign is the second; it is spread over the first byte.
            let sign = if first & 0x40 == 0 { 0 } else { -1 };
            let start = if sign == 0 {
                i64::from(first & 0x7f)
            } else {
                i64::from(first) - 0x100
            };
            field[1..].iter().try_fold(start, |value, &byte| {
                value.checked_mul(256)?.checked_add(i64::from(byte))
            })
        }
        _ => parse_octal(field),
    }
}

/// Parses octal digits, with blanks and NULs around them. Nothing but those is 0.
fn parse_octal(field: &[u8]) -> Option<i64> {
    let is_padding = |&byte: &u8| byte == b' ' || byte == 0;
    let Some(start) = field.iter().position(|byte| !is_padding(byte)) else {
        return Some(0);
    };
    let end = field
        .iter()
        .rposition(|byte| !is_padding(byte))
        .map_or(start, |last| last + 1);
    until_nul(&field[start..end])
        .iter()
        .try_fold(0i64, |value, &digit| match digit {
            b'0'..=b'7' => value.checked_mul(8)?.checked_add(i64::from(digit - b'0')),
            _ => None,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_256_numbers_are_twos_complement() {
        let cases: &[(&[u8], Option<i64>)] = &[
            (b"\x80", Some(0)),
            (b"\x80\x00", Some(0)),
            (b"\xbf", Some(63)),
            (b"\xc0", Some(-64)),
            (b"\xff", Some(-1)),
            (b"\xff\xff", Some(-1)),
            (
                b"\x87\x76\xa2\x22\xeb\x8a\x72\x61",
                Some(537_795_476_381_659_745),
            ),
            (
                b"\x80\x00\x00\x00\x07\x76\xa2\x22\xeb\x8a\x72\x61",
                Some(537_795_476_381_659_745),
            ),
            (
                b"\xf7\x76\xa2\x22\xeb\x8a\x72\x61",
                Some(-615_126_028_225_187_231),
            ),
            (
                b"\xff\xff\xff\xff\xf7\x76\xa2\x22\xeb\x8a\x72\x61",
                Some(-615_126_028_225_187_231),
            ),
            (b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\xff\x80\x00\x00\x00\x00\x00\x00\x00", Some(i64::MIN)),
            (b"\x80\x80\x00\x00\x00\x00\x00\x00\x00", None),
            (b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff", None),
            (b"\xf5\xec\xd1\xc7\x7e\x5f\x26\x48\x81\x9f\x8f\x9b", None),
        ];
        for (field, expected) in cases {
            assert_eq!(parse_number(field), *expected, "{field:02x?}");
        }
    }

    #[test]
    fn octal_numbers_are_padded() {
        let cases: &[(&[u8], Option<i64>)] = &[
            (b"", Some(0)),
            (b"   \x00  ", Some(0)),
            (b"0000000\x00", Some(0)),
            (b" \x0000000\x00", Some(0)),
            (b"1500\x00123", Some(0o1500)),
            (b"777 \x00", Some(0o777)),
            (b" 644 ", Some(0o644)),
            (b"777777777777", Some(0o777_777_777_777)),
            (b"0000 0", None),
            (b"8", None),
            (b"-1", None),
            (b"0o7", None),
        ];
        for (field, expected) in cases {
            assert_eq!(parse_number(field), *expected, "{field:02x?}");
        }
    }
}
