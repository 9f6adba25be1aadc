//! Searching for repositories: Docker Hub's search and the one after it, other registries' old one, or their catalog.

use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use serde::Deserialize;
use url::Url;

use crate::access::Access;
use crate::address::{DOCKER_HUB, authority, reach};
use crate::client::{Ask, Place, behind, redirect_target};
use crate::endpoint::accepts_any_certificate;
use crate::status::{self, Account, MAX_ERROR_BODY};
use crate::transport::{Payload, Request, read_body};
use crate::{Error, Observer, RegistryClient, Repository, What};

/// The most that is read of an answer: a hundred results with long descriptions.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

/// The most redirects on the way to the answer.
const MAX_REDIRECTS: usize = 5;

/// How many pages of a catalog are looked through for a word.
const MAX_CATALOG_PAGES: usize = 20;

/// Descriptions are for one line.
const MAX_DESCRIPTION: usize = 1000;

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchQuery {
    /// The registry that is asked, as in references.
    pub host: String,
    /// The words.
    pub term: String,
    /// How many results are wanted at most; Docker Hub gives a hundred.
    pub limit: usize,
}

/// A repository that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRepository {
    /// The repository below the registry's host: `debian`, `team/app`. A valid name.
    pub name: String,
    /// The publisher's words, as they are: hostile until escaped.
    pub description: String,
    /// How many people starred it; `None` where the registry does not count.
    pub stars: Option<u64>,
    /// Whether the registry's owner vouches for it.
    pub official: bool,
}

/// What either of Docker Hub's searches answers.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// In the first search.
    #[serde(default)]
    name: Option<String>,
    /// In its successor.
    #[serde(default)]
    repo_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    short_description: Option<String>,
    #[serde(default)]
    star_count: Option<i64>,
    #[serde(default)]
    is_official: Option<bool>,
}

impl RegistryClient {
    /// Searches a registry. Retries by itself.
    ///
    /// Docker Hub is asked at the addresses of [`ClientOptions::hub_search`](crate::ClientOptions::hub_search), each until one
    /// answers, and without a login. Other registries are asked for their old search and then for their catalog, in whose names
    /// the term is looked for.
    ///
    /// # Errors
    /// [`Error::NotOffered`] where a registry has neither.
    pub async fn search(
        &self,
        query: &SearchQuery,
        observer: &dyn Observer,
    ) -> Result<Vec<FoundRepository>, Error> {
        let what = What::Search(query.host.clone());
        let mut attempts = self.attempts(what.clone());
        loop {
            let found = match query.host == DOCKER_HUB {
                true => self.search_hub(query, &what).await,
                false => self.search_other(query, &what, observer).await,
            };
            match found {
                Ok(mut found) => {
                    found.truncate(query.limit);
                    return Ok(found);
                }
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    async fn search_hub(
        &self,
        query: &SearchQuery,
        what: &What,
    ) -> Result<Vec<FoundRepository>, Error> {
        // Docker Hub does not know its own library by that name.
        let term = query.term.strip_prefix("library/").unwrap_or(&query.term);
        let mut last = Error::NotOffered {
            host: query.host.clone(),
            what: what.clone(),
            message: None,
        };
        for address in &self.options().hub_search {
            let Ok(mut url) = Url::parse(address) else {
                return Err(Error::BadHost {
                    host: address.clone(),
                });
            };
            let count = query.limit.clamp(1, 100).to_string();
            // Either search passes over the other's words.
            url.query_pairs_mut()
                .append_pair("q", term)
                .append_pair("n", &count)
                .append_pair("query", term)
                .append_pair("page_size", &count);
            match self.fetch_search(url, what).await {
                Ok(found) => return Ok(found),
                // One that is gone says so; one that is busy is asked again.
                Err(error) if error.is_temporary() => return Err(error),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Asks an address that is no registry's. No login goes there.
    async fn fetch_search(&self, mut url: Url, what: &What) -> Result<Vec<FoundRepository>, Error> {
        let options = self.options();
        let near = reach(&url);
        let mut redirected_by: Option<String> = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert("x-docker-token", HeaderValue::from_static("true"));
            let host = authority(&url);
            let request = Request {
                method: Method::GET,
                url: &url,
                headers,
                payload: Payload::Nothing,
                unverified: accepts_any_certificate(options, &host),
            };
            let answer = self.shared.transport.send(request).await;
            let mut response = answer.map_err(|error| behind(redirected_by.as_deref(), error))?;
            let status = response.status().as_u16();
            if response.status().is_redirection() {
                redirected_by = Some(host);
                url = redirect_target(&url, response.headers().get(LOCATION), near, options)?;
                continue;
            }
            let stall = options.timeouts.stall;
            if status != 200 {
                let wait = status::retry_after(response.headers(), options.clock.now());
                let body = read_body(&mut response, MAX_ERROR_BODY, stall).await;
                let account = Account::read(&body.ok().flatten().unwrap_or_default());
                let nowhere = Repository::whole_registry(&host);
                return Err(status::failure(status, wait, account, host, &nowhere, what));
            }
            let body = read_body(&mut response, MAX_ANSWER, stall).await?;
            return read(body.as_deref(), &host, what);
        }
        Err(Error::Redirect {
            host: authority(&url),
            reason: format!("more than {MAX_REDIRECTS} times"),
        })
    }

    async fn search_other(
        &self,
        query: &SearchQuery,
        what: &What,
        observer: &dyn Observer,
    ) -> Result<Vec<FoundRepository>, Error> {
        let repository = Repository::whole_registry(&query.host);
        let words = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &query.term)
            .append_pair("n", &query.limit.clamp(1, 100).to_string())
            .finish();
        // The API of the search is beside that of the registry.
        let path = format!("../v1/search?{words}");
        let ask = Ask {
            repository: &repository,
            what,
            method: Method::GET,
            access: &Access::Login,
            place: Place::Root(&path),
            accept: Some("application/json"),
            offset: 0,
        };
        let old = match self.ask(&ask, observer).await {
            Ok(mut answer) => {
                let stall = self.options().timeouts.stall;
                let body = read_body(&mut answer.response, MAX_ANSWER, stall).await?;
                read(body.as_deref(), &answer.host, what)
            }
            Err(error) => Err(error),
        };
        match old {
            Err(
                Error::NotFound { .. }
                | Error::NotOffered { .. }
                | Error::BadResponse { .. }
                | Error::Denied { .. }
                | Error::Unauthorized { .. }
                | Error::RedirectRefused { .. },
            ) => self.search_catalog(query, what, observer).await,
            other => other,
        }
    }

    /// Looks for the term in the names of a registry's catalog, as far as that is read.
    async fn search_catalog(
        &self,
        query: &SearchQuery,
        what: &What,
        observer: &dyn Observer,
    ) -> Result<Vec<FoundRepository>, Error> {
        let mut found = Vec::new();
        let mut next = None;
        for _ in 0..MAX_CATALOG_PAGES {
            let page = match self
                .catalog_page(&query.host, next.as_ref(), observer)
                .await
            {
                Err(Error::NotOffered { host, message, .. }) => {
                    return Err(Error::NotOffered {
                        host,
                        what: what.clone(),
                        message,
                    });
                }
                page => page?,
            };
            let fitting = page.repositories.into_iter();
            found.extend(
                fitting
                    .filter(|name| name.contains(&query.term))
                    .map(|name| FoundRepository {
                        name,
                        description: String::new(),
                        stars: None,
                        official: false,
                    }),
            );
            next = page.next;
            if next.is_none() || found.len() >= query.limit {
                break;
            }
        }
        Ok(found)
    }
}

/// Reads an answer of either search. What has no valid name is left out.
fn read(body: Option<&[u8]>, host: &str, what: &What) -> Result<Vec<FoundRepository>, Error> {
    let body = body.ok_or_else(|| Error::TooLarge {
        what: what.clone(),
        limit: MAX_ANSWER,
    })?;
    let answer: Answer = serde_json::from_slice(body).map_err(|_| Error::BadResponse {
        host: host.to_owned(),
        reason: "the answer to the search is not JSON of the right shape".to_owned(),
    })?;
    Ok(answer
        .results
        .into_iter()
        .filter_map(Entry::found)
        .collect())
}

impl Entry {
    fn found(self) -> Option<FoundRepository> {
        let name = self.name.or(self.repo_name)?;
        let name = name.strip_prefix("docker.io/").unwrap_or(&name).to_owned();
        let valid = format!("registry.invalid/{name}");
        let reference = oci::Reference::parse_normalized(&valid).ok()?;
        if reference.repository() != name {
            return None;
        }
        let description = self.description.or(self.short_description);
        let description = description.unwrap_or_default();
        Some(FoundRepository {
            name,
            description: description.chars().take(MAX_DESCRIPTION).collect(),
            stars: self.star_count.and_then(|stars| u64::try_from(stars).ok()),
            official: self.is_official.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_answers_are_read_and_odd_entries_left_out() {
        let read = |text: &str| {
            let found = super::read(
                Some(text.as_bytes()),
                "h",
                &What::Search(DOCKER_HUB.to_owned()),
            );
            found.expect("read")
        };
        let first = read(
            r#"{"num_pages":1,"num_results":3,"page_size":25,"page":1,"query":"x","results":[
                {"is_automated":false,"name":"debian","is_trusted":false,"is_official":true,"star_count":5000,"description":"a\u001b[2Jb"},
                {"name":"../x","star_count":1,"description":""},
                {"name":"Upper","star_count":1},
                {"name":"a/b:tag","star_count":1},
                {"name":"team/app","star_count":-1,"description":null}]}"#,
        );
        assert_eq!(first.len(), 2);
        assert_eq!(
            (first[0].name.as_str(), first[0].stars),
            ("debian", Some(5000))
        );
        assert_eq!(first[0].description, "a\u{1b}[2Jb");
        assert!(first[0].official && !first[1].official);
        assert_eq!((first[1].name.as_str(), first[1].stars), ("team/app", None));
        let second = read(
            r#"{"count":1,"next":"","previous":"","results":[{"repo_name":"busybox","short_description":"small",
                "star_count":7,"pull_count":1,"repo_owner":"","is_automated":false,"is_official":true}]}"#,
        );
        assert_eq!(second[0].name, "busybox");
        assert_eq!(second[0].description, "small");
        for wrong in ["[]", "<html>", "{}"] {
            super::read(Some(wrong.as_bytes()), "h", &What::Search("h".into())).expect_err(wrong);
        }
    }
}
