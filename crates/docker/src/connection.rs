//! A connection to an engine: who it is, and what is said to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::ClientVersion;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::dial::Dialler;
use crate::image::Knowledge;
use crate::line::{Body, Line};
use crate::{Address, Error, Result};

/// The version of the API that is spoken at most: bollard's.
const KNOWN: (usize, usize) = (1, 53);

/// The least that an engine must speak: Docker 19.03's and Podman 3's.
const LEAST: (usize, usize) = (1, 40);

/// The largest answer that is read into memory, but for streams.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// The longest line of a stream of documents.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// How engines are reached.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folders in which `ssh` is looked for.
    pub programs: Vec<PathBuf>,
    /// How long an engine may take to say who it is.
    pub greeting: Duration,
    /// How long it may take to answer a question.
    pub answer: Duration,
    /// What is known of images already.
    pub knowledge: Knowledge,
}

impl Options {
    /// Returns docker's time limits, with these folders for programs.
    #[must_use]
    pub fn new(programs: Vec<PathBuf>) -> Self {
        Self {
            programs,
            greeting: Duration::from_secs(30),
            answer: Duration::from_secs(120),
            knowledge: Knowledge::default(),
        }
    }
}

/// Whose engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Docker's.
    Docker,
    /// Podman's, which speaks Docker's API with differences.
    Podman,
}

/// Who an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose it is.
    pub kind: Kind,
    /// Its version, such as `20.10.24`.
    pub version: String,
    /// The version of the API that is spoken with it, such as `1.41`.
    pub api: String,
    /// The system that it runs on, such as `linux`.
    pub os: String,
    /// The processor that it runs on, in Go's words, such as `amd64`.
    pub architecture: String,
}

/// A connection to an engine. Cloning is cheap and gives the same connection.
#[derive(Clone)]
pub struct Connection {
    pub(crate) docker: bollard::Docker,
    pub(crate) line: Arc<Line>,
    pub(crate) knowledge: Knowledge,
    about: Arc<About>,
    prefix: Arc<str>,
    answer: Duration,
}

impl Connection {
    /// Connects, finds out who answers, and settles on a version of the API.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::Refused`], [`Error::Denied`], [`Error::Unreachable`], [`Error::Timeout`],
    /// [`Error::Tls`], [`Error::Ssh`], [`Error::NotAnEngine`], [`Error::TooOld`], [`Error::TooNew`].
    pub async fn open(address: &Address, options: &Options) -> Result<Self> {
        let (to, programs) = (address.clone(), options.programs.clone());
        let dialler = tokio::task::spawn_blocking(move || Dialler::new(to, &programs))
            .await
            .map_err(|error| Error::Answer {
                reason: error.to_string(),
            })??;
        let line = Arc::new(Line::new(address, dialler));
        let greeting = tokio::time::timeout(options.greeting, greet(&line)).await;
        let (about, version) = greeting.map_err(|_| Error::Timeout {
            address: address.to_string(),
            after: options.greeting,
        })??;
        let prefix: Arc<str> =
            format!("/v{}.{}", version.major_version, version.minor_version).into();
        let (carrier, before) = (Arc::clone(&line), Arc::clone(&prefix));
        let carry = move |mut request: bollard::BollardRequest| {
            let (line, prefix) = (Arc::clone(&carrier), Arc::clone(&before));
            async move {
                let path = request.uri().path_and_query().map_or("/", |it| it.as_str());
                if !path.starts_with("/v1.") {
                    *request.uri_mut() = format!("{prefix}{path}").parse::<Uri>()?;
                }
                line.send(request)
                    .await
                    .map_err(|error| std::io::Error::other(error).into())
            }
        };
        let docker = bollard::Docker::connect_with_custom_transport(
            carry,
            Some("http://docker"),
            options.answer.as_secs().max(1),
            &version,
        )
        .map_err(|error| Error::of_bollard(error, &line.address))?;
        Ok(Self {
            docker,
            line,
            knowledge: options.knowledge.clone(),
            about: Arc::new(about),
            prefix,
            answer: options.answer,
        })
    }

    /// Tells who it is.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Tells where it is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.line.address
    }

    /// Makes errors of bollard's.
    pub(crate) fn failed(&self) -> impl Fn(bollard::errors::Error) -> Error + use<'_> {
        |error| match error {
            bollard::errors::Error::RequestTimeoutError => Error::Timeout {
                address: self.line.address.clone(),
                after: self.answer,
            },
            other => Error::of_bollard(other, &self.line.address),
        }
    }

    /// Begins a request of our own, for what bollard does not carry far enough.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Body,
    ) -> Result<Request<Body>> {
        let mut target = format!("{}{path}", self.prefix);
        if !query.is_empty() {
            let mut pairs = url::form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(query);
            target.push('?');
            target.push_str(&pairs.finish());
        }
        let request = Request::builder().method(method).uri(target).body(body);
        request.map_err(|error| Error::Answer {
            reason: error.to_string(),
        })
    }

    /// Asks a question whose answer is one document.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Body,
    ) -> Result<T> {
        let mut request = self.request(method, path, query, body)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        let work = async {
            let response = self.line.ask(request).await?;
            self.line.collect(response, MAX_ANSWER).await
        };
        let bytes = tokio::time::timeout(self.answer, work).await;
        let bytes = bytes.map_err(|_| Error::Timeout {
            address: self.line.address.clone(),
            after: self.answer,
        })??;
        serde_json::from_slice(&bytes).map_err(|error| Error::Answer {
            reason: error.to_string(),
        })
    }

    /// Reads an answer as documents that come one after the other.
    pub(crate) fn documents<T: DeserializeOwned + Send + 'static>(
        &self,
        response: Response<Incoming>,
    ) -> impl Stream<Item = Result<T>> + Send + Unpin + use<T> {
        let state = Documents {
            line: Arc::clone(&self.line),
            body: response.into_body(),
            buffer: Vec::new(),
            ended: false,
        };
        Box::pin(stream::try_unfold(state, |mut state| async move {
            loop {
                if let Some(document) = state.next()? {
                    return Ok(Some((document, state)));
                }
                if state.ended || !state.more().await? {
                    return Ok(None);
                }
            }
        }))
    }
}

/// An empty body.
pub(crate) fn nothing() -> Body {
    Either::Left(Full::new(Bytes::new()))
}

/// A document as a body.
pub(crate) fn document(value: &serde_json::Value) -> Body {
    Either::Left(Full::new(Bytes::from(value.to_string())))
}

/// A stream as a body. An error in it breaks the request off.
pub(crate) fn streamed(
    pieces: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
) -> Body {
    let frames = pieces.map(|piece| piece.map(Frame::data));
    Either::Right(http_body_util::StreamBody::new(Box::pin(frames)))
}

/// Documents in a body, one after the other, with or without lines between them.
struct Documents {
    line: Arc<Line>,
    body: Incoming,
    buffer: Vec<u8>,
    ended: bool,
}

impl Documents {
    /// Takes the next whole document out of what has come.
    fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let mut documents = serde_json::Deserializer::from_slice(&self.buffer).into_iter::<T>();
        let (document, taken) = match documents.next() {
            None => return Ok(None),
            Some(Ok(document)) => (document, documents.byte_offset()),
            Some(Err(error)) if error.is_eof() && !self.ended => return Ok(None),
            Some(Err(error)) => {
                return Err(Error::Answer {
                    reason: error.to_string(),
                });
            }
        };
        self.buffer.drain(..taken);
        Ok(Some(document))
    }

    /// Waits for more; `false` at the end.
    async fn more(&mut self) -> Result<bool> {
        let Some(frame) = self.body.frame().await else {
            self.ended = true;
            return Ok(!self.buffer.is_empty());
        };
        let frame = frame.map_err(|error| self.line.vanished(&error))?;
        if let Ok(piece) = frame.into_data() {
            self.buffer.extend_from_slice(&piece);
        }
        if self.buffer.len() > MAX_LINE {
            return Err(Error::Answer {
                reason: format!("a document has more than {MAX_LINE} bytes"),
            });
        }
        Ok(true)
    }
}

/// What `GET /version` says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    api_version: Option<String>,
    #[serde(rename = "MinAPIVersion")]
    min_api_version: Option<String>,
    version: Option<String>,
    os: Option<String>,
    arch: Option<String>,
    #[serde(default)]
    components: Option<Vec<Component>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: String,
}

async fn greet(line: &Line) -> Result<(About, ClientVersion)> {
    let stranger = |reason: String| Error::NotAnEngine {
        address: line.address.clone(),
        reason,
    };
    let request = Request::builder()
        .uri("/version")
        .body(nothing())
        .map_err(|error| stranger(error.to_string()))?;
    let response = match line.ask(request).await {
        Ok(response) => response,
        Err(
            Error::NotFound { message }
            | Error::Conflict { message }
            | Error::Failed {
                status: Some(..500),
                message,
            },
        ) => return Err(stranger(message)),
        Err(other) => return Err(other),
    };
    let bytes = line.collect(response, 1024 * 1024).await?;
    let found: Version =
        serde_json::from_slice(&bytes).map_err(|error| stranger(error.to_string()))?;
    let api = found.api_version.as_deref().and_then(parsed);
    let Some(api) = api else {
        return Err(stranger("it tells no version of the API".into()));
    };
    let shown = |(major, minor): (usize, usize)| format!("{major}.{minor}");
    if api < LEAST {
        return Err(Error::TooOld {
            address: line.address.clone(),
            api: shown(api),
            least: shown(LEAST),
        });
    }
    if let Some(least) = found.min_api_version.as_deref().and_then(parsed)
        && least > KNOWN
    {
        return Err(Error::TooNew {
            address: line.address.clone(),
            least: shown(least),
            known: shown(KNOWN),
        });
    }
    let (major_version, minor_version) = api.min(KNOWN);
    let podman = |component: &Component| component.name.contains("Podman");
    let about = About {
        kind: match found.components.unwrap_or_default().iter().any(podman) {
            true => Kind::Podman,
            false => Kind::Docker,
        },
        version: found.version.unwrap_or_default(),
        api: shown((major_version, minor_version)),
        os: found.os.unwrap_or_default(),
        architecture: found.arch.unwrap_or_default(),
    };
    let version = ClientVersion {
        major_version,
        minor_version,
    };
    Ok((about, version))
}

fn parsed(text: &str) -> Option<(usize, usize)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
