//! The verbs: pull, look, tag, remove, prune, undo, check.
//!
//! An [`Engine`] joins the store, the registry client and the layer reader. It is the only crate that the window and
//! the command line know, so it hands out the nouns that they need ([`Digest`], [`Reference`], [`Platform`], …) too.
//!
//! Nothing here reads the environment, the home folder, the clock or standard output: they come in through
//! [`Settings`]. Every verb is `async` and may be dropped at any `.await`: what is then left is whole, verified blobs,
//! partial downloads that the next pull goes on from, and unmoved names.

mod analyze;
mod check;
mod compare;
mod complete;
mod df;
mod documents;
mod engine;
mod error;
mod files;
mod filter;
mod history;
pub mod human;
mod image;
mod images;
mod inspect;
mod interrupted;
mod journal;
mod layers;
mod packages;
mod progress;
mod pull;
mod removal;
mod settings;
mod status;
mod tag;
mod unpack;

pub use analyze::{Analysis, AnalysisLimits, LayerWaste, WastedFile};
pub use check::{CheckOptions, CheckReport, Problem, RepairReport};
pub use compare::{
    Comparison, ConfigDifference, FileDifference, LayerComparison, LineChange, PackageDifference,
    TextDifference,
};
pub use complete::{Completion, CompletionKind};
pub use df::{Counted, DiskUsage, LayerUsage};
pub use documents::{DocumentKind, ImageDocument};
pub use engine::Engine;
pub use error::Error;
pub use files::{
    FileChange, FileContent, FileKind, FileQuery, FileReader, FileRow, FileTouch, FileView,
    FilesPage, ImageFiles,
};
pub use filter::{Filter, FilterError};
pub use history::HistoryRow;
pub use image::{HealthcheckSummary, ImageConfigSummary, ImageDetail, IndexPlatform};
pub use images::{ImageList, ImageQuery, ImageSort, ImageSummary, LayerStripe};
pub use inspect::{InspectedImage, InspectedRootFs};
pub use interrupted::InterruptedPull;
pub use journal::{JournalEntry, Undoable};
pub use layers::{LayerRow, SharedWith};
pub use oci::{Digest, ImageName, MediaType, Platform, Reference, Selector, Tag};
pub use packages::{Package, PackageList, PackageManager};
pub use progress::{BlobState, Event, NoProgress, Progress};
pub use pull::{
    MovePolicy, MovedFrom, OfferedPlatform, PlannedBlob, PullPlan, PullRequest, Pulled,
    PulledImage, RemoteImage,
};
pub use registry::{ClientOptions, Proxies, RetryPolicy, Timeouts, TrustedRealm};
pub use removal::{
    Blocked, DeletedImage, PruneRequest, RemovalPlan, RemovalRequest, Removed, Untagged,
};
pub use settings::{Clock, Settings, SettingsError};
pub use status::{Recovered, StoreStatus};
pub use tag::{TagMove, TagPlan};
pub use unpack::{Copied, CopyOptions, CopyProgress, OnCopy};
