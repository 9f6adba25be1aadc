use std::collections::HashSet;

use oci::Tag;
use serde::Deserialize;

use crate::access::Access;
use crate::client::Place;
use crate::pages::List;
use crate::{Error, NextPage, Observer, RegistryClient, Repository, What};

const MAX_PAGES: usize = 1000;
const MAX_TAGS: usize = 200_000;

#[derive(Deserialize)]
struct Body {
    /// `null` for an empty repository in several registries.
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// A part of a repository's tags, in the registry's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPage {
    /// The tags. What is not a valid tag is left out.
    pub tags: Vec<Tag>,
    /// Where the list goes on, if it does.
    pub next: Option<NextPage>,
}

impl RegistryClient {
    /// Lists the tags of a repository in the registry's order, every one once.
    ///
    /// Follows pages on the same origin only, at most 1000 of them; what is not a valid tag is left out. Retries by
    /// itself. A page without anything new ends the list.
    pub async fn tags(
        &self,
        repository: &Repository,
        observer: &dyn Observer,
    ) -> Result<Vec<Tag>, Error> {
        let mut seen = HashSet::new();
        let mut tags = Vec::new();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = self.tag_page(repository, next.as_ref(), observer).await?;
            let known = tags.len();
            tags.extend(page.tags.into_iter().filter(|tag| seen.insert(tag.clone())));
            next = page.next;
            if next.is_none() || tags.len() == known || tags.len() >= MAX_TAGS {
                break;
            }
        }
        tags.truncate(MAX_TAGS);
        Ok(tags)
    }

    /// Lists a page of tags, of at most 1000 where the registry does as it is asked. Retries by itself.
    ///
    /// A registry can lead in circles: the caller ends where a page brings nothing new.
    pub async fn tag_page(
        &self,
        repository: &Repository,
        after: Option<&NextPage>,
        observer: &dyn Observer,
    ) -> Result<TagPage, Error> {
        let what = What::Tags(repository.to_string());
        let list = List {
            repository,
            what: &what,
            access: &Access::Pull,
            first: Place::Path("tags/list?n=1000"),
            accept: "application/json",
        };
        let page = self.page(&list, after, observer).await?;
        let body: Body = serde_json::from_slice(&page.body)
            .map_err(|_| list.bad("the list of tags is not JSON of the right shape"))?;
        let tags = body.tags.unwrap_or_default();
        Ok(TagPage {
            tags: tags
                .into_iter()
                .filter_map(|tag| tag.parse().ok())
                .collect(),
            next: page.next,
        })
    }
}
