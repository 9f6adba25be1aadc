use std::io;

use oci::{ConfigError, Digest, DocumentError, ReferenceError};

use crate::{Compression, MAX_MEMBERS};

/// Why an archive is refused, and which member of it is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is neither a tar nor an image layout.
    #[error("this is no image archive{}", looks_like.map(|what| format!(", it looks like {what}")).unwrap_or_default())]
    NotAnArchive {
        /// What the first bytes suggest instead.
        looks_like: Option<&'static str>,
    },
    /// It is a file system, as a tar or as a folder, with no image in it.
    #[error("this is a file system, with no image in it")]
    RootFilesystem,
    /// It is of a Docker older than 1.10, which named layers without saying what is in them.
    #[error("this archive is of a Docker older than 1.10: it has no manifest.json")]
    Legacy,
    /// The bytes could not be read; the archive itself may be fine.
    #[error("the archive could not be read: {0}")]
    Read(#[source] io::Error),
    /// The bytes could not be written.
    #[error("the archive could not be written: {0}")]
    Write(#[source] io::Error),
    /// The compression around the tar is damaged or cut short.
    #[error("the archive's {compression} data is damaged or cut short: {source}")]
    Compressed {
        /// How it is compressed.
        compression: Compression,
        /// The decoder's words.
        source: io::Error,
    },
    /// A few bytes decompress to far more than any archive needs.
    #[error(
        "the archive's {compression} data grows more than {ratio} times: it is refused as a bomb"
    )]
    Bomb {
        /// How it is compressed.
        compression: Compression,
        /// The growth that is allowed.
        ratio: u64,
    },
    /// The archive ends in the middle of a member.
    #[error("the archive is cut short in {member}")]
    Truncated {
        /// The member.
        member: String,
    },
    /// The archive ends where a member's header should be.
    #[error("the archive is cut short {}", match after {
        Some(member) => format!("after {member}"),
        None => "in its first header".to_owned(),
    })]
    CutBetween {
        /// The last member that is whole.
        after: Option<String>,
    },
    /// The tar itself is malformed.
    #[error("the archive's tar cannot be read: {0}")]
    Tar(#[source] Box<layer::Error>),
    /// It has more members than any image needs, or more bytes of names.
    #[error("the archive has more than {MAX_MEMBERS} members, or names without end")]
    TooManyMembers,
    /// Two members have the same name, so two readers could see two images.
    #[error("{member} stands in the archive twice")]
    Repeated {
        /// The member.
        member: String,
    },
    /// Something that is named is not there.
    #[error("{member} is missing, and {wanted_by} names it")]
    Missing {
        /// The member.
        member: String,
        /// The member that names it.
        wanted_by: String,
    },
    /// All of a layout is there but the file that says that it is one.
    #[error("oci-layout is missing, beside index.json and blobs")]
    NoLayoutFile,
    /// A name or a link leads out of the archive.
    #[error("{member} leads out of the archive{}", beyond(.member, .target))]
    Outside {
        /// The member.
        member: String,
        /// Where it leads.
        target: String,
    },
    /// Links lead to each other.
    #[error("{member} is a link that leads to too many others")]
    LinkLoop {
        /// The member.
        member: String,
    },
    /// In the place of a file is a folder, a device, a pipe or a file with holes.
    #[error("{member} is no plain file")]
    NotAFile {
        /// The member.
        member: String,
    },
    /// A document is larger than is read.
    #[error("{member} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The member.
        member: String,
        /// Its bytes.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A document is not JSON of the right shape.
    #[error("{member} cannot be read: {source}")]
    Json {
        /// The member.
        member: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A document says that there is no list of images at all.
    #[error("{member} holds null where a list of images belongs")]
    NullManifest {
        /// The member.
        member: String,
    },
    /// A layout is of a version that is not known.
    #[error("oci-layout says version {version:?}, not 1.0.0")]
    LayoutVersion {
        /// The version.
        version: String,
    },
    /// A manifest or an index is refused.
    #[error("{member} cannot be used: {source}")]
    Document {
        /// The member.
        member: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// A config is refused.
    #[error("{member} cannot be used: {source}")]
    Config {
        /// The member.
        member: String,
        /// What is wrong.
        source: ConfigError,
    },
    /// A document's bytes are not the ones that its name promises.
    #[error("the bytes of {member} have the digest {found}, not {expected}")]
    DigestMismatch {
        /// The member.
        member: String,
        /// The promised digest.
        expected: Digest,
        /// That of the bytes.
        found: Digest,
    },
    /// A member has another size than the document that names it says.
    #[error("{member} has {found} bytes, not {expected}")]
    SizeMismatch {
        /// The member.
        member: String,
        /// The promised size.
        expected: u64,
        /// The size.
        found: u64,
    },
    /// There are more layers than diff IDs, or fewer.
    #[error("the image has {layers} layers, and its config {member} names {diff_ids}")]
    LayerCount {
        /// The config.
        member: String,
        /// Layers.
        layers: usize,
        /// Diff IDs.
        diff_ids: usize,
    },
    /// A name for an image is none.
    #[error("{member} names an image {text:?}: {source}")]
    Name {
        /// The member that says so.
        member: String,
        /// The name, cut to 200 characters.
        text: String,
        /// What is wrong with it.
        source: ReferenceError,
    },
    /// A name for an image has a digest where a tag belongs, or nothing.
    #[error("{member} names an image {text:?}, which has no tag")]
    NameWithoutTag {
        /// The member that says so.
        member: String,
        /// The name, cut to 200 characters.
        text: String,
    },
    /// Indexes stand in indexes, too many or in a circle.
    #[error("{member} stands in more than {limit} indexes, one in another", limit = oci::MAX_INDEX_DEPTH)]
    IndexTooDeep {
        /// The member.
        member: String,
    },
    /// The documents of an archive are more than is kept of them.
    #[error("the archive's documents are more than {limit} bytes, up to {member}")]
    TooManyDocuments {
        /// The member.
        member: String,
        /// The limit.
        limit: u64,
    },
}

/// Says where a link leads; a name that leads out by itself was said already.
fn beyond(member: &str, target: &str) -> String {
    match member == target {
        true => String::new(),
        false => format!(", to {target}"),
    }
}

impl Error {
    /// Says what is wrong with a tar that was to become a layer.
    pub fn from_layer(error: layer::Error) -> Self {
        match error {
            layer::Error::Read(source) => Self::Read(source),
            layer::Error::Corrupt {
                position,
                problem: layer::Corruption::Truncated,
            } => {
                let entry = position.entry.map(|entry| entry.as_str().to_owned());
                match entry {
                    Some(member) if !position.after => Self::Truncated { member },
                    after => Self::CutBetween { after },
                }
            }
            other => crate::stream::tar(other),
        }
    }

    /// Returns the member at fault, where it is one.
    pub fn member(&self) -> Option<&str> {
        match self {
            Self::Truncated { member }
            | Self::Repeated { member }
            | Self::Missing { member, .. }
            | Self::Outside { member, .. }
            | Self::LinkLoop { member }
            | Self::NotAFile { member }
            | Self::TooLarge { member, .. }
            | Self::Json { member, .. }
            | Self::NullManifest { member }
            | Self::Document { member, .. }
            | Self::Config { member, .. }
            | Self::DigestMismatch { member, .. }
            | Self::SizeMismatch { member, .. }
            | Self::LayerCount { member, .. }
            | Self::Name { member, .. }
            | Self::NameWithoutTag { member, .. }
            | Self::IndexTooDeep { member }
            | Self::TooManyDocuments { member, .. } => Some(member),
            _ => None,
        }
    }
}
