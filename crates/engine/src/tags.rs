//! The tags of a repository in a registry: page by page, in detail, and beside what the store has.

mod order;

use std::collections::HashMap;
use std::ops::ControlFlow;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use oci::{Digest, Document, ImageConfig, ImageName, MediaType, Platform, Reference, Tag};
use registry::{NextPage, Quota, Repository};

pub use self::order::by_version;
use crate::paging::Listed;
use crate::pull::{MAX_CONFIG_SIZE, Retries};
use crate::{Engine, Error, NoProgress};

/// How many tags are looked at in detail at a time.
const PARALLEL: usize = 6;

/// A page of tags, in the registry's order.
#[derive(Debug, Clone)]
pub struct TagsPage {
    /// The repository, in full and without a tag.
    pub repository: Reference,
    /// The tags.
    pub tags: Vec<Tag>,
    /// For [`Engine::tags_page`]: where the list goes on; `None` at its end.
    pub next: Option<NextPage>,
}

/// A tag as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTag {
    /// The tag.
    pub tag: Tag,
    /// What it names; `None` where that could not be found out.
    pub digest: Option<Digest>,
    /// What that is.
    pub media_type: Option<MediaType>,
    /// Bytes to download for the host's platform, else for the first one offered.
    pub size: Option<u64>,
    /// The platforms, attestations left out.
    pub platforms: Vec<Platform>,
    /// When that image was made.
    pub created: Option<Timestamp>,
    /// How it stands to what the store has.
    pub local: LocalMark,
}

/// How a registry's tag stands to what the store has of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalMark {
    /// The store has nothing of this repository, or nobody knows which is newer.
    #[default]
    Nothing,
    /// The store has exactly this.
    Same,
    /// It is newer than what the store has under this tag, or, if it has none, than the newest of the repository.
    Newer,
    /// It is older than that.
    Older,
}

/// A name of the store, compared with its registry.
#[derive(Debug, Clone)]
pub struct Update {
    /// The name.
    pub name: ImageName,
    /// What it names here.
    pub here: Digest,
    /// What came of the question.
    pub state: UpdateState,
    /// How many pulls the registry says are left.
    pub quota: Option<Quota>,
}

/// What came of asking a registry about a name.
#[derive(Debug)]
pub enum UpdateState {
    /// The registry names the same.
    UpToDate,
    /// The registry names something else by now.
    Available {
        /// What it names there.
        digest: Digest,
    },
    /// The registry does not have the tag.
    Gone,
    /// The registry does not say.
    Unknown,
    /// It could not be asked.
    Failed(std::sync::Arc<Error>),
}

impl Clone for UpdateState {
    fn clone(&self) -> Self {
        match self {
            Self::UpToDate => Self::UpToDate,
            Self::Available { digest } => Self::Available {
                digest: digest.clone(),
            },
            Self::Gone => Self::Gone,
            Self::Unknown => Self::Unknown,
            Self::Failed(error) => Self::Failed(error.clone()),
        }
    }
}

/// What the store has of a repository: target and time of making, by tag.
#[derive(Debug, Default)]
struct Held {
    targets: HashMap<Digest, Option<Timestamp>>,
    by_tag: HashMap<Tag, Option<Timestamp>>,
}

impl Engine {
    /// Lists a page of the tags of a repository: the first at once, further ones as they are asked for.
    ///
    /// The tag of `repository` means nothing. A registry can lead in circles, so a caller ends where a page brings nothing new.
    ///
    /// # Errors
    /// `not_found`, and what a registry can fail with.
    pub async fn tags_page(
        &self,
        repository: &Reference,
        after: Option<&NextPage>,
    ) -> Result<TagsPage, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let repository = repository.without_tag();
        let page = self
            .shared
            .registry
            .tag_page(&Repository::of(&repository), after, &observer)
            .await?;
        Ok(TagsPage {
            repository,
            tags: page.tags,
            next: page.next,
        })
    }

    /// Lists all tags of a repository, each once, the likeliest first ([`by_version`]).
    ///
    /// What is new of a page goes to `on_page` as it comes, in the registry's order, so the first of ten thousand are there at once.
    /// Where that breaks, the list ends with what has come so far. A list that leads in circles or has no end is ended, too.
    ///
    /// # Errors
    /// As [`Engine::tags_page`].
    pub async fn list_tags(
        &self,
        repository: &Reference,
        mut on_page: impl FnMut(&[Tag]) -> ControlFlow<()>,
    ) -> Result<Vec<Tag>, Error> {
        let (mut listed, mut next) = (Listed::new(), None);
        loop {
            let page = self.tags_page(repository, next.as_ref()).await?;
            let fresh = listed.take(page.tags);
            let told = on_page(&fresh);
            next = page.next;
            if next.is_none() || told.is_break() || !listed.goes_on(&fresh) {
                break;
            }
        }
        let mut all = listed.into_entries();
        all.sort_by(by_version);
        Ok(all)
    }

    /// Lists all tags of a repository, each once, in the registry's order.
    ///
    /// # Errors
    /// As [`Engine::tags_page`].
    pub async fn tags(&self, repository: &Reference) -> Result<Vec<Tag>, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let repository = Repository::of(repository);
        Ok(self.shared.registry.tags(&repository, &observer).await?)
    }

    /// Looks at tags in detail: manifests and configs are read, no layer, and no registry counts it as more pulls than needed.
    ///
    /// The result is in the order of `tags`. One that cannot be looked at has no facts; an error ends it all only where the
    /// registry lets nobody in or wants to be left alone.
    ///
    /// # Errors
    /// `unauthorized`, `denied`, `rate_limited`, `unknown_host`, `tls`.
    pub async fn tag_details(
        &self,
        repository: &Reference,
        tags: &[Tag],
    ) -> Result<Vec<RemoteTag>, Error> {
        let held = self.held(repository).await?;
        let looks: Vec<_> = tags
            .iter()
            .map(|tag| self.look_at(repository, tag, &held))
            .collect();
        let mut looks = stream::iter(looks).buffered(PARALLEL);
        let mut found = Vec::with_capacity(tags.len());
        while let Some(looked) = looks.next().await {
            found.push(looked?);
        }
        Ok(found)
    }

    async fn look_at(
        &self,
        repository: &Reference,
        tag: &Tag,
        held: &Held,
    ) -> Result<RemoteTag, Error> {
        let mut remote = RemoteTag {
            tag: tag.clone(),
            digest: None,
            media_type: None,
            size: None,
            platforms: Vec::new(),
            created: None,
            local: LocalMark::Nothing,
        };
        match self
            .read_tag(&repository.without_tag().with_tag(tag.clone()), &mut remote)
            .await
        {
            Ok(()) => {}
            Err(error) => {
                let code = error.code();
                let final_ = [
                    "unauthorized",
                    "denied",
                    "rate_limited",
                    "unknown_host",
                    "tls",
                ];
                if final_.contains(&code) {
                    return Err(error);
                }
                tracing::debug!(%tag, %error, "a tag could not be looked at");
            }
        }
        remote.local = held.mark(&remote);
        Ok(remote)
    }

    async fn read_tag(&self, reference: &Reference, remote: &mut RemoteTag) -> Result<(), Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let client = &self.shared.registry;
        let repository = Repository::of(reference);
        let resolved = client.resolve(reference, &observer).await?;
        remote.digest = Some(resolved.digest.clone());
        remote.media_type = Some(resolved.media_type.clone());
        let manifest = match resolved.document {
            Document::Manifest(manifest) => manifest,
            Document::Index(index) => {
                let images: Vec<_> = index
                    .manifests
                    .iter()
                    .filter(|child| !child.is_attestation())
                    .collect();
                remote.platforms = images
                    .iter()
                    .filter_map(|child| child.platform.clone())
                    .collect();
                let host = &self.shared.settings.host_platform;
                let position = host.choose(images.iter().map(|child| child.platform.as_ref()));
                let chosen = position.and_then(|at| images.get(at)).or(images.first());
                let Some(chosen) = chosen else { return Ok(()) };
                match client
                    .manifest(&repository, chosen, &observer)
                    .await?
                    .document
                {
                    Document::Manifest(manifest) => manifest,
                    Document::Index(_) => return Ok(()),
                }
            }
        };
        let parts = std::iter::once(&manifest.config).chain(&manifest.layers);
        remote.size = Some(parts.map(|part| part.size).sum());
        if !manifest.is_image() {
            return Ok(());
        }
        let bytes = client
            .read_blob(&repository, &manifest.config, MAX_CONFIG_SIZE, &observer)
            .await?;
        if let Ok(config) = ImageConfig::parse(&bytes) {
            remote.created = config.created();
            let platform = config.platform();
            if remote.platforms.is_empty() && !platform.os.is_empty() {
                remote.platforms.push(platform);
            }
        }
        Ok(())
    }

    /// Finds what the store has of a repository.
    async fn held(&self, repository: &Reference) -> Result<Held, Error> {
        let wanted = repository.name();
        self.with_store(move |store| {
            let mut held = Held::default();
            for image in store.images()? {
                let names = image.names.iter().chain(&image.repo_digests);
                let mut of_it = names
                    .filter(|name| name.reference().name() == wanted)
                    .peekable();
                if of_it.peek().is_none() {
                    continue;
                }
                held.targets.insert(image.target.clone(), image.created);
                for name in of_it {
                    if let Some(tag) = name.tag() {
                        held.by_tag.insert(tag.clone(), image.created);
                    }
                }
            }
            Ok(held)
        })
        .await
    }

    /// Asks the registries of names whether they name something else by now: one small question for each, which no registry
    /// counts as a pull.
    ///
    /// In the order of `names`. A name that the store does not have is left out; one whose registry cannot be asked says why.
    ///
    /// # Errors
    /// Only where the store cannot be read.
    pub async fn check_updates(&self, names: &[ImageName]) -> Result<Vec<Update>, Error> {
        let wanted = names.to_vec();
        let held = self
            .with_store(move |store| {
                let mut held = Vec::new();
                for name in wanted {
                    if let Some(target) = crate::pull::holder(store, &name)? {
                        held.push((name, target));
                    }
                }
                Ok(held)
            })
            .await?;
        let questions: Vec<_> = held
            .into_iter()
            .map(|(name, here)| self.check_update(name, here))
            .collect();
        let answers = stream::iter(questions).buffered(PARALLEL);
        Ok(answers.collect().await)
    }

    async fn check_update(&self, name: ImageName, here: Digest) -> Update {
        let observer = Retries {
            progress: &NoProgress,
        };
        let asked = self
            .shared
            .registry
            .named(name.reference(), &observer)
            .await;
        let (state, quota) = match asked {
            Ok(named) => {
                let state = match named.digest {
                    None => UpdateState::Unknown,
                    Some(digest) if digest == here => UpdateState::UpToDate,
                    Some(digest) => UpdateState::Available { digest },
                };
                (state, named.quota)
            }
            Err(registry::Error::NotFound { .. }) => (UpdateState::Gone, None),
            Err(error) => (UpdateState::Failed(std::sync::Arc::new(error.into())), None),
        };
        Update {
            name,
            here,
            state,
            quota,
        }
    }
}

impl Held {
    fn mark(&self, remote: &RemoteTag) -> LocalMark {
        let Some(digest) = &remote.digest else {
            return LocalMark::Nothing;
        };
        if self.targets.contains_key(digest) {
            return LocalMark::Same;
        }
        let ours = match self.by_tag.get(&remote.tag) {
            Some(created) => *created,
            None => self.targets.values().flatten().max().copied(),
        };
        match (remote.created, ours) {
            (Some(theirs), Some(ours)) if theirs > ours => LocalMark::Newer,
            (Some(theirs), Some(ours)) if theirs < ours => LocalMark::Older,
            _ => LocalMark::Nothing,
        }
    }
}
