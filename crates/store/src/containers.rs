//! Working containers: a row for each, a folder with what was changed in it, and a hold on the image that it was made of.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use oci::Digest;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::database::{Text, micros, size, time};
use crate::write::{Change, gone};
use crate::{Error, Result, Store, durable};

/// Names a working container: 64 hexadecimal digits, as docker's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(String);

/// The text is no container ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a container ID has 64 hexadecimal digits")]
pub struct ContainerIdError;

impl ContainerId {
    /// Returns the digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first twelve digits, as docker shows it.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for ContainerId {
    type Err = ContainerIdError;

    fn from_str(text: &str) -> std::result::Result<Self, ContainerIdError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.len() == 64 && text.bytes().all(digit) {
            true => Ok(Self(text.to_owned())),
            false => Err(ContainerIdError),
        }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a container does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerStatus {
    /// Nothing ran in it yet.
    Created,
    /// Something runs in it.
    Running,
    /// What runs in it is held.
    Paused,
    /// What ran in it ended.
    Exited,
}

impl ContainerStatus {
    /// Returns docker's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Exited => "exited",
        }
    }

    /// Tells whether something is in it that may change its files.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    fn of(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "paused" => Self::Paused,
            "exited" => Self::Exited,
            _ => Self::Created,
        }
    }
}

/// A container to be made.
#[derive(Clone, Debug)]
pub struct NewContainer<'a> {
    /// Its ID.
    pub id: &'a ContainerId,
    /// Its name, which no other container has.
    pub name: &'a str,
    /// The image, by what its names point at.
    pub target: &'a Digest,
    /// Which of the image's manifests.
    pub manifest: &'a Digest,
    /// How the image was called, for people.
    pub reference: &'a str,
    /// What the caller keeps with it, as one line of text.
    pub settings: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// A container as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its ID.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// The image, by what its names pointed at.
    pub target: Digest,
    /// The image's ID.
    pub image: Digest,
    /// Which of the image's manifests.
    pub manifest: Digest,
    /// How the image was called when the container was made.
    pub reference: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it does.
    pub status: ContainerStatus,
    /// The code with which the last program in it ended.
    pub exit_code: Option<i32>,
    /// What the caller keeps with it.
    pub settings: String,
    /// How many paths were changed.
    pub changes: u64,
    /// Bytes of their content.
    pub size: u64,
}

/// What a container's folder says of it, so that it comes back when the database is lost.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    target: String,
    manifest: String,
    reference: String,
    created: Timestamp,
    settings: String,
}

/// The file that holds it.
const DOCUMENT: &str = "container.json";

fn text_of(new: &NewContainer<'_>) -> Result<Vec<u8>> {
    let document = Document {
        name: new.name.to_owned(),
        target: new.target.to_string(),
        manifest: new.manifest.to_string(),
        reference: new.reference.to_owned(),
        created: new.now,
        settings: new.settings.to_owned(),
    };
    serde_json::to_vec(&document).map_err(|error| Error::Database {
        source: rusqlite::Error::ToSqlConversionFailure(Box::new(error)),
    })
}

const COLUMNS: &str = "containers.id, containers.name, images.target, images.config, containers.manifest, containers.reference,
    containers.created, containers.status, containers.exit_code, containers.settings, containers.changes, containers.size
    FROM containers JOIN images ON images.id = containers.image";

impl Store {
    /// Makes a container of a live image. From then on the image's content stays until the container goes.
    ///
    /// # Errors
    /// [`ImageNotFound`](Error::ImageNotFound), [`ContainerNameTaken`](Error::ContainerNameTaken); nothing changed.
    pub fn create_container(&self, new: &NewContainer<'_>) -> Result<ContainerRecord> {
        self.refuse_read_only()?;
        let folder = self.container_folder(new.id);
        let content = folder.join("content");
        fs::create_dir_all(&content).map_err(Error::io("create", &content))?;
        let made = text_of(new)
            .and_then(|text| durable::write_first(&folder.join(DOCUMENT), &text))
            .and_then(|()| {
            self.change(|change| {
                let image = change
                    .one::<i64>(
                        "SELECT id FROM images WHERE target = ? AND removed IS NULL",
                        [Text(new.target)],
                    )?
                    .ok_or_else(|| gone(new.target))?;
                let holder: Option<String> =
                    change.one("SELECT id FROM containers WHERE name = ?", [new.name])?;
                if let Some(holder) = holder {
                    return Err(Error::ContainerNameTaken {
                        name: new.name.to_owned(),
                        holder,
                    });
                }
                change.run(
                    "INSERT INTO containers (id, name, image, manifest, reference, created, status, settings) VALUES (?, ?, ?, ?, ?, ?, 'created', ?)",
                    params![new.id.as_str(), new.name, image, Text(new.manifest), new.reference, micros(new.now), new.settings],
                )?;
                change.run(
                    "INSERT OR REPLACE INTO in_use (container, image, running) VALUES (?, ?, 0)",
                    params![new.name, image],
                )?;
                change.count_use()
            })
        });
        if made.is_err()
            && let Err(error) = fs::remove_dir_all(&folder)
        {
            tracing::warn!(path = %folder.display(), %error, "the folder of a container that was not made could not be removed");
        }
        made?;
        self.container(new.id)
    }

    /// Returns all containers, newest first.
    pub fn containers(&self) -> Result<Vec<ContainerRecord>> {
        self.read(|sql| {
            // A store of the format before, on which nothing can be written, has none.
            if !has_table(sql)? {
                return Ok(Vec::new());
            }
            let mut statement = sql.prepare_cached(&format!(
                "SELECT {COLUMNS} ORDER BY containers.created DESC, containers.id"
            ))?;
            let rows = statement.query_map([], record)?;
            rows.collect()
        })
    }

    /// Returns one container.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound).
    pub fn container(&self, id: &ContainerId) -> Result<ContainerRecord> {
        let found = self.read(|sql| {
            if !has_table(sql)? {
                return Ok(None);
            }
            sql.prepare_cached(&format!("SELECT {COLUMNS} WHERE containers.id = ?"))?
                .query_row([id.as_str()], record)
                .optional()
        })?;
        found.ok_or_else(|| no_container(id.as_str()))
    }

    /// Finds the container that is meant, by docker's rules: whole ID, then name, then the start of an ID.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound), [`ContainerAmbiguous`](Error::ContainerAmbiguous).
    pub fn find_container(&self, text: &str) -> Result<ContainerRecord> {
        let mut all = self.containers()?;
        let wanted = text.strip_prefix('/').unwrap_or(text);
        let exact = all
            .iter()
            .position(|one| one.id.as_str() == wanted)
            .or_else(|| all.iter().position(|one| one.name == wanted));
        if let Some(found) = exact {
            return Ok(all.swap_remove(found));
        }
        all.retain(|one| !wanted.is_empty() && one.id.as_str().starts_with(wanted));
        match all.len() {
            1 => Ok(all.swap_remove(0)),
            0 => Err(no_container(text)),
            count => Err(Error::ContainerAmbiguous {
                text: text.to_owned(),
                count,
            }),
        }
    }

    /// Notes what a container does, for itself and for whoever wants to remove its image.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound).
    pub fn set_container_status(
        &self,
        id: &ContainerId,
        status: ContainerStatus,
        exit_code: Option<i32>,
    ) -> Result<()> {
        let name = self.container(id)?.name;
        self.change(|change| {
            change.run(
                "UPDATE containers SET status = ?, exit_code = ? WHERE id = ?",
                params![status.as_str(), exit_code, id.as_str()],
            )?;
            change.run(
                "UPDATE in_use SET running = ? WHERE container = ?",
                params![status.is_running(), name],
            )?;
            change.count_use()
        })
    }

    /// Replaces what the caller keeps with a container. On return it is on disk.
    ///
    /// # Errors
    /// [`ContainerNotFound`](Error::ContainerNotFound).
    pub fn set_container_settings(&self, id: &ContainerId, settings: &str) -> Result<()> {
        self.refuse_read_only()?;
        let known = self.container(id)?;
        self.write_document(&NewContainer {
            id,
            name: &known.name,
            target: &known.target,
            manifest: &known.manifest,
            reference: &known.reference,
            settings,
            now: known.created,
        })?;
        self.note(|sql| {
            sql.execute(
                "UPDATE containers SET settings = ? WHERE id = ?",
                [settings, id.as_str()],
            )
            .map(drop)
        })
    }

    /// Returns the folder of a container. The runtime keeps what it needs in `run/` below it.
    #[must_use]
    pub fn container_folder(&self, id: &ContainerId) -> PathBuf {
        self.root().join("containers").join(id.as_str())
    }
}

impl Store {
    fn write_document(&self, new: &NewContainer<'_>) -> Result<()> {
        let folder = self.container_folder(new.id);
        let temporary = folder.join("container.json.new");
        durable::prepare(&temporary, &text_of(new)?)?;
        durable::rename(&temporary, &folder.join(DOCUMENT))
    }

    /// Reads what the folders of containers say of them, for a rebuild. A folder that says nothing was left by a crash, before it was
    /// whole or after its container was removed. One that says what cannot be read goes to `quarantine/`.
    pub(crate) fn container_documents(&self) -> Result<Vec<LostContainer>> {
        let mut found = Vec::new();
        for (id, folder) in self.container_folders()? {
            let path = folder.join(DOCUMENT);
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("read", &path)(error)),
            };
            match serde_json::from_slice::<Document>(&text) {
                Ok(document) => found.push(LostContainer {
                    id,
                    folder,
                    document,
                }),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a container could not be recovered");
                    self.quarantine(&folder)?;
                }
            }
        }
        Ok(found)
    }

    /// Lists the folders of containers, those included whose container is gone.
    pub(crate) fn container_folders(&self) -> Result<Vec<(ContainerId, PathBuf)>> {
        let folder = self.root().join("containers");
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &folder)(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io("read", &folder))?;
            if let Ok(id) = entry.file_name().to_string_lossy().parse() {
                found.push((id, entry.path()));
            }
        }
        Ok(found)
    }
}

/// A container that lost its row.
pub(crate) struct LostContainer {
    id: ContainerId,
    folder: PathBuf,
    document: Document,
}

/// Gives containers their rows again. Returns the folders of those whose image is gone.
pub(crate) fn recover(change: &mut Change<'_>, lost: Vec<LostContainer>) -> Result<Vec<PathBuf>> {
    let mut orphans = Vec::new();
    for LostContainer {
        id,
        folder,
        document,
    } in lost
    {
        let image =
            change.one::<i64>("SELECT id FROM images WHERE target = ?", [&document.target])?;
        let Some(image) = image else {
            tracing::warn!(container = document.name, "a container's image is gone");
            orphans.push(folder);
            continue;
        };
        change.run(
            "INSERT OR IGNORE INTO containers (id, name, image, manifest, reference, created, status, settings) VALUES (?, ?, ?, ?, ?, ?, 'created', ?)",
            params![id.as_str(), document.name, image, document.manifest, document.reference, micros(document.created), document.settings],
        )?;
        change.run(
            "INSERT OR IGNORE INTO in_use (container, image, running) VALUES (?, ?, 0)",
            params![document.name, image],
        )?;
        change.touch(image)?;
    }
    Ok(orphans)
}

pub(crate) fn no_container(text: &str) -> Error {
    Error::ContainerNotFound {
        text: text.to_owned(),
    }
}

fn has_table(sql: &rusqlite::Connection) -> rusqlite::Result<bool> {
    sql.prepare_cached("SELECT 1 FROM sqlite_master WHERE name = 'containers'")?
        .exists([])
}

fn record(row: &Row<'_>) -> rusqlite::Result<ContainerRecord> {
    Ok(ContainerRecord {
        id: row.get::<_, Text<ContainerId>>(0)?.0,
        name: row.get(1)?,
        target: row.get::<_, Text<Digest>>(2)?.0,
        image: row.get::<_, Text<Digest>>(3)?.0,
        manifest: row.get::<_, Text<Digest>>(4)?.0,
        reference: row.get(5)?,
        created: time(row.get(6)?),
        status: ContainerStatus::of(&row.get::<_, String>(7)?),
        exit_code: row.get(8)?,
        settings: row.get(9)?,
        changes: size(row.get(10)?),
        size: size(row.get(11)?),
    })
}
