//! The images of an engine: list, inspect, history, tag.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::query_parameters::{ListImagesOptionsBuilder, TagImageOptionsBuilder};
use futures_util::{StreamExt, stream};
use hyper::Method;
use jiff::Timestamp;
use oci::{Digest, ImageName, Platform, Reference, Selector, chain_ids};
use serde::Deserialize;

use crate::connection::nothing;
use crate::{Connection, Container, Error, Result};

/// How many images are asked about at a time.
const PARALLEL: usize = 8;

/// An image of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The ID that the engine gives it: the config's digest, or the manifest's where the engine keeps manifests.
    pub id: Digest,
    /// Its names with a tag, sorted.
    pub names: Vec<ImageName>,
    /// Its names with a digest, sorted.
    pub repo_digests: Vec<ImageName>,
    /// Bytes as the engine counts them.
    pub size: u64,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Its platform; `None` where the engine does not tell.
    pub platform: Option<Platform>,
    /// Its layers, base first; empty where the engine does not tell.
    pub layers: Vec<Layer>,
    /// Its labels, sorted by key.
    pub labels: Vec<(String, String)>,
    /// The image that it was built or committed on, where the engine still knows.
    pub parent: Option<Digest>,
    /// Whether other images stand on it and nothing names it.
    pub intermediate: bool,
    /// Names of the containers that use it, running or not.
    pub containers: Vec<String>,
}

/// A layer of an engine's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its uncompressed tar.
    pub diff_id: Digest,
    /// Bytes as the engine counts them; `None` where the image's history does not fit its layers.
    pub size: Option<u64>,
}

impl Image {
    /// Returns what identifies each of its layers with all that is below: equal ones the engine keeps once.
    #[must_use]
    pub fn chain(&self) -> Vec<Digest> {
        let layers: Vec<Digest> = self.layers.iter().map(|it| it.diff_id.clone()).collect();
        chain_ids(&layers)
    }

    /// Tells whether nothing names it and no other image stands on it.
    #[must_use]
    pub fn is_dangling(&self) -> bool {
        self.names.is_empty() && !self.intermediate
    }
}

/// What never changes about images, by their IDs: asked once, wherever they are. Cloning gives the same one.
#[derive(Clone, Default)]
pub struct Knowledge {
    facts: Arc<Mutex<HashMap<Digest, Fact>>>,
}

impl Knowledge {
    fn of(&self, id: &Digest) -> Option<Fact> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(id).cloned()
    }

    fn learn(&self, id: Digest, fact: Fact) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.insert(id, fact);
    }
}

impl std::fmt::Debug for Knowledge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Knowledge").finish_non_exhaustive()
    }
}

#[derive(Clone, Default)]
struct Fact {
    platform: Option<Platform>,
    layers: Vec<Layer>,
}

/// One step of how an image was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub created: Option<Timestamp>,
    /// By which instruction.
    pub created_by: String,
    /// What was said about it.
    pub comment: String,
    /// Bytes that it added.
    pub size: u64,
    /// The place of the layer that it made, counted from the base; `None` where it made none, or nobody can tell.
    pub layer: Option<usize>,
}

impl Connection {
    /// Lists every image, intermediate ones among them, in no order.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn images(&self) -> Result<Vec<Image>> {
        let options = ListImagesOptionsBuilder::default().all(true).build();
        let (listed, containers) = tokio::join!(
            async {
                let listed = self.docker.list_images(Some(options)).await;
                listed.map_err(self.failed())
            },
            self.containers()
        );
        let (listed, containers) = (listed?, containers?);
        let parents: Vec<&str> = listed
            .iter()
            .map(|image| image.parent_id.as_str())
            .filter(|parent| !parent.is_empty())
            .collect();
        let mut images = Vec::with_capacity(listed.len());
        for image in &listed {
            let id = id(&image.id)?;
            let names = names(&image.repo_tags);
            images.push(Image {
                intermediate: names.is_empty() && parents.contains(&image.id.as_str()),
                repo_digests: self::names(&image.repo_digests),
                size: u64::try_from(image.size).unwrap_or_default(),
                created: Timestamp::from_second(image.created).ok(),
                platform: None,
                layers: Vec::new(),
                labels: sorted(&image.labels),
                parent: self::id(&image.parent_id).ok(),
                containers: using(&containers, &id),
                names,
                id,
            });
        }
        self.learn(&mut images).await;
        Ok(images)
    }

    /// Fills in what the engine's list does not tell. It is asked once for each image, wherever; one that is gone meanwhile stays
    /// without.
    async fn learn(&self, images: &mut [Image]) {
        let unknown: Vec<Digest> = images
            .iter()
            .map(|image| image.id.clone())
            .filter(|id| self.knowledge.of(id).is_none())
            .collect();
        let questions: Vec<_> = unknown
            .iter()
            .map(|id| async move { (id.clone(), self.fact(id).await) })
            .collect();
        let answers: Vec<_> = stream::iter(questions)
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        for (id, answer) in answers {
            match answer {
                Ok(fact) => self.knowledge.learn(id, fact),
                Err(error) => tracing::debug!(%id, %error, "an image tells nothing of itself"),
            }
        }
        for image in images {
            if let Some(fact) = self.knowledge.of(&image.id) {
                image.platform = fact.platform;
                image.layers = fact.layers;
            }
        }
    }

    /// Finds the ID and the names of an image by docker's rules. The engine is asked about this one image, where it is not meant
    /// by the beginning of an ID.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub async fn find_image(&self, selector: &Selector) -> Result<(Digest, Vec<ImageName>)> {
        let named = selector.reference();
        let named = named.map(|reference| reference.clone().with_default_tag().to_string());
        let whole = selector.digest().map(ToString::to_string);
        for what in whole.into_iter().chain(named) {
            match self.details(&what).await {
                Ok(details) => return Ok((id(&details.id)?, details.names())),
                Err(Error::NotFound { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        let missing = || Error::NotFound {
            message: format!("there is no image {selector}"),
        };
        let prefix = selector.id_prefix().ok_or_else(missing)?;
        let options = ListImagesOptionsBuilder::default().all(true).build();
        let listed = self.docker.list_images(Some(options)).await;
        let mut found = Vec::new();
        for image in listed.map_err(self.failed())? {
            let id = id(&image.id)?;
            if id.hex().starts_with(prefix) {
                found.push((id, names(&image.repo_tags)));
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(_), false) => Err(Error::Ambiguous {
                text: selector.text().to_owned(),
            }),
            (None, _) => Err(missing()),
        }
    }

    /// Finds an image by docker's rules: a whole digest, a name, the beginning of an ID.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub async fn image(&self, selector: &Selector) -> Result<Image> {
        let images = self.images().await?;
        find(&images, selector).cloned()
    }

    /// Returns what the engine says of an image, as it says it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn inspect_image(&self, id: &Digest) -> Result<serde_json::Value> {
        let path = format!("/images/{id}/json");
        self.ask(Method::GET, &path, &[], nothing()).await
    }

    /// Returns the image ID that the engine has for a digest or name, if it has the image.
    ///
    /// # Errors
    /// Where the engine does not answer.
    pub async fn has_image(&self, what: &str) -> Result<Option<Digest>> {
        match self.details(what).await {
            Ok(details) => Ok(Some(id(&details.id)?)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn fact(&self, id: &Digest) -> Result<Fact> {
        let mut fact = self.details(id.as_str()).await?.fact();
        let steps = match self.image_history(id, fact.layers.len()).await {
            Ok(steps) => steps,
            // An engine that has no history of it has the image all the same.
            Err(Error::Failed { .. } | Error::Answer { .. }) => Vec::new(),
            Err(other) => return Err(other),
        };
        for step in steps {
            if let Some(layer) = step.layer.and_then(|layer| fact.layers.get_mut(layer)) {
                layer.size = Some(step.size);
            }
        }
        Ok(fact)
    }

    /// Tells how an image of so many layers was made, newest step first.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn image_history(&self, id: &Digest, layers: usize) -> Result<Vec<Step>> {
        let steps = self.docker.image_history(id.as_str()).await;
        let steps = steps.map_err(self.failed())?;
        let steps = steps.into_iter().map(|step| Step {
            created: Timestamp::from_second(step.created).ok(),
            created_by: step.created_by,
            comment: step.comment,
            size: u64::try_from(step.size).unwrap_or_default(),
            layer: None,
        });
        let mut steps: Vec<Step> = steps.collect();
        pair(&mut steps, layers);
        Ok(steps)
    }

    /// Gives an image a name; one that another image has moves.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn tag_image(&self, id: &Digest, name: &ImageName) -> Result<()> {
        let Some(tag) = name.tag() else {
            return Err(Error::Conflict {
                message: format!("{name} has no tag"),
            });
        };
        let reference = name.reference();
        // The whole name: Podman would take a short one for its own host.
        let repository = format!("{}/{}", reference.host(), reference.repository());
        let options = TagImageOptionsBuilder::default()
            .repo(&repository)
            .tag(tag.as_str())
            .build();
        let tagged = self.docker.tag_image(id.as_str(), Some(options)).await;
        tagged.map_err(self.failed())
    }

    async fn details(&self, what: &str) -> Result<Details> {
        let path = format!("/images/{what}/json");
        self.ask(Method::GET, &path, &[], nothing()).await
    }
}

/// What `GET /images/NAME/json` says, as far as lists need it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    os: Option<String>,
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default, rename = "RootFS")]
    root_fs: Option<RootFs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RootFs {
    #[serde(default)]
    layers: Option<Vec<String>>,
}

impl Details {
    fn names(&self) -> Vec<ImageName> {
        names(self.repo_tags.as_deref().unwrap_or_default())
    }

    fn fact(self) -> Fact {
        let variant = self.variant.filter(|variant| !variant.is_empty());
        let os = self.os.filter(|os| !os.is_empty());
        let layers = self.root_fs.and_then(|files| files.layers);
        Fact {
            platform: os
                .zip(self.architecture)
                .map(|(os, architecture)| Platform::new(&os, &architecture, variant.as_deref())),
            layers: layers
                .unwrap_or_default()
                .iter()
                .filter_map(|layer| layer.parse().ok())
                .map(|diff_id| Layer {
                    diff_id,
                    size: None,
                })
                .collect(),
        }
    }
}

/// Pairs steps, newest first, with so many layers. The engine does not say which steps made one: a step of no bytes made none,
/// unless there would be too few.
fn pair(steps: &mut [Step], layers: usize) {
    let every = steps.len() == layers;
    let with_bytes = steps.iter().filter(|step| step.size > 0).count();
    if !every && with_bytes != layers {
        return;
    }
    let made = steps.iter_mut().filter(|step| every || step.size > 0);
    for (position, step) in made.enumerate() {
        step.layer = layers.checked_sub(position + 1);
    }
}

/// Finds an image by docker's rules.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Ambiguous`].
pub fn find<'a>(images: &'a [Image], selector: &Selector) -> Result<&'a Image> {
    if let Some(digest) = selector.digest()
        && let Some(found) = images.iter().find(|image| image.id == *digest)
    {
        return Ok(found);
    }
    if let Some(found) = selector
        .reference()
        .and_then(|reference| named(images, reference))
    {
        return Ok(found);
    }
    let missing = || Error::NotFound {
        message: format!("there is no image {selector}"),
    };
    let prefix = selector.id_prefix().ok_or_else(missing)?;
    let mut begun = images
        .iter()
        .filter(|image| image.id.hex().starts_with(prefix));
    match (begun.next(), begun.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Error::Ambiguous {
            text: selector.text().to_owned(),
        }),
        (None, _) => Err(missing()),
    }
}

/// Finds the image that a name means, `latest` where it has neither a tag nor a digest.
pub(crate) fn named<'a>(images: &'a [Image], reference: &Reference) -> Option<&'a Image> {
    let reference = reference.clone().with_default_tag();
    if let Some(digest) = reference.digest() {
        let is_it = |name: &ImageName| {
            let found = name.reference();
            (found.host(), found.repository(), found.digest())
                == (reference.host(), reference.repository(), Some(digest))
        };
        return images
            .iter()
            .find(|image| image.repo_digests.iter().any(is_it));
    }
    let name = ImageName::of(&reference);
    images.iter().find(|image| image.names.contains(&name))
}

/// Reads an ID, which an old engine may write without `sha256:`.
pub(crate) fn id(text: &str) -> Result<Digest> {
    let whole = match text.contains(':') {
        true => text.to_owned(),
        false => format!("sha256:{text}"),
    };
    whole.parse().map_err(|_| Error::Answer {
        reason: format!("{text:?} is no ID of an image"),
    })
}

/// Reads names; `<none>:<none>` is none.
fn names(texts: &[String]) -> Vec<ImageName> {
    let mut names: Vec<ImageName> = texts
        .iter()
        .filter(|text| !text.starts_with("<none>"))
        .filter_map(|text| Reference::parse_normalized(text).ok())
        .filter(|reference| reference.tag().is_some() || reference.digest().is_some())
        .map(|reference| ImageName::of(&reference))
        .collect();
    names.sort_by_key(ToString::to_string);
    names.dedup();
    names
}

fn sorted(labels: &HashMap<String, String>) -> Vec<(String, String)> {
    let mut labels: Vec<_> = labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    labels.sort();
    labels
}

fn using(containers: &[Container], image: &Digest) -> Vec<String> {
    containers
        .iter()
        .filter(|container| container.image_id.as_ref() == Some(image))
        .map(|container| container.name.clone())
        .collect()
}
