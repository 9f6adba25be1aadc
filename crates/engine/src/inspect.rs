//! docker's view of an image.

use oci::{ImageName, Selector};
use serde::Serialize;

use crate::image::config_of;
use crate::{Engine, Error, pull::MAX_CONFIG_SIZE};

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
        let selector = selector.clone();
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            let detail = store.image(&target)?;
            let config = config_of(store, &detail)?;
            let raw = store.read_document(&detail.config, MAX_CONFIG_SIZE)?;
            let raw: serde_json::Value = serde_json::from_slice(&raw).unwrap_or_default();
            let (tags, digests): (Vec<_>, Vec<_>) = detail
                .summary
                .names
                .iter()
                .partition(|name| name.tag().is_some());
            let mut repo_digests: Vec<String> = digests
                .into_iter()
                .chain(&detail.summary.repo_digests)
                .map(ImageName::familiar)
                .collect();
            repo_digests.sort();
            repo_digests.dedup();
            let last = config.history.last();
            Ok(InspectedImage {
                id: detail.config.to_string(),
                repo_tags: tags.into_iter().map(ImageName::familiar).collect(),
                repo_digests,
                comment: config
                    .comment
                    .or_else(|| last.and_then(|record| record.comment.clone()))
                    .unwrap_or_default(),
                created: config.created,
                author: config.author.unwrap_or_default(),
                config: raw
                    .get("config")
                    .filter(|config| !config.is_null())
                    .cloned(),
                architecture: config.architecture,
                variant: config.variant.filter(|variant| !variant.is_empty()),
                os: config.os,
                os_version: config.os_version.filter(|version| !version.is_empty()),
                size: detail.summary.size,
                root_fs: InspectedRootFs {
                    kind: "layers".to_owned(),
                    layers: config
                        .rootfs
                        .diff_ids
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                },
            })
        })
        .await
    }
}
