//! Lists that come in pages, as the distribution specification has them: `Link: <…>; rel="next"`.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderMap, LINK};
use url::Url;

use crate::access::Access;
use crate::client::{Ask, Place};
use crate::transport::read_body;
use crate::{Error, Observer, RegistryClient, Repository, What};

/// The most that is read of one page.
const MAX_PAGE_SIZE: u64 = 8 * 1024 * 1024;

/// Where a list goes on. Only good for the list that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextPage(Url);

/// A list that is asked for.
pub(crate) struct List<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) what: &'a What,
    pub(crate) access: &'a Access,
    /// Where the first page is.
    pub(crate) first: Place<'a>,
    pub(crate) accept: &'static str,
}

/// One page.
pub(crate) struct RawPage {
    pub(crate) body: Bytes,
    pub(crate) next: Option<NextPage>,
}

impl RegistryClient {
    /// Fetches a page: the first, or the one that an earlier one leads to. Retries by itself.
    pub(crate) async fn page(
        &self,
        list: &List<'_>,
        after: Option<&NextPage>,
        observer: &dyn Observer,
    ) -> Result<RawPage, Error> {
        let mut attempts = self.attempts(list.what.clone());
        loop {
            match self.one_page(list, after, observer).await {
                Ok(page) => return Ok(page),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    async fn one_page(
        &self,
        list: &List<'_>,
        after: Option<&NextPage>,
        observer: &dyn Observer,
    ) -> Result<RawPage, Error> {
        let ask = Ask {
            repository: list.repository,
            what: list.what,
            method: Method::GET,
            access: list.access,
            place: after.map_or(list.first, |next| Place::Page(&next.0)),
            accept: Some(list.accept),
            offset: 0,
        };
        let mut answer = self.ask(&ask, observer).await?;
        let asked = answer.response.url().clone();
        let next = match next_link(answer.response.headers()) {
            None => None,
            // Where it leads is judged before it is asked (CVE-2026-88887).
            Some(link) => {
                let joined = asked.join(&link);
                Some(NextPage(joined.map_err(|_| {
                    list.bad("the link to the next page is not valid")
                })?))
            }
        };
        let stall = self.options().timeouts.stall;
        let body = read_body(&mut answer.response, MAX_PAGE_SIZE, stall).await?;
        let body = body.ok_or_else(|| Error::TooLarge {
            what: list.what.clone(),
            limit: MAX_PAGE_SIZE,
        })?;
        Ok(RawPage { body, next })
    }
}

impl List<'_> {
    pub(crate) fn bad(&self, reason: &str) -> Error {
        Error::BadResponse {
            host: self.repository.host().to_owned(),
            reason: reason.to_owned(),
        }
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
