//! What was changed in a container: for each path what is there now, or that nothing is.
//!
//! Paths are those of the files themselves, with every link on the way followed when the change was made, so that they mean the
//! same whatever is changed later. Several changes of one path are one.

use std::collections::{BTreeMap, BTreeSet};

use layer::{Device, EntryKind, ModifiedTime};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path, a link's target, or a name of an attribute: not always UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// Nothing, although the image has something there.
    Removed,
    /// This.
    Placed(Node),
}

/// A file, folder, link or device, with all that a layer says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: i64,
    pub(crate) gid: i64,
    /// Seconds, and nanoseconds after them.
    pub(crate) modified: (i64, u32),
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) xattrs: Vec<(Bytes, Bytes)>,
    /// Files with the same number are names of one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<u64>,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    File {
        content: Content,
        size: u64,
        /// The hash of the content, as the file index has it; `None` for one that is only known with its holes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<String>,
    },
    Folder {
        /// It hides what the image has in it.
        #[serde(default, skip_serializing_if = "is_false")]
        opaque: bool,
        /// It is as the image has it, and stands here only because of what is in it.
        #[serde(default, skip_serializing_if = "is_false")]
        unchanged: bool,
    },
    Symlink {
        target: Bytes,
    },
    CharDevice {
        major: i64,
        minor: i64,
    },
    BlockDevice {
        major: i64,
        minor: i64,
    },
    Fifo,
}

/// Where the content of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Content {
    /// In a pack of the container.
    Pack { pack: u64, offset: u64 },
    /// In a layer of the image, counted from 0, in the member whose headers begin at this offset.
    Image { layer: u32, offset: u64 },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Node {
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.kind, Kind::Folder { .. })
    }

    /// Tells whether it stands there only because of what is in it.
    pub(crate) fn is_unchanged(&self) -> bool {
        matches!(
            self.kind,
            Kind::Folder {
                unchanged: true,
                ..
            }
        )
    }

    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.kind, Kind::Folder { opaque: true, .. })
    }

    pub(crate) fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size, .. } => size,
            _ => 0,
        }
    }

    /// Makes a folder of these attributes.
    pub(crate) fn folder(mode: u32, uid: i64, gid: i64, seconds: i64) -> Self {
        Self {
            kind: Kind::Folder {
                opaque: false,
                unchanged: false,
            },
            mode,
            uid,
            gid,
            modified: (seconds, 0),
            xattrs: Vec::new(),
            links: None,
        }
    }

    /// Describes a file of the image.
    pub(crate) fn of_file(file: &layer::File) -> Self {
        let Device { major, minor } = file.device;
        let kind = match file.kind {
            EntryKind::Directory => Kind::Folder {
                opaque: false,
                unchanged: false,
            },
            EntryKind::Symlink => Kind::Symlink {
                target: Bytes(file.link_target.to_vec()),
            },
            EntryKind::CharDevice => Kind::CharDevice { major, minor },
            EntryKind::BlockDevice => Kind::BlockDevice { major, minor },
            EntryKind::Fifo => Kind::Fifo,
            EntryKind::Regular | EntryKind::HardLink | EntryKind::Other(_) => Kind::File {
                content: Content::Image {
                    layer: file.layer,
                    offset: file.header_offset.unwrap_or_default(),
                },
                size: file.size,
                // With its holes written out it has another.
                hash: file
                    .fingerprint
                    .filter(|_| !file.sparse)
                    .map(|hash| format!("{hash:032x}")),
            },
        };
        let ModifiedTime {
            seconds,
            nanoseconds,
        } = file.modified;
        Self {
            kind,
            mode: file.mode,
            uid: file.uid,
            gid: file.gid,
            modified: (seconds, nanoseconds),
            xattrs: file
                .xattrs
                .iter()
                .flat_map(|xattrs| xattrs.iter())
                .map(|(name, value)| (Bytes(name.to_vec()), Bytes(value.to_vec())))
                .collect(),
            links: None,
        }
    }

    /// Tells whether a layer with it changes nothing where the image has the other. Where the content stands does not matter.
    pub(crate) fn is_same(&self, other: &Node) -> bool {
        let same_kind = match (&self.kind, &other.kind) {
            (
                Kind::File {
                    content: a,
                    size: size_a,
                    hash: hash_a,
                },
                Kind::File {
                    content: b,
                    size: size_b,
                    hash: hash_b,
                },
            ) => size_a == size_b && (a == b || (hash_a.is_some() && hash_a == hash_b)),
            (Kind::Folder { .. }, Kind::Folder { .. }) => !self.is_opaque(),
            (a, b) => a == b,
        };
        // Times of folders change with what is in them.
        same_kind
            && (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid)
            && self.xattrs == other.xattrs
            && (self.is_folder() || self.modified == other.modified)
    }
}

/// All changes of a container, by path.
pub(crate) type ChangeSet = BTreeMap<Vec<u8>, Change>;

/// What one edit did, as it stands in the log.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Batch(pub(crate) Vec<(Bytes, Option<Change>)>);

/// Puts the batches of a log together.
///
/// # Errors
/// Where a batch cannot be read, as one of a later version.
pub(crate) fn replay(batches: &[String]) -> Result<ChangeSet, serde_json::Error> {
    let mut set = ChangeSet::new();
    for batch in batches {
        let Batch(changes) = serde_json::from_str(batch)?;
        for (Bytes(path), change) in changes {
            match change {
                Some(change) => drop(set.insert(path, change)),
                None => drop(set.remove(&path)),
            }
        }
    }
    Ok(set)
}

/// Returns the packs that a change set needs: none for empty files.
pub(crate) fn packs(set: &ChangeSet) -> BTreeSet<u64> {
    set.values()
        .filter_map(|change| match change {
            Change::Placed(Node {
                kind:
                    Kind::File {
                        content: Content::Pack { pack, .. },
                        size: 1..,
                        ..
                    },
                ..
            }) => Some(*pack),
            _ => None,
        })
        .collect()
}

/// Counts what was changed, and the bytes of content of it.
pub(crate) fn count(set: &ChangeSet) -> (u64, u64) {
    let mut counted = (0, 0);
    let mut seen = BTreeSet::new();
    for change in set.values() {
        match change {
            Change::Removed => counted.0 += 1,
            Change::Placed(node) if node.is_unchanged() => {}
            Change::Placed(node) => {
                counted.0 += 1;
                if node.links.is_none_or(|group| seen.insert(group)) {
                    counted.1 += node.size();
                }
            }
        }
    }
    counted
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_seq(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or a list of bytes")
            }

            fn visit_str<E>(self, text: &str) -> Result<Bytes, E> {
                Ok(Bytes(text.as_bytes().to_vec()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_reads_back_whatever_the_names_are() {
        let node = Node {
            xattrs: vec![(Bytes(b"user.\xff".to_vec()), Bytes(vec![0, 255]))],
            ..Node::folder(0o755, 1, 2, -3)
        };
        let batch = Batch(vec![
            (Bytes(b"a\xff".to_vec()), Some(Change::Placed(node.clone()))),
            (Bytes(b"b".to_vec()), Some(Change::Removed)),
            (Bytes(b"c".to_vec()), None),
        ]);
        let text = serde_json::to_string(&batch).unwrap();
        assert!(!text.contains('\n'));
        let set = replay(&[text]).unwrap();
        assert_eq!(set.get(b"a\xff".as_slice()), Some(&Change::Placed(node)));
        assert_eq!(set.len(), 2);
    }
}
