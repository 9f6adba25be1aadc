//! How programs of a container, and of the image that is committed of it, run.

use std::collections::BTreeMap;

use oci::Digest;
use runtime::RunOptions;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{ContainerId, ContainerRecord, Store};

use crate::changes::Changes;
use crate::{Engine, Error};

/// What is kept with a container.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Settings {
    /// The image's settings with all changes; `None` where nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) config: Option<Map<String, Value>>,
    /// How it is started; `None` where nothing was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunOptions>,
    /// Whether it goes away when it has ended.
    #[serde(default)]
    pub(super) remove: bool,
}

impl Settings {
    /// Reads what is kept with a container. What cannot be read counts as nothing.
    pub(super) fn of(record: &ContainerRecord) -> Self {
        serde_json::from_str(&record.settings).unwrap_or_default()
    }

    /// Returns what is kept of it.
    pub(super) fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Internal(error.to_string()))
    }

    /// Keeps it with a container that nobody else changes meanwhile.
    pub(super) fn keep(&self, store: &Store, id: &ContainerId) -> Result<(), Error> {
        Ok(store.set_container_settings(id, &self.text()?)?)
    }
}

/// Settings of a container. What is `None` stays, or is not set, as the case may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerConfig {
    /// Arguments that a user replaces; the program itself where there is no entrypoint.
    pub cmd: Option<Vec<String>>,
    /// The program, before the arguments.
    pub entrypoint: Option<Vec<String>>,
    /// Environment, as `NAME=value`.
    pub env: Option<Vec<String>>,
    /// Ports, as `80/tcp`.
    pub exposed_ports: Option<Vec<String>>,
    /// The folder that a program starts in.
    pub working_dir: Option<String>,
    /// User (and group) of the program.
    pub user: Option<String>,
    /// Notes.
    pub labels: Option<BTreeMap<String, String>>,
    /// Folders whose content lives outside.
    pub volumes: Option<Vec<String>>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<String>,
}

impl Engine {
    /// Tells a container's settings, those of its image included.
    ///
    /// # Errors
    /// `not_found`, `store_damaged`.
    pub async fn container_config(&self, id: &ContainerId) -> Result<ContainerConfig, Error> {
        let id = id.clone();
        self.with_store(move |store| {
            let record = store.container(&id)?;
            Ok(ContainerConfig::of(&current(store, &record)?))
        })
        .await
    }

    /// Changes a container's settings; fields that are `None` stay. A list that is empty takes the setting away.
    ///
    /// # Errors
    /// `not_found`, `read_only`.
    pub async fn set_container_config(
        &self,
        id: &ContainerId,
        config: ContainerConfig,
    ) -> Result<(), Error> {
        self.change_config(id, move |settings| {
            config.apply(settings);
            Ok(())
        })
        .await
    }

    /// Changes a container's settings by Dockerfile instructions, as `commit -c` does.
    ///
    /// # Errors
    /// `usage` (a change is none), `not_found`, `read_only`.
    pub async fn configure_container(
        &self,
        id: &ContainerId,
        instructions: &[String],
    ) -> Result<(), Error> {
        let changes = Changes::parse(instructions)?;
        self.change_config(id, move |settings| Ok(changes.apply(settings)?))
            .await
    }

    async fn change_config(
        &self,
        id: &ContainerId,
        change: impl FnOnce(&mut Map<String, Value>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let id = id.clone();
        self.with_store(move |store| {
            // Its lock also keeps two changes of the settings apart.
            let _alone = store.edit_container(&id)?;
            let record = store.container(&id)?;
            let mut config = current(store, &record)?;
            change(&mut config)?;
            let settings = Settings {
                config: Some(config),
                ..Settings::of(&record)
            };
            settings.keep(store, &id)
        })
        .await
    }
}

/// Returns the settings of a container, by the keys of a config.
pub(super) fn current(
    store: &Store,
    record: &ContainerRecord,
) -> Result<Map<String, Value>, Error> {
    if let Some(config) = Settings::of(record).config {
        return Ok(config);
    }
    let digest = store.manifest(&record.manifest)?.config;
    let document = document(store, &digest)?;
    let mut config = match document.get("config") {
        Some(Value::Object(config)) => config.clone(),
        _ => Map::new(),
    };
    // They are for a build on top of the image, which this is not; docker leaves them out too.
    config.remove("OnBuild");
    Ok(config)
}

/// Reads a config as it stands, with what nobody here knows.
pub(super) fn document(store: &Store, digest: &Digest) -> Result<Map<String, Value>, Error> {
    let bytes = store.read_document(digest, crate::pull::MAX_CONFIG_SIZE)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(document)) => Ok(document),
        _ => Err(Error::Document {
            digest: digest.clone(),
            source: oci::DocumentError::Neither,
        }),
    }
}

impl ContainerConfig {
    fn of(config: &Map<String, Value>) -> Self {
        let text = |key: &str| {
            let text = config.get(key).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let list = |key: &str| {
            let list = config.get(key).and_then(Value::as_array)?;
            Some(
                list.iter()
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
            )
        };
        let keys = |key: &str| {
            let object = config.get(key).and_then(Value::as_object)?;
            Some(object.keys().cloned().collect())
        };
        let labels = config.get("Labels").and_then(Value::as_object);
        Self {
            cmd: list("Cmd"),
            entrypoint: list("Entrypoint"),
            env: list("Env"),
            exposed_ports: keys("ExposedPorts"),
            working_dir: text("WorkingDir"),
            user: text("User"),
            labels: labels.map(|labels| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                labels
                    .iter()
                    .map(|(key, value)| (key.clone(), text(value)))
                    .collect()
            }),
            volumes: keys("Volumes"),
            stop_signal: text("StopSignal"),
        }
    }

    fn apply(self, config: &mut Map<String, Value>) {
        let Self {
            cmd,
            entrypoint,
            env,
            exposed_ports,
            working_dir,
            user,
            labels,
            volumes,
            stop_signal,
        } = self;
        let set = |list: Vec<String>| -> Value {
            let pairs = list.into_iter().map(|key| (key, json!({})));
            Value::Object(pairs.collect())
        };
        for (key, value) in [
            ("Cmd", cmd.map(|list| json!(list))),
            ("Entrypoint", entrypoint.map(|list| json!(list))),
            ("Env", env.map(|list| json!(list))),
            ("ExposedPorts", exposed_ports.map(set)),
            ("WorkingDir", working_dir.map(|text| json!(text))),
            ("User", user.map(|text| json!(text))),
            ("Labels", labels.map(|labels| json!(labels))),
            ("Volumes", volumes.map(set)),
            ("StopSignal", stop_signal.map(|text| json!(text))),
        ] {
            let Some(value) = value else { continue };
            let empty = match &value {
                Value::Array(list) => list.is_empty(),
                Value::Object(object) => object.is_empty(),
                Value::String(text) => text.is_empty(),
                _ => false,
            };
            match empty {
                true => drop(config.shift_remove(key)),
                false => drop(config.insert(key.to_owned(), value)),
            }
        }
    }
}
