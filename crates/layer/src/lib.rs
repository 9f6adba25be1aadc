//! Layers of container images: what is in them, without unpacking them.
//!
//! A layer is a tar archive, plain or compressed, of the files that one step of an image changed
//! ([OCI image-spec, layer.md]). This crate turns the bytes of such a blob, while they stream by,
//! into three things: the proof that they are what the image's config says (the *diff ID*), the
//! numbers that are shown (files, sizes), and a **file index**, from which the files can be listed
//! at any later time without reading the layer again.
//!
//! - [`Decompressor`]: tells gzip, zstd and plain apart by content, and decodes.
//! - [`tar::Parser`]: the tar reader. It is fed with chunks and never reads by itself, holds no
//!   more than the headers of one entry, and reads what Go's `archive/tar` reads, because that is
//!   what every other image tool does with the same bytes.
//! - [`LayerScan`]: one stage of a pull. Bytes go in, the index comes out, [`LayerFacts`] at the end.
//! - [`FileIndex`]: reads an index back.
//! - [`scan`]: all of that over one blob.
//! - [`Tree`]: the files of a stack of layers as a container would see them, and what each layer did.
//! - [`SeekTable`], [`read_from`]: reading from the middle of a compressed layer.
//! - [`WasteCounter`]: what the layers carry along without using it.
//! - `unpack` (on Unix): real files of a tree, beneath an open folder.
//! - [`Content`]: the bytes of one file, from where its headers begin.
//! - [`compress`], [`tar::write_header`]: a layer of our own, the same bytes for the same files.
//!
//! Everything here is synchronous, knows readers and writers only, and takes its input for hostile:
//! whatever the bytes are, the answer is a value or an [`Error`] that names the entry at fault, in
//! bounded memory (below 4 MiB).
//!
//! [OCI image-spec, layer.md]: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md

mod compress;
mod compression;
mod content;
mod deflate;
mod entry;
mod error;
mod frames;
mod gzip;
mod index;
mod path;
mod scan;
mod seek;
pub mod tar;
mod tree;
#[cfg(unix)]
mod unpack;
mod waste;

pub use compress::{BLOCK as COMPRESSED_BLOCK, CompressedSink, Uncompressed, compress};
pub use compression::{Compression, Decompressor};
pub use content::Content;
pub use entry::{Device, Entry, EntryKind, ModifiedTime, Xattrs};
pub use error::{Corruption, EntryName, Error, IndexProblem, PathProblem, Position};
pub use index::{FORMAT_VERSION, FileEntry, FileIndex, MAX_INDEX_SIZE};
pub use scan::{ContentHash, LayerFacts, LayerScan, scan};
pub use seek::{SPACING, SeekTable, SeekTableBuilder, read_from};
pub use tree::{Change, File, FileId, MAX_NODES, NodeId, Totals, Tree, Version};
pub use waste::{Waste, WasteCounter, WastedPath};

#[cfg(unix)]
pub use unpack::{
    MAX_NOTES, Missing, OnBytes, OpenLayer, UnpackNote, UnpackOptions, Unpacked, folder_in,
    is_empty, set_attributes, unpack, unpack_file, unpack_renamed,
};
