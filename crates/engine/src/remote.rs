//! An image of a registry, looked at before anybody pulls it.

use oci::{Digest, Document, Index, MediaType, Reference};
use registry::Repository;

use crate::image::steps;
use crate::pull::{RemoteImage, Retries};
use crate::{
    DocumentKind, Engine, Error, HistoryRow, ImageDocument, NoProgress, OfferedPlatform,
    OpenedImage, PlannedBlob, Progress, PullRequest, Referrer, ReferrerKind,
};

/// Attestations about one image that are looked at. Builders make one for each platform.
const MOST_ATTESTATIONS: usize = 8;

/// Everything that a registry tells about an image without its layers. Nothing of it is stored.
pub struct RemoteDetail {
    /// The image, opened: its settings, its layers, and a way to their files.
    pub image: OpenedImage,
    /// What was asked for, in full.
    pub reference: Reference,
    /// What the reference names there: an index or a manifest.
    pub target: Digest,
    /// The chosen manifest; equals `target` where there is no index.
    pub manifest: Digest,
    /// Whether the chosen platform is another than the host's.
    pub foreign: bool,
    /// What the index offers, attestations left out; empty where there is no index.
    pub offered: Vec<OfferedPlatform>,
    /// Its history, newest first. Sizes are those of the compressed layers.
    pub history: Vec<HistoryRow>,
    /// Indexes, manifest and config, byte for byte.
    pub documents: Vec<ImageDocument>,
    /// The distinct blobs, config first, then the layers, base first, with what of each is here.
    pub blobs: Vec<PlannedBlob>,
    /// Bytes that a pull would fetch.
    pub download_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// Whether the store has exactly this under this name: a pull would change nothing.
    pub up_to_date: bool,
}

impl Engine {
    /// Looks at an image of a registry. Only manifests and the config are asked for, and nothing is stored.
    ///
    /// # Errors
    /// As [`Engine::plan_pull`].
    pub async fn look_at_remote(
        &self,
        request: &PullRequest,
        progress: &dyn Progress,
    ) -> Result<RemoteDetail, Error> {
        let mut found = Box::pin(self.remote(request, progress)).await?;
        let sizes: Vec<u64> = found.layers.iter().map(|layer| layer.blob.size).collect();
        let size = |position: usize| sizes.get(position).copied().unwrap_or_default();
        let history = steps(&found.config, sizes.len(), size);
        let documents = documents(&mut found);
        let blobs = std::mem::take(&mut found.blobs);
        Ok(RemoteDetail {
            reference: found.reference.clone(),
            target: found.target.clone(),
            manifest: found.manifest.clone(),
            foreign: found.foreign,
            offered: std::mem::take(&mut found.offered),
            history,
            documents,
            download_bytes: blobs.iter().map(PlannedBlob::missing).sum(),
            total_bytes: blobs.iter().map(|blob| blob.size).sum(),
            blobs,
            up_to_date: found.up_to_date,
            image: self.opened_remote(found),
        })
    }

    /// Lists what is said about an image of a registry: the attestations that its index carries, and the signatures, SBOMs and
    /// attestations that refer to it. Nothing of it is verified.
    ///
    /// # Errors
    /// What a registry can fail with.
    pub async fn said_about(&self, detail: &RemoteDetail) -> Result<Vec<Referrer>, Error> {
        let mut found = self.attestations(detail).await?;
        let mut subjects = vec![&detail.target];
        if detail.manifest != detail.target {
            subjects.push(&detail.manifest);
        }
        for subject in subjects {
            for referrer in self.referrers_to(&detail.reference, subject).await? {
                if found.iter().all(|known| known.digest != referrer.digest) {
                    found.push(referrer);
                }
            }
        }
        Ok(found)
    }

    /// Lists the attestations about the chosen manifest that stand in its index. What they state is told by their layers.
    ///
    /// Source: <https://docs.docker.com/build/metadata/attestations/attestation-storage/>.
    async fn attestations(&self, detail: &RemoteDetail) -> Result<Vec<Referrer>, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let repository = Repository::of(&detail.reference);
        let mut found = Vec::new();
        for descriptor in detail.attested() {
            let manifest = self
                .shared
                .registry
                .manifest(&repository, &descriptor, &observer)
                .await?;
            let Document::Manifest(manifest) = manifest.document else {
                continue;
            };
            let mut statements: Vec<&String> = manifest
                .layers
                .iter()
                .filter_map(|layer| layer.annotations.get("in-toto.io/predicate-type"))
                .collect();
            statements.dedup();
            let entry = |kind, artifact_type| Referrer {
                digest: descriptor.digest.clone(),
                size: descriptor.size,
                kind,
                artifact_type,
                annotations: descriptor.annotations.clone(),
            };
            if statements.is_empty() {
                found.push(entry(ReferrerKind::Attestation, None));
            }
            found.extend(statements.into_iter().map(|statement| {
                let kind = match ReferrerKind::of(statement) {
                    ReferrerKind::Sbom => ReferrerKind::Sbom,
                    _ => ReferrerKind::Attestation,
                };
                entry(kind, Some(statement.clone()))
            }));
        }
        Ok(found)
    }
}

impl RemoteDetail {
    /// Picks the attestations about the chosen manifest out of the indexes.
    fn attested(&self) -> Vec<oci::Descriptor> {
        let indexes = self
            .documents
            .iter()
            .filter(|document| document.kind == DocumentKind::Index)
            .filter_map(|document| match Document::parse(&document.bytes, None) {
                Ok(Document::Index(index)) => Some(index),
                _ => None,
            });
        indexes
            .flat_map(|Index { manifests, .. }| manifests)
            .filter(|entry| {
                let subject = entry.annotations.get("vnd.docker.reference.digest");
                entry.is_attestation()
                    && subject.is_some_and(|subject| subject == self.manifest.as_str())
            })
            .take(MOST_ATTESTATIONS)
            .collect()
    }
}

/// Takes the documents out of what was found, and says what each is.
fn documents(found: &mut RemoteImage) -> Vec<ImageDocument> {
    let mut config_type = MediaType::OciConfig;
    let mut documents = Vec::with_capacity(found.documents.len());
    for (digest, bytes) in std::mem::take(&mut found.documents) {
        let kind = match &digest {
            digest if *digest == found.manifest => DocumentKind::Manifest,
            digest if *digest == found.id => DocumentKind::Config,
            _ => DocumentKind::Index,
        };
        let media_type = match (kind, Document::parse(&bytes, None)) {
            (DocumentKind::Config, _) | (_, Err(_)) => config_type.clone(),
            (_, Ok(document)) => {
                if let Document::Manifest(manifest) = &document {
                    config_type = manifest.config.media_type.clone();
                }
                document.media_type().clone()
            }
        };
        documents.push(ImageDocument {
            kind,
            digest,
            media_type,
            bytes,
        });
    }
    documents
}
