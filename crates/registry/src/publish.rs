//! Sending manifests and indexes, and asking which one a name names.

use bytes::Bytes;
use oci::{Descriptor, Digest, Reference};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

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
                access: &Access::Pull,
                place: Place::Path(&path),
                accept: Some(ACCEPT),
                offset: 0,
            };
            match self.ask(&ask, observer).await {
                Ok(answer) => {
                    let headers = answer.response.headers();
                    let media_type = headers
                        .get(CONTENT_TYPE)
                        .and_then(|value| value.to_str().ok());
                    return Ok(Named {
                        digest: announced_digest(headers),
                        media_type: media_type.map(oci::MediaType::parse),
                        quota: Quota::read(headers),
                    });
                }
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
