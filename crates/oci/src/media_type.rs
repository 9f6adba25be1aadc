use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What some bytes are said to be.
///
/// Parameters (`; charset=…`) are dropped when parsing, as the distribution specification asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    /// An OCI image manifest.
    OciManifest,
    /// An OCI image index.
    OciIndex,
    /// An OCI image config.
    OciConfig,
    /// The two bytes `{}`: a config or layer that says nothing, in artifacts.
    OciEmpty,
    /// A Docker image manifest, version 2 schema 2.
    DockerManifest,
    /// A Docker manifest list.
    DockerList,
    /// A Docker image config.
    DockerConfig,
    /// A Docker manifest of schema 1, which is refused.
    DockerSchema1,
    /// An OCI layer tar, as it is, gzip or zstd.
    OciLayer,
    /// An OCI layer tar compressed with gzip.
    OciLayerGzip,
    /// An OCI layer tar compressed with zstd.
    OciLayerZstd,
    /// A Docker layer, tar compressed with gzip.
    DockerLayerGzip,
    /// A Docker layer tar compressed with zstd, which some builders write.
    DockerLayerZstd,
    /// A Docker layer tar, not compressed.
    DockerLayer,
    /// A layer that registries do not hold themselves (Windows base layers); the text is the whole media type.
    Foreign(String),
    /// Anything else.
    Other(String),
}

const KNOWN: [(MediaType, &str); 14] = [
    (
        MediaType::OciManifest,
        "application/vnd.oci.image.manifest.v1+json",
    ),
    (
        MediaType::OciIndex,
        "application/vnd.oci.image.index.v1+json",
    ),
    (
        MediaType::OciConfig,
        "application/vnd.oci.image.config.v1+json",
    ),
    (MediaType::OciEmpty, "application/vnd.oci.empty.v1+json"),
    (
        MediaType::DockerManifest,
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    (
        MediaType::DockerList,
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    (
        MediaType::DockerConfig,
        "application/vnd.docker.container.image.v1+json",
    ),
    (
        MediaType::DockerSchema1,
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ),
    (
        MediaType::OciLayer,
        "application/vnd.oci.image.layer.v1.tar",
    ),
    (
        MediaType::OciLayerGzip,
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    (
        MediaType::OciLayerZstd,
        "application/vnd.oci.image.layer.v1.tar+zstd",
    ),
    (
        MediaType::DockerLayerGzip,
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        MediaType::DockerLayerZstd,
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ),
    (
        MediaType::DockerLayer,
        "application/vnd.docker.image.rootfs.diff.tar",
    ),
];

impl MediaType {
    /// Reads a media type or the value of a `Content-Type` header. Never fails: what is not known is [`MediaType::Other`].
    pub fn parse(text: &str) -> Self {
        let essence = text
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if essence == "application/vnd.docker.distribution.manifest.v1+json" {
            return Self::DockerSchema1;
        }
        if essence.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
            || essence.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
        {
            return Self::Foreign(essence);
        }
        let known = KNOWN
            .iter()
            .find(|(_, name)| *name == essence)
            .map(|(kind, _)| kind.clone());
        known.unwrap_or(Self::Other(essence))
    }

    /// Returns the text that stands in documents and headers.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Foreign(text) | Self::Other(text) => text,
            known => KNOWN
                .iter()
                .find(|(kind, _)| kind == known)
                .map_or("application/octet-stream", |(_, name)| name),
        }
    }

    /// Tells whether it is an image manifest, OCI or Docker.
    pub fn is_manifest(&self) -> bool {
        matches!(self, Self::OciManifest | Self::DockerManifest)
    }

    /// Tells whether it is an index or manifest list.
    pub fn is_index(&self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerList)
    }

    /// Tells whether it is the config of an image that can be run (and not of an artifact).
    pub fn is_image_config(&self) -> bool {
        matches!(self, Self::OciConfig | Self::DockerConfig)
    }

    /// Tells whether it is a file-system layer.
    pub fn is_layer(&self) -> bool {
        matches!(
            self,
            Self::OciLayer
                | Self::OciLayerGzip
                | Self::OciLayerZstd
                | Self::DockerLayerGzip
                | Self::DockerLayerZstd
                | Self::DockerLayer
                | Self::Foreign(_)
        )
    }

    /// Tells whether it is one of Docker's own types, which have OCI twins.
    pub fn is_docker(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.")
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for MediaType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MediaType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_type_reads_back_as_itself() {
        for (kind, name) in KNOWN {
            assert_eq!(MediaType::parse(name), kind);
            assert_eq!(kind.as_str(), name);
        }
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        let header = "Application/vnd.OCI.image.manifest.v1+json; charset=utf-8";
        assert_eq!(MediaType::parse(header), MediaType::OciManifest);
        assert_eq!(MediaType::parse("text/html; x=y").as_str(), "text/html");
    }

    #[test]
    fn foreign_layers_are_layers_and_keep_their_text() {
        let text = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let parsed = MediaType::parse(text);
        assert!(parsed.is_layer() && parsed.is_docker());
        assert_eq!(parsed.as_str(), text);
    }
}
