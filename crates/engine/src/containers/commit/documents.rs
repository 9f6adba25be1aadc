//! The documents of an image that is committed.

use jiff::Timestamp;
use layer::Compression;
use oci::{Digest, MediaType};
use serde_json::{Map, Value, json};
use store::{ContainerRecord, ManifestDetail};

use super::layer::Layer;
use super::{Commit, CommitRequest};
use crate::Error;
use crate::containers::{config, steps};

impl Commit<'_> {
    /// Returns the config of the new image: that of the one below, with the settings and one more step.
    pub(super) fn config(
        &self,
        base: &ManifestDetail,
        settings: Map<String, Value>,
        command: &str,
        layer: Option<&Layer>,
        created: Timestamp,
    ) -> Result<Map<String, Value>, Error> {
        let CommitRequest {
            message, author, ..
        } = self.request;
        let mut config = config::document(&self.shared.store, &base.config)?;
        // What they say is of the image below, or of docker's own container.
        config.retain(|key, _| {
            !matches!(
                key.as_str(),
                "author"
                    | "comment"
                    | "container"
                    | "container_config"
                    | "docker_version"
                    | "id"
                    | "parent"
            ) && !key.starts_with("moby.buildkit.")
        });
        let created = json!(created.to_string());
        let made = config.insert("created".into(), created.clone());
        let mut step = json!({"created": created, "created_by": command});
        if let Some(author) = author {
            config.insert("author".into(), json!(author));
            step["author"] = json!(author);
        }
        if let Some(message) = message {
            // docker has it in the history alone, podman here too.
            step["comment"] = json!(message);
        }
        match layer {
            None => step["empty_layer"] = json!(true),
            Some(layer) => {
                let root = config
                    .entry("rootfs")
                    .or_insert_with(|| json!({"type": "layers"}));
                if !root["diff_ids"].is_array() {
                    root["diff_ids"] = json!([]);
                }
                if let Some(list) = root["diff_ids"].as_array_mut() {
                    list.push(json!(layer.diff_id.as_str()));
                }
            }
        }
        let history = config.remove("history");
        let history = steps::add(history, base.layers.len(), made.as_ref(), step);
        config.insert("history".into(), history);
        config.insert("config".into(), Value::Object(settings));
        Ok(config)
    }

    /// Returns the manifest of the new image: the layers of the one below, and the new one.
    pub(super) fn manifest(
        &self,
        record: &ContainerRecord,
        base: &ManifestDetail,
        (config, config_size): (&Digest, usize),
        layer: Option<&Layer>,
    ) -> Result<Value, Error> {
        let bytes = self
            .shared
            .store
            .read_document(&record.manifest, oci::MAX_MANIFEST_SIZE)?;
        let below: Value = serde_json::from_slice(&bytes).map_err(|_| Error::Document {
            digest: record.manifest.clone(),
            source: oci::DocumentError::Neither,
        })?;
        let mut layers = below["layers"].as_array().cloned().unwrap_or_default();
        // docker's types know no zstd: the whole is then told in OCI's, of the same bytes.
        let zstd = self.request.compression == Compression::Zstd;
        let docker = base.media_type.is_docker() && !zstd;
        if base.media_type.is_docker() && zstd {
            for layer in &mut layers {
                let told = MediaType::parse(layer["mediaType"].as_str().unwrap_or_default());
                let told = match told {
                    MediaType::DockerLayer => MediaType::OciLayer,
                    MediaType::DockerLayerGzip => MediaType::OciLayerGzip,
                    MediaType::DockerLayerZstd => MediaType::OciLayerZstd,
                    other => other,
                };
                layer["mediaType"] = json!(told.as_str());
            }
        }
        if let Some(layer) = layer {
            let media_type = match (self.request.compression, docker) {
                (Compression::None, true) => MediaType::DockerLayer,
                (Compression::None, false) => MediaType::OciLayer,
                (Compression::Gzip, true) => MediaType::DockerLayerGzip,
                (Compression::Gzip, false) => MediaType::OciLayerGzip,
                (Compression::Zstd, _) => MediaType::OciLayerZstd,
            };
            layers.push(json!({
                "mediaType": media_type.as_str(),
                "size": layer.size,
                "digest": layer.digest.as_str(),
            }));
        }
        let (manifest_type, config_type) = match docker {
            true => (MediaType::DockerManifest, MediaType::DockerConfig),
            false => (MediaType::OciManifest, MediaType::OciConfig),
        };
        Ok(json!({
            "schemaVersion": 2,
            "mediaType": manifest_type.as_str(),
            "config": {
                "mediaType": config_type.as_str(),
                "size": config_size,
                "digest": config.as_str(),
            },
            "layers": layers,
        }))
    }
}
