//! Images on their way: out of an engine, into it, and between it and a registry.

use std::collections::HashMap;
use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use oci::{Digest, Platform, Reference};
use serde::Deserialize;
use serde_json::json;

use crate::connection::{nothing, streamed};
use crate::{Connection, Error, Result};

/// A login at a registry, for the engine to use once.
#[derive(Clone)]
pub enum Login {
    /// A name and a password.
    Password {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A token to get tokens with.
    IdentityToken(String),
}

/// How far a pull or a push through an engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes that went, of all layers whose sizes are known.
    pub current: u64,
    /// Bytes of all layers whose sizes are known until now.
    pub total: u64,
    /// The digest of what went, told at the end.
    pub digest: Option<Digest>,
}

/// A line of the engine's stream.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    progress_detail: Option<Detail>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_detail: Option<ErrorDetail>,
    #[serde(default)]
    aux: Option<Aux>,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    current: Option<u64>,
    #[serde(default)]
    total: Option<u64>,
}

#[derive(Deserialize)]
struct ErrorDetail {
    #[serde(default)]
    message: Option<String>,
}

#[derive(Deserialize)]
struct Aux {
    #[serde(default, rename = "Digest")]
    digest: Option<String>,
}

impl Line {
    /// Returns the failure that the line tells of.
    fn failure(&self) -> Option<String> {
        let detail = self.error_detail.as_ref();
        let detail = detail.and_then(|detail| detail.message.clone());
        detail
            .or_else(|| self.error.clone())
            .filter(|message| !message.is_empty())
    }
}

impl Connection {
    /// Lets an image out as a docker-archive: without a name where it is asked for by its ID.
    ///
    /// The engine may take long before the first byte. Dropping the stream ends it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; in the stream [`Error::Vanished`] where the engine ends in the middle.
    pub async fn export_image(
        &self,
        id: &Digest,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + Unpin + use<>> {
        let path = format!("/images/{id}/get");
        let request = self.request(Method::GET, &path, &[], nothing())?;
        let response = self.line.ask(request).await?;
        let line = std::sync::Arc::clone(&self.line);
        let state = (response.into_body(), line);
        Ok(Box::pin(stream::try_unfold(
            state,
            |(mut body, line)| async move {
                loop {
                    let Some(frame) = body.frame().await else {
                        return Ok(None);
                    };
                    let frame = frame.map_err(|error| line.vanished(&error))?;
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some((piece, (body, line))));
                    }
                }
            },
        )))
    }

    /// Takes in an archive, and returns what the engine says that it loaded: names, and IDs of images without one. An error in
    /// `pieces` breaks it off; what the engine has then is its own affair: layers without a name, no image.
    ///
    /// # Errors
    /// What the engine says of the archive, [`Error::Vanished`].
    pub async fn load_images(
        &self,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Vec<String>> {
        let query = [("quiet", "1")];
        let mut request = self.request(Method::POST, "/images/load", &query, streamed(pieces))?;
        let tar = HeaderValue::from_static("application/x-tar");
        request.headers_mut().insert(CONTENT_TYPE, tar);
        let response = self.line.ask(request).await?;
        let mut lines = self.documents::<Line>(response);
        let mut loaded = Vec::new();
        while let Some(line) = lines.try_next().await? {
            if let Some(message) = line.failure() {
                return Err(Error::Failed {
                    status: None,
                    message,
                });
            }
            let told = line.stream.unwrap_or_default();
            let told = told
                .trim()
                .strip_prefix("Loaded image ID: ")
                .or_else(|| told.trim().strip_prefix("Loaded image: "));
            loaded.extend(told.map(str::to_owned));
        }
        Ok(loaded)
    }

    /// Has the engine pull. Every item says how far it is; the end of the stream is the end of the work.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Failed`] with the engine's words, [`Error::Vanished`].
    pub async fn pull(
        &self,
        reference: &Reference,
        platform: Option<&Platform>,
        login: Option<&Login>,
    ) -> Result<impl Stream<Item = Result<Transferred>> + Send + Unpin + use<>> {
        let name = format!("{}/{}", reference.host(), reference.repository());
        let tag = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".into(),
        };
        let platform = platform.map(ToString::to_string);
        let mut query = vec![("fromImage", name.as_str()), ("tag", tag.as_str())];
        if let Some(platform) = &platform {
            query.push(("platform", platform));
        }
        self.transfer("/images/create", &query, reference, login)
            .await
    }

    /// Has the engine push, under a name that it has. Every item says how far it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Failed`] with the engine's words, [`Error::Vanished`].
    pub async fn push(
        &self,
        reference: &Reference,
        login: Option<&Login>,
    ) -> Result<impl Stream<Item = Result<Transferred>> + Send + Unpin + use<>> {
        let tag = reference
            .tag()
            .map_or("latest", |tag| tag.as_str())
            .to_owned();
        let path = format!(
            "/images/{}/{}/push",
            reference.host(),
            reference.repository()
        );
        self.transfer(&path, &[("tag", &tag)], reference, login)
            .await
    }

    async fn transfer(
        &self,
        path: &str,
        query: &[(&str, &str)],
        reference: &Reference,
        login: Option<&Login>,
    ) -> Result<impl Stream<Item = Result<Transferred>> + Send + Unpin + use<>> {
        let mut request = self.request(Method::POST, path, query, nothing())?;
        let mut auth =
            HeaderValue::from_str(&registry_auth(reference.host(), login)).map_err(|error| {
                Error::Answer {
                    reason: error.to_string(),
                }
            })?;
        auth.set_sensitive(true);
        request.headers_mut().insert("X-Registry-Auth", auth);
        let response = self.line.ask(request).await?;
        let lines = self.documents::<Line>(response);
        let mut sums = Sums::default();
        Ok(Box::pin(lines.map(move |line| {
            let line = line?;
            match line.failure() {
                Some(message) => Err(Error::Failed {
                    status: None,
                    message,
                }),
                None => Ok(sums.with(line)),
            }
        })))
    }
}

/// The bytes of every layer that was told of.
#[derive(Default)]
struct Sums {
    layers: HashMap<String, (u64, u64)>,
    digest: Option<Digest>,
}

impl Sums {
    fn with(&mut self, line: Line) -> Transferred {
        // A pull tells its digest in words only: `Digest: sha256:…`.
        let told = line.status.as_deref().unwrap_or_default();
        let told = told.strip_prefix("Digest: ").map(str::to_owned);
        let told = line.aux.and_then(|aux| aux.digest).or(told);
        if let Some(digest) = told.and_then(|text| text.parse().ok()) {
            self.digest = Some(digest);
        }
        let is_extracting = line.status.as_deref() == Some("Extracting");
        if let (Some(id), Some(detail)) = (line.id, line.progress_detail) {
            let layer = self.layers.entry(id).or_default();
            if let Some(total) = detail.total.filter(|_| !is_extracting) {
                layer.1 = layer.1.max(total);
            }
            if let Some(current) = detail.current.filter(|_| !is_extracting) {
                layer.0 = layer.0.max(current);
            }
        }
        let sum = |part: fn(&(u64, u64)) -> u64| self.layers.values().map(part).sum();
        Transferred {
            current: sum(|layer| layer.0),
            total: sum(|layer| layer.1.max(layer.0)),
            digest: self.digest.clone(),
        }
    }
}

/// Docker's header: a document in base64; an empty one where there is no login.
fn registry_auth(host: &str, login: Option<&Login>) -> String {
    // Docker Hub's logins go by its old address.
    let address = match host {
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let document = match login {
        None => json!({}),
        Some(Login::Password { username, password }) => json!({
            "username": username,
            "password": password,
            "serveraddress": address,
        }),
        Some(Login::IdentityToken(token)) => json!({
            "identitytoken": token,
            "serveraddress": address,
        }),
    };
    URL_SAFE.encode(document.to_string())
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}
