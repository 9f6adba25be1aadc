//! The images of an engine, with the facts that the store's own have, as far as the engine tells them.

use std::collections::HashMap;

use jiff::Timestamp;
use oci::{Digest, ImageConfig, ImageName, Platform, Reference, Selector};
use serde_json::{Value, json};

use super::EnginePlace;
use crate::filter::{Bounds, Facts};
use crate::{
    Error, HistoryRow, ImageConfigSummary, ImageQuery, ImageSort, MovedFrom, TagMove, TagPlan, tag,
};

/// The rows of an engine's list, and what they are rows of.
#[derive(Debug, Clone, Default)]
pub struct PlaceImages {
    /// The rows from `offset` on, at most `limit`.
    pub images: Vec<PlaceImage>,
    /// How many images the filter takes.
    pub total: usize,
    /// How many images the engine has, intermediate ones left out.
    pub total_all: usize,
}

/// An image in an engine's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceImage {
    /// The ID that the engine gives it: the config's digest, or the manifest's where the engine keeps manifests.
    pub id: Digest,
    /// Its names with a tag, sorted.
    pub names: Vec<ImageName>,
    /// `host/repository@digest` for every repository that it came from, sorted.
    pub repo_digests: Vec<ImageName>,
    /// Bytes as the engine counts them.
    pub size: u64,
    /// Bytes of layers that no other image of the engine has: they come back when it goes. `None` where the engine
    /// does not tell, and in a plan, which has the sum.
    pub unique_size: Option<u64>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its platform; `None` where the engine does not tell.
    pub platform: Option<Platform>,
    /// Whether it is made for another platform than this computer's.
    pub foreign: bool,
    /// Whether it has no name with a tag.
    pub dangling: bool,
    /// Names of the engine's containers that use it, running or not.
    pub in_use: Vec<String>,
    /// Its layers, base first.
    pub layers: Vec<docker::Layer>,
}

/// Everything that an engine tells about an image.
#[derive(Debug, Clone)]
pub struct PlaceImageDetail {
    /// What the list shows of it.
    pub summary: PlaceImage,
    /// Its settings.
    pub config: ImageConfigSummary,
    /// Its history, newest first.
    pub history: Vec<HistoryRow>,
    /// Its layers, base first.
    pub layers: Vec<PlaceLayer>,
}

/// A layer of an engine's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceLayer {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// The digest of the stack up to it.
    pub chain_id: Digest,
    /// Bytes as the engine counts them; `None` where its history does not fit its layers.
    pub size: Option<u64>,
    /// The instruction that made it.
    pub created_by: Option<String>,
}

impl EnginePlace {
    /// Lists the engine's images.
    ///
    /// # Errors
    /// `not_found` or `ambiguous_reference` of an image that the filter names (`before=`, `since=`), and what
    /// [`crate::Engine::place`] says of an engine that does not answer.
    pub async fn images(&self, query: &ImageQuery) -> Result<PlaceImages, Error> {
        let all = self.connection.images().await?;
        let bounds = Bounds::among(&all, &query.filter)?;
        let taken = |image: &docker::Image| query.filter.matches(&Facts::from(image), &bounds);
        let shown = || {
            let all = all.iter();
            all.filter(|image| query.all || !image.intermediate)
        };
        let total_all = shown().count();
        let holders = holders(&all);
        let mut images: Vec<PlaceImage> = shown()
            .filter(|image| taken(image))
            .map(|image| self.summary(image, Some(&holders)))
            .collect();
        sort(&mut images, query);
        let total = images.len();
        let rows = images
            .into_iter()
            .skip(query.offset)
            .take(query.limit.unwrap_or(usize::MAX));
        Ok(PlaceImages {
            images: rows.collect(),
            total,
            total_all,
        })
    }

    /// Finds an image and tells everything that the engine tells about it.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn image(&self, selector: &Selector) -> Result<PlaceImageDetail, Error> {
        let all = self.connection.images().await?;
        let image = docker::find(&all, selector)?;
        let inspected = self.connection.inspect_image(&image.id).await?;
        let history = self.history_of(image).await?;
        let layers = image.layers.iter().zip(image.chain()).enumerate();
        let layers = layers
            .map(|(position, (layer, chain_id))| {
                let made = history.iter().find(|row| row.layer == Some(position));
                PlaceLayer {
                    diff_id: layer.diff_id.clone(),
                    chain_id,
                    size: layer.size,
                    created_by: made.and_then(|row| row.created_by.clone()),
                }
            })
            .collect();
        Ok(PlaceImageDetail {
            summary: self.summary(image, Some(&holders(&all))),
            config: crate::image::settings(config(&inspected)),
            history,
            layers,
        })
    }

    /// Describes an image in the engine's own words, as `docker inspect` prints it.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn inspect(&self, selector: &Selector) -> Result<Value, Error> {
        let (id, _) = self.connection.find_image(selector).await?;
        Ok(self.connection.inspect_image(&id).await?)
    }

    /// Tells how an image was made, newest step first.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`.
    pub async fn history(&self, selector: &Selector) -> Result<Vec<HistoryRow>, Error> {
        let image = self.connection.image(selector).await?;
        self.history_of(&image).await
    }

    /// Computes what [`EnginePlace::tag`] would do.
    ///
    /// # Errors
    /// As [`EnginePlace::tag`].
    pub async fn plan_tag(&self, source: &Selector, name: &Reference) -> Result<TagPlan, Error> {
        let name = tag::given_name(name)?;
        let images = self.connection.images().await?;
        let to = docker::find(&images, source)?.id.clone();
        let holder = images.iter().find(|image| image.names.contains(&name));
        Ok(TagPlan {
            same: holder.is_some_and(|holder| holder.id == to),
            from: holder.filter(|holder| holder.id != to).map(moved_from),
            name,
            to,
        })
    }

    /// Tells which image of the engine has a name that somebody is about to give; `None` where it is free.
    ///
    /// # Errors
    /// `bad_reference` (a name with a digest), and those of the connection.
    pub async fn name_holder(&self, name: &Reference) -> Result<Option<MovedFrom>, Error> {
        let name = tag::given_name(name)?;
        let images = self.connection.images().await?;
        let holder = images.iter().find(|image| image.names.contains(&name));
        Ok(holder.map(moved_from))
    }

    /// Gives an image of the engine one more name; a name that another image has moves. Without a tag it means `latest`.
    ///
    /// The engine keeps no journal: nothing can give the name back.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `bad_reference` (a name with a digest).
    pub async fn tag(&self, source: &Selector, name: &Reference) -> Result<TagMove, Error> {
        let plan = self.plan_tag(source, name).await?;
        self.connection.tag_image(&plan.to, &plan.name).await?;
        Ok(TagMove {
            from: match plan.same {
                true => Some(plan.to.clone()),
                false => plan.from.map(|from| from.target),
            },
            name: plan.name,
            to: Some(plan.to),
        })
    }

    async fn history_of(&self, image: &docker::Image) -> Result<Vec<HistoryRow>, Error> {
        let count = image.layers.len();
        let steps = self.connection.image_history(&image.id, count).await?;
        Ok(history(steps, &image.layers))
    }

    pub(super) fn summary(&self, image: &docker::Image, holders: Option<&Holders>) -> PlaceImage {
        let host = &self.engine.shared.settings.host_platform;
        let platform = image.platform.as_ref();
        PlaceImage {
            id: image.id.clone(),
            names: image.names.clone(),
            repo_digests: image.repo_digests.clone(),
            size: image.size,
            unique_size: holders.and_then(|holders| unique_size(image, holders)),
            created: image.created,
            foreign: platform.is_some_and(|platform| host.rank(platform).is_none()),
            platform: image.platform.clone(),
            dangling: image.names.is_empty(),
            in_use: image.containers.clone(),
            layers: image.layers.clone(),
        }
    }
}

fn moved_from(holder: &docker::Image) -> MovedFrom {
    MovedFrom {
        target: holder.id.clone(),
        id: holder.id.clone(),
        created: holder.created,
    }
}

/// How many images have a layer with all that is below it.
type Holders = HashMap<Digest, usize>;

fn holders(images: &[docker::Image]) -> Holders {
    let mut holders = Holders::new();
    // An intermediate image goes with the last one on it, so it holds nothing of its own.
    for image in images.iter().filter(|image| !image.intermediate) {
        for chain in image.chain() {
            *holders.entry(chain).or_default() += 1;
        }
    }
    holders
}

fn unique_size(image: &docker::Image, holders: &Holders) -> Option<u64> {
    let layers = image.layers.iter().zip(image.chain());
    let own = layers.filter(|(_, chain)| holders.get(chain).is_none_or(|count| *count <= 1));
    own.map(|(layer, _)| layer.size).sum()
}

fn sort(images: &mut [PlaceImage], query: &ImageQuery) {
    images.sort_by(|a, b| {
        let name = |image: &PlaceImage| image.names.first().map(ToString::to_string);
        let by_name = || {
            let (a, b) = (name(a), name(b));
            (a.is_none(), a).cmp(&(b.is_none(), b))
        };
        let order = match query.sort {
            ImageSort::Name => by_name(),
            ImageSort::OnDisk => a.size.cmp(&b.size),
            ImageSort::Unique => a.unique_size.cmp(&b.unique_size),
            ImageSort::Created => a.created.cmp(&b.created),
        };
        let order = match query.descending {
            true => order.reverse(),
            false => order,
        };
        order.then_with(by_name).then_with(|| a.id.cmp(&b.id))
    });
}

fn history(steps: Vec<docker::Step>, layers: &[docker::Layer]) -> Vec<HistoryRow> {
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let rows = steps.into_iter().map(|step| HistoryRow {
        created: step.created,
        created_by: text(step.created_by),
        author: None,
        comment: text(step.comment),
        size: step.size,
        empty_layer: step.layer.is_none() && step.size == 0,
        diff_id: step
            .layer
            .and_then(|layer| layers.get(layer))
            .map(|layer| layer.diff_id.clone()),
        layer: step.layer,
    });
    rows.collect()
}

/// Reads an image's settings out of what the engine says of it.
fn config(inspected: &Value) -> ImageConfig {
    let document = json!({
        "created": inspected["Created"],
        "author": inspected["Author"],
        "comment": inspected["Comment"],
        "config": inspected["Config"],
        "architecture": inspected["Architecture"].as_str().unwrap_or_default(),
        "os": inspected["Os"].as_str().unwrap_or_default(),
    });
    ImageConfig::parse(document.to_string().as_bytes()).unwrap_or_default()
}
