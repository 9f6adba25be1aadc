use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::descriptor::null_is_empty;
use crate::json::refuse_repeated_keys;
use crate::{Digest, Platform};

/// An image's config, as a view: who made it, for which platform, how it runs, and which layers it is made of.
///
/// Fields that are not known here are in the bytes and stay there. Source:
/// <https://github.com/opencontainers/image-spec/blob/main/config.md> and Docker's additions to it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ImageConfig {
    /// When the image was made, as it stands in the config.
    #[serde(default)]
    pub created: Option<String>,
    /// Who made it, `docker commit -a`.
    #[serde(default)]
    pub author: Option<String>,
    /// The comment of Docker's last commit.
    #[serde(default)]
    pub comment: Option<String>,
    /// The processor, by Go's name.
    #[serde(default)]
    pub architecture: String,
    /// The operating system, by Go's name.
    #[serde(default)]
    pub os: String,
    /// The processor's variant.
    #[serde(default)]
    pub variant: Option<String>,
    /// The build of Windows.
    #[serde(default, rename = "os.version")]
    pub os_version: Option<String>,
    /// Features of the operating system.
    #[serde(default, rename = "os.features", deserialize_with = "null_is_empty")]
    pub os_features: Vec<String>,
    /// How a container of it runs.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub config: ContainerConfig,
    /// The layers.
    #[serde(default)]
    pub rootfs: RootFs,
    /// What was done, oldest first.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub history: Vec<HistoryRecord>,
}

/// How a container of an image runs unless told otherwise. Key names are Docker's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// User (and group) of the process.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub user: String,
    /// Ports that it listens on, as `80/tcp`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// Environment, as `NAME=value`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub env: Vec<String>,
    /// The program, before the arguments.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub entrypoint: Vec<String>,
    /// Arguments that a user replaces; the program itself where there is no entrypoint.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub cmd: Vec<String>,
    /// Folders whose content lives outside the container.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Folder that the process starts in.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub working_dir: String,
    /// Notes by whoever made it.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Signal that asks it to stop.
    #[serde(default)]
    pub stop_signal: Option<String>,
    /// How Docker tests whether it works.
    #[serde(default)]
    pub healthcheck: Option<Healthcheck>,
    /// The shell of shell-form instructions.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub shell: Vec<String>,
    /// Instructions for a build on top of it.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub on_build: Vec<String>,
}

/// How Docker tests whether a container works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `NONE`, or `CMD` and arguments, or `CMD-SHELL` and a line.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub test: Vec<String>,
    /// Nanoseconds between two tests.
    #[serde(default)]
    pub interval: Option<i64>,
    /// Nanoseconds that a test may take.
    #[serde(default)]
    pub timeout: Option<i64>,
    /// Nanoseconds of grace at the start.
    #[serde(default)]
    pub start_period: Option<i64>,
    /// Failures in a row that make it unhealthy.
    #[serde(default)]
    pub retries: Option<i64>,
}

/// The file system of an image: its layers by diff ID, base first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Digest of each layer's uncompressed tar.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub diff_ids: Vec<Digest>,
}

/// One line of an image's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct HistoryRecord {
    /// When, as it stands in the config.
    #[serde(default)]
    pub created: Option<String>,
    /// The instruction.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Who.
    #[serde(default)]
    pub author: Option<String>,
    /// The message of the commit.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whether it changed settings only and has no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

/// Why bytes are refused as an image's config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON of the right shape, or has a key twice.
    #[error("the image's config cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Its file system is not made of layers.
    #[error("the image's file system is of type {kind:?}, not layers")]
    RootFsType {
        /// The type.
        kind: String,
    },
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// Says why it is none; a missing `rootfs.type` is taken for `layers`, any other type is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        refuse_repeated_keys(bytes)?;
        let config: Self = serde_json::from_slice(bytes)?;
        match config.rootfs.kind.as_str() {
            "" | "layers" => Ok(config),
            other => Err(ConfigError::RootFsType {
                kind: other.to_owned(),
            }),
        }
    }

    /// Returns the platform that the image is for.
    pub fn platform(&self) -> Platform {
        let plain = Platform {
            os: self.os.clone(),
            architecture: self.architecture.clone(),
            variant: self.variant.clone().filter(|variant| !variant.is_empty()),
            os_version: self.os_version.clone(),
            os_features: self.os_features.clone(),
        };
        plain.normalized()
    }

    /// Returns when the image was made, or `None` where the config says nothing that is a time.
    pub fn created(&self) -> Option<jiff::Timestamp> {
        self.created.as_deref().and_then(|text| text.parse().ok())
    }
}

/// Returns the chain ID of each layer of a stack: the name of that layer *on top of everything below it*.
///
/// Source: <https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>.
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            None => diff_id.clone(),
            Some(below) => Digest::sha256(format!("{below} {diff_id}").as_bytes()),
        };
        chain.push(next);
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockers_config_with_nulls_reads() {
        let text = r#"{"architecture":"arm64","variant":"v8","os":"linux","created":"2024-05-01T10:00:00.123456789Z",
            "author":"Ada","config":{"Env":["PATH=/bin"],"Cmd":["sh"],"Entrypoint":null,"Labels":null,"Volumes":null,
            "ExposedPorts":{"80/tcp":{}},"WorkingDir":"","OnBuild":null,"Healthcheck":{"Test":["CMD","true"],"Interval":30000000000}},
            "container_config":{"Hostname":"x"},"docker_version":"20.10.24",
            "rootfs":{"type":"layers","diff_ids":null},"history":[{"created_by":"ADD file","comment":"base"}]}"#;
        let config = ImageConfig::parse(text.as_bytes()).expect("reads");
        assert_eq!(config.platform().to_string(), "linux/arm64");
        assert_eq!(
            config.created().map(|at| at.to_string()).as_deref(),
            Some("2024-05-01T10:00:00.123456789Z")
        );
        assert_eq!(
            config.config.exposed_ports.keys().collect::<Vec<_>>(),
            ["80/tcp"]
        );
        assert_eq!(
            config.config.healthcheck.and_then(|check| check.interval),
            Some(30_000_000_000)
        );
        assert!(config.rootfs.diff_ids.is_empty());
    }

    #[test]
    fn a_config_that_is_null_or_of_another_kind() {
        assert!(
            ImageConfig::parse(br#"{"config":null,"rootfs":{"type":"layers","diff_ids":[]}}"#)
                .is_ok()
        );
        let other = ImageConfig::parse(br#"{"rootfs":{"type":"zfs","diff_ids":[]}}"#);
        assert!(matches!(other, Err(ConfigError::RootFsType { kind }) if kind == "zfs"));
    }

    #[test]
    fn chain_ids_hash_the_stack() {
        let (a, b, c) = (
            Digest::sha256(b"a"),
            Digest::sha256(b"b"),
            Digest::sha256(b"c"),
        );
        let chain = chain_ids(&[a.clone(), b.clone(), c.clone()]);
        let ab = Digest::sha256(format!("{a} {b}").as_bytes());
        let abc = Digest::sha256(format!("{ab} {c}").as_bytes());
        assert_eq!(chain, [a, ab, abc]);
        assert!(chain_ids(&[]).is_empty());
    }
}
