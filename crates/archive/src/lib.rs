//! Image archives: docker-archive and OCI image layout, as a tar or as a folder, plain or compressed.
//!
//! [`Archive::open`] finds out what a file or folder is, by its content and never by its extension, and reads no more
//! than it must: of a plain tar the headers and the JSON, the rest is skipped over. [`Contents`] tells what is in it. The
//! blobs are then read at their offsets ([`Archive::open_part`]).
//!
//! What cannot be skipped through (a pipe, a compressed tar) is a [`Passage`]: its members come by once, the caller
//! takes those that look like layers, and [`Passage::finish`] tells afterwards what they were.
//!
//! [`Writer`] makes one tar that is an OCI layout and a docker-archive at once, the same bytes every time.
//!
//! Nothing is ever unpacked: names inside an archive lead to other members of it or nowhere. Whatever the bytes are, the
//! answer is a value or an [`Error`] that names the member at fault. What is verified here are the documents; the
//! digests of layers are the reader's to check while they stream by.
//!
//! Sources: <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>,
//! <https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format>.

mod compression;
mod contents;
mod docker;
mod error;
mod folder;
mod import;
mod layout;
mod member;
mod open;
mod passage;
mod stream;
mod tar_file;
mod write;

pub use compression::Compression;
pub use contents::{
    ArchivedImage, ArchivedManifest, Attestation, Contents, Format, Incomplete, Part,
};
pub use error::Error;
pub use import::{LayerReader, PlainReader, as_layer, plain};
pub use open::{Archive, Opened, PartReader};
pub use passage::{Kind, Passage, PassingMember};
pub use write::{HEADER_SIZE, SavedImage, SavedManifest, Style, Writer, joined_index, layout_file};

/// The largest JSON document that is read from an archive: 20 MiB, containerd's limit.
pub const MAX_DOCUMENT_SIZE: u64 = 20 * 1024 * 1024;

/// What all documents of an archive together may have: a hundred thousand usual ones.
const MAX_DOCUMENTS: u64 = 64 * 1024 * 1024;

/// What the attestations of an archive together may have. Those beyond it are left out.
const MAX_STATEMENTS: u64 = 32 * 1024 * 1024;

/// The most members that an archive may have. An image of 10 000 layers has some 30 000.
pub const MAX_MEMBERS: usize = 200_000;

/// The result of reading an archive.
pub type Result<T> = std::result::Result<T, Error>;
