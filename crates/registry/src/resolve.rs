use bytes::Bytes;
use oci::{Descriptor, Digest, Document, MediaType, Reference};

use crate::{Error, Observer, RegistryClient, Repository};

/// A manifest or index with the bytes that arrived, verified.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The digest of the bytes.
    pub digest: Digest,
    /// What the registry and the document say that it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: u64,
    /// The bytes, to be stored as they are.
    pub bytes: Bytes,
    /// The view of the bytes.
    pub document: Document,
}

impl Resolved {
    /// Returns the descriptor that points at the document.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(self.media_type.clone(), self.digest.clone(), self.size)
    }
}

impl RegistryClient {
    /// Finds what a reference names and fetches that manifest or index.
    ///
    /// With a digest in the reference the tag is not looked at; with neither, `latest` is meant. A tag is asked for
    /// with HEAD and fetched by the digest that it answers; where that does not work, with GET. On return the bytes
    /// have the digest. Retries by itself. At most 4 MiB.
    pub async fn resolve(&self, reference: &Reference, observer: &dyn Observer) -> Result<Resolved, Error> {
        unimplemented!("{reference} {:p}", observer)
    }

    /// Fetches a manifest or index that another document points at.
    ///
    /// On return the bytes have the descriptor's digest and size. Retries by itself.
    pub async fn manifest(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        observer: &dyn Observer,
    ) -> Result<Resolved, Error> {
        unimplemented!("{repository} {descriptor:?} {:p}", observer)
    }
}
