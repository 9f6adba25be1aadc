//! HTTP to one engine: connections that are used again, and errors that say which engine it was.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;

use crate::dial::Dialler;
use crate::error::words;
use crate::ssh::Said;
use crate::{Error, Result, SshFailure};

/// What is sent: nothing, a document, or a stream. bollard's own type.
pub(crate) type Body = Either<Full<Bytes>, StreamBody<Pieces>>;

/// Bytes as they come.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>;

/// Connections that are kept for the next request.
const MAX_IDLE: usize = 8;

/// The largest answer that is read as an error.
const MAX_ERROR: usize = 64 * 1024;

/// How long a connection may take to come about.
const DIAL_WITHIN: Duration = Duration::from_secs(30);

/// The way to one engine.
pub(crate) struct Line {
    pub(crate) address: String,
    to: crate::Address,
    dialler: Dialler,
    idle: Mutex<Vec<Open>>,
}

struct Open {
    sender: SendRequest<Body>,
    said: Option<Said>,
}

impl Line {
    pub(crate) fn new(address: &crate::Address, dialler: Dialler) -> Self {
        Self {
            address: address.to_string(),
            to: address.clone(),
            dialler,
            idle: Mutex::default(),
        }
    }

    /// Sends a request and returns the head of the answer, whatever its status is.
    ///
    /// Only questions go over a connection that was used before: the engine may have closed it, and whether something that
    /// changes the engine arrived there nobody could tell.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let request = prepared(request)?;
        if request.method() == Method::GET {
            while let Some(mut open) = self.take() {
                if let Ok(response) = open.sender.send_request(question(&request)).await {
                    self.keep(open);
                    return Ok(response);
                }
            }
        }
        let mut open = self.open().await?;
        match open.sender.send_request(request).await {
            Ok(response) => {
                self.keep(open);
                Ok(response)
            }
            Err(error) => Err(self.broken(&error, open.said).await),
        }
    }

    /// As [`Line::send`], but an answer that tells of no success is an error.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Result<Response<Incoming>> {
        let response = self.send(request).await?;
        let status = response.status();
        if status.is_success() || matches!(status.as_u16(), 101 | 304) {
            return Ok(response);
        }
        let bytes = self.collect(response, MAX_ERROR).await?;
        Err(Error::of_status(status.as_u16(), message(&bytes)))
    }

    /// Reads an answer whole.
    pub(crate) async fn collect(
        &self,
        response: Response<Incoming>,
        limit: usize,
    ) -> Result<Vec<u8>> {
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.vanished(&error))?;
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            bytes.extend_from_slice(&piece);
            if bytes.len() > limit {
                return Err(Error::Answer {
                    reason: format!("it has more than {limit} bytes"),
                });
            }
        }
        Ok(bytes)
    }

    pub(crate) fn vanished(&self, error: &hyper::Error) -> Error {
        Error::Vanished {
            address: self.address.clone(),
            reason: words(error),
        }
    }

    async fn open(&self) -> Result<Open> {
        let late = |_| Error::Timeout {
            address: self.address.clone(),
            after: DIAL_WITHIN,
        };
        let dialled = tokio::time::timeout(DIAL_WITHIN, self.dialler.dial())
            .await
            .map_err(late)??;
        let said = dialled.said.clone();
        let (sender, connection) = http1::handshake(TokioIo::new(dialled))
            .await
            .map_err(|error| self.vanished(&error))?;
        // It ends when the sender and the answer's body are gone.
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an engine ended");
            }
        });
        Ok(Open { sender, said })
    }

    /// Takes a connection that is ready for a request.
    fn take(&self) -> Option<Open> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| !open.sender.is_closed());
        let ready = idle.iter().position(|open| open.sender.is_ready())?;
        Some(idle.swap_remove(ready))
    }

    /// Keeps a connection for later: it is ready again when the answer was read.
    fn keep(&self, open: Open) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(open);
        }
    }

    async fn broken(&self, error: &hyper::Error, said: Option<Said>) -> Error {
        if let Some(said) = said
            && let Some(said) = said.last_words().await
        {
            return Error::Ssh(Box::new(SshFailure::new(&self.to, said)));
        }
        self.vanished(error)
    }
}

/// Copies a request that has no body.
fn question(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(crate::connection::nothing());
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// Makes the request one for a connection that is there already, with nothing of bollard's made-up address.
fn prepared(mut request: Request<Body>) -> Result<Request<Body>> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| Error::Answer {
        reason: error.to_string(),
    })?;
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_static("docker"));
    Ok(request)
}

/// Reads the engine's words out of an answer that tells of a failure.
fn message(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Document {
        message: String,
    }
    match serde_json::from_slice::<Document>(bytes) {
        Ok(document) => document.message.trim().to_owned(),
        Err(_) => String::from_utf8_lossy(bytes)
            .chars()
            .take(500)
            .collect::<String>()
            .trim()
            .to_owned(),
    }
}
