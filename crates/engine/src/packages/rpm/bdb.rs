//! `Packages`: a hash of Berkeley DB, in the byte order of the machine that wrote it.
//!
//! Buckets are not looked for: every page is gone through once. A value that does not fit a page lies in a chain of others.
//! Source: <https://github.com/berkeleydb/libdb/blob/master/src/dbinc/db_page.h>.

use super::{RpmError, word};

const MAGIC: u32 = 0x0006_1561;

/// Types of pages.
const HASH_UNSORTED: u8 = 2;
const HASH_META: u8 = 8;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;

/// Types of items.
const KEY_OR_DATA: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Bytes of what every page begins with.
const PAGE_HEADER: usize = 26;

/// Bytes of an item that says on which page its value begins.
const OFF_PAGE_ITEM: usize = 12;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    magic(bytes).is_some()
}

/// Finds out in which byte order it is.
fn magic(bytes: &[u8]) -> Option<Order> {
    let magic = word(bytes, 12)?;
    match () {
        () if u32::from_le_bytes(magic) == MAGIC => Some(Order::Little),
        () if u32::from_be_bytes(magic) == MAGIC => Some(Order::Big),
        () => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn long(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = word(bytes, at)?;
        let number = match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        };
        usize::try_from(number).ok()
    }

    fn short(self, bytes: &[u8], at: usize) -> Option<usize> {
        let bytes = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }))
    }
}

struct Database<'a> {
    bytes: &'a [u8],
    order: Order,
    page: usize,
}

/// Returns the header of every package.
pub(super) fn headers(bytes: &[u8]) -> Result<Vec<Vec<u8>>, RpmError> {
    let order = magic(bytes).ok_or(RpmError::NotOne)?;
    let page = order.long(bytes, 20).unwrap_or_default();
    if !(512..=65536).contains(&page) || !page.is_power_of_two() {
        return Err(RpmError::Damaged("its pages have a size that none has"));
    }
    if bytes.get(24) != Some(&0) {
        return Err(RpmError::Unknown("it is encrypted"));
    }
    if bytes.get(25) != Some(&HASH_META) {
        return Err(RpmError::Unknown("it is no hash"));
    }
    let database = Database { bytes, order, page };
    let mut found = Vec::new();
    let mut taken = 0;
    for page in bytes.chunks_exact(page).skip(1) {
        if matches!(page[25], HASH_UNSORTED | HASH) {
            database.page(page, &mut found, &mut taken)?;
        }
    }
    Ok(found)
}

impl Database<'_> {
    /// Takes the values of a page: items stand in pairs of a key and its value.
    fn page(
        &self,
        page: &[u8],
        found: &mut Vec<Vec<u8>>,
        taken: &mut usize,
    ) -> Result<(), RpmError> {
        let items = self.order.short(page, 20).unwrap_or_default();
        let place = |item: usize| self.order.short(page, PAGE_HEADER + 2 * item);
        for key in (0..items.saturating_sub(1)).step_by(2) {
            let (Some(start), Some(value)) = (place(key), place(key + 1)) else {
                return Err(RpmError::Damaged("a page has more items than room"));
            };
            // Items are laid from the end of the page towards its start.
            let key_end = match key {
                0 => page.len(),
                _ => place(key - 1).unwrap_or_default(),
            };
            let is_counter = page
                .get(start.saturating_add(1)..key_end)
                .is_some_and(|key| key.iter().all(|byte| *byte == 0));
            if is_counter {
                // The key 0 has the number of the last package, not a package.
                continue;
            }
            let header = match page.get(value) {
                Some(&OFF_PAGE) => {
                    let item = page.get(value..value.saturating_add(OFF_PAGE_ITEM));
                    let item = item.ok_or(RpmError::Damaged("an item is cut off"))?;
                    self.chain(item)?
                }
                Some(&KEY_OR_DATA) => {
                    let inside = page.get(value + 1..start);
                    let inside = inside.ok_or(RpmError::Damaged("an item is cut off"))?;
                    inside.to_vec()
                }
                _ => return Err(RpmError::Unknown("an item of another type")),
            };
            // Items that all lead to the same chain would be read again and again.
            *taken += header.len();
            if *taken > self.bytes.len() {
                return Err(RpmError::Damaged("several items name the same value"));
            }
            found.push(header);
        }
        Ok(())
    }

    /// Follows a value from page to page.
    fn chain(&self, item: &[u8]) -> Result<Vec<u8>, RpmError> {
        let damaged = RpmError::Damaged("a value breaks off");
        let (Some(mut number), Some(length)) = (self.order.long(item, 4), self.order.long(item, 8))
        else {
            return Err(damaged);
        };
        if length > self.bytes.len() {
            return Err(damaged);
        }
        let mut value = Vec::with_capacity(length);
        while value.len() < length {
            let start = number.checked_mul(self.page).filter(|_| number != 0);
            let page = start.and_then(|start| self.bytes.get(start..start.checked_add(self.page)?));
            let Some(page) = page.filter(|page| page[25] == OVERFLOW) else {
                return Err(damaged);
            };
            let here = self.order.short(page, 22).unwrap_or_default();
            let data = page.get(PAGE_HEADER..PAGE_HEADER + here);
            // A page without data would make the chain endless.
            let Some(data) = data.filter(|data| !data.is_empty()) else {
                return Err(damaged);
            };
            let missing = length - value.len();
            value.extend_from_slice(&data[..missing.min(data.len())]);
            number = self.order.long(page, 16).unwrap_or_default();
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::rpm::tests::header_of;

    const PAGE: usize = 512;

    fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
        page[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// A database of four pages: what it is, a bucket, and a value over two pages.
    fn database(order: Order) -> Vec<u8> {
        let long = |number: usize| {
            let number = u32::try_from(number).expect("small");
            match order {
                Order::Little => number.to_le_bytes(),
                Order::Big => number.to_be_bytes(),
            }
        };
        let short = |number: usize| {
            let number = u16::try_from(number).expect("small");
            match order {
                Order::Little => number.to_le_bytes(),
                Order::Big => number.to_be_bytes(),
            }
        };
        let mut value = header_of("bash", "5.2", Some(1));
        value.resize(700, 0);
        let mut meta = vec![0; PAGE];
        put(&mut meta, 12, &long(MAGIC as usize));
        put(&mut meta, 20, &long(PAGE));
        meta[25] = HASH_META;
        let mut bucket = vec![0; PAGE];
        bucket[25] = HASH;
        put(&mut bucket, 20, &short(2));
        let (key, item) = (PAGE - 5, PAGE - 5 - OFF_PAGE_ITEM);
        put(&mut bucket, PAGE_HEADER, &short(key));
        put(&mut bucket, PAGE_HEADER + 2, &short(item));
        put(&mut bucket, key, &[KEY_OR_DATA]);
        put(&mut bucket, key + 1, &long(7));
        bucket[item] = OFF_PAGE;
        put(&mut bucket, item + 4, &long(2));
        put(&mut bucket, item + 8, &long(value.len()));
        let mut pages = vec![meta, bucket];
        let room = PAGE - PAGE_HEADER;
        for (number, part) in value.chunks(room).enumerate() {
            let mut page = vec![0; PAGE];
            page[25] = OVERFLOW;
            put(&mut page, 16, &long(if number == 0 { 3 } else { 0 }));
            put(&mut page, 22, &short(part.len()));
            put(&mut page, PAGE_HEADER, part);
            pages.push(page);
        }
        pages.concat()
    }

    #[test]
    fn a_value_is_followed_over_its_pages_in_both_byte_orders() {
        for order in [Order::Little, Order::Big] {
            let found = headers(&database(order)).expect("it is whole");
            assert_eq!(found.len(), 1, "{order:?}");
            assert_eq!(found[0].len(), 700);
            assert!(found[0].starts_with(&header_of("bash", "5.2", Some(1))));
        }
    }

    #[test]
    fn a_chain_that_leads_nowhere_or_back_is_refused() {
        let whole = database(Order::Little);
        for (at, next) in [(2, 9_u8), (2, 0), (3, 2)] {
            let mut bytes = whole.clone();
            bytes[at * PAGE + 16] = next;
            let length = if at == 3 { 4000 } else { 700_u32 };
            put(&mut bytes, PAGE + PAGE - 5 - 4, &length.to_le_bytes());
            assert!(headers(&bytes).is_err(), "page {at} goes on at {next}");
        }
        assert!(headers(&whole[..3 * PAGE]).is_err());
    }
}
