//! Which images take the room on disk, and which layers they share.

use std::cmp::Reverse;
use std::collections::HashMap;

use oci::{Digest, ImageName};

use crate::{Engine, Error};

/// Which images take the room on disk, and which layers they share. Bounded: the most important first, the rest counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sharing {
    /// The images that take most, the largest first.
    pub images: Vec<ImageShare>,
    /// How many more images there are.
    pub more_images: u64,
    /// The layers that take most, the largest first.
    pub layers: Vec<LayerShare>,
    /// How many more layers there are.
    pub more_layers: u64,
    /// What would be on disk beyond what is, if no image shared a layer.
    pub saved: u64,
}

/// What an image takes on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageShare {
    /// What its names name.
    pub target: Digest,
    /// The image ID.
    pub id: Digest,
    /// Its first name.
    pub name: Option<ImageName>,
    /// Bytes that go when it goes.
    pub unique_size: u64,
    /// Bytes that other images hold, too.
    pub shared_size: u64,
    /// Its layers, base first.
    pub layers: Vec<ImageLayer>,
}

/// A layer of an image, and how many have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageLayer {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// Bytes of its blob.
    pub size: u64,
    /// How many images have it, this one included.
    pub images: u64,
}

/// What a layer takes on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerShare {
    /// The digest of its tar.
    pub diff_id: Digest,
    /// Bytes of its blob.
    pub size: u64,
    /// How many images have it.
    pub images: u64,
    /// The first of those images, and their first names.
    pub some: Vec<(Digest, Option<ImageName>)>,
}

/// So many of the images that have a layer are named.
const NAMED: usize = 8;

impl Engine {
    /// Tells which images take the room on disk and which layers they share: so many of each at most.
    ///
    /// A layer is known by its tar and its blob's bytes: one that came compressed and plain lies on disk twice. Of an image for
    /// several platforms only the layers of one are told; its sizes are of all.
    ///
    /// # Errors
    /// `io`.
    pub async fn sharing(&self, images: usize, layers: usize) -> Result<Sharing, Error> {
        self.with_store(move |store| {
            let mut all = store.images()?;
            all.sort_by_key(|image| Reverse(image.unique_size.saturating_add(image.shared_size)));
            let mut known: HashMap<(Digest, u64), LayerShare> = HashMap::new();
            let mut saved: u64 = 0;
            for image in &all {
                let mut stack = image.layers.layers();
                // In one image a layer can stand twice, and lies on disk once.
                stack.sort_by(|a, b| a.diff_id.cmp(&b.diff_id));
                stack.dedup_by(|a, b| a.diff_id == b.diff_id);
                for layer in stack {
                    let share = known
                        .entry((layer.diff_id.clone(), layer.size))
                        .or_insert_with(|| LayerShare {
                            diff_id: layer.diff_id,
                            size: layer.size,
                            images: 0,
                            some: Vec::new(),
                        });
                    if share.images > 0 {
                        saved = saved.saturating_add(layer.size);
                    }
                    share.images += 1;
                    if share.some.len() < NAMED {
                        let name = image.names.first().cloned();
                        share.some.push((image.target.clone(), name));
                    }
                }
            }
            let shown = all.iter().take(images).map(|image| ImageShare {
                target: image.target.clone(),
                id: image.id.clone(),
                name: image.names.first().cloned(),
                unique_size: image.unique_size,
                shared_size: image.shared_size,
                layers: image
                    .layers
                    .layers()
                    .into_iter()
                    .map(|layer| {
                        let known_by = (layer.diff_id, layer.size);
                        let images = known.get(&known_by).map_or(1, |share| share.images);
                        let (diff_id, size) = known_by;
                        ImageLayer {
                            diff_id,
                            size,
                            images,
                        }
                    })
                    .collect(),
            });
            let shown: Vec<ImageShare> = shown.collect();
            let mut largest: Vec<LayerShare> = known.into_values().collect();
            largest.sort_by(|a, b| (b.size, &a.diff_id).cmp(&(a.size, &b.diff_id)));
            let more_layers = largest.len().saturating_sub(layers) as u64;
            largest.truncate(layers);
            Ok(Sharing {
                more_images: all.len().saturating_sub(shown.len()) as u64,
                images: shown,
                layers: largest,
                more_layers,
                saved,
            })
        })
        .await
    }
}
