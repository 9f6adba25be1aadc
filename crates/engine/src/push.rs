//! Sending images to a registry.

mod content;
mod send;
mod survey;

use bytes::Bytes;
use oci::{Descriptor, Digest, ImageName, MediaType, Platform, Reference, Selector};
use registry::Repository;
use store::LeasePurpose;

use self::content::Content;
use crate::pull::Retries;
use crate::{BlobState, Engine, Error, Event, MovePolicy, NoProgress, Progress};

/// What to push.
#[derive(Debug, Clone)]
pub struct PushRequest {
    /// The image.
    pub source: Selector,
    /// Where it goes; `None` = what the source is called. Without a tag it means `latest`; with a digest and no tag, the image
    /// gets no name there.
    pub destination: Option<Reference>,
    /// Only this platform of an image that has several: its manifest alone, without the index and the attestations.
    pub platform: Option<Platform>,
    /// What to do when the registry's tag already names another image.
    pub move_policy: MovePolicy,
}

/// What a push would do, computed without changing the registry.
#[derive(Debug, Clone)]
pub struct PushPlan {
    /// Where it goes, in full.
    pub reference: Reference,
    /// The image ID; of several platforms the first one's.
    pub id: Digest,
    /// What the tag will name: the index or manifest that is pushed.
    pub digest: Digest,
    /// What that is.
    pub media_type: MediaType,
    /// The platforms that are pushed; empty for an artifact that names none.
    pub platforms: Vec<Platform>,
    /// What the image's index names and is neither here nor there, so that only a manifest is pushed and not the index.
    pub left_out: Vec<LeftOut>,
    /// The distinct blobs: layers, base first, then configs.
    pub blobs: Vec<PushBlob>,
    /// Bytes to be sent, if every blob that may be mounted is.
    pub upload_bytes: u64,
    /// Bytes of all blobs.
    pub total_bytes: u64,
    /// What the tag names in the registry now, where that is something else.
    pub replaces: Option<Digest>,
    /// Whether the tag names exactly this already: a push would change nothing.
    pub up_to_date: bool,
}

/// A part of an index that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// For which platform it is; `None` for attestations and where the index does not tell.
    pub platform: Option<Platform>,
    /// The manifest.
    pub digest: Digest,
}

/// A blob that belongs to what is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushBlob {
    /// The blob.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// What the manifest calls it.
    pub media_type: MediaType,
    /// The layer's diff ID, where it is known.
    pub diff_id: Option<Digest>,
    /// What the registry has of it.
    pub there: BlobThere,
}

/// What a registry has of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobThere {
    /// The repository has it.
    Existing,
    /// Another repository of the same registry is known to have had it, so that it need not be sent.
    Mountable {
        /// That repository, in full.
        from: String,
    },
    /// It has to be sent.
    Missing,
    /// It is never sent: its media type says that it may not be distributed.
    Foreign,
}

/// What a push did.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// Where it went, in full.
    pub reference: Reference,
    /// The image ID; of several platforms the first one's.
    pub id: Digest,
    /// What it has there: the digest of the index or manifest.
    pub digest: Digest,
    /// What that is.
    pub media_type: MediaType,
    /// Bytes of that index or manifest.
    pub size: u64,
    /// The platforms that were pushed.
    pub platforms: Vec<Platform>,
    /// What of the image's index was neither here nor there: then only a manifest was pushed.
    pub left_out: Vec<LeftOut>,
    /// Bytes of blobs that were sent.
    pub pushed_bytes: u64,
    /// Bytes of blobs that the registry took from another of its repositories.
    pub mounted_bytes: u64,
    /// Bytes of blobs that were there.
    pub existing_bytes: u64,
    /// What the tag named before, where that was something else.
    pub replaced: Option<Digest>,
    /// Whether nothing had to be done.
    pub up_to_date: bool,
}

/// Where what is pushed comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The store.
    Store,
    /// Another repository; the blobs pass through.
    Registry(Repository),
}

/// A manifest or index, as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Bytes,
    /// What it is about, where it is a referrer.
    pub(crate) subject: Option<Descriptor>,
}

/// A place in a registry where an image could go, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The registry.
    pub host: String,
    /// How it is written.
    pub reference: String,
}

/// Tells how a destination is written at other registries: the same repository and tag at each of the hosts that is not its own.
///
/// What is typed so far goes along: it need not be a reference yet.
#[must_use]
pub fn destinations_elsewhere(typed: &str, hosts: Vec<String>) -> Vec<Destination> {
    let (own, rest) = Reference::split_host(typed.trim());
    hosts
        .into_iter()
        .filter(|host| host != own)
        .map(|host| Destination {
            reference: format!("{host}/{rest}"),
            host,
        })
        .collect()
}

impl Engine {
    /// Lists the names with a tag that the store has of a repository: what `docker push --all-tags` pushes. The likeliest first.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn tags_here(&self, repository: &Reference) -> Result<Vec<Reference>, Error> {
        let wanted = repository.name();
        let images = self.with_store(|store| Ok(store.images()?)).await?;
        let names = images.into_iter().flat_map(|image| image.names);
        let mut found: Vec<Reference> = names
            .map(|name| name.reference().clone())
            .filter(|name| name.tag().is_some() && name.name() == wanted)
            .collect();
        found.sort_by(|a, b| match (a.tag(), b.tag()) {
            (Some(a), Some(b)) => crate::by_version(a, b),
            _ => std::cmp::Ordering::Equal,
        });
        found.dedup();
        Ok(found)
    }

    /// Computes what a push would do, and whether this user may do it. Nothing is sent.
    ///
    /// # Errors
    /// As [`Engine::push`].
    pub async fn plan_push(&self, request: &PushRequest) -> Result<PushPlan, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let (root, destination) = self.route(request).await?;
        let content = Box::pin(self.content(
            &Origin::Store,
            &root,
            request.platform.as_ref(),
            &destination,
            &observer,
        ))
        .await?;
        let plan = Box::pin(self.survey(&content, &destination, &observer)).await?;
        if !plan.up_to_date {
            let repository = Repository::of(&destination);
            self.shared
                .registry
                .may_push(&repository, &observer)
                .await?;
        }
        Ok(plan)
    }

    /// Pushes an image: on return the registry has every blob and document byte for byte, and its tag names the image.
    ///
    /// An image of several platforms is pushed whole, index and attestations included, where everything that its index names is
    /// here or there. Where only one platform is here, that manifest is pushed alone and the outcome says so; where several but
    /// not all are, a platform has to be chosen. Layers that may not be distributed are never sent.
    ///
    /// Whether the user may write is asked before any byte moves. What the registry has is not sent again, and what another of
    /// its repositories has is mounted. Connections that break are taken up again, tokens renewed. Dropping the future cancels:
    /// whole blobs stay in the registry, no tag moves. The store notes where the image is now.
    ///
    /// # Errors
    /// `not_found`, `ambiguous_reference`, `platform_not_found`, `incomplete_image`, `name_taken`, `usage` (an ID without a destination, the digest of another image as one), `unauthorized`, `denied`,
    /// `not_offered` (a read-only registry), `rejected`, `rate_limited`, `unknown_host`, `unreachable`, `tls`, `timeout`,
    /// `invalid_response`, `digest_mismatch`, `store_damaged`, `io`.
    pub async fn push(
        &self,
        request: &PushRequest,
        progress: &dyn Progress,
    ) -> Result<Pushed, Error> {
        let (root, destination) = self.route(request).await?;
        let delivery = Delivery {
            origin: Origin::Store,
            root: root.clone(),
            platform: request.platform.clone(),
            destination,
            move_policy: request.move_policy,
        };
        let pushed = Box::pin(self.deliver(&delivery, progress)).await?;
        if !self.shared.store.is_read_only() {
            let reference = pushed.reference.with_digest(pushed.digest.clone());
            let name = ImageName::of(&reference);
            self.with_store(move |store| Ok(store.note_pushed(&root, &name)?))
                .await?;
        }
        Ok(pushed)
    }

    /// Finds what is pushed, and where to.
    async fn route(&self, request: &PushRequest) -> Result<(Digest, Reference), Error> {
        let selector = request.source.clone();
        let found = self
            .with_store(move |store| Ok(store.resolve(&selector)?))
            .await?;
        let destination = match (&request.destination, found.name) {
            (Some(destination), _) => destination.clone(),
            (None, Some(name)) => name.reference().clone(),
            // An ID says which image, but not where to.
            (None, None) => {
                return Err(Error::NoDestination {
                    wanted: request.source.text().to_owned(),
                });
            }
        };
        Ok((found.target, destination.with_default_tag()))
    }

    /// Brings an image to a registry, from the store or through from another registry.
    pub(crate) async fn deliver(
        &self,
        delivery: &Delivery,
        progress: &dyn Progress,
    ) -> Result<Pushed, Error> {
        let observer = Retries { progress };
        let destination = &delivery.destination;
        let content = Box::pin(self.content(
            &delivery.origin,
            &delivery.root,
            delivery.platform.as_ref(),
            destination,
            &observer,
        ))
        .await?;
        let _lease = self.hold_pushed(&delivery.origin, &content).await?;
        let plan = Box::pin(self.survey(&content, destination, &observer)).await?;
        if let (MovePolicy::Keep, Some(holder)) = (delivery.move_policy, &plan.replaces) {
            return Err(Error::NameTaken {
                name: ImageName::of(destination),
                holder: holder.clone(),
            });
        }
        if !plan.up_to_date {
            let repository = Repository::of(destination);
            self.shared
                .registry
                .may_push(&repository, &observer)
                .await?;
        }
        progress.report(Event::Resolved {
            name: destination.to_string(),
            blobs: plan.blobs.iter().map(PushBlob::state).collect(),
            download_bytes: plan.upload_bytes,
            total_bytes: plan.total_bytes,
        });
        let mut pushed = Pushed {
            reference: plan.reference.clone(),
            id: plan.id.clone(),
            digest: plan.digest.clone(),
            media_type: plan.media_type.clone(),
            size: content.root.size,
            platforms: plan.platforms.clone(),
            left_out: plan.left_out.clone(),
            pushed_bytes: 0,
            mounted_bytes: 0,
            existing_bytes: 0,
            replaced: plan.replaces.clone(),
            up_to_date: plan.up_to_date,
        };
        if plan.up_to_date {
            pushed.existing_bytes = plan.total_bytes;
            return Ok(pushed);
        }
        Box::pin(self.send(&delivery.origin, &content, &plan, &mut pushed, progress)).await?;
        Ok(pushed)
    }

    /// Keeps what is pushed from the collector.
    async fn hold_pushed(
        &self,
        origin: &Origin,
        content: &Content,
    ) -> Result<Option<store::Lease>, Error> {
        // A store that cannot be written has no collector either.
        if matches!(origin, Origin::Registry(_)) || self.shared.store.is_read_only() {
            return Ok(None);
        }
        let documents = content.sheets.iter().map(|sheet| &sheet.descriptor.digest);
        let blobs = content.blobs.iter().map(|blob| &blob.digest);
        let held: Vec<Digest> = documents.chain(blobs).cloned().collect();
        let now = self.now();
        self.with_store(move |store| {
            let purpose = LeasePurpose::Local {
                operation: "push".into(),
            };
            let lease = store.lease(&purpose, now)?;
            lease.hold(&held)?;
            Ok(Some(lease))
        })
        .await
    }
}

/// A push, wherever the image is.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) origin: Origin,
    pub(crate) root: Digest,
    pub(crate) platform: Option<Platform>,
    pub(crate) destination: Reference,
    pub(crate) move_policy: MovePolicy,
}

impl PushBlob {
    fn state(&self) -> BlobState {
        BlobState {
            digest: self.digest.clone(),
            size: self.size,
            present: !self.is_to_be_brought(),
            partial: 0,
            diff_id: self.diff_id.clone(),
        }
    }

    /// Tells whether something has to be done for it.
    fn is_to_be_brought(&self) -> bool {
        matches!(self.there, BlobThere::Missing | BlobThere::Mountable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_elsewhere_has_the_same_repository_and_tag() {
        let hosts = || vec!["a.example".to_owned(), "docker.io".to_owned()];
        let elsewhere = |typed| -> Vec<String> {
            let found = destinations_elsewhere(typed, hosts());
            found.into_iter().map(|found| found.reference).collect()
        };
        assert_eq!(elsewhere("debian:12"), ["a.example/debian:12"]);
        assert_eq!(elsewhere("a.example/x/y:1"), ["docker.io/x/y:1"]);
        assert_eq!(
            elsewhere("b.example/x"),
            ["a.example/x", "docker.io/x"],
            "neither is its own"
        );
        assert_eq!(elsewhere(""), ["a.example/"], "nothing is typed yet");
    }
}
