//! The containers of an engine: list, what they changed, commit, and the small steps of a run.

use bollard::query_parameters::{
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, ResizeContainerTTYOptionsBuilder,
    StartContainerOptions, StopContainerOptionsBuilder,
};
use hyper::Method;
use jiff::Timestamp;
use oci::{Digest, ImageName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::connection::{document, nothing};
use crate::image::id;
use crate::{Connection, Error, Result};

/// A container of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its ID, in hexadecimal.
    pub id: String,
    /// Its name; its ID where it has none.
    pub name: String,
    /// The image that it was made of, as it was named then.
    pub image: String,
    /// That image's ID, where the engine tells it.
    pub image_id: Option<Digest>,
    /// The command, as one line.
    pub command: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its state in one word: `running`, `exited`, `created`, `paused`, …
    pub state: String,
    /// Its state in a few words: `Up 3 minutes`.
    pub status: String,
}

impl Container {
    /// Tells whether it has processes.
    #[must_use]
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "running" | "paused" | "restarting")
    }
}

/// What happened to a path in a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is another than in the image.
    Changed,
    /// It is gone.
    Removed,
}

/// What a commit says of the new image.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The name that it gets.
    pub name: Option<ImageName>,
    /// What is said about it.
    pub message: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// Dockerfile instructions that change its settings.
    pub changes: Vec<String>,
    /// Whether the container's processes go on meanwhile.
    pub without_pause: bool,
}

/// A container to be made.
#[derive(Debug, Clone, Default)]
pub struct NewContainer {
    /// Its name; the engine makes one up.
    pub name: Option<String>,
    /// The image: a name or an ID that the engine has.
    pub image: String,
    /// What is run in place of the image's command.
    pub command: Vec<String>,
    /// What is run in place of the image's entrypoint; empty = the image's own.
    pub entrypoint: Vec<String>,
    /// `KEY=VALUE` beyond the image's.
    pub environment: Vec<String>,
    /// `HOST:CONTAINER[:ro]`.
    pub binds: Vec<String>,
    /// The working directory in place of the image's.
    pub workdir: Option<String>,
    /// The user in place of the image's.
    pub user: Option<String>,
    /// The network: `none`, `host`, or the name of one; `None` = the engine's default.
    pub network: Option<String>,
    /// Ports that are published: those of the host, and those of the container such as `80/tcp`.
    pub ports: Vec<(u16, String)>,
    /// Whether it has a terminal.
    pub terminal: bool,
    /// Whether something can be typed to it.
    pub interactive: bool,
    /// Whether it goes when it ends.
    pub remove: bool,
}

impl Connection {
    /// Lists the containers, running or not.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn containers(&self) -> Result<Vec<Container>> {
        let options = ListContainersOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(self.failed())?;
        let containers = listed.into_iter().map(|container| {
            let own = container.id.unwrap_or_default();
            let name = container.names.unwrap_or_default().into_iter().next();
            Container {
                name: name.map_or_else(
                    || own.clone(),
                    |name| name.trim_start_matches('/').to_owned(),
                ),
                image: container.image.unwrap_or_default(),
                image_id: container.image_id.as_deref().and_then(|text| id(text).ok()),
                command: container.command.unwrap_or_default(),
                created: container
                    .created
                    .and_then(|second| Timestamp::from_second(second).ok()),
                state: container
                    .state
                    .map(|state| state.to_string())
                    .unwrap_or_default(),
                status: container.status.unwrap_or_default(),
                id: own,
            }
        });
        Ok(containers.collect())
    }

    /// Tells what a container changed, in the engine's order.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn container_changes(&self, container: &str) -> Result<Vec<(String, Change)>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Row {
            path: String,
            kind: u8,
        }
        let path = format!("/containers/{}/changes", named(container)?);
        // A container that changed nothing answers with `null`.
        let rows: Option<Vec<Row>> = self.ask(Method::GET, &path, &[], nothing()).await?;
        let rows = rows.unwrap_or_default().into_iter().map(|row| {
            let change = match row.kind {
                0 => Change::Changed,
                1 => Change::Added,
                _ => Change::Removed,
            };
            (row.path, change)
        });
        Ok(rows.collect())
    }

    /// Makes an image of a container and returns its ID.
    ///
    /// The changes go as instructions, which Docker and Podman both follow; a document with settings Podman would ignore.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`], [`Error::Failed`] for an instruction that the engine does not take.
    pub async fn commit_container(&self, container: &str, commit: &Commit) -> Result<Digest> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        let name = commit.name.as_ref().map(ImageName::reference);
        let repository = name.map(|name| format!("{}/{}", name.host(), name.repository()));
        let tag = name.and_then(|name| name.tag()).map(ToString::to_string);
        let mut query = vec![("container", named(container)?)];
        if let Some(repository) = &repository {
            query.push(("repo", repository));
        }
        if let Some(tag) = &tag {
            query.push(("tag", tag));
        }
        if let Some(message) = &commit.message {
            query.push(("comment", message));
        }
        if let Some(author) = &commit.author {
            query.push(("author", author));
        }
        query.extend(commit.changes.iter().map(|line| ("changes", line.as_str())));
        query.push(("pause", if commit.without_pause { "0" } else { "1" }));
        // `null`, as docker itself says it: Podman wants a document.
        let settings = document(&Value::Null);
        let made: Made = self.ask(Method::POST, "/commit", &query, settings).await?;
        id(&made.id)
    }

    /// Makes a container and returns its ID.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the engine has not the image, [`Error::Conflict`] where the name is taken.
    pub async fn create_container(&self, new: &NewContainer) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Made {
            id: String,
        }
        let name = new.name.as_deref().map(named).transpose()?;
        let query: Vec<_> = name.into_iter().map(|name| ("name", name)).collect();
        let made: Made = self
            .ask(
                Method::POST,
                "/containers/create",
                &query,
                document(&new.document()),
            )
            .await?;
        Ok(made.id)
    }

    /// Starts a container.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Failed`] with the runtime's words.
    pub async fn start_container(&self, container: &str) -> Result<()> {
        let options = None::<StartContainerOptions>;
        let started = self
            .docker
            .start_container(named(container)?, options)
            .await;
        started.map_err(self.failed())
    }

    /// Stops a container: asks it, waits so many seconds, ends it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn stop_container(&self, container: &str, seconds: i32) -> Result<()> {
        let options = StopContainerOptionsBuilder::default().t(seconds).build();
        let stopped = self
            .docker
            .stop_container(named(container)?, Some(options))
            .await;
        stopped.map_err(self.failed())
    }

    /// Removes a container; by force also a running one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`].
    pub async fn remove_container(&self, container: &str, force: bool) -> Result<()> {
        let options = RemoveContainerOptionsBuilder::default()
            .force(force)
            .build();
        let removed = self
            .docker
            .remove_container(named(container)?, Some(options))
            .await;
        removed.map_err(self.failed())
    }

    /// Tells a container's terminal how large it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] where it does not run.
    pub async fn resize_container(&self, container: &str, columns: u16, rows: u16) -> Result<()> {
        let options = ResizeContainerTTYOptionsBuilder::default()
            .w(columns.into())
            .h(rows.into())
            .build();
        let resized = self
            .docker
            .resize_container_tty(named(container)?, options)
            .await;
        resized.map_err(self.failed())
    }

    /// Waits until a container ends and returns its exit code. It may take as long as it likes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Vanished`].
    pub async fn wait_container(&self, container: &str) -> Result<i64> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Ended {
            status_code: i64,
        }
        let path = format!("/containers/{}/wait", named(container)?);
        let request = self.request(Method::POST, &path, &[], nothing())?;
        let response = self.line.ask(request).await?;
        let bytes = self.line.collect(response, 1024 * 1024).await?;
        let ended: Ended = serde_json::from_slice(&bytes).map_err(|error| Error::Answer {
            reason: error.to_string(),
        })?;
        Ok(ended.status_code)
    }
}

impl NewContainer {
    fn document(&self) -> Value {
        let list = |list: &[String]| match list {
            [] => Value::Null,
            list => json!(list),
        };
        let exposed: serde_json::Map<String, Value> = self
            .ports
            .iter()
            .map(|(_, port)| (port.clone(), json!({})))
            .collect();
        let mut published = serde_json::Map::new();
        for (host, port) in &self.ports {
            let row = json!({ "HostPort": host.to_string() });
            match published.entry(port.clone()).or_insert_with(|| json!([])) {
                Value::Array(rows) => rows.push(row),
                other => *other = json!([row]),
            }
        }
        let mut host = json!({
            "Binds": list(&self.binds),
            "PortBindings": published,
            "AutoRemove": self.remove,
        });
        if let Some(network) = &self.network {
            host["NetworkMode"] = json!(network);
        }
        let mut document = json!({
            "Image": self.image,
            "Tty": self.terminal,
            "OpenStdin": self.interactive,
            "StdinOnce": self.interactive,
            "AttachStdin": self.interactive,
            "AttachStdout": true,
            "AttachStderr": true,
            "ExposedPorts": exposed,
            "HostConfig": host,
        });
        let optional = [
            ("Cmd", list(&self.command)),
            ("Entrypoint", list(&self.entrypoint)),
            ("Env", list(&self.environment)),
            ("WorkingDir", json!(self.workdir)),
            ("User", json!(self.user)),
        ];
        for (key, value) in optional {
            if !value.is_null() {
                document[key] = value;
            }
        }
        document
    }
}

/// Makes sure that a text is a container's name or ID, and so nothing that changes an address.
pub(crate) fn named(text: &str) -> Result<&str> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 255
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    match is_name {
        true => Ok(text),
        false => Err(Error::ContainerName {
            name: text.chars().take(200).collect(),
        }),
    }
}
