//! The order of images in a list.

use std::cmp::Ordering;

use jiff::Timestamp;
use oci::{Digest, ImageName};

use super::{ImageQuery, ImageSort};

/// What images are sorted by.
pub(super) struct SortKey<'a> {
    pub(super) target: &'a Digest,
    pub(super) name: Option<&'a ImageName>,
    pub(super) disk_size: u64,
    pub(super) unique_size: u64,
    pub(super) created: Option<Timestamp>,
}

/// Returns the positions of the images in the order that is asked for. The images themselves stay where they are: moving ten
/// thousand of them around costs more than comparing them.
pub(super) fn order<'a, T>(
    images: &'a [T],
    query: &ImageQuery,
    key: impl Fn(&'a T) -> SortKey<'a>,
) -> Vec<usize> {
    let names = NameKeys::of(images.iter().map(|image| key(image).name));
    let mut positions: Vec<usize> = (0..images.len()).collect();
    positions.sort_unstable_by(|a, b| {
        let by_name = || names.compare(*a, *b);
        let (a, b) = (key(&images[*a]), key(&images[*b]));
        let order = match query.sort {
            ImageSort::Name => by_name(),
            ImageSort::OnDisk => a.disk_size.cmp(&b.disk_size),
            ImageSort::Created => a.created.cmp(&b.created),
            ImageSort::Unique => a.unique_size.cmp(&b.unique_size),
        };
        let order = if query.descending {
            order.reverse()
        } else {
            order
        };
        order
            .then_with(by_name)
            .then_with(|| a.target.cmp(b.target))
    });
    positions
}

/// The first names of images as they are compared, one after the other: a name is four texts in four places of the memory, and
/// a list of ten thousand is compared more than a hundred thousand times.
struct NameKeys {
    bytes: Vec<u8>,
    /// Where each key ends; one that is empty is that of an image without a name.
    ends: Vec<usize>,
}

impl NameKeys {
    fn of<'a>(names: impl Iterator<Item = Option<&'a ImageName>>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for name in names {
            if let Some(name) = name {
                let reference = name.reference();
                let parts = [
                    reference.host(),
                    reference.repository(),
                    reference.tag().map_or("", |tag| tag.as_str()),
                    reference.digest().map_or("", |digest| digest.as_str()),
                ];
                for part in parts {
                    bytes.extend_from_slice(part.as_bytes());
                    // Below everything that a name can have, so that the shorter part comes first.
                    bytes.push(0);
                }
            }
            ends.push(bytes.len());
        }
        Self { bytes, ends }
    }

    fn key(&self, position: usize) -> &[u8] {
        let start = position
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[position]]
    }

    /// Compares two images by their names; those without come last.
    fn compare(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (self.key(a), self.key(b));
        a.is_empty().cmp(&b.is_empty()).then_with(|| a.cmp(b))
    }
}
