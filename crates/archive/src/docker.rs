//! `manifest.json`: which configs and layers make up the images of a docker-archive.

use oci::Digest;
use serde::Deserialize;

use crate::contents::{self, ArchivedImage, ArchivedManifest, Part, Shelf};
use crate::{Error, Result};

pub(crate) const MANIFEST: &str = "manifest.json";

/// One image, as Docker's `image/tarexport` writes it. Go's key names, whose case it does not mind.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "Config", alias = "config")]
    config: String,
    #[serde(rename = "RepoTags", alias = "repoTags", default)]
    repo_tags: Option<Vec<String>>,
    #[serde(rename = "Layers", alias = "layers", default)]
    layers: Option<Vec<String>>,
}

/// Reads the images that a `manifest.json` names.
pub(crate) fn images(shelf: &dyn Shelf, bytes: &[u8]) -> Result<Vec<ArchivedImage>> {
    let lines: Option<Vec<Line>> = serde_json::from_slice(bytes).map_err(|source| Error::Json {
        member: MANIFEST.into(),
        source,
    })?;
    let lines = lines.ok_or_else(|| Error::NullManifest {
        member: MANIFEST.into(),
    })?;
    let mut images: Vec<ArchivedImage> = Vec::new();
    for line in lines {
        let image = image(shelf, line)?;
        // The same image may be listed once for each of its names.
        let known = images.iter_mut().find(|known| {
            let same = |a: &ArchivedManifest, b: &ArchivedManifest| {
                (&a.config, &a.layers) == (&b.config, &b.layers)
            };
            matches!((&known.manifests[..], &image.manifests[..]), ([a], [b]) if same(a, b))
        });
        match known {
            Some(known) => {
                for name in image.names {
                    if !known.names.contains(&name) {
                        known.names.push(name);
                    }
                }
            }
            None => images.push(image),
        }
    }
    Ok(images)
}

fn image(shelf: &dyn Shelf, line: Line) -> Result<ArchivedImage> {
    let missing = |member: &str| Error::Missing {
        member: member.to_owned(),
        wanted_by: MANIFEST.into(),
    };
    let bytes = contents::document(shelf, &line.config)?.ok_or_else(|| missing(&line.config))?;
    let paths = line.layers.unwrap_or_default();
    let config = contents::config(&line.config, &bytes, paths.len())?;
    let mut layers = Vec::with_capacity(paths.len());
    for (path, diff_id) in paths.iter().zip(&config.rootfs.diff_ids) {
        let (member, size) = shelf.find(path)?.ok_or_else(|| missing(path))?;
        layers.push(Part {
            member,
            size,
            digest: None,
            media_type: None,
            diff_id: Some(diff_id.clone()),
        });
    }
    let names = line
        .repo_tags
        .unwrap_or_default()
        .iter()
        .map(|text| contents::tagged_name(MANIFEST, text))
        .collect::<Result<_>>()?;
    // The file's name may say the digest, and nobody else checks it: the config is what its bytes are.
    let id = Digest::sha256(&bytes);
    Ok(ArchivedImage {
        target: None,
        names,
        label: None,
        attestations: Vec::new(),
        manifests: vec![ArchivedManifest {
            digest: None,
            config: id.clone(),
            platform: contents::platform(&config),
            created: config.created.clone(),
            layers,
        }],
        documents: vec![(id, bytes)],
    })
}
