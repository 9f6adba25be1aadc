//! Sending blobs: whole in one request, and where that breaks in pieces, from where the registry says that it is.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>.

mod sending;
mod session;

use std::time::Duration;

use bytes::Bytes;
use oci::Descriptor;
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use self::sending::Sending;
use self::session::Session;
use crate::access::Access;
use crate::client::{Ask, Place};
use crate::send::{Call, Load, Outcome};
use crate::source::BlobSource;
use crate::{Error, Observer, RegistryClient, Repository, What};

/// How long a registry is given to hear that an upload is over.
const ABORT_PATIENCE: Duration = Duration::from_secs(5);

/// A blob to be sent.
#[derive(Clone, Copy)]
pub struct Upload<'a> {
    /// Where it goes.
    pub repository: &'a Repository,
    /// The blob.
    pub descriptor: &'a Descriptor,
    /// Its bytes.
    pub source: &'a dyn BlobSource,
    /// A repository of the same registry that is known to hold it.
    pub mount_from: Option<&'a Repository>,
    /// Whether the repository was asked already and lacks it.
    pub known_missing: bool,
}

impl std::fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload")
            .field("repository", &self.repository)
            .field("digest", &self.descriptor.digest)
            .finish_non_exhaustive()
    }
}

/// How a blob came into the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploaded {
    /// It was there.
    Existing,
    /// The registry took it from another of its repositories; no bytes moved.
    Mounted,
    /// Its bytes were sent.
    Sent,
}

impl RegistryClient {
    /// Tells whether a repository has a blob. Retries by itself.
    pub async fn has_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        observer: &dyn Observer,
    ) -> Result<bool, Error> {
        let what = What::Blob(descriptor.digest.clone());
        let path = format!("blobs/{}", descriptor.digest);
        let mut attempts = self.attempts(what.clone());
        loop {
            let ask = Ask {
                repository,
                what: &what,
                method: Method::HEAD,
                access: &Access::Push,
                place: Place::Path(&path),
                accept: None,
                offset: 0,
            };
            match self.ask(&ask, observer).await {
                Ok(answer) => {
                    // One of another size is another blob: the registry is damaged, and sending it again may mend it.
                    let found = answer.response.content_length();
                    return Ok(found.is_none_or(|found| found == 0 || found == descriptor.size));
                }
                Err(Error::NotFound { .. }) => return Ok(false),
                // Some do not know HEAD for blobs; then the upload will tell.
                Err(
                    Error::BadResponse { .. }
                    | Error::NotOffered { .. }
                    | Error::RedirectRefused { .. },
                ) => return Ok(false),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    /// Asks whether this user may write into a repository, by beginning an upload and taking it back.
    ///
    /// # Errors
    /// [`Error::Unauthorized`], [`Error::Denied`], [`Error::NotOffered`] where the registry is read-only.
    pub async fn may_push(
        &self,
        repository: &Repository,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let what = What::Upload(repository.to_string());
        let mut attempts = self.attempts(what.clone());
        loop {
            let url = self.place(repository, "blobs/uploads/").await?;
            let call = Call {
                repository,
                access: &Access::Push,
                method: Method::POST,
                url: &url,
                headers: HeaderMap::new(),
                load: Load::Bytes(&Bytes::new()),
            };
            let error = match self.call(&call, observer).await {
                Ok(Outcome::Done(answer)) => {
                    let session = Session::begun(self, &url, &answer).await?;
                    self.abort(repository, &what, &session.location).await;
                    return Ok(());
                }
                Ok(Outcome::Refused(refused)) => refused.into_error(repository, &what),
                Err(error) => error,
            };
            attempts.again(error, observer).await?;
        }
    }

    /// Brings a blob into a repository: nothing where it is there, mounted where that works, else sent.
    ///
    /// `progress` hears how many bytes the registry has; it goes back where it begins again. Retries, resumes and renews
    /// tokens by itself. On return the registry has compared the digest. On an error the registry is told to forget what it
    /// has; dropping the future does the same, as far as there is time.
    pub async fn upload(
        &self,
        upload: &Upload<'_>,
        progress: &(dyn Fn(u64) + Sync),
        observer: &dyn Observer,
    ) -> Result<Uploaded, Error> {
        if !upload.known_missing
            && self
                .has_blob(upload.repository, upload.descriptor, observer)
                .await?
        {
            return Ok(Uploaded::Existing);
        }
        let what = What::Blob(upload.descriptor.digest.clone());
        let mut attempts = self.attempts(what.clone());
        let mut sending = Sending::new(self, upload, &what, progress, observer);
        loop {
            let error = match sending.go_on().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            // What the registry has so far belongs to other bytes.
            let spoilt = matches!(error, Error::DigestMismatch { .. });
            attempts.progressed_to(sending.acknowledged());
            if let Err(error) = attempts.again(error, observer).await {
                sending.take_back().await;
                return Err(error);
            }
            match spoilt {
                true => sending.take_back().await,
                false => sending.find_out().await,
            }
            // The answer to a request that arrived whole may be what was lost.
            if !sending.is_begun()
                && self
                    .has_blob(upload.repository, upload.descriptor, observer)
                    .await?
            {
                return Ok(Uploaded::Sent);
            }
        }
    }

    /// Tells the registry to forget an upload. Whether it listens does not matter: it forgets by itself in time.
    async fn abort(&self, repository: &Repository, what: &What, location: &Url) {
        let call = Call {
            repository,
            access: &Access::Push,
            method: Method::DELETE,
            url: location,
            headers: HeaderMap::new(),
            load: Load::Nothing,
        };
        let told = tokio::time::timeout(ABORT_PATIENCE, self.call(&call, &())).await;
        if !matches!(told, Ok(Ok(Outcome::Done(_)))) {
            tracing::debug!(%what, "the registry did not hear that an upload is over");
        }
    }
}
