//! Pages of a list of images, for a window that is scrolled.

use std::sync::{Arc, Mutex, PoisonError};

use oci::{Digest, Platform};
use store::Store;

use super::{
    ImageList, ImageQuery, described, matching,
    order::{SortKey, order},
    summary_key,
};
use crate::Error;

/// What the last question found, for the pages of its answer.
///
/// It is found anew after a change of any image or name, by any process: asking whether there was one costs microseconds, and
/// sorting ten thousand images for each hundred that are shown would cost every frame of a scrolling window.
#[derive(Default)]
pub(crate) struct Pages {
    found: Mutex<Option<Arc<Found>>>,
    size: Mutex<Option<(u64, u64)>>,
}

struct Found {
    /// The store's generation before it was read: a change in between is seen by the next page.
    generation: u64,
    /// The question, without a part.
    question: ImageQuery,
    /// All images that it takes, in order.
    targets: Vec<Digest>,
    total_all: usize,
}

impl Pages {
    /// Returns the rows from the query's offset on, at most `limit`.
    pub(super) fn page(
        &self,
        store: &Store,
        query: &ImageQuery,
        limit: usize,
        host: &Platform,
    ) -> Result<ImageList, Error> {
        let found = self.found(store, query)?;
        let from = query.offset.min(found.targets.len());
        let until = from.saturating_add(limit).min(found.targets.len());
        Ok(ImageList {
            images: described(store.images_of(&found.targets[from..until])?, host),
            total: found.targets.len(),
            total_all: found.total_all,
        })
    }

    /// Returns the bytes of all blobs that images need.
    pub(super) fn images_size(&self, store: &Store) -> Result<u64, Error> {
        let mut kept = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = store.generation()?;
        if let Some((of, size)) = *kept
            && of == generation
        {
            return Ok(size);
        }
        let size = store.images_size()?;
        *kept = Some((generation, size));
        Ok(size)
    }

    fn found(&self, store: &Store, query: &ImageQuery) -> Result<Arc<Found>, Error> {
        let question = ImageQuery {
            offset: 0,
            limit: None,
            ..query.clone()
        };
        // Held while it is found: several pages that are asked for at once wait for one reading.
        let mut kept = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = store.generation()?;
        if let Some(found) = &*kept
            && found.generation == generation
            && found.question == question
        {
            return Ok(found.clone());
        }
        let (targets, total_all) = find(store, &question)?;
        let found = Arc::new(Found {
            generation,
            question,
            targets,
            total_all,
        });
        *kept = Some(found.clone());
        Ok(found)
    }
}

/// Returns the targets of all images that a question takes, in order, and how many images there are.
fn find(store: &Store, question: &ImageQuery) -> Result<(Vec<Digest>, usize), Error> {
    // Without a filter only what they are sorted by is read.
    if question.filter.is_empty() {
        let keys = store.image_keys()?;
        let order = order(&keys, question, |key| SortKey {
            target: &key.target,
            name: key.first_name.as_ref(),
            disk_size: key.disk_size,
            unique_size: key.unique_size,
            created: key.created,
        });
        let targets = order.into_iter().map(|at| keys[at].target.clone());
        return Ok((targets.collect(), keys.len()));
    }
    let all = store.images_without_layers()?;
    let total_all = all.len();
    let taken = matching(store, &question.filter, all)?;
    let order = order(&taken, question, summary_key);
    let targets = order.into_iter().map(|at| taken[at].target.clone());
    Ok((targets.collect(), total_all))
}
