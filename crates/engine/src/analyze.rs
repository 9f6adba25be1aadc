//! How well an image uses its bytes.

mod advice;

use std::io::Read;

use layer::{FileIndex, Tree, WasteCounter};
use oci::{Digest, Selector};

pub use advice::{WasteCause, WasteSource};

use crate::files::{broken, index_of};
use crate::{Engine, Error, ImageFiles};

/// How well an image uses its bytes, by dive's rules (<https://github.com/wagoodman/dive>).
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Bytes that would have been enough, divided by those that are there: 1 is perfect.
    pub efficiency: f64,
    /// Bytes of all paths that more than one layer has.
    pub wasted_bytes: u64,
    /// Those as a part of the bytes above the base layer: 0.1 is a tenth.
    pub wasted_percent: f64,
    /// The paths that more than one layer has, the most expensive first.
    pub files: Vec<WastedFile>,
    /// The layers, base first.
    pub layers: Vec<LayerWaste>,
    /// Which layer made which bytes of an earlier one useless, the most expensive first; the fifty largest. They are told from the
    /// merged tree, and so do not count what dive counts besides, as what a layer has twice.
    pub sources: Vec<WasteSource>,
}

/// A path that more than one layer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WastedFile {
    /// The path in the image.
    pub path: Vec<u8>,
    /// How many times it is there, removals included.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// What of a layer is of no use any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerWaste {
    /// The layer, counted from 1, the base.
    pub layer: usize,
    /// The blob.
    pub digest: Digest,
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes of those that a later layer replaced or removed.
    pub wasted_bytes: u64,
}

/// What an image must not fall short of; the names are those of dive's CI rules.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AnalysisLimits {
    /// The least efficiency, 0 to 1.
    pub lowest_efficiency: Option<f64>,
    /// The most wasted bytes.
    pub highest_wasted_bytes: Option<u64>,
    /// The largest part of the bytes above the base that may be wasted, 0 to 1.
    pub highest_user_wasted_percent: Option<f64>,
}

impl Analysis {
    /// Returns what is broken of the limits, in words; nothing where all are kept.
    #[must_use]
    pub fn broken(&self, limits: &AnalysisLimits) -> Vec<String> {
        let mut broken = Vec::new();
        if let Some(limit) = limits
            .lowest_efficiency
            .filter(|&limit| self.efficiency < limit)
        {
            broken.push(format!(
                "the efficiency is {:.4}, below {limit}",
                self.efficiency
            ));
        }
        if let Some(limit) = limits
            .highest_wasted_bytes
            .filter(|&limit| self.wasted_bytes > limit)
        {
            let (wasted, limit) = (
                crate::human::size(self.wasted_bytes),
                crate::human::size(limit),
            );
            broken.push(format!("{wasted} are wasted, more than {limit}"));
        }
        let percent = limits.highest_user_wasted_percent;
        if let Some(limit) = percent.filter(|&limit| self.wasted_percent > limit) {
            broken.push(format!(
                "{:.4} of the bytes above the base are wasted, more than {limit}",
                self.wasted_percent
            ));
        }
        broken
    }
}

impl Engine {
    /// Finds out what of an image's layers is of no use.
    ///
    /// # Errors
    /// As [`Engine::files`].
    pub async fn analyze(&self, selector: &Selector) -> Result<Analysis, Error> {
        let files = self.files(selector).await?;
        let selector = selector.clone();
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            let detail = store.image(&target)?;
            let layers: Vec<_> = detail
                .layers
                .iter()
                .filter(|layer| layer.media_type.is_layer())
                .collect();
            let digests: Vec<_> = layers.iter().map(|layer| layer.digest.clone()).collect();
            analysis(&files.inner.tree, &digests, |at| {
                index_of(store, layers[at])
            })
        })
        .await
    }
}

impl ImageFiles {
    /// Finds out what is of no use of an image whose file indexes are all in memory.
    pub(crate) fn analysis(&self) -> Result<Analysis, Error> {
        let layers = &self.inner.layers;
        let digests: Vec<_> = layers.iter().map(|layer| layer.digest.clone()).collect();
        analysis(&self.inner.tree, &digests, |at| {
            Ok(layers[at].index.as_deref().unwrap_or_default())
        })
    }
}

fn analysis<R: Read>(
    tree: &Tree,
    layers: &[Digest],
    index: impl Fn(usize) -> Result<R, Error>,
) -> Result<Analysis, Error> {
    let mut counter = WasteCounter::new();
    for (at, digest) in layers.iter().enumerate() {
        let index = FileIndex::open(index(at)?);
        let counted = index.and_then(|index| counter.push(index, tree));
        counted.map_err(|source| broken(digest, source))?;
    }
    let waste = counter.finish();
    let hidden = tree.hidden_bytes();
    let facts = layers.iter().zip(&waste.layers).zip(hidden).enumerate();
    let layers = facts.map(|(number, ((digest, bytes), wasted_bytes))| LayerWaste {
        layer: number + 1,
        digest: digest.clone(),
        bytes: *bytes,
        wasted_bytes,
    });
    Ok(Analysis {
        sources: advice::sources(tree),
        efficiency: waste.efficiency,
        wasted_bytes: waste.wasted_bytes,
        wasted_percent: waste.user_wasted(),
        layers: layers.collect(),
        files: waste
            .paths
            .into_iter()
            .map(|wasted| WastedFile {
                path: wasted.path,
                count: wasted.count,
                bytes: wasted.bytes,
            })
            .collect(),
    })
}
