//! The files of images as the store tells of them, and those that were looked at last.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use layer::{FileIndex, IndexProblem, Tree};
use oci::Digest;
use store::Store;

use super::{ImageFiles, LayerBlob, broken};
use crate::Error;

/// Trees that are kept for the next question about the same image.
const KEPT: usize = 2;

/// The trees of the images that were looked at last.
#[derive(Default)]
pub(crate) struct FilesCache(Mutex<Vec<ImageFiles>>);

impl FilesCache {
    /// Returns the files of a manifest's layers, and reads their indexes where nobody looked at them just before.
    pub(crate) fn open(
        &self,
        store: &Store,
        manifest: &Digest,
        layers: impl FnOnce() -> Result<Vec<store::LayerDetail>, Error>,
    ) -> Result<ImageFiles, Error> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept
            .iter()
            .position(|files| files.inner.manifest == *manifest)
        {
            let files = kept.remove(at);
            kept.push(files.clone());
            return Ok(files);
        }
        let files = ImageFiles::open(store, manifest, &layers()?)?;
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push(files.clone());
        Ok(files)
    }
}

impl ImageFiles {
    fn open(
        store: &Store,
        manifest: &Digest,
        layers: &[store::LayerDetail],
    ) -> Result<Self, Error> {
        let layers: Vec<&store::LayerDetail> = layers
            .iter()
            .filter(|layer| layer.media_type.is_layer())
            .collect();
        // Only its end shows whether an index is whole, so a bad one is found when its files are in the tree already.
        let mut made_anew: Vec<&Digest> = Vec::new();
        let tree = 'again: loop {
            let mut tree = Tree::new();
            for layer in &layers {
                let index = index_of(store, layer)?;
                match FileIndex::open(index).and_then(|index| tree.push(index)) {
                    Ok(()) => {}
                    Err(layer::Error::Index(_)) if !made_anew.contains(&&layer.digest) => {
                        made_anew.push(&layer.digest);
                        let diff_id = layer.diff_id.as_ref();
                        crate::pipeline::index_anew(store, &layer.digest, diff_id)?;
                        continue 'again;
                    }
                    Err(source) => return Err(broken(&layer.digest, source)),
                }
            }
            break tree;
        };
        let blobs = layers.iter().map(|layer| layer.digest.clone());
        let blobs = blobs.map(LayerBlob::stored).collect();
        Ok(Self::of(store.clone(), manifest.clone(), blobs, tree))
    }
}

/// Opens the file index of a layer, and makes it where there is none.
pub(crate) fn index_of(store: &Store, layer: &store::LayerDetail) -> Result<Box<dyn Read>, Error> {
    let known = layer.facts.as_ref().map(|facts| &facts.diff_id);
    if let Some(diff_id) = known.or(layer.diff_id.as_ref())
        && let Some(index) = store.open_index(diff_id)?
    {
        return Ok(Box::new(index));
    }
    let digest = &layer.digest;
    if store.is_read_only() {
        let mut index = Vec::new();
        let blob = store.open_blob(digest)?;
        layer::scan(blob, &mut index).map_err(|source| broken(digest, source))?;
        return Ok(Box::new(io::Cursor::new(index)));
    }
    let diff_id = crate::pipeline::index_anew(store, digest, layer.diff_id.as_ref())?;
    let index = store
        .open_index(&diff_id)?
        .ok_or_else(|| broken(digest, layer::Error::Index(IndexProblem::NotAnIndex)))?;
    Ok(Box::new(index))
}
