//! What can be wrong with a layer or with its index.

use std::fmt;
use std::io;

use crate::compression::Compression;

/// Says why a layer or a file index could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The reader that the layer comes from failed. The layer itself may be fine.
    #[error("the layer could not be read")]
    Read(#[source] io::Error),
    /// The compressed data is damaged or ends early.
    #[error("the layer's {compression} data is damaged or cut short")]
    Decompress {
        /// What the data seemed to be compressed with.
        compression: Compression,
        /// The decoder's words.
        #[source]
        source: io::Error,
    },
    /// The uncompressed bytes are not a whole, well-formed tar archive.
    #[error("the layer's tar is corrupt {position}: {problem}")]
    Corrupt {
        /// Where.
        position: Position,
        /// What is wrong there.
        problem: Corruption,
    },
    /// The layer is longer, uncompressed, than the caller allows.
    #[error("the layer is longer than {limit} bytes uncompressed")]
    TooLong {
        /// Bytes allowed.
        limit: u64,
    },
    /// The file index could not be written. The layer itself may be fine.
    #[error("the layer's file index could not be written")]
    WriteIndex(#[source] io::Error),
    /// The reader that a file index comes from failed. The index itself may be fine.
    #[error("the layer's file index could not be read")]
    ReadIndex(#[source] io::Error),
    /// A file index cannot be used; it is to be built again from the layer.
    #[error("the layer's file index is not usable: {0}")]
    Index(IndexProblem),
    /// An entry has no place among the files.
    #[error("the layer's entry {entry} cannot be placed: {problem}")]
    Path {
        /// The entry.
        entry: EntryName,
        /// Why.
        problem: PathProblem,
    },
    /// A file's content is not what the index says. The blob or the index was altered since it was read.
    #[error("the content of {entry} is not what it was when the layer came")]
    Changed {
        /// The file.
        entry: EntryName,
    },
    /// A file could not be made.
    #[error("{entry} cannot be made: {source}")]
    Unpack {
        /// The file.
        entry: EntryName,
        /// What the system said.
        source: io::Error,
    },
    /// The caller wanted it to stop.
    #[error("it was stopped")]
    Stopped,
    /// The layers have more paths than a tree may hold.
    #[error("the layers have more than {limit} paths")]
    TooManyFiles {
        /// Paths allowed.
        limit: usize,
    },
    /// The names, link targets and attributes of files take more room than their list may have.
    #[error("the names and attributes of the files take more than {limit} bytes")]
    TooMuchMetadata {
        /// Bytes allowed.
        limit: u64,
    },
}

/// Says why an entry has no place among the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathProblem {
    /// A whiteout names nothing, or the folder that it is in.
    #[error("a whiteout must name what it removes")]
    BareWhiteout,
    /// The root is to be something else than a folder.
    #[error("the root can only be a folder")]
    RootIsNoFolder,
    /// Something on the way to it is a file.
    #[error("something on the way to it is no folder")]
    NotAFolder,
    /// Too many links on the way to it lead to further links.
    #[error("there are too many symbolic links on the way to it")]
    TooManyLinks,
    /// A hard link's target does not exist at that moment.
    #[error("the target of the hard link is not there")]
    LinkTargetMissing,
    /// A hard link's target is a folder.
    #[error("the target of the hard link is a folder")]
    LinkToFolder,
}

impl Error {
    /// Sorts an error that came out of a [`Decompressor`](crate::Decompressor): damaged data or a failing source.
    pub fn from_read(error: io::Error) -> Self {
        match error.downcast::<Undecodable>() {
            Ok(Undecodable {
                compression,
                source,
            }) => Self::Decompress {
                compression,
                source,
            },
            Err(error) => Self::Read(error),
        }
    }
}

/// The payload of the [`io::Error`] that a `Decompressor` returns for data that it cannot decode.
#[derive(Debug, thiserror::Error)]
#[error("the {compression} data is damaged or cut short")]
pub(crate) struct Undecodable {
    pub(crate) compression: Compression,
    pub(crate) source: io::Error,
}

/// Says what is wrong with a tar archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// The bytes end in the middle of a header or of a file's content.
    #[error("it ends too early")]
    Truncated,
    /// A header's checksum is wrong, so it is damaged or no header at all.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// Already the first block is no tar header.
    #[error("this is no tar archive{}", .looks_like.map(|what| format!(", it looks like {what}")).unwrap_or_default())]
    NotTar {
        /// What the first bytes suggest instead.
        looks_like: Option<&'static str>,
    },
    /// Something follows a single block of zeros; the end of an archive is two.
    #[error("a block of zeros is followed by more headers")]
    LoneZeroBlock,
    /// A field that should hold a number holds none, or one that is too large.
    #[error("the header's field `{field}` is no number in range")]
    Number {
        /// The field's name in the standard.
        field: &'static str,
    },
    /// An extended header is not made of well-formed records.
    #[error("a PAX extended header is malformed")]
    PaxRecord,
    /// A PAX record that overrides a header field has no valid value.
    #[error("the PAX record `{key}` has no valid value")]
    PaxValue {
        /// The record's key.
        key: &'static str,
    },
    /// An extended header is larger than any sensible one.
    #[error("an extension header of {size} bytes is over the limit of {limit}")]
    ExtensionTooLarge {
        /// Bytes that it says to have.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A name or a link target is longer than any system allows.
    #[error("a name of {length} bytes is over the limit of {limit}")]
    NameTooLong {
        /// Its bytes.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// An entry has more extended attributes than any file system holds.
    #[error("more than {limit} extended attributes")]
    TooManyXattrs {
        /// Attributes allowed.
        limit: usize,
    },
    /// An extended attribute is larger than any file system holds.
    #[error("an extended attribute of {size} bytes is over the limit of {limit}")]
    XattrTooLarge {
        /// Bytes that it has, as it stands in the archive.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The map of a sparse file is malformed, overlapping, or does not fit the stored content.
    #[error("the map of the sparse file is not valid")]
    SparseMap,
    /// Sizes or offsets add up to more than 64 bits.
    #[error("the sizes add up to more than 64 bits")]
    SizeOverflow,
}

/// Says where in an archive a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Offset in the uncompressed tar up to which everything was read.
    pub offset: u64,
    /// The entry at fault; if its own name is not known, the one before it (see `after`).
    pub entry: Option<EntryName>,
    /// Whether the problem lies behind `entry`, in a header whose name could not be read.
    pub after: bool,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            offset,
            entry,
            after,
        } = self;
        match entry {
            Some(name) => write!(
                formatter,
                "{} {name} (byte {offset})",
                if *after { "after" } else { "in" }
            ),
            None => write!(formatter, "at byte {offset}"),
        }
    }
}

/// Holds an entry's name for a message: quoted, at most 200 characters, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName(String);

impl EntryName {
    const LONGEST: usize = 200;

    pub(crate) fn new(path: &[u8]) -> Self {
        // A character has at most four bytes; more than that of a megabyte-long name need not be looked at.
        let start = String::from_utf8_lossy(&path[..path.len().min(4 * Self::LONGEST)]);
        let mut text = String::new();
        for character in start.chars().take(Self::LONGEST) {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        if start.chars().nth(Self::LONGEST).is_some() || path.len() > 4 * Self::LONGEST {
            text.push('…');
        }
        Self(text)
    }

    /// Returns the name without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.0)
    }
}

/// Says why a file index is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexProblem {
    /// It does not begin like one.
    #[error("it is no file index")]
    NotAnIndex,
    /// Another version of Strata wrote it.
    #[error("it has format version {found}, not {}", crate::FORMAT_VERSION)]
    Version {
        /// The version that it says to have.
        found: u16,
    },
    /// It ends before its end mark.
    #[error("it ends too early")]
    Truncated,
    /// It holds what cannot be, or its checksum is wrong, or something follows it.
    #[error("it is damaged")]
    Damaged,
}
