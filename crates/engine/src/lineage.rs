//! Which images that are here an image was made of, and which were made of it.
//!
//! Nothing is written down for that: a commit keeps the layers and the history of the image below as they are and puts its own
//! behind them. So an image of which both are a beginning of another's is what that one was made of, whoever made it and wherever.

use std::cmp::Reverse;

use oci::{Digest, HistoryRecord, ImageConfig, ImageName, Selector};
use store::{ImageSummary, LayerStrip, Store};

use crate::pull::MAX_CONFIG_SIZE;
use crate::{Engine, Error};

/// Where an image stands among those that are here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    /// What it was made of, the nearest last.
    pub parents: Vec<Relative>,
    /// What was made of it, the nearest first.
    pub children: Vec<Relative>,
    /// What its own label calls the image that it was made of, whether that is here or not.
    pub base_name: Option<String>,
}

/// An image that another was made of, or that was made of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// What its names name.
    pub target: Digest,
    /// The image ID.
    pub id: Digest,
    /// Its names.
    pub names: Vec<ImageName>,
    /// Its layers, base first.
    pub layers: LayerStrip,
    /// How many steps of history lie between the two.
    pub steps: usize,
    /// What was said about the last step of the younger of the two, where something was.
    pub message: Option<String>,
}

/// The label by which the image below is named: <https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md>.
const BASE_NAME: &str = "org.opencontainers.image.base.name";

impl Engine {
    /// Tells which images that are here an image was made of, and which were made of it. One without a history is known by its
    /// layers alone. Only images that have all layers of the other are read.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn lineage(&self, selector: &Selector) -> Result<Lineage, Error> {
        let selector = selector.clone();
        self.with_store(move |store| {
            let target = store.resolve(&selector)?.target;
            let images = store.images()?;
            let own = images.iter().find(|image| image.target == target);
            let Some((own, made)) = own.and_then(|own| Some((own, Making::of(store, own)?))) else {
                return Ok(Lineage::default());
            };
            let mut lineage = Lineage {
                base_name: made.base_name.clone(),
                ..Lineage::default()
            };
            for image in images.iter().filter(|image| image.id != own.id) {
                let layers = diff_ids(image);
                if !(made.layers.starts_with(&layers) || layers.starts_with(&made.layers)) {
                    continue;
                }
                let Some(other) = Making::of(store, image) else {
                    continue;
                };
                let relative = |steps, younger: &Making| Relative {
                    target: image.target.clone(),
                    id: image.id.clone(),
                    names: image.names.clone(),
                    layers: image.layers.clone(),
                    steps,
                    message: younger.history.last().and_then(|step| step.comment.clone()),
                };
                if let Some(steps) = made.steps_from(&other) {
                    lineage.parents.push(relative(steps, &made));
                } else if let Some(steps) = other.steps_from(&made) {
                    lineage.children.push(relative(steps, &other));
                }
            }
            lineage.parents.sort_by_key(|parent| Reverse(parent.steps));
            lineage.children.sort_by_key(|child| child.steps);
            Ok(lineage)
        })
        .await
    }
}

/// How an image was made.
struct Making {
    layers: Vec<Digest>,
    history: Vec<HistoryRecord>,
    base_name: Option<String>,
}

impl Making {
    /// Reads it; `None` for what is no image with files, or cannot be read.
    fn of(store: &Store, image: &ImageSummary) -> Option<Self> {
        let layers = diff_ids(image);
        if layers.is_empty() || image.platform.is_none() {
            return None;
        }
        let bytes = store.read_document(&image.id, MAX_CONFIG_SIZE).ok()?;
        let config = ImageConfig::parse(&bytes).ok()?;
        Some(Self {
            layers,
            base_name: config.config.labels.get(BASE_NAME).cloned(),
            history: config.history,
        })
    }

    /// Counts the steps that were made on top of another image; `None` where it was not made of that.
    fn steps_from(&self, below: &Self) -> Option<usize> {
        let layers = self.layers.strip_prefix(below.layers.as_slice())?;
        let steps = match below.history.is_empty() {
            true => layers.len(),
            false => self.history.strip_prefix(below.history.as_slice())?.len(),
        };
        (steps > 0).then_some(steps)
    }
}

fn diff_ids(image: &ImageSummary) -> Vec<Digest> {
    let layers = image.layers.layers().into_iter();
    layers.map(|layer| layer.diff_id).collect()
}
