//! PAX extended headers: records `LENGTH KEY=VALUE\n` (POSIX.1-2017 pax, "pax Extended Header").

use super::{MAX_XATTR_SIZE, MAX_XATTRS, parse_decimal};
use crate::entry::Xattrs;
use crate::error::Corruption;

/// The records of the last extended header, as places in its bytes.
///
/// An empty value is the same as no record at all, as in Go: the header's own field counts then.
#[derive(Default)]
pub(super) struct Pax {
    bytes: Vec<u8>,
    known: Known,
    xattrs: Vec<XattrRecord>,
    /// Values of `GNU.sparse.offset` and `GNU.sparse.numbytes`: format 0.0 repeats these two keys.
    sparse_values: u32,
}

/// A place in the bytes.
#[derive(Clone, Copy, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }
}

#[derive(Clone, Copy)]
struct XattrRecord {
    origin: XattrOrigin,
    name: Span,
    value: Span,
}

/// Who invented the record's key, in order of preference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum XattrOrigin {
    /// `SCHILY.xattr.NAME`, value as is: star, GNU tar, Go, and so all image tools.
    Schily,
    /// `LIBARCHIVE.xattr.NAME`, name percent-encoded, value in base 64: bsdtar.
    Libarchive,
}

const SCHILY_XATTR: &[u8] = b"SCHILY.xattr.";
const LIBARCHIVE_XATTR: &[u8] = b"LIBARCHIVE.xattr.";
const SPARSE_OFFSET: &[u8] = b"GNU.sparse.offset";
const SPARSE_NUMBYTES: &[u8] = b"GNU.sparse.numbytes";

#[derive(Clone, Copy, Default)]
struct Known {
    path: Span,
    linkpath: Span,
    size: Span,
    uid: Span,
    gid: Span,
    mtime: Span,
    sparse_major: Span,
    sparse_minor: Span,
    sparse_name: Span,
    sparse_size: Span,
    sparse_realsize: Span,
    sparse_numblocks: Span,
    sparse_map: Span,
}

/// Says in which of GNU tar's PAX formats a file is sparse (GNU tar manual, "PAX Format, Versions 0.0, 0.1, 1.0").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaxSparse {
    /// 0.0 and 0.1: the map is in the records.
    InRecords,
    /// 1.0: the map stands before the content.
    InContent,
}

impl Pax {
    /// Forgets all records.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.known = Known::default();
        self.xattrs.clear();
        self.sparse_values = 0;
    }

    /// Takes the content of an extended header, in exchange for an old buffer, in place of the records so far.
    pub(super) fn replace(&mut self, content: &mut Vec<u8>) -> Result<(), Corruption> {
        self.clear();
        std::mem::swap(&mut self.bytes, content);
        let mut position = 0;
        while position < self.bytes.len() {
            let record = Record::parse(&self.bytes, position)?;
            position = record.end;
            self.keep(&record)?;
        }
        Ok(())
    }

    fn keep(&mut self, record: &Record) -> Result<(), Corruption> {
        let key = record.key.of(&self.bytes);
        let value = record.value.of(&self.bytes);
        let known = &mut self.known;
        let slot = match key {
            b"path" => &mut known.path,
            b"linkpath" => &mut known.linkpath,
            b"size" => &mut known.size,
            b"uid" => &mut known.uid,
            b"gid" => &mut known.gid,
            b"mtime" => &mut known.mtime,
            b"GNU.sparse.major" => &mut known.sparse_major,
            b"GNU.sparse.minor" => &mut known.sparse_minor,
            b"GNU.sparse.name" => &mut known.sparse_name,
            b"GNU.sparse.size" => &mut known.sparse_size,
            b"GNU.sparse.realsize" => &mut known.sparse_realsize,
            b"GNU.sparse.numblocks" => &mut known.sparse_numblocks,
            b"GNU.sparse.map" => &mut known.sparse_map,
            SPARSE_OFFSET | SPARSE_NUMBYTES => {
                let expected = if self.sparse_values.is_multiple_of(2) {
                    SPARSE_OFFSET
                } else {
                    SPARSE_NUMBYTES
                };
                if key != expected || value.contains(&b',') {
                    return Err(Corruption::PaxRecord);
                }
                // Each value takes bytes of a header below 1 MiB.
                self.sparse_values += 1;
                return Ok(());
            }
            _ => return self.keep_xattr(record),
        };
        if matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name") && value.contains(&0) {
            return Err(Corruption::PaxRecord);
        }
        *slot = record.value;
        Ok(())
    }

    fn keep_xattr(&mut self, record: &Record) -> Result<(), Corruption> {
        let key = record.key.of(&self.bytes);
        let (origin, prefix) = if key.starts_with(SCHILY_XATTR) {
            (XattrOrigin::Schily, SCHILY_XATTR)
        } else if key.starts_with(LIBARCHIVE_XATTR) {
            (XattrOrigin::Libarchive, LIBARCHIVE_XATTR)
        } else {
            return Ok(());
        };
        if self.xattrs.len() == MAX_XATTRS {
            return Err(Corruption::TooManyXattrs { limit: MAX_XATTRS });
        }
        // In base 64 every three bytes are four.
        let limit = match origin {
            XattrOrigin::Schily => MAX_XATTR_SIZE,
            XattrOrigin::Libarchive => MAX_XATTR_SIZE.div_ceil(3) * 4,
        };
        let size = record.value.end - record.value.start;
        if size > limit {
            return Err(Corruption::XattrTooLarge { size, limit });
        }
        let name = Span {
            start: record.key.start + prefix.len(),
            end: record.key.end,
        };
        self.xattrs.push(XattrRecord {
            origin,
            name,
            value: record.value,
        });
        Ok(())
    }

    fn text(&self, span: Span) -> Option<&[u8]> {
        Some(span.of(&self.bytes)).filter(|value| !value.is_empty())
    }

    pub(super) fn path(&self) -> Option<&[u8]> {
        self.text(self.known.path)
    }

    pub(super) fn link_target(&self) -> Option<&[u8]> {
        self.text(self.known.linkpath)
    }

    pub(super) fn mtime(&self) -> Result<Option<crate::ModifiedTime>, Corruption> {
        let time = |text| super::parse_time(text).ok_or(Corruption::PaxValue { key: "mtime" });
        self.text(self.known.mtime).map(time).transpose()
    }

    pub(super) fn size(&self) -> Result<Option<i64>, Corruption> {
        self.number(self.known.size, "size")
    }

    pub(super) fn uid(&self) -> Result<Option<i64>, Corruption> {
        self.number(self.known.uid, "uid")
    }

    pub(super) fn gid(&self) -> Result<Option<i64>, Corruption> {
        self.number(self.known.gid, "gid")
    }

    fn number(&self, span: Span, key: &'static str) -> Result<Option<i64>, Corruption> {
        self.text(span)
            .map(|text| parse_decimal(text).ok_or(Corruption::PaxValue { key }))
            .transpose()
    }

    /// Tells whether the records describe a sparse file. Unknown versions are ordinary files, as in Go.
    pub(super) fn sparse_format(&self) -> Option<PaxSparse> {
        let has_map = self.sparse_values > 0 || self.text(self.known.sparse_map).is_some();
        match (
            self.text(self.known.sparse_major),
            self.text(self.known.sparse_minor),
        ) {
            (Some(b"1"), Some(b"0")) => Some(PaxSparse::InContent),
            (Some(b"0"), Some(b"0" | b"1")) => Some(PaxSparse::InRecords),
            (None, None) if has_map => Some(PaxSparse::InRecords),
            _ => None,
        }
    }

    /// Returns the name of a sparse file; formats 0.1 and 1.0 put another one into `path`.
    pub(super) fn sparse_name(&self) -> Option<&[u8]> {
        self.text(self.known.sparse_name)
    }

    /// Returns the size of a sparse file with its holes.
    pub(super) fn sparse_size(&self) -> Result<Option<i64>, Corruption> {
        match self.number(self.known.sparse_size, "GNU.sparse.size")? {
            Some(size) => Ok(Some(size)),
            None => self.number(self.known.sparse_realsize, "GNU.sparse.realsize"),
        }
    }

    /// Hands the offsets and lengths of a map in the records to `add`, alternating.
    pub(super) fn sparse_map(
        &self,
        mut add: impl FnMut(i64) -> Result<(), Corruption>,
    ) -> Result<(), Corruption> {
        let expected = self
            .text(self.known.sparse_numblocks)
            .and_then(parse_decimal)
            .and_then(|count| count.checked_mul(2));
        let mut found = 0i64;
        let mut value = |text| {
            found += 1;
            add(parse_decimal(text).ok_or(Corruption::SparseMap)?)
        };
        if self.sparse_values > 0 {
            let mut position = 0;
            while position < self.bytes.len() {
                let record = Record::parse(&self.bytes, position)?;
                position = record.end;
                if matches!(record.key.of(&self.bytes), SPARSE_OFFSET | SPARSE_NUMBYTES) {
                    value(record.value.of(&self.bytes))?;
                }
            }
        } else if let Some(map) = self.text(self.known.sparse_map) {
            map.split(|&byte| byte == b',').try_for_each(value)?;
        }
        if expected == Some(found) {
            Ok(())
        } else {
            Err(Corruption::SparseMap)
        }
    }

    /// Writes the extended attributes into `xattrs`, each name once: of several records with one key the
    /// last one counts, and `SCHILY` beats `LIBARCHIVE` (bsdtar writes both).
    pub(super) fn xattrs_into(&mut self, xattrs: &mut Xattrs) {
        if self.xattrs.is_empty() {
            return;
        }
        let bytes = &self.bytes;
        self.xattrs.sort_unstable_by(|a, b| {
            (a.origin, a.name.of(bytes), b.name.start).cmp(&(
                b.origin,
                b.name.of(bytes),
                a.name.start,
            ))
        });
        self.xattrs.dedup_by(|later, earlier| {
            later.origin == earlier.origin && later.name.of(bytes) == earlier.name.of(bytes)
        });
        let split = self
            .xattrs
            .partition_point(|record| record.origin == XattrOrigin::Schily);
        let (schily, libarchive) = self.xattrs.split_at(split);
        if libarchive.is_empty() {
            let filled = schily
                .iter()
                .filter(|record| record.value.start < record.value.end);
            filled.for_each(|record| xattrs.push(record.name.of(bytes), record.value.of(bytes)));
            return;
        }
        // Rare enough for a few allocations.
        let mut all = std::collections::BTreeMap::new();
        for record in libarchive {
            if let (Some(name), Some(value)) = (
                decode_percent(record.name.of(bytes)),
                decode_base64(record.value.of(bytes)),
            ) {
                all.insert(name, value);
            }
        }
        for record in schily
            .iter()
            .filter(|record| record.value.start < record.value.end)
        {
            all.insert(
                record.name.of(bytes).to_vec(),
                record.value.of(bytes).to_vec(),
            );
        }
        all.iter()
            .for_each(|(name, value)| xattrs.push(name, value));
    }
}

/// One record, as places in the bytes of its header.
struct Record {
    key: Span,
    value: Span,
    end: usize,
}

impl Record {
    fn parse(bytes: &[u8], start: usize) -> Result<Self, Corruption> {
        Self::try_parse(bytes, start).ok_or(Corruption::PaxRecord)
    }

    fn try_parse(bytes: &[u8], start: usize) -> Option<Self> {
        let rest = bytes.get(start..)?;
        let blank = rest.iter().position(|&byte| byte == b' ')?;
        let length = usize::try_from(parse_decimal(&rest[..blank])?).ok()?;
        // The length counts itself, the blank, and the line feed at the end.
        let body = rest.get(blank + 1..length)?;
        let body = body.strip_suffix(b"\n")?;
        let equals = body.iter().position(|&byte| byte == b'=')?;
        let key = &body[..equals];
        if key.is_empty() || key.contains(&0) {
            return None;
        }
        let key_start = start + blank + 1;
        Some(Self {
            key: Span {
                start: key_start,
                end: key_start + equals,
            },
            value: Span {
                start: key_start + equals + 1,
                end: start + length - 1,
            },
            end: start + length,
        })
    }
}

fn decode_percent(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digit = |index: usize| {
                tail.get(index)
                    .and_then(|&byte| char::from(byte).to_digit(16))
            };
            bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    Some(bytes)
}

/// Decodes base 64 with or without padding (RFC 4648 §4; libarchive writes none).
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text
        .iter()
        .rposition(|&byte| byte != b'=')
        .map_or(0, |last| last + 1);
    let mut bytes = Vec::with_capacity(end / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in &text[..end] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // A single character at the end holds no whole byte.
    (count < 6).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Pax, Corruption> {
        let mut pax = Pax::default();
        pax.replace(&mut content.as_bytes().to_vec())?;
        Ok(pax)
    }

    #[test]
    fn records_are_read_in_order_and_the_last_one_counts() {
        let pax = read("10 path=a\n12 path=b=c\n9 size=7\n").unwrap();
        assert_eq!(pax.path(), Some(b"b=c".as_slice()));
        assert_eq!(pax.size(), Ok(Some(7)));
        assert_eq!(pax.uid(), Ok(None));
    }

    #[test]
    fn an_empty_value_is_no_value() {
        assert_eq!(read("10 path=a\n8 path=\n").unwrap().path(), None);
    }

    #[test]
    fn malformed_records_are_refused() {
        for wrong in [
            "10 path=a",
            "10 path=ab\n",
            "11 path=a\n",
            "4 a=\n",
            "3 =\n",
            "path=a\n",
            " 10 path=a\n",
            "-1 path=a\n",
            "99999999999999999999 path=a\n",
            "1 a=b\n",
            "5 =b\n",
            "9 path=\0\n", // a name with NUL
            "7 \0=b\n",
            "10 path=a\n\0",
            "8 nokey\n",
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn libarchive_attributes_fill_in_for_missing_ones() {
        let mut pax = read("36 LIBARCHIVE.xattr.user.a=d2VsdA==\n33 LIBARCHIVE.xattr.user.%62=AP8\n25 SCHILY.xattr.user.a=x\n").unwrap();
        let mut xattrs = Xattrs::default();
        pax.xattrs_into(&mut xattrs);
        let found: Vec<_> = xattrs.iter().collect();
        assert_eq!(
            found,
            [
                (b"user.a".as_slice(), b"x".as_slice()),
                (b"user.b".as_slice(), b"\x00\xff".as_slice())
            ]
        );
    }

    #[test]
    fn base64_is_decoded() {
        assert_eq!(decode_base64(b"").as_deref(), Some(b"".as_slice()));
        assert_eq!(decode_base64(b"Zg").as_deref(), Some(b"f".as_slice()));
        assert_eq!(decode_base64(b"Zm9v").as_deref(), Some(b"foo".as_slice()));
        assert_eq!(
            decode_base64(b"Zm9vYg==").as_deref(),
            Some(b"foob".as_slice())
        );
        assert_eq!(decode_base64(b"Z"), None);
        assert_eq!(decode_base64(b"Zm 9"), None);
    }
}
