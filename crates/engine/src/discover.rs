//! Finding repositories in registries, and what refers to an image there.

use std::ops::ControlFlow;

use oci::{Descriptor, Digest, Reference};
use registry::{FoundRepository, NextPage, Repository, SearchQuery};

use crate::paging::Listed;
use crate::pull::Retries;
use crate::{Engine, Error, NoProgress};

/// The most results that Docker Hub gives, and so docker asks for.
const MOST_RESULTS: usize = 100;

/// What docker asks for when nobody says how many: 25 (<https://docs.docker.com/reference/cli/docker/search/>).
const USUAL_RESULTS: usize = 25;

/// What to search for.
#[derive(Debug, Clone, Default)]
pub struct SearchRequest {
    /// The words; `host/word` searches that registry instead of Docker Hub.
    pub term: String,
    /// At most so many results, from 1 to 100; `None` = 25.
    pub limit: Option<usize>,
    /// Only repositories with at least so many stars.
    pub least_stars: Option<u64>,
    /// Only those for which the registry's owner vouches, or only the others.
    pub official: Option<bool>,
}

/// A repository that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchResult {
    /// What to write to pull it: `debian`, `quay.io/team/app`.
    pub name: String,
    /// The repository, in full.
    pub repository: Reference,
    /// The publisher's words, as they are: hostile until escaped.
    pub description: String,
    /// How many people starred it; `None` where the registry does not count.
    pub stars: Option<u64>,
    /// Whether the registry's owner vouches for it.
    pub official: bool,
}

/// A page of a registry's repositories.
#[derive(Debug, Clone)]
pub struct CatalogPage {
    /// The repositories, in full and without a tag.
    pub repositories: Vec<Reference>,
    /// For [`Engine::catalog_page`]: where the list goes on; `None` at its end.
    pub next: Option<NextPage>,
}

/// Something that refers to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its manifest.
    pub digest: Digest,
    /// Bytes of that manifest.
    pub size: u64,
    /// What it is.
    pub kind: ReferrerKind,
    /// The artifact type that it says, as it is: hostile until escaped.
    pub artifact_type: Option<String>,
    /// Its notes, as they are: hostile until escaped.
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// What refers to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferrerKind {
    /// Somebody's signature. It was not verified.
    Signature,
    /// A list of what the image is made of.
    Sbom,
    /// A statement about the image, such as how it was built. It was not verified.
    Attestation,
    /// Anything else.
    Other,
}

impl ReferrerKind {
    /// Tells what an artifact type stands for.
    #[must_use]
    pub fn of(artifact_type: &str) -> Self {
        let text = artifact_type.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["spdx", "cyclonedx", "syft", "sbom"]) {
            Self::Sbom
        } else if has(&["in-toto", "dsse", "slsa", "attestation", "provenance"]) {
            Self::Attestation
        } else if has(&[
            "signature",
            "cosign.artifact.sig",
            "sigstore.bundle",
            "simplesigning",
        ]) {
            Self::Signature
        } else {
            Self::Other
        }
    }
}

impl Engine {
    /// Searches Docker Hub, or another registry where the term says one.
    ///
    /// # Errors
    /// `usage` (a limit outside of 1 to 100, no term), `not_offered` where a registry has no search and lists nothing, and what a
    /// registry can fail with.
    pub async fn search(&self, request: &SearchRequest) -> Result<Vec<SearchResult>, Error> {
        let limit = request.limit.unwrap_or(USUAL_RESULTS);
        if !(1..=MOST_RESULTS).contains(&limit) {
            return Err(Error::SearchLimit { limit });
        }
        let (host, term) = split_term(request.term.trim());
        if term.is_empty() {
            return Err(Error::NoSearchTerm);
        }
        let query = SearchQuery {
            host: host.to_owned(),
            term: term.to_owned(),
            limit,
        };
        let observer = Retries {
            progress: &NoProgress,
        };
        let found = self.shared.registry.search(&query, &observer).await?;
        let wanted = |found: &FoundRepository| {
            let stars = request
                .least_stars
                .is_none_or(|least| found.stars.is_some_and(|stars| stars >= least));
            stars
                && request
                    .official
                    .is_none_or(|official| found.official == official)
        };
        let results = found.into_iter().filter(wanted);
        Ok(results.filter_map(|found| result(host, found)).collect())
    }

    /// Lists a page of the repositories of a registry: the first at once, further ones as they are asked for.
    ///
    /// # Errors
    /// `bad_reference` (no registry), `not_offered` where the registry lists nothing, as Docker Hub, and what a registry can
    /// fail with.
    pub async fn catalog_page(
        &self,
        host: &str,
        after: Option<&NextPage>,
    ) -> Result<CatalogPage, Error> {
        let host = crate::login::registry_host(host)?;
        let observer = Retries {
            progress: &NoProgress,
        };
        let page = self
            .shared
            .registry
            .catalog_page(&host, after, &observer)
            .await?;
        let names = page.repositories.into_iter();
        Ok(CatalogPage {
            repositories: names
                .filter_map(|name| Reference::parse_normalized(&format!("{host}/{name}")).ok())
                .collect(),
            next: page.next,
        })
    }

    /// Lists all repositories of a registry, each once, sorted.
    ///
    /// What is new of a page goes to `on_page` as it comes; where that breaks, the list ends with what has come so far. A list that
    /// leads in circles or has no end is ended, too.
    ///
    /// # Errors
    /// As [`Engine::catalog_page`].
    pub async fn list_repositories(
        &self,
        host: &str,
        mut on_page: impl FnMut(&[Reference]) -> ControlFlow<()>,
    ) -> Result<Vec<Reference>, Error> {
        let (mut listed, mut next) = (Listed::new(), None);
        loop {
            let page = self.catalog_page(host, next.as_ref()).await?;
            let fresh = listed.take(page.repositories);
            let told = on_page(&fresh);
            next = page.next;
            if next.is_none() || told.is_break() || !listed.goes_on(&fresh) {
                break;
            }
        }
        let mut all = listed.into_entries();
        all.sort_by_cached_key(Reference::familiar_name);
        Ok(all)
    }

    /// Lists the signatures, SBOMs, attestations and whatever else refers to an image of a registry. Nothing of it is verified.
    ///
    /// # Errors
    /// `tag_not_found`, and what a registry can fail with.
    pub async fn referrers(&self, reference: &Reference) -> Result<Vec<Referrer>, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let subject = self.shared.registry.resolve(reference, &observer).await?;
        self.referrers_to(reference, &subject.digest).await
    }

    /// Lists what refers to a manifest or index of a reference's repository.
    pub(crate) async fn referrers_to(
        &self,
        reference: &Reference,
        subject: &Digest,
    ) -> Result<Vec<Referrer>, Error> {
        let observer = Retries {
            progress: &NoProgress,
        };
        let client = &self.shared.registry;
        let repository = Repository::of(reference);
        let found = client.referrers(&repository, subject, &observer).await?;
        let mut referrers: Vec<Referrer> = found.into_iter().map(referrer).collect();
        // How cosign names what it makes where a registry keeps no list.
        for (suffix, kind) in [
            ("sig", ReferrerKind::Signature),
            ("att", ReferrerKind::Attestation),
            ("sbom", ReferrerKind::Sbom),
        ] {
            let tag = format!("{}.{suffix}", subject.as_str().replacen(':', "-", 1));
            let Ok(tag) = tag.parse() else { continue };
            let named = reference.without_tag().with_tag(tag);
            match client.resolve(&named, &observer).await {
                Ok(resolved) if referrers.iter().all(|it| it.digest != resolved.digest) => {
                    referrers.push(Referrer {
                        digest: resolved.digest,
                        size: resolved.size,
                        kind,
                        artifact_type: None,
                        annotations: std::collections::BTreeMap::new(),
                    });
                }
                Ok(_) | Err(registry::Error::NotFound { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(referrers)
    }
}

fn referrer(descriptor: Descriptor) -> Referrer {
    let kind = match &descriptor.artifact_type {
        Some(artifact_type) => ReferrerKind::of(artifact_type),
        None => ReferrerKind::Other,
    };
    Referrer {
        digest: descriptor.digest,
        size: descriptor.size,
        kind,
        artifact_type: descriptor.artifact_type,
        annotations: descriptor.annotations,
    }
}

/// Cuts the host off a term, by docker's rule: what has a dot or a colon, or is `localhost`.
fn split_term(term: &str) -> (&str, &str) {
    match term.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "index.docker.io" | "registry-1.docker.io" => ("docker.io", rest),
            host => (host, rest),
        },
        _ => ("docker.io", term),
    }
}

fn result(host: &str, found: FoundRepository) -> Option<SearchResult> {
    let full = match host {
        "docker.io" => found.name.clone(),
        host => format!("{host}/{}", found.name),
    };
    let repository = Reference::parse_normalized(&full).ok()?;
    Some(SearchResult {
        name: full,
        repository,
        description: found.description,
        stars: found.stars,
        official: found.official,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_may_name_a_registry() {
        for (term, expected) in [
            ("debian", ("docker.io", "debian")),
            ("library/debian", ("docker.io", "library/debian")),
            ("docker.io/team/app", ("docker.io", "team/app")),
            ("index.docker.io/app", ("docker.io", "app")),
            ("quay.io/app", ("quay.io", "app")),
            ("localhost/app", ("localhost", "app")),
            ("localhost:5000/team/app", ("localhost:5000", "team/app")),
        ] {
            assert_eq!(split_term(term), expected, "{term}");
        }
    }

    #[test]
    fn artifact_types_of_the_usual_tools() {
        for (text, kind) in [
            (
                "application/vnd.cncf.notary.signature",
                ReferrerKind::Signature,
            ),
            (
                "application/vnd.dev.cosign.artifact.sig.v1+json",
                ReferrerKind::Signature,
            ),
            (
                "application/vnd.dev.sigstore.bundle.v0.3+json",
                ReferrerKind::Signature,
            ),
            ("application/spdx+json", ReferrerKind::Sbom),
            ("application/vnd.cyclonedx+json", ReferrerKind::Sbom),
            ("application/vnd.in-toto+json", ReferrerKind::Attestation),
            (
                "application/vnd.dsse.envelope.v1+json",
                ReferrerKind::Attestation,
            ),
            ("application/x", ReferrerKind::Other),
        ] {
            assert_eq!(ReferrerKind::of(text), kind, "{text}");
        }
    }
}
