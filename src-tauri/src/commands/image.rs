//! Everything about one image.

use engine::Selector;
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::images::ImageRow;
use crate::{Failure, Session};

/// A value longer than this is cut; nobody reads it in a row, and the page has to stay quick.
const LONGEST: usize = 16 * 1024;

/// A document longer than this is cut.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

/// Everything that the store knows about an image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    /// What the list shows of it.
    pub row: ImageRow,
    /// The digest of its manifest.
    pub manifest_digest: String,
    /// The digest that its names name: of the index, or of the manifest where there is none.
    pub target_digest: String,
    /// The digest of its config, which is the image ID.
    pub config_digest: String,
    /// The platforms of the index; empty where there is no index.
    pub index_platforms: Vec<IndexPlatform>,
    /// Its settings; all empty for an artifact.
    pub config: ImageConfig,
    /// Its history, newest first.
    pub history: Vec<HistoryRow>,
    /// Its layers, base first.
    pub layers: Vec<LayerRow>,
    /// `host/repository@digest` for every repository that it came from or is named in.
    pub repo_digests: Vec<String>,
}

/// One platform of an index.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct IndexPlatform {
    /// The platform; `null` where the index does not tell.
    pub platform: Option<String>,
    /// Its manifest.
    pub digest: String,
    /// Whether it is here.
    pub present: bool,
    /// Whether it is an attestation about another manifest, not an image.
    pub attestation: bool,
}

/// An image's settings, as rows. Very long values are cut; the JSON tab has them whole.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageConfig {
    /// The program that is always run.
    pub entrypoint: Vec<String>,
    /// Its arguments, or the program where there is no entrypoint.
    pub cmd: Vec<String>,
    /// The environment, in order.
    pub env: Vec<KeyValue>,
    /// Ports, such as `80/tcp`.
    pub ports: Vec<String>,
    /// The user.
    pub user: Option<String>,
    /// The working directory.
    pub workdir: Option<String>,
    /// Labels, sorted by key.
    pub labels: Vec<KeyValue>,
    /// Volumes.
    pub volumes: Vec<String>,
    /// The signal that stops it.
    pub stop_signal: Option<String>,
    /// How its health is checked.
    pub healthcheck: Option<Healthcheck>,
    /// The shell of the shell form.
    pub shell: Vec<String>,
    /// What a build on top of it runs first.
    pub onbuild: Vec<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What was said when it was committed.
    pub comment: Option<String>,
    /// When it was made, RFC 3339.
    pub created: Option<String>,
}

/// A key and its value.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeyValue {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// How an image's health is checked. Durations are milliseconds; 0 = the engine's default.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Healthcheck {
    /// The command, its first word `CMD`, `CMD-SHELL` or `NONE`.
    pub test: Vec<String>,
    /// Time between two checks.
    pub interval_ms: u64,
    /// Time after which a check counts as failed.
    pub timeout_ms: u64,
    /// Time after the start in which failures do not count.
    pub start_period_ms: u64,
    /// How many failures in a row make it unhealthy.
    pub retries: u64,
}

/// One step of an image's making.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// When, RFC 3339.
    pub created: Option<String>,
    /// By which instruction.
    pub created_by: Option<String>,
    /// By whom.
    pub author: Option<String>,
    /// What was said about it.
    pub comment: Option<String>,
    /// Bytes of files in its layer; 0 without one.
    pub size: u64,
    /// Whether it made no layer.
    pub empty_layer: bool,
    /// Its layer's diff ID.
    pub diff_id: Option<String>,
    /// Its layer's place, counted from the base.
    pub layer: Option<u32>,
}

/// A layer of an image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LayerRow {
    /// The blob.
    pub digest: String,
    /// The digest of its uncompressed tar.
    pub diff_id: String,
    /// The digest of the stack up to it.
    pub chain_id: String,
    /// What the manifest calls it.
    pub media_type: String,
    /// Bytes of the blob.
    pub size: u64,
    /// Bytes of the uncompressed tar; `null` while the layer is not here.
    pub uncompressed_size: Option<u64>,
    /// Bytes of its files; `null` while the layer is not here.
    pub content_size: Option<u64>,
    /// The instruction that made it.
    pub created_by: Option<String>,
    /// Other images that have the same layer, at most 50.
    pub shared_with: Vec<SharedWith>,
    /// How many other images have it.
    pub shared_count: u64,
}

/// Another image that has a layer too.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SharedWith {
    /// What its names name.
    pub target: String,
    /// Its first name as people write it, or the short image digest where it has none.
    pub name: String,
}

/// A document of an image, exactly as it arrived.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ImageDocument {
    /// What it is.
    pub kind: DocumentKind,
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes as text, at most the first MiB.
    pub text: String,
    /// How many bytes it really has.
    pub size: u64,
}

/// Which of an image's documents it is.
#[derive(Debug, Clone, Copy, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum DocumentKind {
    /// The list of manifests by platform.
    Index,
    /// Config and layers.
    Manifest,
    /// The image's settings.
    Config,
}

/// Finds an image by digest, ID or name, and tells everything about it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn image(
    session: State<'_, Session>,
    target: String,
) -> Result<ImageDetail, Failure> {
    session
        .with(|engine| async move { Ok(engine.image(&Selector::from(&*target)).await?.into()) })
        .await
}

/// Reads the documents of an image: the index where there is one, the manifest, the config.
#[tauri::command]
#[specta::specta]
pub(crate) async fn image_documents(
    session: State<'_, Session>,
    target: String,
) -> Result<Vec<ImageDocument>, Failure> {
    session
        .with(|engine| async move {
            let documents = engine.documents(&Selector::from(&*target)).await?;
            Ok(documents.into_iter().map(ImageDocument::from).collect())
        })
        .await
}

impl From<engine::ImageDetail> for ImageDetail {
    fn from(detail: engine::ImageDetail) -> ImageDetail {
        let engine::ImageDetail {
            summary,
            manifest,
            index_platforms,
            config,
            history,
            layers,
            repo_digests,
        } = detail;
        ImageDetail {
            manifest_digest: manifest.to_string(),
            target_digest: summary.target.to_string(),
            config_digest: summary.id.to_string(),
            row: summary.into(),
            index_platforms: index_platforms
                .into_iter()
                .map(IndexPlatform::from)
                .collect(),
            config: config.into(),
            history: history.into_iter().map(HistoryRow::from).collect(),
            layers: layers.into_iter().map(LayerRow::from).collect(),
            repo_digests: repo_digests
                .iter()
                .map(engine::ImageName::familiar)
                .collect(),
        }
    }
}

impl From<engine::IndexPlatform> for IndexPlatform {
    fn from(offered: engine::IndexPlatform) -> IndexPlatform {
        let engine::IndexPlatform {
            platform,
            digest,
            present,
            attestation,
        } = offered;
        IndexPlatform {
            platform: platform.map(|platform| platform.to_string()),
            digest: digest.to_string(),
            present,
            attestation,
        }
    }
}

impl From<engine::ImageConfigSummary> for ImageConfig {
    fn from(config: engine::ImageConfigSummary) -> ImageConfig {
        let engine::ImageConfigSummary {
            entrypoint,
            cmd,
            env,
            ports,
            user,
            workdir,
            labels,
            volumes,
            stop_signal,
            healthcheck,
            shell,
            onbuild,
            author,
            comment,
            created,
        } = config;
        ImageConfig {
            entrypoint: all_cut(entrypoint),
            cmd: all_cut(cmd),
            env: env.into_iter().map(KeyValue::from).collect(),
            ports: all_cut(ports),
            user: user.map(cut),
            workdir: workdir.map(cut),
            labels: labels.into_iter().map(KeyValue::from).collect(),
            volumes: all_cut(volumes),
            stop_signal: stop_signal.map(cut),
            healthcheck: healthcheck.map(Healthcheck::from),
            shell: all_cut(shell),
            onbuild: all_cut(onbuild),
            author: author.map(cut),
            comment: comment.map(cut),
            created: created.map(|time| time.to_string()),
        }
    }
}

impl From<(String, String)> for KeyValue {
    fn from((key, value): (String, String)) -> KeyValue {
        KeyValue {
            key: cut(key),
            value: cut(value),
        }
    }
}

impl From<engine::HealthcheckSummary> for Healthcheck {
    fn from(check: engine::HealthcheckSummary) -> Healthcheck {
        let engine::HealthcheckSummary {
            test,
            interval,
            timeout,
            start_period,
            retries,
        } = check;
        Healthcheck {
            test: all_cut(test),
            interval_ms: interval / 1_000_000,
            timeout_ms: timeout / 1_000_000,
            start_period_ms: start_period / 1_000_000,
            retries,
        }
    }
}

impl From<engine::HistoryRow> for HistoryRow {
    fn from(row: engine::HistoryRow) -> HistoryRow {
        let engine::HistoryRow {
            created,
            created_by,
            author,
            comment,
            size,
            empty_layer,
            diff_id,
            layer,
        } = row;
        HistoryRow {
            created: created.map(|time| time.to_string()),
            created_by: created_by.map(cut),
            author: author.map(cut),
            comment: comment.map(cut),
            size,
            empty_layer,
            diff_id: diff_id.map(|digest| digest.to_string()),
            layer: layer.and_then(|place| u32::try_from(place).ok()),
        }
    }
}

impl From<engine::LayerRow> for LayerRow {
    fn from(layer: engine::LayerRow) -> LayerRow {
        let engine::LayerRow {
            digest,
            diff_id,
            chain_id,
            media_type,
            size,
            uncompressed_size,
            content_size,
            created_by,
            shared_with,
            shared_count,
        } = layer;
        LayerRow {
            digest: digest.to_string(),
            diff_id: diff_id.to_string(),
            chain_id: chain_id.to_string(),
            media_type: media_type.to_string(),
            size,
            uncompressed_size,
            content_size,
            created_by: created_by.map(cut),
            shared_with: shared_with.into_iter().map(SharedWith::from).collect(),
            shared_count,
        }
    }
}

impl From<engine::SharedWith> for SharedWith {
    fn from(other: engine::SharedWith) -> SharedWith {
        let engine::SharedWith { target, name } = other;
        SharedWith {
            name: name.map_or_else(|| target.short().to_owned(), |name| name.familiar()),
            target: target.to_string(),
        }
    }
}

impl From<engine::ImageDocument> for ImageDocument {
    fn from(document: engine::ImageDocument) -> ImageDocument {
        let engine::ImageDocument {
            kind,
            digest,
            media_type,
            bytes,
        } = document;
        ImageDocument {
            kind: match kind {
                engine::DocumentKind::Index => DocumentKind::Index,
                engine::DocumentKind::Manifest => DocumentKind::Manifest,
                engine::DocumentKind::Config => DocumentKind::Config,
            },
            digest: digest.to_string(),
            media_type: media_type.to_string(),
            size: bytes.len() as u64,
            text: shortened(&String::from_utf8_lossy(&bytes), LONGEST_DOCUMENT),
        }
    }
}

fn all_cut(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(cut).collect()
}

fn cut(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    shortened(&text, LONGEST)
}

/// The beginning of a text, and how much is missing.
fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(longest)];
    format!("{kept}\u{2026} ({} more)", text.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_two_characters_and_says_how_much_is_missing() {
        let long = "\u{e4}".repeat(LONGEST);
        let cut = cut(long);
        assert!(cut.len() < LONGEST + 32, "{}", cut.len());
        assert!(
            cut.ends_with("\u{2026} (16384 more)"),
            "{}",
            &cut[LONGEST - 8..]
        );
    }
}
