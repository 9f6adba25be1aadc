//! The file index: what is in a layer, in a few bytes per file.
//!
//! # Format, version 1
//!
//! Numbers are LEB128 (seven bits a byte, the lowest first); signed ones are zigzag-encoded before.
//! *Bytes* are their count and then themselves.
//!
//! ```text
//! index    = magic version entry* end trailer checksum
//! magic    = 8 bytes, 89 'S' 'T' 'R' 'I' 'D' 'X' 0A
//! version  = 2 bytes, little endian
//! entry    = tag, shared, suffix, mode, [uid, gid], mtime, [nanoseconds], gap, headers, details, [xattrs]
//!   tag          1 byte: kind (bits 0-3), 10 sparse, 20 has xattrs, 40 has nanoseconds, 80 owner as the entry before
//!   shared       number: bytes that the path has in common with the start of the path before
//!   suffix       bytes: the rest of the path
//!   mode         number
//!   uid, gid     signed; without flag 80
//!   mtime        signed: seconds after the entry before
//!   nanoseconds  number; with flag 40
//!   gap          number: 512-byte blocks between the content of the entry before, padded, and the first header
//!   headers      number: 512-byte blocks from the first header to the content
//!   details      regular: size, [stored size with flag 10], [16 bytes xxh3-128, little endian, unless size and stored size are 0]
//!                other type: 1 byte type flag, then as regular
//!                link: target as bytes        device: major, minor, signed
//!   xattrs       number of them, then name and value as bytes; with flag 20
//! end      = 00
//! trailer  = diff ID as bytes, uncompressed size, content size, entries
//! checksum = 8 bytes, little endian: xxh3-64 of all before it
//! ```

mod reader;
mod writer;

pub use reader::{FileEntry, FileIndex};
pub(crate) use writer::IndexWriter;

use crate::entry::EntryKind;

/// The version of the index format that this crate writes and reads. An index of another one is built anew.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes that the index of one layer may have. Half a million files, each with a label of SELinux, take a fifth of it.
///
/// Attributes of zeros compress a thousandfold: without a limit a small layer would fill the disk with its index, and the memory of
/// whoever reads that.
pub const MAX_INDEX_SIZE: u64 = 256 << 20;

const MAGIC: [u8; 8] = *b"\x89STRIDX\n";

const SPARSE: u8 = 0x10;
const HAS_XATTRS: u8 = 0x20;
const HAS_NANOSECONDS: u8 = 0x40;
const SAME_OWNER: u8 = 0x80;
const KIND: u8 = 0x0f;

/// The tag that ends the entries.
const END: u8 = 0;

const OTHER: u8 = 8;

const BLOCK: u64 = crate::tar::BLOCK_SIZE as u64;

fn kind_code(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Regular => 1,
        EntryKind::HardLink => 2,
        EntryKind::Symlink => 3,
        EntryKind::CharDevice => 4,
        EntryKind::BlockDevice => 5,
        EntryKind::Directory => 6,
        EntryKind::Fifo => 7,
        EntryKind::Other(_) => OTHER,
    }
}

/// Returns the kind of a code; a further byte decides about [`OTHER`].
fn kind_of(code: u8) -> Option<EntryKind> {
    Some(match code {
        1 => EntryKind::Regular,
        2 => EntryKind::HardLink,
        3 => EntryKind::Symlink,
        4 => EntryKind::CharDevice,
        5 => EntryKind::BlockDevice,
        6 => EntryKind::Directory,
        7 => EntryKind::Fifo,
        OTHER => EntryKind::Other(0),
        _ => return None,
    })
}

fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// What an entry is written relative to: the one before.
#[derive(Default)]
struct Previous {
    path: Vec<u8>,
    uid: i64,
    gid: i64,
    seconds: i64,
    /// Where its content ends, with padding.
    end: u64,
}

/// Returns where content of `stored` bytes ends, with its padding.
fn end_of_content(offset: u64, stored: u64) -> Option<u64> {
    offset.checked_add(stored)?.checked_next_multiple_of(BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_keeps_small_numbers_small_and_all_numbers_whole() {
        assert_eq!((zigzag(0), zigzag(-1), zigzag(1), zigzag(-2)), (0, 1, 2, 3));
        for value in [0, 1, -1, 1_700_000_000, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
