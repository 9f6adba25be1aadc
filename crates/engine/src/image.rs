//! Everything about one image.

use jiff::Timestamp;
use oci::{
    ContainerConfig, Digest, ImageConfig, ImageName, Platform, Selector, chain_ids, pair_history,
};
use store::Store;

use crate::{Engine, Error, HistoryRow, ImageSummary, LayerRow, SharedWith, pull::MAX_CONFIG_SIZE};

/// Everything that the store knows about an image.
#[derive(Debug, Clone)]
pub struct ImageDetail {
    /// What the list shows of it.
    pub summary: ImageSummary,
    /// The digest of its manifest; equals the target where it came without an index.
    pub manifest: Digest,
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
        let (selector, host) = (selector.clone(), self.shared.settings.host_platform.clone());
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            describe(store, &target, &host)
        })
        .await
    }
}

/// Reads an image's config; an artifact has an empty one.
pub(crate) fn config_of(store: &Store, detail: &store::ImageDetail) -> Result<ImageConfig, Error> {
    if detail.summary.platform.is_none()
        && detail.layers.iter().all(|layer| layer.diff_id.is_none())
    {
        return Ok(ImageConfig::default());
    }
    let bytes = store.read_document(&detail.config, MAX_CONFIG_SIZE)?;
    ImageConfig::parse(&bytes).map_err(|source| Error::Config {
        reference: detail.summary.target.to_string(),
        digest: detail.config.clone(),
        source,
    })
}

fn describe(store: &Store, target: &Digest, host: &Platform) -> Result<ImageDetail, Error> {
    let detail = store.image(target)?;
    let config = config_of(store, &detail)?;
    let history = history(&config, &detail);
    let layers = layers(&config, &detail, &history);
    let entries = detail.index.iter();
    let index_platforms = entries
        .map(|entry| IndexPlatform {
            platform: entry.platform.clone(),
            digest: entry.digest.clone(),
            present: entry.present,
            attestation: entry.attestation,
        })
        .collect();
    let repo_digests = detail.summary.repo_digests.clone();
    let summary = ImageSummary::new(detail.summary, host);
    Ok(ImageDetail {
        summary,
        manifest: detail.manifest,
        index_platforms,
        config: settings(config),
        history,
        layers,
        repo_digests,
    })
}

/// Pairs the history with the layers, newest first.
fn history(config: &ImageConfig, detail: &store::ImageDetail) -> Vec<HistoryRow> {
    let size = |position: usize| {
        let layer = detail.layers.get(position);
        layer
            .and_then(|layer| layer.facts.as_ref())
            .map_or(0, |facts| facts.content_size)
    };
    steps(config, detail.layers.len(), size)
}

/// Pairs the history with so many layers, newest first, each with the size that is told for its place.
pub(crate) fn steps(
    config: &ImageConfig,
    layers: usize,
    size: impl Fn(usize) -> u64,
) -> Vec<HistoryRow> {
    let entries = pair_history(config, layers).into_iter().rev();
    entries
        .map(|entry| HistoryRow {
            created: entry
                .record
                .created
                .as_deref()
                .and_then(|text| text.parse().ok()),
            created_by: entry.record.created_by,
            author: entry.record.author,
            comment: entry.record.comment,
            size: entry.layer.map_or(0, &size),
            empty_layer: entry.layer.is_none(),
            diff_id: entry.diff_id,
            layer: entry.layer,
        })
        .collect()
}

fn layers(
    config: &ImageConfig,
    detail: &store::ImageDetail,
    history: &[HistoryRow],
) -> Vec<LayerRow> {
    let chain = chain_ids(&config.rootfs.diff_ids);
    let rows = detail.layers.iter().enumerate();
    rows.map(|(position, layer)| {
        let made = history.iter().find(|row| row.layer == Some(position));
        let shared = layer.shared_with.iter();
        LayerRow {
            digest: layer.digest.clone(),
            diff_id: layer
                .diff_id
                .clone()
                .unwrap_or_else(|| layer.digest.clone()),
            chain_id: chain
                .get(position)
                .cloned()
                .unwrap_or_else(|| layer.digest.clone()),
            media_type: layer.media_type.clone(),
            size: layer.size,
            uncompressed_size: layer.facts.as_ref().map(|facts| facts.uncompressed_size),
            content_size: layer.facts.as_ref().map(|facts| facts.content_size),
            created_by: made.and_then(|row| row.created_by.clone()),
            shared_with: shared
                .map(|other| SharedWith {
                    target: other.target.clone(),
                    name: other.name.clone(),
                })
                .collect(),
            shared_count: layer.shared_count,
        }
    })
    .collect()
}

pub(crate) fn settings(config: ImageConfig) -> ImageConfigSummary {
    let created = config.created();
    // The comment of a commit stands in its line of the history; only Docker's own configs have it at the top as well.
    let comment = config.comment.or_else(|| {
        config
            .history
            .last()
            .and_then(|record| record.comment.clone())
    });
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let nanoseconds = |value: Option<i64>| {
        value
            .and_then(|value| u64::try_from(value).ok())
            .unwrap_or_default()
    };
    let ContainerConfig {
        user,
        exposed_ports,
        env,
        entrypoint,
        cmd,
        volumes,
        working_dir,
        labels,
        stop_signal,
        healthcheck,
        shell,
        on_build,
    } = config.config;
    let pair = |entry: String| match entry.split_once('=') {
        Some((key, value)) => (key.to_owned(), value.to_owned()),
        None => (entry, String::new()),
    };
    ImageConfigSummary {
        entrypoint,
        cmd,
        env: env.into_iter().map(pair).collect(),
        ports: exposed_ports.into_keys().collect(),
        user: some(user),
        workdir: some(working_dir),
        labels: labels.into_iter().collect(),
        volumes: volumes.into_keys().collect(),
        stop_signal: stop_signal.and_then(some),
        healthcheck: healthcheck.map(|check| HealthcheckSummary {
            test: check.test,
            interval: nanoseconds(check.interval),
            timeout: nanoseconds(check.timeout),
            start_period: nanoseconds(check.start_period),
            retries: nanoseconds(check.retries),
        }),
        shell,
        onbuild: on_build,
        author: config.author.and_then(some),
        comment: comment.and_then(some),
        created,
    }
}
