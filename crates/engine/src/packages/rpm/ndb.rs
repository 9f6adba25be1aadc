//! `Packages.db`: slots at the start say where each package's blob lies. All numbers little-endian.
//!
//! Source: <https://github.com/rpm-software-management/rpm/blob/master/lib/backend/ndb/rpmpkg.c>.

use super::{RpmError, word};

const HEADER_MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";

/// Slots stand in pages; the header takes the place of the first two.
const PAGE: usize = 4096;
const SLOT: usize = 16;
const HEADER: usize = 32;

/// Offsets are counted in blocks; a blob begins with a header as long as one.
const BLOCK: usize = 16;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(HEADER_MAGIC)
}

/// Returns the header of every package.
pub(super) fn headers(bytes: &[u8]) -> Result<Vec<&[u8]>, RpmError> {
    let number = |at| word(bytes, at).map(u32::from_le_bytes);
    if number(4) != Some(0) {
        return Err(RpmError::Unknown("another version of ndb"));
    }
    let pages = number(12).ok_or(RpmError::NotOne)?;
    let end = (pages as usize).saturating_mul(PAGE);
    let slots = bytes
        .get(HEADER..end)
        .ok_or(RpmError::Damaged("the slots are cut off"))?;
    let mut found = Vec::new();
    let mut taken = 0;
    for slot in slots.chunks_exact(SLOT) {
        if !slot.starts_with(SLOT_MAGIC) {
            return Err(RpmError::Damaged("a slot is none"));
        }
        let number = |at| word(slot, at).map_or(0, u32::from_le_bytes);
        let (package, at) = (number(4), number(8) as usize);
        // A free one; no blob lies where the header is.
        if at == 0 {
            continue;
        }
        let blob = blob(bytes, package, at.saturating_mul(BLOCK))?;
        // Slots that all name the same large blob would be read again and again.
        taken += blob.len();
        if taken > bytes.len() {
            return Err(RpmError::Damaged("several slots name the same blob"));
        }
        found.push(blob);
    }
    Ok(found)
}

fn blob(bytes: &[u8], package: u32, at: usize) -> Result<&[u8], RpmError> {
    let damaged = RpmError::Damaged("a blob is not where its slot says");
    let Some(from) = bytes.get(at..) else {
        return Err(damaged);
    };
    let number = |at| word(from, at).map(u32::from_le_bytes);
    if !from.starts_with(BLOB_MAGIC) || number(4) != Some(package) {
        return Err(damaged);
    }
    let length = number(12).unwrap_or(u32::MAX) as usize;
    let end = BLOCK.checked_add(length);
    end.and_then(|end| from.get(BLOCK..end)).ok_or(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::rpm::tests::header_of;

    fn database() -> Vec<u8> {
        let header = header_of("bash", "5.2", None);
        let word = |number: usize| u32::try_from(number).expect("small").to_le_bytes();
        let mut bytes = [HEADER_MAGIC, &word(0), &word(1), &word(1), &word(2)].concat();
        bytes.resize(HEADER, 0);
        bytes.extend([SLOT_MAGIC, &word(1), &word(PAGE / BLOCK), &word(9)].concat());
        while bytes.len() < PAGE {
            bytes.extend([SLOT_MAGIC, &word(0), &word(0), &word(0)].concat());
        }
        bytes.extend([BLOB_MAGIC, &word(1), &word(0), &word(header.len())].concat());
        bytes.extend(&header);
        bytes
    }

    #[test]
    fn a_blob_is_found_over_its_slot() {
        let bytes = database();
        let found = headers(&bytes).expect("it is whole");
        assert_eq!(found, [header_of("bash", "5.2", None)]);
        assert!(headers(&bytes[..bytes.len() - 1]).is_err());
        let mut bytes = database();
        bytes[HEADER + 8] ^= 1;
        assert!(headers(&bytes).is_err(), "another place");
    }

    #[test]
    fn the_same_blob_is_not_read_for_every_slot() {
        let mut bytes = database();
        let slot = bytes[HEADER..HEADER + SLOT].to_vec();
        for at in (HEADER..PAGE).step_by(SLOT) {
            bytes[at..at + SLOT].copy_from_slice(&slot);
        }
        assert!(headers(&bytes).is_err());
    }
}
