//! The verbs: pull, load, save, import, copy, look, tag, remove, prune, undo, check.
//!
//! An [`Engine`] joins the store, the registry client and the layer reader. It is the only crate that the window and
//! the command line know, so it hands out the nouns that they need ([`Digest`], [`Reference`], [`Platform`], …) too.
//!
//! Nothing here reads the environment, the home folder, the clock or standard output: they come in through
//! [`Settings`]. Every verb is `async` and may be dropped at any `.await`: what is then left is whole, verified blobs,
//! partial downloads that the next pull goes on from, and unmoved names.

mod analyze;
mod changes;
mod check;
mod compare;
mod complete;
mod copy;
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
mod import;
mod inspect;
mod interrupted;
mod journal;
mod layers;
mod load;
mod opened;
mod packages;
mod pipeline;
mod place;
mod probe;
mod progress;
mod pull;
mod removal;
mod save;
mod settings;
mod sharing;
mod status;
mod tag;
mod unpack;

pub use analyze::{Analysis, AnalysisLimits, LayerWaste, WastedFile};
pub use archive::{Compression, Format as ArchiveFormat, Style as SaveStyle};
pub use changes::ChangeError;
pub use check::{CheckOptions, CheckReport, Problem, RepairReport};
pub use compare::{
    ComparedImages, Comparison, ConfigDifference, DifferenceQuery, DifferenceSort, DifferencesPage,
    FileDifference, Hunk, HunkLine, LayerComparison, LineChange, PackageDifference, TextDifference,
};
pub use complete::{Completion, CompletionKind};
pub use copy::{Copied, CopyRequest};
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
pub use images::{ImageList, ImageQuery, ImageSort, ImageSummary};
pub use import::{ImportRequest, Imported};
pub use inspect::{InspectedImage, InspectedRootFs};
pub use interrupted::InterruptedPull;
pub use journal::{JournalEntry, Undoable};
pub use layers::{LayerRow, SharedWith};
pub use load::{
    ArchiveSource, ChosenImage, LoadPlan, LoadRequest, Loaded, LoadedImage, PlannedImage,
    PlannedName,
};
pub use oci::{Digest, ImageName, MediaType, Platform, Reference, Selector, Tag};
pub use opened::{OpenedImage, Reading};
pub use packages::{Package, PackageDatabase, PackageList, PackageManager};
pub use place::{Place, PlaceError};
pub use probe::{ArchiveContents, ArchiveImage, ArchivePlatform, IncompleteImage};
pub use progress::{BlobState, Event, NoProgress, Progress};
pub use pull::{
    MovePolicy, MovedFrom, OfferedPlatform, PlannedBlob, PullPlan, PullRequest, Pulled, PulledImage,
};
pub use registry::{ClientOptions, Proxies, RetryPolicy, Timeouts, TrustedRealm};
pub use removal::{
    Blocked, DeletedImage, PruneRequest, RemovalPlan, RemovalRequest, Removed, Untagged,
};
pub use save::{SaveRequest, SaveTarget, Saved, SavedImage};
pub use settings::{Clock, Settings, SettingsError};
pub use sharing::{ImageLayer, ImageShare, LayerShare, Sharing};
pub use status::{Recovered, StoreStatus};
pub use store::{LayerStrip, StripLayer as LayerStripe};
pub use tag::{TagMove, TagPlan};
pub use unpack::{CopiedOut, CopyOptions, CopyProgress, OnCopy};
