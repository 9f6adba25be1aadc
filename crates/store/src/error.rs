use std::io;
use std::path::{Path, PathBuf};

use oci::{ConfigError, Digest, DocumentError, ImageName};

use crate::BlobFault;

/// Why the store did not do what was asked. Whatever it says, what was there before is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no room left on the disk (or in the user's quota).
    #[error("the disk is full: {}", path.display())]
    DiskFull {
        /// The store's folder or the file that could not grow.
        path: PathBuf,
        /// How many bytes more are needed, where that is known.
        needed: Option<u64>,
        /// How many bytes are free, where that is known.
        available: Option<u64>,
    },
    /// The store can only be read: its folder, or the whole file system, is not writable.
    #[error("the store in {} is read-only", path.display())]
    ReadOnly {
        /// The store's folder.
        path: PathBuf,
    },
    /// The folder is not there and could not be made, or is no store and not empty.
    #[error("{} is not a store: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database was written by a newer version; nothing was touched.
    #[error("the store in {} has format {found}, this version knows up to {supported}", path.display())]
    Newer {
        /// The store's folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The folder is on a network file system, on which SQLite's locks do not hold.
    #[error("the store in {} is on a network file system ({kind}), where its database would not be safe", path.display())]
    NetworkFileSystem {
        /// The store's folder.
        path: PathBuf,
        /// The file system's name.
        kind: &'static str,
    },
    /// The database was found damaged while it was in use. The next open sets it aside and rebuilds it from the files.
    #[error("the database of the store in {} is damaged", path.display())]
    DatabaseDamaged {
        /// The store's folder.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The database refused something for another reason.
    #[error("the store's database failed: {source}")]
    Database {
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process holds what is needed, for longer than was worth waiting.
    #[error("another process is using {what}")]
    Busy {
        /// What it holds.
        what: String,
    },
    /// The database was rebuilt and no check has passed since, so nothing may be deleted for good.
    #[error("the store was recovered and has not been checked yet, so nothing is deleted")]
    Unchecked,
    /// There is no such blob.
    #[error("blob {digest} is not in the store")]
    BlobMissing {
        /// Its digest.
        digest: Digest,
    },
    /// The blob's file is not what was stored.
    #[error("blob {digest} is damaged: {fault}")]
    BlobDamaged {
        /// Its digest.
        digest: Digest,
        /// What is wrong.
        fault: BlobFault,
    },
    /// More bytes arrived than were announced, or fewer.
    #[error("blob {digest} has {found} bytes, not {expected}")]
    SizeMismatch {
        /// Its digest.
        digest: Digest,
        /// The announced size.
        expected: u64,
        /// How many bytes arrived.
        found: u64,
    },
    /// The bytes that arrived are not the ones that the digest names.
    #[error("the bytes of blob {expected} have the digest {found}")]
    DigestMismatch {
        /// The announced digest.
        expected: Digest,
        /// The digest of what arrived.
        found: Digest,
    },
    /// A document is larger than the caller reads.
    #[error("blob {digest} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Its digest.
        digest: Digest,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A blob that should be a manifest or index is none.
    #[error("blob {digest}: {source}")]
    Document {
        /// Its digest.
        digest: Digest,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// A blob that should be an image's config is none.
    #[error("blob {digest}: {source}")]
    Config {
        /// Its digest.
        digest: Digest,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// An image cannot be recorded: some of what it consists of is not in the store.
    #[error("image {target} is not complete: {} of its blobs are missing", missing.len())]
    Incomplete {
        /// The image.
        target: Digest,
        /// What is missing.
        missing: Vec<Digest>,
    },
    /// A manifest was named for an image whose index does not list it.
    #[error("{manifest} is not part of image {target}")]
    NotInImage {
        /// The image.
        target: Digest,
        /// The manifest.
        manifest: Digest,
    },
    /// No image has that name, digest or ID.
    #[error("no image is named {text:?}")]
    ImageNotFound {
        /// What was asked for.
        text: String,
    },
    /// Several images have an ID that starts so.
    #[error("{text:?} is the start of {} image IDs", matches.len())]
    Ambiguous {
        /// What was asked for.
        text: String,
        /// The targets of the images that it can mean, at most ten.
        matches: Vec<Digest>,
    },
    /// The name points at another image and was not to be moved.
    #[error("{name} already names image {target}")]
    NameTaken {
        /// The name.
        name: ImageName,
        /// The image that it points at.
        target: Digest,
    },
    /// What a plan was made from has changed since; nothing was done.
    #[error("the images changed since this was planned")]
    PlanStale,
    /// There is no change left that can be undone.
    #[error("there is nothing to undo")]
    NothingToUndo,
    /// The change that was to be undone is not the last one any more; nothing was undone.
    #[error("another change came after it{}", of(by))]
    Overtaken {
        /// The names that the last change is of.
        by: Vec<ImageName>,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
    /// No container has that name or ID.
    #[error("no container is named {text:?}")]
    ContainerNotFound {
        /// What was asked for.
        text: String,
    },
    /// Several containers have an ID that starts so.
    #[error("{text:?} is the start of {count} container IDs")]
    ContainerAmbiguous {
        /// What was asked for.
        text: String,
        /// How many.
        count: usize,
    },
    /// Another container has the name.
    #[error("the name {name} is in use by container {holder}")]
    ContainerNameTaken {
        /// The name.
        name: String,
        /// The container that has it.
        holder: String,
    },
    /// What was changed in a container cannot be read any more.
    #[error("container {container} is damaged: {} {problem}", path.display())]
    ContainerDamaged {
        /// Its name.
        container: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no interrupted operation of that number (any more).
    #[error("there is no interrupted operation {id}")]
    NoSuchOperation {
        /// Its number.
        id: i64,
    },
}

/// Says of which names something is, two of them at the most.
fn of(names: &[ImageName]) -> String {
    let shown: Vec<String> = names.iter().take(2).map(ImageName::familiar).collect();
    match (shown.is_empty(), names.len() - shown.len()) {
        (true, _) => String::new(),
        (false, 0) => format!(", of {}", shown.join(" and ")),
        (false, more) => format!(", of {} and {more} more", shown.join(", ")),
    }
}

impl Error {
    /// Returns a function that wraps an I/O error and tells a full disk and a read-only file system from the rest.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                path,
                needed: None,
                available: None,
            },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}
