//! One blob on its way: whole in one request, and where that breaks in pieces.

use bytes::Bytes;
use oci::{Algorithm, Digest};
use reqwest::Method;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use url::Url;

use super::session::{Reached, Session, reached};
use super::{Upload, Uploaded};
use crate::access::Access;
use crate::address::{Reach, reach};
use crate::client::redirect_target;
use crate::send::{Call, Load, Outcome, Part, Refused};
use crate::{Error, Observer, RegistryClient, Repository, What};

/// How much goes in one piece after a connection broke. Some registries only keep whole pieces.
const PIECE: u64 = 32 * 1024 * 1024;

/// How the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Whole,
    Pieces,
}

/// One blob on its way. Dropped in the middle, it has the registry forget what it got.
pub(super) struct Sending<'a> {
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

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        // Nobody waits for the answer.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (client, what) = (self.client.clone(), self.what.clone());
            let repository = self.upload.repository.clone();
            drop(runtime.spawn(async move {
                client.abort(&repository, &what, &session.location).await;
            }));
        }
    }
}

impl<'a> Sending<'a> {
    pub(super) fn new(
        client: &'a RegistryClient,
        upload: &'a Upload<'a>,
        what: &'a What,
        progress: &'a (dyn Fn(u64) + Sync),
        observer: &'a dyn Observer,
    ) -> Self {
        let mount = upload
            .mount_from
            .filter(|from| from.host() == upload.repository.host() && *from != upload.repository);
        Self {
            client,
            upload,
            what,
            progress,
            observer,
            session: None,
            mount,
            way: Way::Whole,
            takes_pieces: true,
            resumed: false,
        }
    }

    /// Tells whether the registry has begun an upload that can be gone on with.
    pub(super) fn is_begun(&self) -> bool {
        self.session.is_some()
    }

    fn digest(&self) -> &Digest {
        &self.upload.descriptor.digest
    }

    fn size(&self) -> u64 {
        self.upload.descriptor.size
    }

    /// Returns how many bytes the registry has said that it has.
    pub(super) fn acknowledged(&self) -> u64 {
        self.session.as_ref().map_or(0, |session| session.reached)
    }

    /// Brings the blob to its end, from where the registry has it.
    ///
    /// After an error the caller either takes it back or finds out how far it is, before it goes on.
    pub(super) async fn go_on(&mut self) -> Result<Uploaded, Error> {
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
        if self.digest().algorithm() != Algorithm::Sha256 {
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
                self.session = None;
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
                    self.take_back().await;
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

    /// Has the registry forget what it got: it is of no use, or of none any more. What goes on then begins anew.
    pub(super) async fn take_back(&mut self) {
        self.resumed = false;
        if let Some(session) = self.session.take() {
            self.client
                .abort(self.upload.repository, self.what, &session.location)
                .await;
        }
    }

    /// Asks after a failure how far the upload is. Where that is not certain it begins anew.
    pub(super) async fn find_out(&mut self) {
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

    async fn near(&self) -> Result<Reach, Error> {
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
        let empty = Bytes::new();
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

fn octets() -> HeaderValue {
    HeaderValue::from_static("application/octet-stream")
}
