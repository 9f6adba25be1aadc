//! The client: one request, its redirects, and the answer to whoever asks for a login.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RANGE, WARNING};
use reqwest::{Method, Response};
use url::Url;

use crate::access::Access;
use crate::address::{Reach, authority, reach};
use crate::auth::{Authorizer, Refusal};
use crate::endpoint::{Endpoint, Endpoints, accepts_any_certificate, may_be_plain};
use crate::mirror::Mirrors;
use crate::status::{self, Account, MAX_ERROR_BODY, warning};
use crate::transport::{Payload, Request, Transport, read_body};
use crate::{Attempts, ClientOptions, Error, Observer, Repository, What};

/// The most hops from a registry's URL to the bytes.
pub(crate) const MAX_REDIRECTS: usize = 10;

/// The most texts that are remembered so as not to report them twice.
const MAX_WARNINGS: usize = 1000;

/// A client for any number of registries. Cheap to clone; clones share connections, tokens and what was learned.
///
/// Making one does no I/O: files with certificates and the platform's authorities are read before the first request,
/// credentials when a registry asks for them.
#[derive(Clone, Debug)]
pub struct RegistryClient {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Arc<ClientOptions>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) endpoints: Endpoints,
    pub(crate) authorizer: Authorizer,
    warned: Mutex<HashSet<String>>,
    pub(crate) mirrors: Arc<Mirrors>,
}

/// A request for something in a repository.
pub(crate) struct Ask<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) what: &'a What,
    pub(crate) method: Method,
    pub(crate) place: Place<'a>,
    /// What the request must be allowed to do.
    pub(crate) access: &'a Access,
    pub(crate) accept: Option<&'static str>,
    /// The first byte wanted; 0 asks for everything.
    pub(crate) offset: u64,
}

/// Where something is.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// Below the repository's API path, as in `blobs/sha256:…`.
    Path(&'a str),
    /// Below the root of the API, as in `_catalog`; empty for the root itself.
    Root(&'a str),
    /// A further page, which must be on the same origin.
    Page(&'a Url),
}

impl Place<'_> {
    /// Returns the address, at the registry's own origin.
    pub(crate) fn url(self, endpoint: &Endpoint, repository: &Repository) -> Result<Url, Error> {
        let host = || repository.host().to_owned();
        let joined = |path: &str| {
            let joined = endpoint.base.join(path);
            joined.map_err(|_| Error::BadHost { host: host() })
        };
        match self {
            Self::Path(path) => joined(&format!("{}/{path}", repository.path())),
            Self::Root(path) => joined(path),
            Self::Page(url) if url.origin() == endpoint.base.origin() => Ok(url.clone()),
            // The page before may have come from a host that the registry redirected to. The request would carry a token.
            Self::Page(_) => Err(Error::BadResponse {
                host: host(),
                reason: "the next page is on another host".to_owned(),
            }),
        }
    }
}

/// An answer with status 200 or 206, or 416 where an offset was asked for.
pub(crate) struct Answer {
    pub(crate) response: Response,
    /// The host that gave it.
    pub(crate) host: String,
}

impl RegistryClient {
    /// Makes a client.
    pub fn new(options: ClientOptions) -> Self {
        let options = Arc::new(options);
        let transport = Arc::new(Transport::new(options.clone()));
        let endpoints = Endpoints::new(options.clone(), transport.clone());
        let authorizer = Authorizer::new(options.clone(), transport.clone());
        Self {
            shared: Arc::new(Shared {
                options,
                transport,
                endpoints,
                authorizer,
                warned: Mutex::default(),
                mirrors: Arc::default(),
            }),
        }
    }

    /// Returns a fresh count of tries, for a caller that opens a blob again after its body broke.
    pub fn attempts(&self, what: What) -> Attempts {
        Attempts::new(
            what,
            self.shared.options.retry,
            self.shared.options.clock.clone(),
        )
        .with_mirrors(self.shared.mirrors.clone())
    }

    /// Asks once: follows redirects, answers 401, and turns every other failure into an error. Does not retry.
    ///
    /// What is read from a registry that has mirrors is asked of them first, in their order.
    pub(crate) async fn ask(
        &self,
        ask: &Ask<'_>,
        observer: &dyn Observer,
    ) -> Result<Answer, Error> {
        match self.ask_mirrors(ask, observer).await {
            Some(answer) => Ok(answer),
            None => self.ask_there(ask, observer).await,
        }
    }

    pub(crate) fn options(&self) -> &ClientOptions {
        &self.shared.options
    }

    /// Returns the address of something below a repository's API path.
    pub(crate) async fn place(&self, repository: &Repository, path: &str) -> Result<Url, Error> {
        let endpoint = self.shared.endpoints.of(repository.host()).await?;
        Place::Path(path).url(&endpoint, repository)
    }

    /// Asks the registry itself once.
    pub(crate) async fn ask_there(
        &self,
        ask: &Ask<'_>,
        observer: &dyn Observer,
    ) -> Result<Answer, Error> {
        let Shared {
            options,
            endpoints,
            authorizer,
            ..
        } = &*self.shared;
        let endpoint = endpoints.of(ask.repository.host()).await?;
        let url = ask.place.url(&endpoint, ask.repository)?;
        let mut authorization = authorizer
            .ready(ask.repository, ask.access, url.scheme())
            .await?;
        let mut renewals = 0;
        loop {
            let mut hop = self
                .follow(ask, &endpoint, url.clone(), authorization.as_ref())
                .await?;
            let code = hop.response.status().as_u16();
            let host = authority(hop.response.url());
            self.report_warnings(&host, hop.response.headers(), observer);
            if matches!(code, 200 | 206) || (code == 416 && ask.offset > 0) {
                return Ok(Answer {
                    response: hop.response,
                    host,
                });
            }
            let headers = hop.response.headers().clone();
            let retry_after = status::retry_after(&headers, options.clock.now());
            // The body only explains. If it does not come, the status must do.
            let body = read_body(&mut hop.response, MAX_ERROR_BODY, options.timeouts.stall).await;
            let account = Account::read(&body.ok().flatten().unwrap_or_default());
            if hop.left_registry && matches!(code, 400..=407 | 409..=415 | 417..=428) {
                // Nobody there may see a password, so its 401 is not answered.
                return Err(Error::RedirectRefused { host, status: code });
            }
            if code != 401 {
                return Err(status::failure(
                    code,
                    retry_after,
                    account,
                    host,
                    ask.repository,
                    ask.what,
                ));
            }
            let refusal = Refusal {
                asked: hop.response.url(),
                headers: &headers,
                sent: authorization.as_ref(),
                renewals,
                message: account.message,
            };
            authorization = Some(
                authorizer
                    .answer(ask.repository, ask.access, refusal)
                    .await?,
            );
            renewals += 1;
        }
    }

    /// Sends a request and follows redirects. `authorization` goes to the registry's own origin only.
    async fn follow(
        &self,
        ask: &Ask<'_>,
        endpoint: &Endpoint,
        start: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Hop, Error> {
        let Shared {
            options, transport, ..
        } = &*self.shared;
        let origin = start.origin();
        let near = reach(&start);
        let mut url = start;
        let mut left_registry = false;
        let mut redirected_by: Option<String> = None;
        for _ in 0..=MAX_REDIRECTS {
            let mut headers = HeaderMap::new();
            if let Some(accept) = ask.accept {
                headers.insert(ACCEPT, HeaderValue::from_static(accept));
            }
            if ask.offset > 0 {
                let range = HeaderValue::from_str(&format!("bytes={}-", ask.offset));
                headers.insert(
                    RANGE,
                    range.unwrap_or_else(|_| HeaderValue::from_static("bytes=0-")),
                );
            }
            if let Some(authorization) = authorization.filter(|_| !left_registry) {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let unverified = if left_registry {
                accepts_any_certificate(options, &authority(&url))
            } else {
                endpoint.unverified
            };
            let request = Request {
                method: ask.method.clone(),
                url: &url,
                headers,
                payload: Payload::Nothing,
                unverified,
            };
            let response = transport.send(request).await;
            let response = response.map_err(|error| behind(redirected_by.as_deref(), error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(Hop {
                    response,
                    left_registry,
                });
            }
            let next = redirect_target(&url, response.headers().get(LOCATION), near, options)?;
            // Once left, always left: a host on the way could send us back to any path of the registry.
            left_registry |= next.origin() != origin;
            redirected_by = Some(authority(&url));
            url = next;
        }
        Err(Error::Redirect {
            host: authority(&url),
            reason: format!("more than {MAX_REDIRECTS} times"),
        })
    }

    pub(crate) fn report_warnings(&self, host: &str, headers: &HeaderMap, observer: &dyn Observer) {
        for text in headers
            .get_all(WARNING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(warning)
        {
            let mut warned = self
                .shared
                .warned
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let is_new = warned.len() < MAX_WARNINGS && warned.insert(format!("{host} {text}"));
            drop(warned);
            if is_new {
                observer.warning(host, &text);
            }
        }
    }
}

struct Hop {
    response: Response,
    left_registry: bool,
}

/// Says who redirected to a host that is not there: nobody has typed its name.
pub(crate) fn behind(redirected_by: Option<&str>, error: Error) -> Error {
    let (Error::UnknownHost { host, .. } | Error::Unreachable { host, .. }) = &error else {
        return error;
    };
    match redirected_by {
        Some(by) if by != host => Error::Redirected {
            host: by.to_owned(),
            source: Box::new(error),
        },
        _ => error,
    }
}

/// Returns where a redirect leads, if it may be followed.
///
/// `near` is how near the registry itself is. What comes from there is verified by its digest, so this is about what we
/// could be made to *ask*: this computer's services, the cloud's key store, anything without encryption.
pub(crate) fn redirect_target(
    from: &Url,
    location: Option<&HeaderValue>,
    near: Reach,
    options: &ClientOptions,
) -> Result<Url, Error> {
    let refuse = |reason: &str| Error::Redirect {
        host: authority(from),
        reason: reason.to_owned(),
    };
    let location = location.ok_or_else(|| refuse("it does not say where to"))?;
    let location = location
        .to_str()
        .map_err(|_| refuse("its address is not valid"))?;
    let mut url = from
        .join(location)
        .map_err(|_| refuse("its address is not valid"))?;
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("to an address that is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("to an address that contains a user name"));
    }
    if from.scheme() == "https"
        && url.scheme() == "http"
        && !may_be_plain(options, &authority(&url))
    {
        return Err(refuse("from https to plain http"));
    }
    let target = reach(&url);
    if matches!(target, Reach::Loopback | Reach::Link) && target != near {
        return Err(refuse("to this computer or its network segment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Clock;

    fn target(from: &str, to: &str) -> Result<String, Error> {
        let mut options =
            ClientOptions::new("test", Clock::new(Arc::new(|| jiff::Timestamp::UNIX_EPOCH)));
        options.insecure_hosts.push("plain.example:5000".to_owned());
        let from = Url::parse(from).expect("a URL");
        let location = HeaderValue::from_str(to).expect("a header");
        redirect_target(&from, Some(&location), reach(&from), &options).map(String::from)
    }

    #[test]
    fn redirects_go_to_the_internet_and_stay_encrypted() {
        for (from, to, expected) in [
            (
                "https://reg.example/v2/a",
                "https://cdn.example/x?sig=1#f",
                "https://cdn.example/x?sig=1",
            ),
            ("https://reg.example/v2/a", "/b", "https://reg.example/b"),
            (
                "https://reg.example/v2/a",
                "//cdn.example/b",
                "https://cdn.example/b",
            ),
            (
                "https://reg.example/v2/a",
                "http://plain.example:5000/b",
                "http://plain.example:5000/b",
            ),
            (
                "http://plain.example:5000/v2/a",
                "http://cdn.example/b",
                "http://cdn.example/b",
            ),
            (
                "https://reg.example/v2/a",
                "https://10.0.0.8/b",
                "https://10.0.0.8/b",
            ),
            (
                "http://127.0.0.1:5000/v2/a",
                "http://127.0.0.1:9000/b",
                "http://127.0.0.1:9000/b",
            ),
        ] {
            assert_eq!(target(from, to).expect(to), expected);
        }
        for (from, to) in [
            ("https://reg.example/v2/a", "http://cdn.example/b"),
            ("https://reg.example/v2/a", "https://127.0.0.1/b"),
            ("https://reg.example/v2/a", "https://localhost/b"),
            ("https://reg.example/v2/a", "https://169.254.169.254/b"),
            ("https://10.0.0.8/v2/a", "https://127.0.0.1/b"),
            ("https://reg.example/v2/a", "https://user@cdn.example/b"),
            ("https://reg.example/v2/a", "file:///etc/passwd"),
            ("https://reg.example/v2/a", "https://"),
        ] {
            assert!(
                matches!(target(from, to), Err(Error::Redirect { .. })),
                "{to}"
            );
        }
    }
}
