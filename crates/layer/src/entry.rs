//! One member of a layer, as its headers describe it.

use std::fmt;

/// Describes what kind of file an entry makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EntryKind {
    /// A file with content. Also "contiguous" files (`7`) and sparse ones.
    #[default]
    Regular,
    /// Another name of a file that [`Entry::link_target`] names.
    HardLink,
    /// A symbolic link to [`Entry::link_target`].
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A type that image-spec does not name, such as GNU tar's volume label (`V`). The byte is the type flag.
    Other(u8),
}

/// Holds the numbers of a device node. They are as the tar gives them; not every system can make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Device {
    /// The driver's number.
    pub major: i64,
    /// The number that the driver gives to the device.
    pub minor: i64,
}

/// Holds a time as tar stores it, relative to 1970-01-01T00:00:00Z. Times before that are negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModifiedTime {
    /// Whole seconds, rounded down.
    pub seconds: i64,
    /// Nanoseconds after `seconds`, below 1 000 000 000.
    pub nanoseconds: u32,
}

/// Describes one member of a tar archive: everything but its content.
///
/// Names are bytes: tar does not say how they are encoded. They stand here as the archive has them,
/// so `./etc/passwd`, `/etc/passwd` and `etc/passwd` are three spellings of one file, and two entries
/// may have one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// The name, with a `/` at the end if the archive has one.
    pub path: Vec<u8>,
    /// What the entry makes.
    pub kind: EntryKind,
    /// Permission bits, with set-user-ID, set-group-ID and sticky (`0o7777` at most).
    pub mode: u32,
    /// The owner's number, as the archive gives it.
    pub uid: i64,
    /// The group's number, as the archive gives it.
    pub gid: i64,
    /// Bytes of content as a program that opens the file sees it, holes included. 0 where there is no content.
    pub size: u64,
    /// Bytes of content in the archive: `size`, but less for a sparse file.
    pub stored_size: u64,
    /// Whether the content has holes, so that the bytes at [`Entry::data_offset`] are not the content as such.
    pub sparse: bool,
    /// When the content last changed.
    pub modified: ModifiedTime,
    /// Where a link points. Empty unless the kind is a link.
    pub link_target: Vec<u8>,
    /// The numbers of a device node; zero unless the kind is a device.
    pub device: Device,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// Offset in the uncompressed tar of the first header block that belongs to the entry.
    pub header_offset: u64,
    /// Offset in the uncompressed tar of the first byte of stored content.
    pub data_offset: u64,
}

impl Entry {
    /// Empties the entry and keeps its buffers.
    pub(crate) fn clear(&mut self) {
        let Self {
            path,
            kind,
            mode,
            uid,
            gid,
            size,
            stored_size,
            sparse,
            modified,
            link_target,
            device,
            xattrs,
            header_offset,
            data_offset,
        } = self;
        path.clear();
        link_target.clear();
        xattrs.clear();
        *kind = EntryKind::Regular;
        *mode = 0;
        (*uid, *gid) = (0, 0);
        (*size, *stored_size) = (0, 0);
        *sparse = false;
        *modified = ModifiedTime::default();
        *device = Device::default();
        (*header_offset, *data_offset) = (0, 0);
    }
}

/// Holds names and values of extended attributes, in one buffer that is used again for the next entry.
///
/// Names are unique and come in byte order.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Xattrs {
    bytes: Vec<u8>,
    /// End of the name and end of the value, in `bytes`, of each attribute.
    ends: Vec<(usize, usize)>,
}

impl Xattrs {
    /// Returns the number of attributes.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let pair = (
                &self.bytes[start..name_end],
                &self.bytes[name_end..value_end],
            );
            start = value_end;
            pair
        })
    }

    /// Returns the value of one attribute.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds an attribute. The caller keeps names unique and in order.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, self.bytes.len()));
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Xattrs {
    /// Puts them in order; of two with one name the last one counts.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let sorted: std::collections::BTreeMap<Vec<u8>, V> = pairs
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_vec(), value))
            .collect();
        let mut xattrs = Self::default();
        for (name, value) in &sorted {
            xattrs.push(name, value.as_ref());
        }
        xattrs
    }
}

impl fmt::Debug for Xattrs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.iter().map(|(name, value)| {
            (
                name.escape_ascii().to_string(),
                value.escape_ascii().to_string(),
            )
        });
        formatter.debug_map().entries(escaped).finish()
    }
}
