//! An engine's images as a filter sees them.

use docker::Image;
use oci::Selector;

use crate::filter::{Bounds, Facts};
use crate::{Error, Filter};

impl<'a> From<&'a Image> for Facts<'a> {
    fn from(image: &'a Image) -> Self {
        Facts {
            target: &image.id,
            id: &image.id,
            names: &image.names,
            size: image.size,
            created: image.created,
            platform: image.platform.as_ref(),
            dangling: image.names.is_empty(),
            in_use: !image.containers.is_empty(),
            labels: &image.labels,
        }
    }
}

impl Bounds {
    /// Looks up when the images were made that `before` and `since` name.
    ///
    /// # Errors
    /// `not_found` or `ambiguous_reference` of a name.
    pub(super) fn among(images: &[Image], filter: &Filter) -> Result<Self, Error> {
        let mut bounds = Bounds::default();
        for (before, name) in filter.named_images() {
            let created = docker::find(images, &Selector::from(name))?.created;
            match before {
                true => bounds.before = created,
                false => bounds.since = created,
            }
        }
        Ok(bounds)
    }
}
