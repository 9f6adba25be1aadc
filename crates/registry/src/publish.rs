//! Sending manifests and indexes, and asking which one a name names.

use bytes::Bytes;
use oci::{Descriptor, Digest, Reference};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};

use crate::access::Access;
use crate::client::{Ask, Place};
use crate::quota::Quota;
use crate::resolve::{ACCEPT, announced_digest};
use crate::send::{Call, Load, Outcome};
use crate::{Error, Observer, RegistryClient, Repository, What};

/// What a name names, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The digest, where the registry says it.
    pub digest: Option<Digest>,
    /// What it says that it is.
    pub media_type: Option<oci::MediaType>,
    /// How many pulls are left, where it says so.
    pub quota: Option<Quota>,
}

/// When a name may be written.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// Whatever it names now.
    Always,
    /// Where it names nothing.
    Absent,
    /// Where it names what the registry gave this mark.
    Still(HeaderValue),
}

/// What a name names, and the mark that the registry gives it, where it gives one.
pub(crate) struct Marked {
    pub(crate) digest: Option<Digest>,
    pub(crate) mark: Option<HeaderValue>,
}

/// What became of a manifest that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Whether the registry will list it as a referrer of its subject by itself.
    pub lists_referrers: bool,
}

impl RegistryClient {
    /// Asks with HEAD, which no registry counts as a pull, what a reference names. Retries by itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it names nothing.
    pub async fn named(
        &self,
        reference: &Reference,
        observer: &dyn Observer,
    ) -> Result<Named, Error> {
        let headers = self.head(reference, &Access::Pull, observer).await?;
        let media_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        Ok(Named {
            digest: announced_digest(&headers),
            media_type: media_type.map(oci::MediaType::parse),
            quota: Quota::read(&headers),
        })
    }

    /// Asks the registry itself, and no mirror, what a reference names now; `None` where it names nothing. Retries by itself.
    pub(crate) async fn marked(
        &self,
        reference: &Reference,
        observer: &dyn Observer,
    ) -> Result<Option<Marked>, Error> {
        match self.head(reference, &Access::Push, observer).await {
            Ok(headers) => Ok(Some(Marked {
                digest: announced_digest(&headers),
                mark: headers.get(ETAG).cloned(),
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn head(
        &self,
        reference: &Reference,
        access: &Access,
        observer: &dyn Observer,
    ) -> Result<HeaderMap, Error> {
        let reference = reference.clone().with_default_tag();
        let repository = Repository::of(&reference);
        let what = What::Manifest(reference.to_string());
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.map_or("latest", oci::Tag::as_str).to_owned(),
        };
        let path = format!("manifests/{name}");
        let mut attempts = self.attempts(what.clone());
        loop {
            let ask = Ask {
                repository: &repository,
                what: &what,
                method: Method::HEAD,
                access,
                place: Place::Path(&path),
                accept: Some(ACCEPT),
                offset: 0,
            };
            match self.ask(&ask, observer).await {
                Ok(answer) => return Ok(answer.response.headers().clone()),
                Err(error) => attempts.again(error, observer).await?,
            }
        }
    }

    /// Puts a manifest or index into a repository, byte for byte, under its digest or under a tag. Retries by itself.
    ///
    /// What it names must be there. On return the registry has it under exactly this digest.
    pub async fn publish(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        tag: Option<&oci::Tag>,
        bytes: &Bytes,
        observer: &dyn Observer,
    ) -> Result<Published, Error> {
        self.publish_if(
            (repository, tag),
            descriptor,
            bytes,
            &Condition::Always,
            observer,
        )
        .await
    }

    /// As [`RegistryClient::publish`], where a condition holds. A registry that knows conditions answers 412 where it does not;
    /// others write all the same.
    pub(crate) async fn publish_if(
        &self,
        (repository, tag): (&Repository, Option<&oci::Tag>),
        descriptor: &Descriptor,
        bytes: &Bytes,
        condition: &Condition,
        observer: &dyn Observer,
    ) -> Result<Published, Error> {
        let name = tag.map_or(descriptor.digest.as_str(), oci::Tag::as_str);
        let separator = if tag.is_some() { ':' } else { '@' };
        let what = What::Manifest(format!("{repository}{separator}{name}"));
        let url = self.place(repository, &format!("manifests/{name}")).await?;
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_str(descriptor.media_type.as_str());
        headers.insert(
            CONTENT_TYPE,
            kind.map_err(|_| Error::BadHost {
                host: repository.host().to_owned(),
            })?,
        );
        match condition {
            Condition::Always => None,
            Condition::Absent => headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*")),
            Condition::Still(mark) => headers.insert(IF_MATCH, mark.clone()),
        };
        let mut attempts = self.attempts(what.clone());
        loop {
            let call = Call {
                repository,
                access: &Access::Push,
                method: Method::PUT,
                url: &url,
                headers: headers.clone(),
                load: Load::Bytes(bytes),
            };
            let error = match self.call(&call, observer).await {
                Ok(Outcome::Done(answer)) => {
                    let headers = answer.response.headers();
                    if let Some(found) = announced_digest(headers)
                        .filter(|found| found.algorithm() == descriptor.digest.algorithm())
                        .filter(|found| *found != descriptor.digest)
                    {
                        return Err(Error::DigestMismatch {
                            host: answer.host,
                            what,
                            expected: descriptor.digest.clone(),
                            found,
                        });
                    }
                    return Ok(Published {
                        lists_referrers: headers.contains_key("oci-subject"),
                    });
                }
                Ok(Outcome::Refused(refused)) => refused.into_error(repository, &what),
                Err(error) => error,
            };
            attempts.again(error, observer).await?;
        }
    }
}
