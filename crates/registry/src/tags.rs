use std::collections::HashSet;

use oci::Tag;
use reqwest::Method;
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use url::Url;

use crate::access::Access;
use crate::client::{Ask, Place};
use crate::transport::read_body;
use crate::{Error, Observer, RegistryClient, Repository, What};

const MAX_PAGES: usize = 1000;
const MAX_TAGS: usize = 200_000;
const MAX_PAGE_SIZE: u64 = 8 * 1024 * 1024;

#[derive(Deserialize)]
struct Page {
    /// `null` for an empty repository in several registries.
    #[serde(default)]
    tags: Option<Vec<String>>,
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
        let what = What::Tags(repository.to_string());
        let mut seen = HashSet::new();
        let mut tags = Vec::new();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let (page, url) = self
                .page(repository, &what, next.as_ref(), observer)
                .await?;
            let known = tags.len();
            tags.extend(
                page.into_iter()
                    .filter_map(|tag| tag.parse::<Tag>().ok())
                    .filter(|tag| seen.insert(tag.clone())),
            );
            next = url;
            if next.is_none() || tags.len() == known || tags.len() >= MAX_TAGS {
                break;
            }
        }
        tags.truncate(MAX_TAGS);
        Ok(tags)
    }

    async fn page(
        &self,
        repository: &Repository,
        what: &What,
        url: Option<&Url>,
        observer: &dyn Observer,
    ) -> Result<(Vec<String>, Option<Url>), Error> {
        let mut attempts = self.attempts(what.clone());
        loop {
            let place = url.map_or(Place::Path("tags/list?n=1000"), Place::Page);
            let ask = Ask {
                repository,
                what,
                method: Method::GET,
                place,
                access: &Access::Pull,
                accept: Some("application/json"),
                offset: 0,
            };
            match self.one_page(&ask, observer).await {
                Ok(page) => return Ok(page),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    async fn one_page(
        &self,
        ask: &Ask<'_>,
        observer: &dyn Observer,
    ) -> Result<(Vec<String>, Option<Url>), Error> {
        let mut answer = self.ask(ask, observer).await?;
        let bad = |reason: &str| Error::BadResponse {
            host: ask.repository.host().to_owned(),
            reason: reason.to_owned(),
        };
        let asked = answer.response.url().clone();
        let next = match next_link(answer.response.headers()) {
            None => None,
            // Where it leads is judged before it is asked (CVE-2026-88887).
            Some(link) => Some(
                asked
                    .join(&link)
                    .map_err(|_| bad("the link to the next page of tags is not valid"))?,
            ),
        };
        let stall = self.options().timeouts.stall;
        let Some(body) = read_body(&mut answer.response, MAX_PAGE_SIZE, stall).await? else {
            return Err(Error::TooLarge {
                what: ask.what.clone(),
                limit: MAX_PAGE_SIZE,
            });
        };
        let page: Page = serde_json::from_slice(&body)
            .map_err(|_| bad("the list of tags is not JSON of the right shape"))?;
        Ok((page.tags.unwrap_or_default(), next))
    }
}

/// Reads the address of `Link: <…>; rel="next"`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|text| {
            let mut rest = text;
            while let Some((_, after)) = rest.split_once('<') {
                let (address, after) = after.split_once('>')?;
                let end = after.find('<').unwrap_or(after.len());
                let is_next = after[..end].split([';', ',']).any(|parameter| {
                    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
                    let value = value.trim().trim_matches('"');
                    name.trim().eq_ignore_ascii_case("rel")
                        && value.split(' ').any(|rel| rel.eq_ignore_ascii_case("next"))
                });
                if is_next {
                    return Some(address.to_owned());
                }
                rest = &after[end..];
            }
            None
        })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_next_link_among_others() {
        let link = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, HeaderValue::from_str(text).expect("a header"));
            next_link(&headers)
        };
        assert_eq!(
            link(r#"</v2/a/tags/list?n=2&last=b>; rel="next""#).as_deref(),
            Some("/v2/a/tags/list?n=2&last=b")
        );
        assert_eq!(
            link(r#"<x>; rel="prev", <y>; title="a"; REL=next"#).as_deref(),
            Some("y")
        );
        assert_eq!(link(r#"<x>; rel="last""#), None);
        assert_eq!(link("<x"), None);
    }
}
