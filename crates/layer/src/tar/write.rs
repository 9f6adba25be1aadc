//! The tar writer: ustar headers, and PAX records only for what does not fit into them.

use std::io::{self, Write};

use super::BLOCK_SIZE;
use crate::entry::{Entry, EntryKind, ModifiedTime};

/// The largest number that a header's field of eight bytes holds.
const MAX_SHORT: i64 = 0o7_777_777;

/// The largest number that a header's field of twelve bytes holds.
const MAX_LONG: i64 = 0o77_777_777_777;

/// Writes the headers of one member. The same entry gives the same bytes: names of owners, access times and host numbers are
/// left out. The content follows, `size` bytes of it, and then [`padding`].
///
/// The path of a folder must end in `/`. Holes are not written as such.
pub fn write_header(out: &mut dyn Write, entry: &Entry) -> io::Result<()> {
    let records = records(entry);
    if !records.is_empty() {
        let extension = Fields {
            name: b"pax",
            kind: b'x',
            size: records.len() as u64,
            ..Fields::default()
        };
        out.write_all(&extension.block())?;
        out.write_all(&records)?;
        out.write_all(padding(records.len() as u64))?;
    }
    let fields = Fields {
        name: &entry.path,
        kind: type_flag(entry.kind),
        mode: i64::from(entry.mode & 0o7777),
        uid: entry.uid,
        gid: entry.gid,
        size: content_size(entry),
        modified: entry.modified.seconds,
        link: &entry.link_target,
        major: entry.device.major,
        minor: entry.device.minor,
    };
    out.write_all(&fields.block())
}

/// Returns how many bytes of content follow the headers: none but for a regular file.
pub fn content_size(entry: &Entry) -> u64 {
    match entry.kind {
        EntryKind::Regular | EntryKind::Other(_) => entry.size,
        _ => 0,
    }
}

/// Returns the zeros that fill the last block of so many bytes.
pub fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK_SIZE] = [0; BLOCK_SIZE];
    let missing = size.next_multiple_of(BLOCK_SIZE as u64) - size;
    &ZEROS[..usize::try_from(missing).unwrap_or_default()]
}

/// Marks the end of an archive.
pub const END: [u8; 2 * BLOCK_SIZE] = [0; 2 * BLOCK_SIZE];

fn type_flag(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Regular => b'0',
        EntryKind::HardLink => b'1',
        EntryKind::Symlink => b'2',
        EntryKind::CharDevice => b'3',
        EntryKind::BlockDevice => b'4',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
        EntryKind::Other(flag) => flag,
    }
}

/// What does not fit into a header, as PAX records; nothing where all of it does.
fn records(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &[u8], value: &[u8]| {
        // The length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        records.extend(length.to_string().into_bytes());
        records.push(b' ');
        records.extend(key);
        records.push(b'=');
        records.extend(value);
        records.push(b'\n');
    };
    if entry.path.len() > 100 {
        add(b"path", &entry.path);
    }
    if entry.link_target.len() > 100 {
        add(b"linkpath", &entry.link_target);
    }
    let size = content_size(entry);
    if i64::try_from(size).map_or(true, |size| size > MAX_LONG) {
        add(b"size", size.to_string().as_bytes());
    }
    for (key, value) in [(&b"uid"[..], entry.uid), (b"gid", entry.gid)] {
        if !(0..=MAX_SHORT).contains(&value) {
            add(key, value.to_string().as_bytes());
        }
    }
    let ModifiedTime {
        seconds,
        nanoseconds,
    } = entry.modified;
    if nanoseconds > 0 || !(0..=MAX_LONG).contains(&seconds) {
        add(b"mtime", time(entry.modified).as_bytes());
    }
    if entry.kind != EntryKind::HardLink {
        // A record without a value takes an earlier one back, so that an attribute without one cannot be told.
        for (name, value) in entry.xattrs.iter().filter(|(_, value)| !value.is_empty()) {
            add(&[b"SCHILY.xattr.", name].concat(), value);
        }
    }
    records
}

/// Writes a time as PAX has it: a decimal number, whose sign is that of the whole.
fn time(time: ModifiedTime) -> String {
    let ModifiedTime {
        seconds,
        nanoseconds,
    } = time;
    let (sign, whole, part) = match (seconds, nanoseconds) {
        (seconds, 0) => return seconds.to_string(),
        (seconds, part) if seconds >= 0 => ("", seconds.unsigned_abs(), part),
        (seconds, part) => ("-", (seconds + 1).unsigned_abs(), 1_000_000_000 - part),
    };
    let digits = format!("{part:09}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// The fields of a ustar header.
#[derive(Default)]
struct Fields<'a> {
    name: &'a [u8],
    kind: u8,
    mode: i64,
    uid: i64,
    gid: i64,
    size: u64,
    modified: i64,
    link: &'a [u8],
    major: i64,
    minor: i64,
}

impl Fields<'_> {
    fn block(&self) -> [u8; BLOCK_SIZE] {
        let mut block = [0; BLOCK_SIZE];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        // A record says what does not fit.
        let fitting = |value: i64, most: i64| match (0..=most).contains(&value) {
            true => value,
            false => 0,
        };
        let short = |value: i64| format!("{:07o}\0", fitting(value, MAX_SHORT));
        let long = |value: i64| format!("{:011o}\0", fitting(value, MAX_LONG));
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, short(self.mode).as_bytes());
        put(108, short(self.uid).as_bytes());
        put(116, short(self.gid).as_bytes());
        put(
            124,
            long(i64::try_from(self.size).unwrap_or(i64::MAX)).as_bytes(),
        );
        put(136, long(self.modified).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, short(self.major).as_bytes());
        put(337, short(self.minor).as_bytes());
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::parse_time;

    #[test]
    fn times_read_back_as_they_were() {
        for (seconds, nanoseconds) in [
            (0, 0),
            (-1, 0),
            (5, 250_000_000),
            (-2, 750_000_000),
            (-1, 1),
            (i64::MAX, 999_999_999),
        ] {
            let wanted = ModifiedTime {
                seconds,
                nanoseconds,
            };
            assert_eq!(parse_time(time(wanted).as_bytes()), Some(wanted));
        }
    }
}
