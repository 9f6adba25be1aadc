//! Requests that write: with a body, to the place that the registry names, and authorised anew where a token ends.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use url::Url;

use crate::access::Access;
use crate::address::{authority, reach};
use crate::auth::Refusal;
use crate::client::{Answer, MAX_REDIRECTS, behind, redirect_target};
use crate::endpoint::accepts_any_certificate;
use crate::source::BlobSource;
use crate::status::{self, Account, MAX_ERROR_BODY};
use crate::transport::{Payload, Request, Stream, read_body};
use crate::{Error, Observer, RegistryClient, Repository, What};

/// A request that writes.
pub(crate) struct Call<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) access: &'a Access,
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: HeaderMap,
    pub(crate) load: Load<'a>,
}

/// What a request carries, to be made again for every try.
pub(crate) enum Load<'a> {
    Nothing,
    Bytes(&'a Bytes),
    Part(Part<'a>),
}

/// A part of a blob.
pub(crate) struct Part<'a> {
    pub(crate) source: &'a dyn BlobSource,
    pub(crate) start: u64,
    pub(crate) length: u64,
    /// Hears how many bytes of the part were sent.
    pub(crate) progress: &'a (dyn Fn(u64) + Sync),
}

/// What came of a request.
pub(crate) enum Outcome {
    /// A status below 300.
    Done(Answer),
    /// Any other, but for those that were answered here.
    Refused(Refused),
}

/// A registry's no, before it is an error.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) host: String,
    pub(crate) status: u16,
    pub(crate) account: Account,
    retry_after: Option<Duration>,
}

impl Refused {
    /// Makes an error of it.
    pub(crate) fn into_error(self, repository: &Repository, what: &What) -> Error {
        let Self {
            host,
            status,
            account,
            retry_after,
        } = self;
        match status {
            405 | 501 => Error::NotOffered {
                host,
                what: What::Upload(repository.to_string()),
                message: account.message,
            },
            400 | 406..=407 | 409..=424 | 426..=428 | 430..=498 => Error::Rejected {
                host,
                what: what.clone(),
                status,
                message: account.message,
            },
            _ => status::failure(status, retry_after, account, host, repository, what),
        }
    }
}

impl RegistryClient {
    /// Sends once: answers 401, follows 307 and 308 with the body read again. Does not retry.
    ///
    /// `Authorization` goes to the registry's own origin only, wherever the address came from.
    pub(crate) async fn call(
        &self,
        call: &Call<'_>,
        observer: &dyn Observer,
    ) -> Result<Outcome, Error> {
        let shared = &*self.shared;
        let (options, authorizer) = (&shared.options, &shared.authorizer);
        let endpoint = shared.endpoints.of(call.repository.host()).await?;
        let home = endpoint.base.origin();
        let mut url = call.url.clone();
        let mut left_registry = url.origin() != home;
        let mut authorization = match left_registry {
            true => None,
            false => {
                authorizer
                    .ready(call.repository, call.access, url.scheme())
                    .await?
            }
        };
        let (mut renewals, mut redirects) = (0, 0);
        let mut redirected_by: Option<String> = None;
        loop {
            let mut headers = call.headers.clone();
            if let Some(authorization) = authorization.as_ref().filter(|_| !left_registry) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let broken = Broken::default();
            let payload = call.load.payload(&mut headers, &broken).await?;
            let request = Request {
                method: call.method.clone(),
                url: &url,
                headers,
                payload,
                unverified: match left_registry {
                    true => accepts_any_certificate(options, &authority(&url)),
                    false => endpoint.unverified,
                },
            };
            let mut response = match shared.transport.send(request).await {
                Ok(response) => response,
                // A source that failed is the reason, and not the connection that was then given up.
                Err(error) => {
                    return Err(broken
                        .take()
                        .unwrap_or_else(|| behind(redirected_by.as_deref(), error)));
                }
            };
            let status = response.status().as_u16();
            let host = authority(response.url());
            self.report_warnings(&host, response.headers(), observer);
            if status < 300 {
                return Ok(Outcome::Done(Answer { response, host }));
            }
            if matches!(status, 307 | 308) && redirects < MAX_REDIRECTS {
                let location = response.headers().get(LOCATION);
                url = redirect_target(&url, location, reach(&endpoint.base), options)?;
                left_registry |= url.origin() != home;
                redirected_by = Some(host);
                redirects += 1;
                continue;
            }
            let headers = response.headers().clone();
            let retry_after = status::retry_after(&headers, options.clock.now());
            let body = read_body(&mut response, MAX_ERROR_BODY, options.timeouts.stall).await;
            let account = Account::read(&body.ok().flatten().unwrap_or_default());
            if status == 401 && !left_registry {
                let refusal = Refusal {
                    asked: response.url(),
                    headers: &headers,
                    sent: authorization.as_ref(),
                    renewals,
                    message: account.message,
                };
                let answered = authorizer.answer(call.repository, call.access, refusal);
                authorization = Some(answered.await?);
                renewals += 1;
                continue;
            }
            if left_registry && matches!(status, 401 | 403) {
                return Err(Error::RedirectRefused { host, status });
            }
            return Ok(Outcome::Refused(Refused {
                host,
                status,
                account,
                retry_after,
            }));
        }
    }
}

/// Why a source stopped in the middle of a body.
#[derive(Clone, Default)]
struct Broken(Arc<Mutex<Option<Error>>>);

impl Broken {
    fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'a> Load<'a> {
    async fn payload(
        &self,
        headers: &mut HeaderMap,
        broken: &Broken,
    ) -> Result<Payload<'a>, Error> {
        let part = match self {
            Self::Nothing => return Ok(Payload::Nothing),
            Self::Bytes(bytes) => return Ok(Payload::Bytes((*bytes).clone())),
            Self::Part(part) => part,
        };
        if part.length == 0 {
            return Ok(Payload::Bytes(Bytes::new()));
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(part.length));
        let taken = Arc::new(AtomicU64::new(0));
        let pieces = part.source.open(part.start, part.length).await?;
        let (count, broken) = (taken.clone(), broken.clone());
        let counted = pieces.map(move |piece| match piece {
            Ok(piece) => {
                count.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Ok(piece)
            }
            Err(error) => {
                broken.set(error);
                Err(std::io::Error::other("the source failed"))
            }
        });
        Ok(Payload::Stream(Stream {
            body: reqwest::Body::wrap_stream(counted),
            length: part.length,
            taken,
            progress: part.progress,
        }))
    }
}
