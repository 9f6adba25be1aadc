//! Sending blobs: whole in one request, and where that breaks in pieces, from where the registry says that it is.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs>.

mod session;

use std::time::Duration;

use oci::{Descriptor, Digest};
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use url::Url;

use self::session::{Reached, Session, reached};
use crate::access::Access;
use crate::address::reach;
use crate::client::{Answer, Ask, Place, redirect_target};
use crate::send::{Call, Load, Outcome, Part, Refused};
use crate::source::BlobSource;
use crate::{Error, Observer, RegistryClient, Repository, What};

/// How much goes in one piece after a connection broke. Some registries only keep whole pieces.
const PIECE: u64 = 32 * 1024 * 1024;

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
                load: Load::Bytes(&bytes::Bytes::new()),
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
        let mut running = Running {
            client: self,
            upload,
            what: &what,
            progress,
            observer,
            session: None,
            mount: upload.mount_from.filter(|from| {
                from.host() == upload.repository.host() && *from != upload.repository
            }),
            way: Way::Whole,
            takes_pieces: true,
            resumed: false,
        };
        loop {
            let error = match running.go_on().await {
                Ok(done) => {
                    running.session = None;
                    return Ok(done);
                }
                Err(error) => error,
            };
            // What the registry has so far belongs to other bytes.
            let spoilt = matches!(error, Error::DigestMismatch { .. });
            attempts.progressed_to(running.acknowledged());
            if let Err(error) = attempts.again(error, observer).await {
                if let Some(session) = running.session.take() {
                    self.abort(upload.repository, &what, &session.location)
                        .await;
                }
                return Err(error);
            }
            match spoilt {
                true => running.begin_anew().await,
                false => running.find_out().await,
            }
            // The answer to a request that arrived whole may be what was lost.
            if running.session.is_none()
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

/// How the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Pieces,
}

/// One blob on its way.
struct Running<'a> {
    client: &'a RegistryClient,
    upload: &'a Upload<'a>,
    what: &'a What,
    progress: &'a (dyn Fn(u64) + Sync),
    observer: &'a dyn Observer,
    session: Option<Session>,
    mount: Option<&'a Repository>,
    way: Way,
    /// Whether the registry has not yet refused a piece.
    takes_pieces: bool,
    /// Whether bytes of several requests are in the upload.
    resumed: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        // Dropped in the middle: nobody waits for the answer.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, what) = (self.client.clone(), self.what.clone());
            let repository = self.upload.repository.clone();
            drop(runtime.spawn(async move {
                client.abort(&repository, &what, &session.location).await;
            }));
        }
    }
}

impl Running<'_> {
    fn digest(&self) -> &Digest {
        &self.upload.descriptor.digest
    }

    fn size(&self) -> u64 {
        self.upload.descriptor.size
    }

    fn acknowledged(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.reached)
    }

    async fn go_on(&mut self) -> Result<Uploaded, Error> {
        if self.session.is_none() {
            match self.begin().await? {
                Some(session) => self.session = Some(session),
                None => return Ok(Uploaded::Mounted),
            }
        }
        if self.way == Way::Whole && self.acknowledged() == 0 {
            return self.finish(0).await;
        }
        while self.acknowledged() < self.size() {
            self.piece().await?;
        }
        self.finish(self.size()).await
    }

    /// Begins an upload; `None` where the blob was mounted instead.
    async fn begin(&mut self) -> Result<Option<Session>, Error> {
        let url = self
            .client
            .place(self.upload.repository, "blobs/uploads/")
            .await?;
        if let Some(from) = self.mount.take() {
            let mut with_mount = url.clone();
            with_mount
                .query_pairs_mut()
                .append_pair("mount", self.digest().as_str())
                .append_pair("from", from.path());
            let access = Access::Mount(from.path().to_owned());
            match self
                .send(Method::POST, &with_mount, &access, HeaderMap::new(), None)
                .await
            {
                Ok(Outcome::Done(answer)) if answer.response.status().as_u16() == 201 => {
                    return Ok(None);
                }
                Ok(Outcome::Done(answer)) => {
                    return Session::begun(self.client, &url, &answer).await.map(Some);
                }
                // It was worth a try: who may not read there can still send the bytes.
                Ok(Outcome::Refused(_)) | Err(_) => {}
            }
        }
        let mut url = url;
        if self.digest().algorithm() != oci::Algorithm::Sha256 {
            let algorithm = self.digest().as_str().split(':').next().unwrap_or_default();
            url.query_pairs_mut()
                .append_pair("digest-algorithm", algorithm);
        }
        match self
            .send(Method::POST, &url, &Access::Push, HeaderMap::new(), None)
            .await?
        {
            Outcome::Done(answer) => Session::begun(self.client, &url, &answer).await.map(Some),
            Outcome::Refused(refused) => Err(refused.into_error(self.upload.repository, self.what)),
        }
    }

    /// Sends what is left from `start` on and ends the upload: everything, or nothing after pieces.
    async fn finish(&mut self, start: u64) -> Result<Uploaded, Error> {
        let Some(session) = &self.session else {
            return Err(self.lost("there is no upload to end"));
        };
        let url = session.with_digest(self.digest());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, octets());
        let length = self.size() - start;
        match self
            .send(
                Method::PUT,
                &url,
                &Access::Push,
                headers,
                Some((start, length)),
            )
            .await?
        {
            Outcome::Done(_) => {
                (self.progress)(self.size());
                Ok(Uploaded::Sent)
            }
            Outcome::Refused(refused) => {
                let wrong = refused.account.has("DIGEST_INVALID");
                let host = refused.host.clone();
                let forgot = self.is_lost(&refused) || (wrong && self.resumed);
                if forgot {
                    self.session = None;
                    self.resumed = false;
                    return Err(self.lost("the registry lost the upload"));
                }
                if wrong {
                    return Err(Error::WrongBytes {
                        host,
                        digest: self.digest().clone(),
                    });
                }
                Err(refused.into_error(self.upload.repository, self.what))
            }
        }
    }

    /// Sends the next piece.
    async fn piece(&mut self) -> Result<(), Error> {
        let size = self.size();
        let Some(session) = &self.session else {
            return Err(self.lost("there is no upload to go on with"));
        };
        let (start, url) = (session.reached, session.location.clone());
        let length = PIECE.max(session.least_piece).min(size - start);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, octets());
        // Inclusive, and without the word `bytes`: it is no range of HTTP.
        if let Ok(range) = HeaderValue::from_str(&format!("{start}-{}", start + length - 1)) {
            headers.insert(CONTENT_RANGE, range);
        }
        let sent = self
            .send(
                Method::PATCH,
                &url,
                &Access::Push,
                headers,
                Some((start, length)),
            )
            .await?;
        match sent {
            Outcome::Done(answer) => {
                let end = start + length;
                let near = self.near().await?;
                let options = self.client.options();
                let Some(session) = &mut self.session else {
                    return Ok(());
                };
                if let Some(location) = answer.response.headers().get(LOCATION) {
                    session.location =
                        redirect_target(answer.response.url(), Some(location), near, options)?;
                }
                session.reached = match reached(answer.response.headers()) {
                    Reached::Bytes(there) if there > start && there <= end => there,
                    _ => end,
                };
                self.resumed |= start > 0;
                Ok(())
            }
            Outcome::Refused(refused) if refused.status == 416 => {
                self.find_out().await;
                // It says the place where it did not take the piece: that will not end.
                if self.acknowledged() == start {
                    self.begin_anew().await;
                }
                Err(self.lost("the registry is at another place of the upload"))
            }
            Outcome::Refused(refused) if self.is_lost(&refused) => {
                self.session = None;
                self.resumed = false;
                Err(self.lost("the registry lost the upload"))
            }
            Outcome::Refused(refused)
                if matches!(refused.status, 405 | 501) || (start == 0 && refused.status == 400) =>
            {
                // No pieces, then: everything in one request, as often as it takes.
                self.session = None;
                self.way = Way::Whole;
                self.takes_pieces = false;
                Err(self.lost("the registry takes no pieces"))
            }
            Outcome::Refused(refused) => Err(refused.into_error(self.upload.repository, self.what)),
        }
    }

    /// After bytes that were not the blob's: nothing of them is of use.
    async fn begin_anew(&mut self) {
        self.resumed = false;
        if let Some(session) = self.session.take() {
            self.client
                .abort(self.upload.repository, self.what, &session.location)
                .await;
        }
    }

    /// After a failure: asks how far the upload is. Where that is not certain it begins anew.
    async fn find_out(&mut self) {
        if self.takes_pieces {
            self.way = Way::Pieces;
        }
        let Some(session) = self.session.take() else {
            return;
        };
        let asked = self
            .send(
                Method::GET,
                &session.location,
                &Access::Push,
                HeaderMap::new(),
                None,
            )
            .await;
        let Ok(Outcome::Done(answer)) = asked else {
            self.resumed = false;
            return;
        };
        let known = session.reached;
        let there = match reached(answer.response.headers()) {
            // `0-0` means one byte, and in many registries none: our own count decides.
            Reached::Bytes(1) | Reached::Nothing if known == 0 => 0,
            Reached::Bytes(there) if there >= known && there <= self.size() => there,
            _ => {
                self.resumed = false;
                return;
            }
        };
        if !self.takes_pieces && there > 0 {
            return;
        }
        let Ok(near) = self.near().await else { return };
        let location = match answer.response.headers().get(LOCATION) {
            None => session.location,
            given => {
                let options = self.client.options();
                match redirect_target(answer.response.url(), given, near, options) {
                    Ok(location) => location,
                    Err(_) => return,
                }
            }
        };
        self.resumed |= there > 0;
        (self.progress)(there);
        self.session = Some(Session {
            location,
            reached: there,
            ..session
        });
    }

    async fn near(&self) -> Result<crate::address::Reach, Error> {
        let base = self.client.place(self.upload.repository, "").await?;
        Ok(reach(&base))
    }

    fn is_lost(&self, refused: &Refused) -> bool {
        let codes = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"];
        let unknown = codes.iter().any(|code| refused.account.has(code));
        unknown || (refused.status == 404 && !refused.account.has("NAME_UNKNOWN"))
    }

    /// A failure that passes: the next try knows what to do about it.
    fn lost(&self, reason: &str) -> Error {
        Error::Interrupted {
            host: self.upload.repository.host().to_owned(),
            reached: self.acknowledged(),
            expected: self.size(),
            reason: Some(reason.to_owned()),
        }
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        access: &Access,
        headers: HeaderMap,
        part: Option<(u64, u64)>,
    ) -> Result<Outcome, Error> {
        let empty = bytes::Bytes::new();
        let (start, length) = part.unwrap_or_default();
        let progress = |sent| (self.progress)(start + sent);
        let load = match part {
            Some(_) => Load::Part(Part {
                source: self.upload.source,
                start,
                length,
                progress: &progress,
            }),
            None if method == Method::POST => Load::Bytes(&empty),
            None => Load::Nothing,
        };
        let call = Call {
            repository: self.upload.repository,
            access,
            method,
            url,
            headers,
            load,
        };
        self.client.call(&call, self.observer).await
    }
}

impl Session {
    /// Reads where an upload that was begun goes on.
    async fn begun(client: &RegistryClient, asked: &Url, answer: &Answer) -> Result<Self, Error> {
        let headers = answer.response.headers();
        let location = headers.get(LOCATION);
        if location.is_none() {
            return Err(Error::BadResponse {
                host: answer.host.clone(),
                reason: "it does not say where to upload to".to_owned(),
            });
        }
        let location = redirect_target(asked, location, reach(asked), client.options())?;
        Ok(Self::at(location, headers))
    }
}

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}
