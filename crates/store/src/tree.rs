//! Where things are in the store's folder.

use std::path::PathBuf;

use oci::Digest;

use crate::Store;

impl Store {
    /// Returns where a blob's file is, or would be. Only a parsed digest makes a path.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root()
            .join("blobs")
            .join(digest.algorithm().as_str())
            .join(digest.hex())
    }

    /// Returns where the partial download of a blob is.
    pub(crate) fn ingest_path(&self, digest: &Digest) -> PathBuf {
        self.root()
            .join("ingest")
            .join(format!("{}-{}", digest.algorithm().as_str(), digest.hex()))
    }

    /// Returns where the file index of a layer is, or would be.
    pub fn index_path(&self, diff_id: &Digest) -> PathBuf {
        self.root()
            .join("layers")
            .join(format!("{}.index", diff_id.hex()))
    }

    /// Returns where the seek table of a layer's blob is.
    pub(crate) fn seek_path(&self, blob: &Digest) -> PathBuf {
        self.root()
            .join("layers")
            .join(format!("{}.seek", blob.hex()))
    }

    /// Returns the folder of lock files and of files that are being written.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root().join("locks")
    }
}
