//! The nouns of container images, as types: digests, references, platforms, descriptors, manifests, indexes and configs.
//!
//! Nothing here does I/O. Text and JSON from outside is parsed once, here, and everything above this crate takes the
//! types. Documents are *views*: the bytes that arrived stay with the caller, are what is hashed and stored, and are
//! never written again from these structs (a parsed document drops the fields that it does not know).
//!
//! Words: a **digest** names bytes. A **layer** has a *digest* (of the compressed bytes), a *diff ID* (of the tar inside)
//! and a *chain ID* (of the stack up to it). The **image ID** is the digest of the config. See `docs/anatomy-of-an-image.md`.

mod config;
mod descriptor;
mod digest;
mod document;
mod history;
mod json;
mod media_type;
mod platform;
mod reference;
mod selector;

pub use config::{
    ConfigError, ContainerConfig, Healthcheck, HistoryRecord, ImageConfig, RootFs, chain_ids,
};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use document::{
    Document, DocumentError, Index, MAX_DESCRIPTORS, MAX_INDEX_DEPTH, MAX_MANIFEST_SIZE, Manifest,
};
pub use history::{HistoryEntry, pair_history};
pub use media_type::MediaType;
pub use platform::{Platform, PlatformError};
pub use reference::{ImageName, Reference, ReferenceError, Tag};
pub use selector::Selector;
