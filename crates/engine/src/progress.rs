//! Telling how far a pull, a push, a load or a save is.

use std::time::Duration;

use oci::Digest;

/// Hears how far an operation is. The outcome is never among it: that is what the verb returns.
///
/// Called from the verb's own future, never from two threads at once for one operation, and at most some tens of times
/// a second for one blob. All counts are absolute, so a listener may drop any event but the last.
pub trait Progress: Send + Sync {
    /// Takes one event. It must return at once.
    fn report(&self, event: Event);
}

/// One step of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The image is known: these blobs make it up, each of them once, configs first, layers in the image's order. For a push
    /// layers come first, and everywhere below *here* is the registry: `present` is what it has or never gets.
    Resolved {
        /// What is pulled, in full.
        name: String,
        /// The distinct blobs of the images to be pulled.
        blobs: Vec<BlobState>,
        /// Bytes still to be fetched, without what a partial download already holds; for a push bytes to be sent.
        download_bytes: u64,
        /// Bytes of all blobs, here or not.
        total_bytes: u64,
    },
    /// So many bytes of a blob are here, those of an earlier, interrupted pull included.
    Fetched {
        /// The blob.
        digest: Digest,
        /// Bytes that are here, never more than the blob's size. It can go back when a server sends a blob again from
        /// its beginning.
        current: u64,
    },
    /// The blob is whole, verified and durable; for a push the registry has it, sent or mounted.
    Stored {
        /// The blob.
        digest: Digest,
    },
    /// So many bytes of an archive were read or written, of so many where that is known.
    Passed {
        /// Bytes until now.
        current: u64,
        /// Bytes of the whole; `None` where they come through a pipe.
        total: Option<u64>,
    },
    /// All of it is here, and the next step makes it visible as a whole: whoever drops the verb from here on may find the images
    /// there all the same, and learns the outcome only by waiting for it.
    Recording,
    /// A transfer failed in a way that passes; it is tried again.
    Retrying {
        /// The blob, or `None` where a manifest or a token was asked for.
        digest: Option<Digest>,
        /// What went wrong, in words.
        reason: String,
        /// How long until the next try.
        delay: Duration,
    },
}

/// One blob of an image that is about to be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobState {
    /// The blob.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// Whether nothing of it needs to be fetched.
    pub present: bool,
    /// Bytes that an earlier pull left of it.
    pub partial: u64,
    /// Its diff ID where it is a layer whose config is already known.
    pub diff_id: Option<Digest>,
}

/// A listener that does not listen.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn report(&self, _event: Event) {}
}
