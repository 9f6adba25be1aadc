//! The verbs: pull, push, load, save, import, copy, look, tag, remove, prune, undo, check.
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
mod containers;
mod copy;
mod df;
mod discover;
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
mod lineage;
mod load;
mod login;
mod opened;
mod packages;
mod paging;
mod pipeline;
mod place;
pub mod places;
mod probe;
mod progress;
mod pull;
mod push;
mod remote;
mod removal;
mod save;
mod settings;
mod sharing;
mod status;
mod tag;
mod tags;
mod unpack;

pub use analyze::{Analysis, AnalysisLimits, LayerWaste, WasteCause, WasteSource, WastedFile};
pub use archive::{Compression, Format as ArchiveFormat, Style as SaveStyle};
pub use changes::ChangeError;
pub use check::{CheckOptions, CheckReport, Problem, RepairReport};
pub use compare::{
    ComparedImages, Comparison, ConfigDifference, DifferenceQuery, DifferenceSort, DifferencesPage,
    FileDifference, Hunk, HunkLine, LayerComparison, LineChange, PackageDifference, TextDifference,
};
pub use complete::{Completion, CompletionKind};
pub use containers::{
    CommitRequest, Committed, Container, ContainerChange, ContainerConfig, ContainerEdit, CopiedIn,
    CopySource, CreateRequest, RunField, RunProblem, RunText, RunningContainer, StartRequest,
    TarTarget, docker_run, split_words,
};
pub use copy::{Copied, CopyRequest};
pub use df::{Counted, DiskUsage, LayerUsage};
pub use discover::{CatalogPage, Referrer, ReferrerKind, SearchRequest, SearchResult};
pub use documents::{DocumentKind, ImageDocument};
pub use engine::Engine;
pub use error::{Error, RegistryRefusal};
pub use files::{
    ChangeCounts, FileChange, FileContent, FileKind, FileQuery, FileReader, FileRow, FileSort,
    FileTouch, FileView, FilesPage, ImageFiles, Outline, OutlineQuery, OutlineRow, Treemap,
    TreemapNode,
};
pub use filter::{Filter, FilterError};
pub use history::HistoryRow;
pub use image::{HealthcheckSummary, ImageConfigSummary, ImageDetail, IndexPlatform};
pub use images::{ImageList, ImageQuery, ImageSort, ImageSummary};
pub use import::{ImportRequest, Imported};
pub use inspect::{InspectedImage, InspectedRootFs};
pub use interrupted::InterruptedPull;
pub use journal::{JournalEntry, Undoable, Undone};
pub use layer::Compression as LayerCompression;
pub use layers::{LayerRow, SharedWith};
pub use lineage::{Lineage, Relative};
pub use load::{
    ArchiveSource, ChosenImage, LoadPlan, LoadRequest, Loaded, LoadedImage, PlannedImage,
    PlannedLayer, PlannedName,
};
pub use login::{Kept, KnownHost, LoggedIn, LoginRequest, registry_host};
pub use oci::{Digest, ImageName, MediaType, Platform, Reference, Selector, Tag};
pub use opened::{OpenedImage, Reading};
pub use packages::{Package, PackageDatabase, PackageList, PackageManager};
pub use place::{Place, PlaceError};
pub use places::{EnginePlace, PlaceInfo};
pub use probe::{ArchiveContents, ArchiveImage, ArchivePlatform, IncompleteImage};
pub use progress::{BlobState, Event, NoProgress, Progress};
pub use pull::{
    MovePolicy, MovedFrom, OfferedPlatform, PlannedBlob, PullPlan, PullRequest, Pulled, PulledImage,
};
pub use push::{
    BlobThere, Destination, LeftOut, PushBlob, PushPlan, PushRequest, Pushed,
    destinations_elsewhere,
};
pub use registry::{
    ClientOptions, Keyring, Mirror, NextPage, Proxies, Quota, RetryPolicy, Secret, Timeouts,
    TrustedRealm,
};
pub use remote::RemoteDetail;
pub use removal::{
    Blocked, DeletedImage, PruneRequest, RemovalPlan, RemovalRequest, Removed, Untagged,
};
pub use runtime::{
    Control, ExecOptions, Finding as RuntimeFinding, Input, Limits, Line as LogLine, LogReader,
    Mount, Network, Output, Port, Probe as RuntimeProbe, RunOptions, Stream as LogStream, monitor,
    options as run_options,
};
pub use save::{SaveRequest, SaveTarget, Saved, SavedImage};
pub use settings::{Clock, Settings, SettingsError};
pub use sharing::{ImageLayer, ImageShare, LayerShare, Sharing};
pub use status::{Recovered, StoreStatus};
pub use store::{
    ChangeId, ContainerId, ContainerIdError, ContainerStatus, LayerStrip, StripLayer as LayerStripe,
};
pub use tag::{TagMove, TagPlan};
pub use tags::{LocalMark, RemoteTag, TagsPage, Update, UpdateState, by_version};
pub use unpack::{CopiedOut, CopyOptions, CopyProgress, OnCopy};
