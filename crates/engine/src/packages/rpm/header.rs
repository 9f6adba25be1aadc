//! The header of a package: an index of tags and the data that they are about, all numbers big-endian.
//!
//! Source: <https://rpm-software-management.github.io/rpm/manual/format_header.html>.

use super::{RpmError, word};

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const ARCH: u32 = 1022;

/// Types of data.
const INT32: u32 = 4;
const STRING: u32 = 6;

/// Bytes of an entry of the index, and of the two lengths before it.
const ENTRY: usize = 16;
const LENGTHS: usize = 8;

/// A header.
pub(super) struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, RpmError> {
        let short = || RpmError::Damaged("a header is cut off");
        let length = |at| word(bytes, at).map(|it| u32::from_be_bytes(it) as usize);
        let (entries, data) = (length(0).ok_or_else(short)?, length(4).ok_or_else(short)?);
        let end = entries
            .checked_mul(ENTRY)
            .and_then(|length| length.checked_add(LENGTHS));
        let end = end.ok_or_else(short)?;
        let index = bytes.get(LENGTHS..end).ok_or_else(short)?;
        let data = end
            .checked_add(data)
            .and_then(|behind| bytes.get(end..behind));
        Ok(Self {
            index,
            data: data.ok_or_else(short)?,
        })
    }

    /// Returns the text of a tag; `None` where there is none.
    pub(super) fn text(&self, tag: u32) -> Option<String> {
        let data = self.find(tag, STRING)?;
        let text = data.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// Returns the number of a tag; `None` where there is none.
    pub(super) fn number(&self, tag: u32) -> Option<u32> {
        word(self.find(tag, INT32)?, 0).map(u32::from_be_bytes)
    }

    /// Returns the data from where that of a tag begins.
    fn find(&self, tag: u32, kind: u32) -> Option<&'a [u8]> {
        let entry = self.index.chunks_exact(ENTRY).find(|entry| {
            let is = |at, wanted: u32| word(entry, at) == Some(wanted.to_be_bytes());
            is(0, tag) && is(4, kind)
        })?;
        let offset = usize::try_from(u32::from_be_bytes(word(entry, 8)?)).ok()?;
        self.data.get(offset..)
    }
}
