//! The tar reader, and the writer for layers of our own.
//!
//! Formats: V7, ustar and PAX ([POSIX.1-2017, pax]), GNU ([GNU tar manual]) with long names, base-256
//! numbers and sparse files, star's prefix. What is accepted, and what a header means where the formats
//! contradict each other, follows Go's [`archive/tar`]: docker, containerd, podman and crane read layers
//! with it, and a second opinion about where an entry ends is how entries are hidden from a scanner
//! (CVE-2025-62518). So:
//!
//! - A PAX `size` record beats the header's field, for the entry that it describes, never for the
//!   extension header in between (CVE-2026-53655).
//! - A second extended header (`x`) replaces the first; a GNU long name beats a PAX `path`.
//! - A global header (`g`) is checked and then ignored; it also ends what a preceding `x` said.
//! - Links, directories and devices have no content, whatever their size field says.
//! - The archive ends at two blocks of zeros, or where the bytes end between two entries. What follows is ignored.
//!
//! [POSIX.1-2017, pax]: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
//! [GNU tar manual]: https://www.gnu.org/software/tar/manual/html_node/Tar-Internals.html
//! [`archive/tar`]: https://pkg.go.dev/archive/tar

mod block;
mod parser;
mod pax;
mod sparse;
mod write;

pub use block::BLOCK_SIZE;
pub use parser::{Parser, Step};
pub use write::{END, content_size, padding, write_header};

use crate::entry::ModifiedTime;

/// Bytes that a PAX extended header may have: Go's and libarchive's limit.
pub const MAX_EXTENSION_SIZE: u64 = 1 << 20;

/// Bytes that a name or a link target may have.
///
/// Linux takes 4 096 (`PATH_MAX`), Windows 32 767 UTF-16 units, which are at most 98 301 bytes of UTF-8.
pub const MAX_NAME_LENGTH: usize = 1 << 17;

/// Extended attributes that an entry may have. Linux lists at most 64 KiB of names (`XATTR_LIST_MAX`).
pub const MAX_XATTRS: usize = 1 << 13;

/// Bytes that the value of an extended attribute may have: Linux's number (`XATTR_SIZE_MAX`).
pub const MAX_XATTR_SIZE: usize = 1 << 16;

/// Parses decimal digits with an optional sign, nothing else around them.
fn parse_decimal(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    // Counted downwards, because the least number has no positive counterpart.
    let value = digits.iter().try_fold(0i64, |value, &digit| match digit {
        b'0'..=b'9' => value.checked_mul(10)?.checked_sub(i64::from(digit - b'0')),
        _ => None,
    })?;
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// Parses a PAX time: seconds, and maybe a fraction, of which nine digits count.
fn parse_time(text: &[u8]) -> Option<ModifiedTime> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &text[text.len()..]),
    };
    let seconds = parse_decimal(whole)?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanoseconds = (0..9).fold(0u32, |value, place| {
        value * 10
            + fraction
                .get(place)
                .map_or(0, |digit| u32::from(digit - b'0'))
    });
    // "-1.25" is a quarter of a second before -1, although "-0" has no sign as a number.
    if whole.first() == Some(&b'-') && nanoseconds > 0 {
        return Some(ModifiedTime {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        });
    }
    Some(ModifiedTime {
        seconds,
        nanoseconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_signed_and_bounded() {
        assert_eq!(parse_decimal(b"0"), Some(0));
        assert_eq!(parse_decimal(b"+12"), Some(12));
        assert_eq!(parse_decimal(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_decimal(b"-9223372036854775808"), Some(i64::MIN));
        for wrong in [
            "",
            "-",
            "9223372036854775808",
            "1 ",
            " 1",
            "1_0",
            "0x1",
            "1.0",
        ] {
            assert_eq!(parse_decimal(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn times_have_fractions_and_signs() {
        let time = |seconds, nanoseconds| {
            Some(ModifiedTime {
                seconds,
                nanoseconds,
            })
        };
        assert_eq!(parse_time(b"1350244992"), time(1_350_244_992, 0));
        assert_eq!(
            parse_time(b"1350244992.023960108"),
            time(1_350_244_992, 23_960_108)
        );
        assert_eq!(
            parse_time(b"1350244992.3"),
            time(1_350_244_992, 300_000_000)
        );
        assert_eq!(
            parse_time(b"1350244992.0239601089999"),
            time(1_350_244_992, 23_960_108)
        );
        assert_eq!(parse_time(b"12."), time(12, 0));
        assert_eq!(parse_time(b"-1.25"), time(-2, 750_000_000));
        assert_eq!(parse_time(b"-0.5"), time(-1, 500_000_000));
        assert_eq!(parse_time(b"-7"), time(-7, 0));
        for wrong in ["", ".5", "1.x", "1e3", "1.-5", "-9223372036854775808.5"] {
            assert_eq!(parse_time(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
