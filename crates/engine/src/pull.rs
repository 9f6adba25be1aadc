//! Bringing images from a registry into the store.

mod fetch;
mod prepare;
mod remote;

use jiff::Timestamp;
use oci::{Digest, ImageName, MediaType, Platform, Reference};
use store::Store;

pub(crate) use self::prepare::MAX_CONFIG_SIZE;
use self::prepare::Prepared;
pub(crate) use self::remote::{RemoteImage, RemoteLayer, scan};
use crate::{BlobState, Engine, Error, Event, NoProgress, Progress, TagMove};

/// What to pull.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// The image. Without a tag and a digest it means `latest`; with both, the digest decides, and no name is moved.
    pub reference: Reference,
    /// For which platform; `None` = the host's.
    pub platform: Option<Platform>,
    /// What to do when the name already names another image.
    pub move_policy: MovePolicy,
}

/// What happens when a name that a pull or load would write already names another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MovePolicy {
    /// The name moves and the outcome says so, as docker does.
    #[default]
    Move,
    /// The pull or load is refused with `name_taken` before a blob is fetched.
    Keep,
}

/// What a pull would do, computed without changing the store.
#[derive(Debug, Clone)]
pub struct PullPlan {
    /// What is pulled, in full.
    pub reference: Reference,
    /// The digest that the registry gives for the reference: of an index or of a manifest.
    pub digest: Digest,
    /// The chosen manifest's digest; equals `digest` where there is no index.
    pub manifest: Digest,
    /// The chosen config's digest, which is the image ID.
    pub id: Digest,
    /// The chosen platform, as the index offers it or as the config tells; `None` for an artifact.
    pub platform: Option<Platform>,
    /// Whether the chosen platform is another than the host's.
    pub foreign: bool,
    /// What the index offers; empty where there is no index.
    pub offered: Vec<OfferedPlatform>,
    /// The distinct blobs: config first, then layers, base first.
    pub blobs: Vec<PlannedBlob>,
    /// Bytes still to be fetched.
    pub download_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// What the name names now, where that is another image.
    pub moved_from: Option<MovedFrom>,
    /// Whether the store already holds exactly this under this name: a pull would change nothing.
    pub up_to_date: bool,
}

/// A platform that an index offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedPlatform {
    /// The platform; `None` where the index does not tell.
    pub platform: Option<Platform>,
    /// The manifest (or nested index) for it.
    pub digest: Digest,
    /// Whether it is the one that would be taken.
    pub chosen: bool,
}

/// A blob that a pull needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBlob {
    /// The blob.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// What the manifest calls it.
    pub media_type: MediaType,
    /// Whether nothing of it needs to be fetched.
    pub present: bool,
    /// Bytes that an earlier, interrupted pull left of it.
    pub partial: u64,
    /// The layer's diff ID, where it is a layer and the config is known; `None` for a config.
    pub diff_id: Option<Digest>,
}

/// The image from which a name would be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFrom {
    /// What the name names now.
    pub target: Digest,
    /// That image's ID.
    pub id: Digest,
    /// When that image was made.
    pub created: Option<Timestamp>,
}

/// What a pull did.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// What was pulled, in full.
    pub reference: Reference,
    /// What the name names now: the digest that the registry gave.
    pub target: Digest,
    /// The images, one per pulled platform.
    pub images: Vec<PulledImage>,
    /// Names that were made or moved; empty when everything was here already.
    pub moved: Vec<TagMove>,
    /// Bytes of blobs that came over the network.
    pub fetched_bytes: u64,
    /// Bytes of blobs that were here already, partial downloads included.
    pub reused_bytes: u64,
    /// Whether nothing had to be done.
    pub up_to_date: bool,
    /// Whether the image is for another platform than the host's.
    pub foreign: bool,
}

/// An image that a pull brought or found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledImage {
    /// The config's digest.
    pub id: Digest,
    /// What its names name.
    pub target: Digest,
    /// Every name that it has now.
    pub names: Vec<ImageName>,
    /// Its platform; `None` for an artifact.
    pub platform: Option<Platform>,
}

impl Engine {
    /// Computes what a pull would do. The store is not changed.
    ///
    /// Only the manifests, and the config where it is small and not here, are asked for.
    ///
    /// # Errors
    /// As [`Engine::pull`].
    pub async fn plan_pull(&self, request: &PullRequest) -> Result<PullPlan, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        // Boxed, as `bring` below: what they hold while they wait would else lie on the stack of everyone who calls.
        let prepared = Box::pin(self.prepare(request, &observer)).await?;
        let (name, target) = (prepared.name.clone(), prepared.target.clone());
        let moved_from = self
            .with_store(
                move |store| match other_holder(store, name.as_ref(), &target)? {
                    Some((_, holder)) => crate::tag::moved_from(store, holder),
                    None => Ok(None),
                },
            )
            .await?;
        let up_to_date = self.is_up_to_date(&prepared).await?;
        let Prepared {
            reference,
            name: _,
            target,
            manifest,
            id,
            platform,
            foreign,
            offered,
            documents: _,
            blobs,
        } = prepared;
        Ok(PullPlan {
            reference,
            digest: target,
            manifest,
            id,
            platform,
            foreign,
            offered,
            download_bytes: blobs.iter().map(PlannedBlob::missing).sum(),
            total_bytes: blobs.iter().map(|blob| blob.size).sum(),
            blobs,
            moved_from,
            up_to_date,
        })
    }

    /// Pulls an image: on return it is whole, verified, indexed and durable, and its name is set.
    ///
    /// Blobs that are here are not fetched again, and what an interrupted pull left is gone on from. Dropping the
    /// future cancels: whole blobs and partial downloads stay, no name moves. A repeated pull of what is already here
    /// costs one question to the registry.
    ///
    /// # Errors
    /// `not_found`, `tag_not_found`, `platform_not_found` (which lists what is offered), `unauthorized`, `denied`,
    /// `rate_limited`, `unknown_host`, `unreachable`, `tls`, `timeout`, `invalid_response`, `digest_mismatch`,
    /// `size_mismatch`, `corrupt_layer`, `schema1`, `ambiguous_document`, `too_large`, `name_taken`, `disk_full`,
    /// `read_only`, `io`. After any of them the store is as it was, but for the whole blobs that had arrived.
    pub async fn pull(
        &self,
        request: &PullRequest,
        progress: &dyn Progress,
    ) -> Result<Pulled, Error> {
        let name = ImageName::of(&request.reference.clone().with_default_tag());
        self.pull_as(request, Some(name), progress).await
    }

    /// As [`Engine::pull`], under another name than the registry's, or under none.
    pub(crate) async fn pull_as(
        &self,
        request: &PullRequest,
        name: Option<ImageName>,
        progress: &dyn Progress,
    ) -> Result<Pulled, Error> {
        let observer = Retries { progress };
        let mut prepared = Box::pin(self.prepare(request, &observer)).await?;
        prepared.name = name;
        let up_to_date = self.is_up_to_date(&prepared).await?;
        if request.move_policy == MovePolicy::Keep {
            let (name, target) = (prepared.name.clone(), prepared.target.clone());
            self.with_store(
                move |store| match other_holder(store, name.as_ref(), &target)? {
                    Some((name, holder)) => Err(Error::NameTaken { name, holder }),
                    None => Ok(()),
                },
            )
            .await?;
        }
        let total: u64 = prepared.blobs.iter().map(|blob| blob.size).sum();
        let fetched: u64 = prepared.blobs.iter().map(PlannedBlob::missing).sum();
        progress.report(Event::Resolved {
            name: prepared.reference.to_string(),
            blobs: prepared.blobs.iter().map(PlannedBlob::state).collect(),
            download_bytes: fetched,
            total_bytes: total,
        });
        let moved = if up_to_date {
            Vec::new()
        } else {
            Box::pin(self.bring(&prepared, request, total, progress)).await?
        };
        let target = prepared.target.clone();
        let names = self
            .with_store(move |store| Ok(store.images_of(&[target])?.pop().map(|image| image.names)))
            .await?;
        let image = PulledImage {
            id: prepared.id,
            target: prepared.target.clone(),
            names: names.unwrap_or_default(),
            platform: prepared.platform,
        };
        Ok(Pulled {
            reference: prepared.reference,
            target: prepared.target,
            images: vec![image],
            moved,
            fetched_bytes: fetched,
            reused_bytes: total - fetched,
            up_to_date,
            foreign: prepared.foreign,
        })
    }
}

impl PlannedBlob {
    /// Returns the bytes that have to come over the network.
    pub(crate) fn missing(&self) -> u64 {
        if self.present {
            0
        } else {
            self.size.saturating_sub(self.partial)
        }
    }

    fn state(&self) -> BlobState {
        let Self {
            digest,
            size,
            media_type: _,
            present,
            partial,
            diff_id,
        } = self.clone();
        BlobState {
            digest,
            size,
            present,
            partial,
            diff_id,
        }
    }
}

/// Returns what a name points at now.
pub(crate) fn holder(store: &Store, name: &ImageName) -> Result<Option<Digest>, Error> {
    let target = match store.resolve(&name.to_string().as_str().into()) {
        Ok(resolved) if resolved.name.as_ref() == Some(name) => resolved.target,
        Ok(_) | Err(store::Error::ImageNotFound { .. }) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    // With a digest it may be found only because a registry is known to have it so.
    let is_name = name.digest().is_none() || {
        let found = store.images_of(std::slice::from_ref(&target))?;
        found.iter().any(|image| image.names.contains(name))
    };
    Ok(Some(target).filter(|_| is_name))
}

/// Returns the name and what it points at, where that is another image.
fn other_holder(
    store: &Store,
    name: Option<&ImageName>,
    target: &Digest,
) -> Result<Option<(ImageName, Digest)>, Error> {
    let Some(name) = name else { return Ok(None) };
    let holder = holder(store, name)?.filter(|holder| holder != target);
    Ok(holder.map(|holder| (name.clone(), holder)))
}

/// Passes on that a request is tried again.
pub(crate) struct Retries<'a> {
    pub(crate) progress: &'a dyn Progress,
}

impl registry::Observer for Retries<'_> {
    fn retrying(&self, retrying: registry::Retrying<'_>) {
        let digest = match retrying.what {
            registry::What::Blob(digest) => Some(digest.clone()),
            _ => None,
        };
        self.progress.report(Event::Retrying {
            digest,
            reason: retrying.reason.to_string(),
            delay: retrying.delay,
        });
    }

    fn warning(&self, host: &str, text: &str) {
        tracing::warn!(host, text, "the registry warns");
    }
}
