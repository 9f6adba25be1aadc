use bytes::Bytes;
use oci::{
    Algorithm, Descriptor, Digest, Document, DocumentError, Hasher, MAX_MANIFEST_SIZE, MediaType,
    Reference, Tag,
};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use crate::access::Access;
use crate::client::{Answer, Ask, Place};
use crate::transport::read_body;
use crate::{Error, Observer, RegistryClient, Repository, What};

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

/// Every kind of manifest that is read, and schema 1 so that a registry sends it and the error can say so.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.5";

const DIGEST_HEADER: &str = "docker-content-digest";

impl RegistryClient {
    /// Finds what a reference names and fetches that manifest or index.
    ///
    /// With a digest in the reference the tag is not looked at; with neither, `latest` is meant. A tag is asked for
    /// with HEAD (which registries do not count as a pull) and fetched by the digest that it answers; where that does
    /// not work, with GET. On return the bytes have the digest. Retries by itself. At most 4 MiB.
    pub async fn resolve(
        &self,
        reference: &Reference,
        observer: &dyn Observer,
    ) -> Result<Resolved, Error> {
        self.resolve_with(reference, &Access::Pull, observer).await
    }

    /// As [`RegistryClient::resolve`]. Who may write asks the registry itself, and never a mirror.
    pub(crate) async fn resolve_with(
        &self,
        reference: &Reference,
        access: &Access,
        observer: &dyn Observer,
    ) -> Result<Resolved, Error> {
        let reference = reference.clone().with_default_tag();
        let wanted = Wanted {
            client: self,
            repository: Repository::of(&reference),
            what: What::Manifest(reference.to_string()),
            access,
            observer,
        };
        let mut attempts = self.attempts(wanted.what.clone());
        loop {
            let found = match (reference.digest(), reference.tag()) {
                (Some(digest), _) => wanted.by_digest(digest).await,
                (None, tag) => wanted.by_tag(tag.map_or("latest", Tag::as_str)).await,
            };
            match found {
                Ok(resolved) => return Ok(resolved),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    /// Fetches a manifest or index that another document points at.
    ///
    /// On return the bytes have the descriptor's digest and size, and are what the descriptor says. Retries by itself.
    pub async fn manifest(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        observer: &dyn Observer,
    ) -> Result<Resolved, Error> {
        let what = What::Manifest(format!("{repository}@{}", descriptor.digest));
        let wanted = Wanted {
            client: self,
            repository: repository.clone(),
            what,
            access: &Access::Pull,
            observer,
        };
        if descriptor.size > MAX_MANIFEST_SIZE {
            return Err(Error::TooLarge {
                what: wanted.what,
                limit: MAX_MANIFEST_SIZE,
            });
        }
        let mut attempts = self.attempts(wanted.what.clone());
        loop {
            match wanted.by_descriptor(descriptor).await {
                Ok(resolved) => return Ok(resolved),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }
}

/// One manifest that is asked for.
struct Wanted<'a> {
    client: &'a RegistryClient,
    repository: Repository,
    what: What,
    access: &'a Access,
    observer: &'a dyn Observer,
}

/// The bytes of a document with what the headers said about them.
struct Raw {
    bytes: Bytes,
    content_type: Option<String>,
    announced: Option<Digest>,
    host: String,
}

impl Wanted<'_> {
    async fn by_tag(&self, tag: &str) -> Result<Resolved, Error> {
        match self.ask(Method::HEAD, tag).await {
            Ok(answer) => {
                if let Some(digest) = announced_digest(answer.response.headers()) {
                    drop(answer);
                    match self.by_digest(&digest).await {
                        // Some registries know their manifests by tag only.
                        Err(Error::NotFound { .. }) => {}
                        other => return other,
                    }
                }
            }
            Err(error) if error.is_temporary() => return Err(error),
            // An answer to HEAD has no body that explains, and some registries do not know HEAD.
            Err(
                Error::NotFound { .. }
                | Error::Denied { .. }
                | Error::BadResponse { .. }
                | Error::NotOffered { .. }
                | Error::Unavailable { .. }
                | Error::RedirectRefused { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        let raw = self.fetch(tag, MAX_MANIFEST_SIZE).await?;
        let algorithm = raw
            .announced
            .as_ref()
            .map_or(Algorithm::Sha256, Digest::algorithm);
        let found = hash(algorithm, &raw.bytes);
        if let Some(announced) = &raw.announced {
            self.must_equal(announced, &found, &raw.host)?;
        }
        self.read(raw, found, None)
    }

    async fn by_digest(&self, digest: &Digest) -> Result<Resolved, Error> {
        let raw = self.fetch(digest.as_str(), MAX_MANIFEST_SIZE).await?;
        self.verified(raw, digest, None)
    }

    async fn by_descriptor(&self, descriptor: &Descriptor) -> Result<Resolved, Error> {
        let raw = match self
            .fetch(descriptor.digest.as_str(), descriptor.size)
            .await
        {
            Err(Error::TooLarge { what, .. }) => {
                let host = self.repository.host().to_owned();
                return Err(Error::SizeMismatch {
                    host,
                    what,
                    expected: descriptor.size,
                    found: None,
                });
            }
            raw => raw?,
        };
        let size = raw.bytes.len() as u64;
        if size != descriptor.size {
            let (host, what) = (raw.host, self.what.clone());
            return Err(Error::SizeMismatch {
                host,
                what,
                expected: descriptor.size,
                found: Some(size),
            });
        }
        self.verified(raw, &descriptor.digest, Some(&descriptor.media_type))
    }

    fn verified(
        &self,
        raw: Raw,
        expected: &Digest,
        pointed_as: Option<&MediaType>,
    ) -> Result<Resolved, Error> {
        self.must_equal(expected, &hash(expected.algorithm(), &raw.bytes), &raw.host)?;
        if let Some(announced) = raw
            .announced
            .as_ref()
            .filter(|announced| *announced != expected)
        {
            self.must_equal(
                announced,
                &hash(announced.algorithm(), &raw.bytes),
                &raw.host,
            )?;
        }
        self.read(raw, expected.clone(), pointed_as)
    }

    /// Reads verified bytes.
    fn read(
        &self,
        raw: Raw,
        digest: Digest,
        pointed_as: Option<&MediaType>,
    ) -> Result<Resolved, Error> {
        let mut parsed = Document::parse(&raw.bytes, raw.content_type.as_deref());
        if let (Ok(_), Some(pointed_as)) = (&parsed, pointed_as) {
            parsed = Document::parse(&raw.bytes, Some(pointed_as.as_str()));
        }
        let document = parsed.map_err(|source| {
            let reference = self.what.to_string();
            match source {
                DocumentError::Schema1 => Error::SchemaOne { reference },
                DocumentError::Ambiguous | DocumentError::MediaType { .. } => {
                    Error::Ambiguous { reference, source }
                }
                source => Error::Document { reference, source },
            }
        })?;
        Ok(Resolved {
            digest,
            media_type: document.media_type().clone(),
            size: raw.bytes.len() as u64,
            bytes: raw.bytes,
            document,
        })
    }

    async fn fetch(&self, name: &str, limit: u64) -> Result<Raw, Error> {
        let mut answer = self.ask(Method::GET, name).await?;
        let headers = answer.response.headers();
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        // Seen before the digest: registries name schema 1 by the digest of the document without its signatures.
        if content_type
            .as_deref()
            .is_some_and(|text| MediaType::parse(text) == MediaType::DockerSchema1)
        {
            return Err(Error::SchemaOne {
                reference: self.what.to_string(),
            });
        }
        let announced = announced_digest(headers);
        let stall = self.client.options().timeouts.stall;
        match read_body(&mut answer.response, limit, stall).await? {
            Some(bytes) => Ok(Raw {
                bytes,
                content_type,
                announced,
                host: answer.host,
            }),
            None => Err(Error::TooLarge {
                what: self.what.clone(),
                limit,
            }),
        }
    }

    async fn ask(&self, method: Method, name: &str) -> Result<Answer, Error> {
        let path = format!("manifests/{name}");
        let ask = Ask {
            repository: &self.repository,
            what: &self.what,
            method,
            place: Place::Path(&path),
            access: self.access,
            accept: Some(ACCEPT),
            offset: 0,
        };
        self.client.ask(&ask, self.observer).await
    }

    fn must_equal(&self, expected: &Digest, found: &Digest, host: &str) -> Result<(), Error> {
        if expected == found {
            return Ok(());
        }
        Err(Error::DigestMismatch {
            host: host.to_owned(),
            what: self.what.clone(),
            expected: expected.clone(),
            found: found.clone(),
        })
    }
}

/// Reads `Docker-Content-Digest`. One that is no digest says as little as a missing one.
pub(crate) fn announced_digest(headers: &HeaderMap) -> Option<Digest> {
    headers
        .get(DIGEST_HEADER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

pub(crate) fn hash(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}
