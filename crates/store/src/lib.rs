//! Images on disk: blobs by digest, and a SQLite index of what they mean.
//!
//! The folder is a valid OCI image layout at any moment (`oci-layout`, `index.json`, `blobs/`), so that other tools can
//! read it. Beside it stand `strata.db` (the index), `ingest/` (partial downloads), `layers/` (file indexes by diff ID, seek tables by blob),
//! `containers/` (what was changed in working containers), `quarantine/` (damaged files, set aside) and `locks/`.
//!
//! Words: a **target** is the digest that a name points at, of a manifest or an index; an image is known by it. The image
//! **ID** is the digest of the config. A **live** image has a row that is not removed; a **removed** one keeps its content
//! for a grace time, so that [`Store::undo`] can bring it back. A **dangling** image is live and has no name. A **lease**
//! holds content for an operation in progress.
//!
//! What holds at any moment, also after a crash or a power cut:
//! - A file under `blobs/` is whole and was verified. A row names only such files. A name points only at a live image whose
//!   manifest, config and layers are all there.
//! - What a method has returned as done is on disk. (Rows about finished blobs and leases alone may be lost in a power cut
//!   until an image is recorded; the files are then found again by [`Store::ingest`].)
//! - Content goes in the order row first, file after; it comes in the order file first, row after, name last.
//! - `index.json` says what the database says. Where the two differ on open, the newer one (by generation) wins.
//!
//! Every method blocks for a short time and may be called from any thread; several processes may work on one store. Time
//! is always an argument. Nothing here talks to a network, and nothing knows what a layer's file index holds: the facts of
//! a layer come from the caller ([`LayerFacts`]) and survive a lost database in `layers/facts`, a log that is derived data
//! and therefore not synced. Where that log has a gap after a rebuild, a check reports it, and [`Store::layers_without_facts`] names
//! the layers that the caller reads again to repair it.

mod blobs;
mod bring;
mod check;
mod collect;
mod container_changes;
mod container_removal;
mod containers;
mod database;
mod detail;
mod durable;
mod error;
mod filesystem;
mod graph;
mod images;
mod ingest;
mod journal;
mod lacking;
mod layers;
mod lease;
mod lock;
mod mirror;
mod open;
mod output;
mod plan;
mod planning;
mod process;
mod rebuild;
mod record;
mod registries;
mod repair;
mod resolve;
mod scratch;
mod seek;
mod tags;
mod tree;
mod unnamed;
mod usage;
mod write;

pub use blobs::{BlobFault, BlobState};
pub use bring::NewLayer;
pub use check::{CheckOptions, Problem, ProblemKind, Report};
pub use collect::Collected;
pub use container_changes::{ContainerEdit, PackWriter};
pub use containers::{
    ContainerId, ContainerIdError, ContainerRecord, ContainerStatus, NewContainer,
};
pub use detail::{ImageDetail, IndexEntry, LayerDetail, ManifestDetail, SharedWith};
pub use error::Error;
pub use images::{ImageKey, ImageSummary, LayerStrip, StripLayer};
pub use ingest::{Ingest, IngestWriter};
pub use journal::{ChangeId, JournalEntry, Undoable, Undone};
pub use lacking::Lacking;
pub use layers::{IndexWriter, LayerFacts, LayerRecord};
pub use lease::{InterruptedOperation, Lease, LeaseId, LeasePurpose};
pub use open::{OpenOptions, Recovery, Store};
pub use output::OutputFile;
pub use plan::{
    BlockReason, Blocked, DeletedImage, FreedBlob, Plan, PruneOptions, RemovalOptions, Removed,
    Untagged,
};
pub use process::ProcessIdentity;
pub use record::{MovePolicy, NewImage, Recorded};
pub use repair::{Repaired, Unfetched};
pub use resolve::Resolved;
pub use scratch::Scratch;
pub use seek::{SeekTableFile, SeekTableWriter};
pub use tags::TagMove;
pub use unnamed::UnnamedWriter;
pub use usage::DiskUsage;

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, Error>;

/// How long removed images, unreferenced blobs and the leases of dead processes are kept: 24 hours.
pub const GRACE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
