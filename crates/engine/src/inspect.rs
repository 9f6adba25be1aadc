//! docker's view of an image.

use oci::Selector;
use serde::Serialize;

use crate::{Engine, Error};

/// An image as `docker inspect` prints it; serialising it gives exactly docker's keys.
///
/// <https://docs.docker.com/reference/cli/docker/image/inspect/>
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InspectedImage {
    /// The config's digest.
    pub id: String,
    /// Familiar names with a tag.
    pub repo_tags: Vec<String>,
    /// Familiar names with a digest.
    pub repo_digests: Vec<String>,
    /// What was said when it was committed.
    pub comment: String,
    /// When it was made, as the config spells it.
    pub created: Option<String>,
    /// Who made it.
    pub author: String,
    /// The config's `config`, as it stands there.
    pub config: Option<serde_json::Value>,
    /// The processor.
    pub architecture: String,
    /// The processor's variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The operating system.
    pub os: String,
    /// The operating system's version, for Windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Bytes of regular files over all layers.
    pub size: u64,
    /// The layers.
    #[serde(rename = "RootFS")]
    pub root_fs: InspectedRootFs,
}

/// The layers as `docker inspect` prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InspectedRootFs {
    /// Always `layers`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Diff IDs, base first.
    pub layers: Vec<String>,
}

impl Engine {
    /// Describes an image in docker's words.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn inspect(&self, selector: &Selector) -> Result<InspectedImage, Error> {
        let _ = selector;
        todo!()
    }
}
