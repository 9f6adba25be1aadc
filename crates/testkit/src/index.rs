use oci::{MediaType, Platform};
use serde_json::{Value, json};

use crate::image::to_json;
use crate::{Document, Image};

/// Makes an index over several images.
#[derive(Clone, Debug, Default)]
pub struct IndexBuilder {
    images: Vec<Image>,
    entries: Vec<Value>,
    extra: Vec<Document>,
    statements: Vec<Vec<u8>>,
    docker: bool,
}

impl IndexBuilder {
    /// Starts an empty OCI index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses Docker's manifest list in place of OCI's index.
    #[must_use]
    pub fn docker(mut self) -> Self {
        self.docker = true;
        self
    }

    /// Adds an image under the platform of its config.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        let mut entry = to_json(&image.root.descriptor());
        entry["platform"] = platform_json(&image.platform);
        self.entries.push(entry);
        self.images.push(image);
        self
    }

    /// Adds an attestation about the image added last, as builders do.
    #[must_use]
    pub fn attestation(mut self) -> Self {
        let subject = self
            .images
            .last()
            .expect("an image comes first")
            .root
            .digest
            .clone();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": "_", "digest": {"sha256": subject.hex()}}],
        })
        .to_string();
        let layer = json!({
            "mediaType": "application/vnd.in-toto+json",
            "digest": oci::Digest::sha256(statement.as_bytes()).as_str(),
            "size": statement.len(),
        });
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": oci::Digest::sha256(b"{}").as_str(), "size": 2});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OciManifest.as_str(),
            "config": config,
            "layers": [layer],
        });
        let document = Document::new(
            MediaType::OciManifest,
            serde_json::to_vec(&manifest).unwrap(),
        );
        let mut entry = to_json(&document.descriptor());
        entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        entry["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject.as_str(),
        });
        self.entries.push(entry);
        self.extra.push(document);
        self.statements.push(statement.into_bytes());
        self
    }

    /// Makes the index. It needs an image.
    pub fn build(self) -> Image {
        let first = self
            .images
            .first()
            .expect("an index needs an image")
            .clone();
        let media_type = if self.docker {
            MediaType::DockerList
        } else {
            MediaType::OciIndex
        };
        let index = json!({"schemaVersion": 2, "mediaType": media_type.as_str(), "manifests": self.entries});
        let mut children = self.extra;
        let mut blobs = std::collections::BTreeMap::new();
        if !children.is_empty() {
            blobs.insert(oci::Digest::sha256(b"{}"), b"{}".to_vec());
        }
        for statement in self.statements {
            blobs.insert(oci::Digest::sha256(&statement), statement);
        }
        for image in self.images {
            children.push(image.root);
            children.extend(image.children);
            blobs.extend(image.blobs);
        }
        Image {
            root: Document::new(media_type, serde_json::to_vec_pretty(&index).unwrap()),
            children,
            blobs,
            config: first.config,
            layers: first.layers,
            platform: first.platform,
        }
    }
}

fn platform_json(platform: &Platform) -> Value {
    let mut value = json!({"os": platform.os, "architecture": platform.architecture});
    if let Some(variant) = &platform.variant {
        value["variant"] = json!(variant);
    }
    value
}
