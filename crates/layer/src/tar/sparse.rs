//! The map of a sparse file: which parts of it the archive stores. Checked as it streams by, never kept.

use xxhash_rust::xxh3::Xxh3Default;

use super::{BLOCK_SIZE, MAX_EXTENSION_SIZE};
use crate::error::Corruption;

/// Parts of a sparse file that are kept for who reads its content.
pub(super) const MAX_PARTS: usize = 1 << 16;

/// Checks a map while its numbers come in.
///
/// The rules are Go's and BSD tar's: parts are in order, do not overlap, end within the file; and together they are
/// just what is stored, or a reader would find data missing or left over.
pub(super) struct SparseMap {
    size: u64,
    /// The offset of a part whose length is still to come.
    offset: Option<u64>,
    end: u64,
    stored: u64,
    hash: Xxh3Default,
    /// Offset and length of each part, where they are wanted.
    parts: Option<Vec<(u64, u64)>>,
}

impl SparseMap {
    /// Starts a map of a file of `size` bytes.
    pub(super) fn new(size: i64) -> Result<Self, Corruption> {
        let size = u64::try_from(size).map_err(|_| Corruption::SparseMap)?;
        let mut hash = Xxh3Default::new();
        hash.update(&size.to_le_bytes());
        Ok(Self {
            size,
            offset: None,
            end: 0,
            stored: 0,
            hash,
            parts: None,
        })
    }

    /// Keeps the parts, at most [`MAX_PARTS`].
    pub(super) fn keeping(self, parts: Option<Vec<(u64, u64)>>) -> Self {
        Self { parts, ..self }
    }

    /// Returns the parts that were kept.
    pub(super) fn into_parts(self) -> Vec<(u64, u64)> {
        self.parts.unwrap_or_default()
    }

    /// Returns the size of the file with its holes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Takes an offset, then its length, then the next offset.
    pub(super) fn add(&mut self, value: i64) -> Result<(), Corruption> {
        let value = u64::try_from(value).map_err(|_| Corruption::SparseMap)?;
        self.hash.update(&value.to_le_bytes());
        let Some(offset) = self.offset.take() else {
            self.offset = Some(value);
            return Ok(());
        };
        // Both are below 2^63.
        let end = offset + value;
        if offset < self.end || end > self.size {
            return Err(Corruption::SparseMap);
        }
        self.end = end;
        // The parts do not overlap, so this is at most `size`.
        self.stored += value;
        if let Some(parts) = &mut self.parts {
            if parts.len() >= MAX_PARTS {
                return Err(Corruption::SparseMap);
            }
            parts.push((offset, value));
        }
        Ok(())
    }

    /// Ends the map and returns what names it, for the fingerprint of the file.
    pub(super) fn finish(&self, stored: u64) -> Result<u64, Corruption> {
        if self.offset.is_some() || self.stored != stored {
            return Err(Corruption::SparseMap);
        }
        Ok(self.hash.digest())
    }
}

/// Reads a map in PAX format 1.0: decimal numbers, each ended by a line feed, padded to whole blocks, before the content.
///
/// The first is the count of parts. The manual says octal, GNU tar writes decimal.
#[derive(Default)]
pub(super) struct MapText {
    /// Numbers that are still to come; none before the count is known.
    missing: Option<u64>,
    value: Option<i64>,
    negative: bool,
    started: bool,
    length: u64,
}

impl MapText {
    /// Takes a block. Returns whether the map ends in it.
    pub(super) fn take(
        &mut self,
        block: &[u8; BLOCK_SIZE],
        map: &mut SparseMap,
    ) -> Result<bool, Corruption> {
        self.length += BLOCK_SIZE as u64;
        if self.length > MAX_EXTENSION_SIZE {
            return Err(Corruption::ExtensionTooLarge {
                size: self.length,
                limit: MAX_EXTENSION_SIZE,
            });
        }
        for &byte in block {
            if byte == b'\n' {
                self.end_number(map)?;
                if self.missing == Some(0) {
                    return Ok(true);
                }
            } else {
                self.take_byte(byte)?;
            }
        }
        Ok(false)
    }

    fn take_byte(&mut self, byte: u8) -> Result<(), Corruption> {
        match byte {
            b'0'..=b'9' => {
                // Counted downwards, because the least number has no positive counterpart.
                let value = self
                    .value
                    .unwrap_or(0)
                    .checked_mul(10)
                    .and_then(|value| value.checked_sub(i64::from(byte - b'0')));
                self.value = Some(value.ok_or(Corruption::SparseMap)?);
            }
            b'+' | b'-' if !self.started => self.negative = byte == b'-',
            _ => return Err(Corruption::SparseMap),
        }
        self.started = true;
        Ok(())
    }

    fn end_number(&mut self, map: &mut SparseMap) -> Result<(), Corruption> {
        let value = self.value.take().ok_or(Corruption::SparseMap)?;
        let value = if self.negative {
            value
        } else {
            value.checked_neg().ok_or(Corruption::SparseMap)?
        };
        (self.negative, self.started) = (false, false);
        match &mut self.missing {
            None => {
                let count = u64::try_from(value).map_err(|_| Corruption::SparseMap)?;
                self.missing = Some(count.checked_mul(2).ok_or(Corruption::SparseMap)?);
            }
            Some(missing) => {
                *missing -= 1;
                map.add(value)?;
            }
        }
        Ok(())
    }
}
