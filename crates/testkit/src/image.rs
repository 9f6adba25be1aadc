use std::collections::BTreeMap;

use oci::{Descriptor, Digest, MediaType, Platform};
use serde_json::{Value, json};

use crate::{Layer, Packing};

/// A manifest or index: the bytes and what they are.
#[derive(Clone, Debug)]
pub struct Document {
    /// The digest of the bytes, unless a wrong one was asked for.
    pub digest: Digest,
    /// What it is.
    pub media_type: MediaType,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Document {
    /// Makes a document of bytes.
    pub fn new(media_type: MediaType, bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::sha256(&bytes),
            media_type,
            bytes,
        }
    }

    /// Returns the descriptor that points at it.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type.clone(),
            self.digest.clone(),
            self.bytes.len() as u64,
        )
    }
}

/// A layer as it stands in an image.
#[derive(Clone, Debug)]
pub struct BuiltLayer {
    /// The descriptor in the manifest; wrong where that was asked for.
    pub descriptor: Descriptor,
    /// The diff ID in the config; wrong where that was asked for.
    pub diff_id: Digest,
}

/// An image, or an index with several, ready to be put into a registry.
#[derive(Clone, Debug)]
pub struct Image {
    /// What a tag names: the manifest or the index.
    pub root: Document,
    /// The manifests below an index; empty for a plain image.
    pub children: Vec<Document>,
    /// Configs and layers by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// The config's digest, which is the image ID; of an index, that of its first image.
    pub config: Digest,
    /// The layers, base first; of an index, those of its first image.
    pub layers: Vec<BuiltLayer>,
    /// The platform in the config; of an index, that of its first image.
    pub platform: Platform,
}

impl Image {
    /// Returns the digest that a tag names.
    pub fn digest(&self) -> &Digest {
        &self.root.digest
    }

    /// Returns the descriptor of the config.
    pub fn config_descriptor(&self) -> Descriptor {
        let media_type = if self.root.media_type.is_docker() {
            MediaType::DockerConfig
        } else {
            MediaType::OciConfig
        };
        Descriptor::new(
            media_type,
            self.config.clone(),
            self.blobs[&self.config].len() as u64,
        )
    }
}

/// Makes an image. Everything has a default; the same calls give the same digests.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    layers: Vec<(Layer, Wrong)>,
    platform: Platform,
    docker: bool,
    created: String,
    author: Option<String>,
    comment: Option<String>,
    runtime: Value,
    history: Vec<Value>,
    annotations: Value,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wrong {
    diff_id: bool,
    digest: bool,
    size: Option<u64>,
}

impl Default for ImageBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ImageBuilder {
    /// Starts an OCI image for linux/amd64 without layers.
    pub fn new() -> Self {
        Self {
            layers: Vec::new(),
            platform: "linux/amd64".parse().unwrap(),
            docker: false,
            created: "2024-01-01T00:00:00Z".to_owned(),
            author: None,
            comment: None,
            runtime: json!({"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["sh"]}),
            history: Vec::new(),
            annotations: json!({}),
        }
    }

    /// Adds a layer, and a line of history for it.
    #[must_use]
    pub fn layer(mut self, layer: Layer) -> Self {
        let number = self.layers.len() + 1;
        self.layers.push((layer, Wrong::default()));
        self.step(&format!("COPY layer{number} /"), false)
    }

    /// Adds a layer with these files.
    #[must_use]
    pub fn files<P: AsRef<str>, C: AsRef<[u8]>>(
        self,
        files: impl IntoIterator<Item = (P, C)>,
    ) -> Self {
        self.layer(Layer::files(files))
    }

    /// Adds a line of history without a layer.
    #[must_use]
    pub fn empty_step(self, created_by: &str) -> Self {
        self.step(created_by, true)
    }

    fn step(mut self, created_by: &str, empty: bool) -> Self {
        let mut line = json!({"created": self.created, "created_by": created_by});
        if empty {
            line["empty_layer"] = json!(true);
        }
        self.history.push(line);
        self
    }

    /// Replaces the whole history.
    #[must_use]
    pub fn history(mut self, lines: Vec<Value>) -> Self {
        self.history = lines;
        self
    }

    /// Sets the platform in the config, such as `linux/arm64/v8`.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = platform.parse().unwrap();
        self
    }

    /// Uses Docker's media types in place of OCI's.
    #[must_use]
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Sets when it was made, in RFC 3339.
    #[must_use]
    pub fn created(mut self, time: &str) -> Self {
        self.created = time.to_owned();
        self
    }

    /// Sets the author.
    #[must_use]
    pub fn author(mut self, author: &str) -> Self {
        self.author = Some(author.to_owned());
        self
    }

    /// Sets the comment.
    #[must_use]
    pub fn comment(mut self, comment: &str) -> Self {
        self.comment = Some(comment.to_owned());
        self
    }

    /// Sets one of the settings for containers: `Env`, `Cmd`, `Labels`, `ExposedPorts` and so on.
    #[must_use]
    pub fn config(mut self, key: &str, value: Value) -> Self {
        self.runtime[key] = value;
        self
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.runtime["Labels"][key] = json!(value);
        self
    }

    /// Sets an annotation of the manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations[key] = json!(value);
        self
    }

    /// Makes the config say a wrong diff ID for the layer added last.
    #[must_use]
    pub fn wrong_diff_id(mut self) -> Self {
        self.last().diff_id = true;
        self
    }

    /// Makes the manifest say a wrong digest for the layer added last; the registry has the bytes under that digest.
    #[must_use]
    pub fn wrong_digest(mut self) -> Self {
        self.last().digest = true;
        self
    }

    /// Makes the manifest say a wrong size for the layer added last.
    #[must_use]
    pub fn wrong_size(mut self, size: u64) -> Self {
        self.last().size = Some(size);
        self
    }

    fn last(&mut self) -> &mut Wrong {
        &mut self.layers.last_mut().expect("a layer comes first").1
    }

    /// Makes the image.
    pub fn build(&self) -> Image {
        let mut blobs = BTreeMap::new();
        let mut layers = Vec::new();
        for (layer, wrong) in &self.layers {
            let blob = layer.blob();
            let diff_id = if wrong.diff_id {
                Digest::sha256(b"wrong diff id")
            } else {
                Digest::sha256(&layer.tar())
            };
            let digest = if wrong.digest {
                Digest::sha256(&[b"wrong digest", blob.as_slice()].concat())
            } else {
                Digest::sha256(&blob)
            };
            let size = wrong.size.unwrap_or(blob.len() as u64);
            let descriptor =
                Descriptor::new(self.layer_type(layer.packing()), digest.clone(), size);
            blobs.insert(digest, blob);
            layers.push(BuiltLayer {
                descriptor,
                diff_id,
            });
        }
        let config = self.config_json(&layers);
        let config_bytes = serde_json::to_vec(&config).unwrap();
        let config_digest = Digest::sha256(&config_bytes);
        let (manifest_type, config_type) = if self.docker {
            (MediaType::DockerManifest, MediaType::DockerConfig)
        } else {
            (MediaType::OciManifest, MediaType::OciConfig)
        };
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type.as_str(),
            "config": {
                "mediaType": config_type.as_str(),
                "digest": config_digest.as_str(),
                "size": config_bytes.len(),
            },
            "layers": layers.iter().map(|layer| to_json(&layer.descriptor)).collect::<Vec<_>>(),
        });
        if self
            .annotations
            .as_object()
            .is_some_and(|annotations| !annotations.is_empty())
        {
            manifest["annotations"] = self.annotations.clone();
        }
        blobs.insert(config_digest.clone(), config_bytes);
        Image {
            root: Document::new(manifest_type, serde_json::to_vec_pretty(&manifest).unwrap()),
            children: Vec::new(),
            blobs,
            config: config_digest,
            layers,
            platform: self.platform.clone(),
        }
    }

    fn config_json(&self, layers: &[BuiltLayer]) -> Value {
        let mut config = json!({
            "created": self.created,
            "architecture": self.platform.architecture,
            "os": self.platform.os,
            "config": self.runtime,
            "rootfs": {
                "type": "layers",
                "diff_ids": layers.iter().map(|layer| layer.diff_id.as_str()).collect::<Vec<_>>(),
            },
            "history": self.history,
        });
        let variant = self.platform.variant.as_ref().map(ToString::to_string);
        for (key, value) in [
            ("author", &self.author),
            ("comment", &self.comment),
            ("variant", &variant),
        ] {
            if let Some(value) = value {
                config[key] = json!(value);
            }
        }
        config
    }

    fn layer_type(&self, packing: Packing) -> MediaType {
        match (packing, self.docker) {
            (Packing::Gzip | Packing::GzipMembers(_), false) => MediaType::OciLayerGzip,
            (Packing::Zstd | Packing::ZstdFrames(_), false) => MediaType::OciLayerZstd,
            (Packing::Plain, false) => MediaType::OciLayer,
            (Packing::Gzip | Packing::GzipMembers(_), true) => MediaType::DockerLayerGzip,
            (Packing::Zstd | Packing::ZstdFrames(_), true) => MediaType::DockerLayerZstd,
            (Packing::Plain, true) => MediaType::DockerLayer,
        }
    }
}

/// Returns a descriptor as it stands in a document.
pub(crate) fn to_json(descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type.as_str(),
        "digest": descriptor.digest.as_str(),
        "size": descriptor.size,
    })
}
