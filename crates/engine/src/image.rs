//! Everything about one image.

use jiff::Timestamp;
use oci::{Digest, ImageName, Platform, Selector};

use crate::{Engine, Error, HistoryRow, ImageSummary, LayerRow};

/// Everything that the store knows about an image.
#[derive(Debug, Clone)]
pub struct ImageDetail {
    /// What the list shows of it.
    pub summary: ImageSummary,
    /// The platforms of the index that its names name; empty where there is no index.
    pub index_platforms: Vec<IndexPlatform>,
    /// Its settings; all empty for an artifact.
    pub config: ImageConfigSummary,
    /// Its history, newest first.
    pub history: Vec<HistoryRow>,
    /// Its layers, base first.
    pub layers: Vec<LayerRow>,
    /// `host/repository@digest` for every repository that it came from or is named in.
    pub repo_digests: Vec<ImageName>,
}

/// One platform of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPlatform {
    /// The platform; `None` where the index does not tell.
    pub platform: Option<Platform>,
    /// Its manifest.
    pub digest: Digest,
    /// Whether it is here.
    pub present: bool,
    /// Whether it is an attestation about another manifest, not an image.
    pub attestation: bool,
}

/// An image's settings, as rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfigSummary {
    /// The program that is always run.
    pub entrypoint: Vec<String>,
    /// Its arguments, or the program where there is no entrypoint.
    pub cmd: Vec<String>,
    /// The environment, in order; an entry without `=` has an empty value.
    pub env: Vec<(String, String)>,
    /// Ports, such as `80/tcp`, sorted.
    pub ports: Vec<String>,
    /// The user, or nothing.
    pub user: Option<String>,
    /// The working directory, or nothing.
    pub workdir: Option<String>,
    /// Labels, sorted by key.
    pub labels: Vec<(String, String)>,
    /// Volumes, sorted.
    pub volumes: Vec<String>,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How its health is checked.
    pub healthcheck: Option<HealthcheckSummary>,
    /// The shell of the shell form.
    pub shell: Vec<String>,
    /// What a build on top of it runs first.
    pub onbuild: Vec<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What was said when it was committed.
    pub comment: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

/// How an image's health is checked. Durations are nanoseconds, as in the config; 0 = the engine's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthcheckSummary {
    /// The command, its first word `CMD`, `CMD-SHELL` or `NONE`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval: u64,
    /// Time after which a check counts as failed.
    pub timeout: u64,
    /// Time after the start in which failures do not count.
    pub start_period: u64,
    /// How many failures in a row make it unhealthy.
    pub retries: u64,
}

impl Engine {
    /// Finds an image and tells everything about it.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn image(&self, selector: &Selector) -> Result<ImageDetail, Error> {
        let _ = selector;
        todo!()
    }
}
