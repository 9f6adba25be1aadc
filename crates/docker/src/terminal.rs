//! What a container says and hears: attach, exec, logs.

use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::connection::{document, nothing};
use crate::container::named;
use crate::error::words;
use crate::line::Body;
use crate::{Connection, Error, Result};

/// The largest piece of output that an engine may announce.
const MAX_PIECE: usize = 16 * 1024 * 1024;

/// Bytes that are read at a time.
const BUFFER: usize = 32 * 1024;

/// A piece of what a container says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// On its standard output, or on its terminal.
    Out(Bytes),
    /// On its standard error.
    Error(Bytes),
}

/// The two ways of a running program.
pub struct Session {
    /// What it says. It ends when the program ends.
    pub output: Pin<Box<dyn Stream<Item = Result<Output>> + Send>>,
    /// What it hears. Shutting it down is the end of its standard input.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// A program to be run in a container.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// `KEY=VALUE` beyond the container's.
    pub environment: Vec<String>,
    /// The working directory in place of the container's.
    pub workdir: Option<String>,
    /// The user in place of the container's.
    pub user: Option<String>,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether something can be typed to it.
    pub interactive: bool,
}

impl Connection {
    /// Listens to a container and speaks to it. Before it is started nothing of what it says is missed.
    ///
    /// `terminal` is what it was made with.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] (Podman, where it could not be prepared).
    pub async fn attach(&self, container: &str, terminal: bool) -> Result<Session> {
        let path = format!("/containers/{}/attach", named(container)?);
        let query = [
            ("stream", "1"),
            ("stdin", "1"),
            ("stdout", "1"),
            ("stderr", "1"),
        ];
        self.session(&path, &query, nothing(), terminal).await
    }

    /// Runs a program in a container that runs; the ID is for [`Connection::exec_code`] and [`Connection::resize_exec`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] where the container does not run.
    pub async fn exec(&self, container: &str, exec: &Exec) -> Result<(String, Session)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        let mut request = json!({
            "Cmd": exec.command,
            "AttachStdin": exec.interactive,
            "AttachStdout": true,
            "AttachStderr": true,
            "Tty": exec.terminal,
            "Env": exec.environment,
        });
        let optional = [("WorkingDir", &exec.workdir), ("User", &exec.user)];
        for (key, value) in optional {
            if let Some(value) = value {
                request[key] = Value::from(value.as_str());
            }
        }
        let path = format!("/containers/{}/exec", named(container)?);
        let made: Made = self
            .ask(Method::POST, &path, &[], document(&request))
            .await?;
        let start = json!({"Detach": false, "Tty": exec.terminal});
        let path = format!("/exec/{}/start", named(&made.id)?);
        let session = self
            .session(&path, &[], document(&start), exec.terminal)
            .await?;
        Ok((made.id, session))
    }

    /// Returns the exit code of a program that has ended; `None` while it runs.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn exec_code(&self, exec: &str) -> Result<Option<i64>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct State {
            running: bool,
            exit_code: Option<i64>,
        }
        let path = format!("/exec/{}/json", named(exec)?);
        let state: State = self.ask(Method::GET, &path, &[], nothing()).await?;
        Ok(state.exit_code.filter(|_| !state.running))
    }

    /// Tells the terminal of a program how large it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn resize_exec(&self, exec: &str, columns: u16, rows: u16) -> Result<()> {
        let path = format!("/exec/{}/resize", named(exec)?);
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let query = [("w", columns.as_str()), ("h", rows.as_str())];
        let request = self.request(Method::POST, &path, &query, nothing())?;
        self.line.ask(request).await.map(drop)
    }

    /// Tells what a container has said until now, and with `follow` also what it says from now on. `terminal` is what it was
    /// made with.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Failed`] where its logs go elsewhere.
    pub async fn logs(
        &self,
        container: &str,
        terminal: bool,
        follow: bool,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<Output>> + Send>>> {
        let path = format!("/containers/{}/logs", named(container)?);
        let query = [
            ("stdout", "1"),
            ("stderr", "1"),
            ("follow", if follow { "1" } else { "0" }),
        ];
        let request = self.request(Method::GET, &path, &query, nothing())?;
        let response = self.line.ask(request).await?;
        let reader = BodyReader {
            body: response.into_body(),
        };
        Ok(self.outputs(Source::Body(reader), terminal))
    }

    async fn session(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: Body,
        terminal: bool,
    ) -> Result<Session> {
        let mut request = self.request(Method::POST, path, query, body)?;
        let headers = request.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("tcp"));
        headers.insert(
            hyper::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        let response = self.line.ask(request).await?;
        let upgraded = hyper::upgrade::on(response)
            .await
            .map_err(|error| self.line.vanished(&error))?;
        let (output, input) = tokio::io::split(TokioIo::new(upgraded));
        Ok(Session {
            output: self.outputs(Source::Line(Box::pin(output)), terminal),
            input: Box::pin(input),
        })
    }

    fn outputs(
        &self,
        source: Source,
        terminal: bool,
    ) -> Pin<Box<dyn Stream<Item = Result<Output>> + Send>> {
        let state = Reading {
            source,
            buffer: BytesMut::new(),
            terminal,
            address: self.line.address.clone(),
        };
        Box::pin(stream::try_unfold(state, |mut state| async move {
            let next = state.next().await;
            let next = next.map_err(|error| Error::of_io(error, &state.address))?;
            Ok(next.map(|output| (output, state)))
        }))
    }
}

/// Where output comes from.
enum Source {
    Line(Pin<Box<dyn AsyncRead + Send>>),
    Body(BodyReader),
}

struct BodyReader {
    body: Incoming,
}

/// Output that is taken out of its frames: one byte for the stream, three of nothing, four for the length, then so many bytes.
/// A terminal has none.
///
/// <https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach>
struct Reading {
    source: Source,
    buffer: BytesMut,
    terminal: bool,
    address: String,
}

impl Reading {
    async fn next(&mut self) -> io::Result<Option<Output>> {
        loop {
            if self.terminal {
                if !self.buffer.is_empty() {
                    return Ok(Some(Output::Out(self.buffer.split().freeze())));
                }
            } else if let Some(output) = framed(&mut self.buffer)? {
                return Ok(Some(output));
            }
            if !self.more().await? {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    async fn more(&mut self) -> io::Result<bool> {
        match &mut self.source {
            Source::Line(line) => {
                self.buffer.reserve(BUFFER);
                Ok(line.read_buf(&mut self.buffer).await? > 0)
            }
            Source::Body(reader) => loop {
                let Some(frame) = reader.body.frame().await else {
                    return Ok(false);
                };
                let frame = frame.map_err(|error| io::Error::other(words(&error)))?;
                if let Ok(piece) = frame.into_data() {
                    self.buffer.extend_from_slice(&piece);
                    return Ok(true);
                }
            },
        }
    }
}

/// Takes the next whole frame out of what has come.
fn framed(buffer: &mut BytesMut) -> io::Result<Option<Output>> {
    let Some((header, rest)) = buffer.split_first_chunk::<8>() else {
        return Ok(None);
    };
    let [kind, _, _, _, a, b, c, d] = *header;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > MAX_PIECE || kind > 2 {
        return Err(io::Error::other("its output is not in frames"));
    }
    if rest.len() < length {
        return Ok(None);
    }
    let mut whole = buffer.split_to(8 + length);
    let piece = whole.split_off(8).freeze();
    Ok(Some(match kind {
        2 => Output::Error(piece),
        _ => Output::Out(piece),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However the bytes are cut on their way, the same frames come out.
        #[test]
        fn frames_come_out_whole(
            frames in prop::collection::vec((1..=2_u8, prop::collection::vec(any::<u8>(), 0..40)), 0..8),
            step in 1..30_usize,
        ) {
            let mut bytes = Vec::new();
            for (kind, piece) in &frames {
                let length = u32::try_from(piece.len()).unwrap_or_default();
                bytes.extend([*kind, 0, 0, 0]);
                bytes.extend(length.to_be_bytes());
                bytes.extend(piece);
            }
            let mut buffer = BytesMut::new();
            let mut found = Vec::new();
            for chunk in bytes.chunks(step) {
                buffer.extend_from_slice(chunk);
                while let Some(output) = framed(&mut buffer).map_err(|error| TestCaseError::fail(error.to_string()))? {
                    found.push(match output {
                        Output::Out(piece) => (1, piece.to_vec()),
                        Output::Error(piece) => (2, piece.to_vec()),
                    });
                }
            }
            prop_assert!(buffer.is_empty());
            prop_assert_eq!(found, frames);
        }

        /// What is no frame is an error, and never a panic or a wait for gigabytes.
        #[test]
        fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 8..64)) {
            let mut buffer = BytesMut::from(noise.as_slice());
            while let Ok(Some(_)) = framed(&mut buffer) {}
        }
    }
}
