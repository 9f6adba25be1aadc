//! What refers to a manifest: signatures, SBOMs, attestations.
//!
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers>.

use bytes::Bytes;
use oci::{Descriptor, Digest, Document, MediaType, Reference, Tag};
use serde_json::{Value, json};

use crate::access::Access;
use crate::client::Place;
use crate::pages::List;
use crate::publish::Condition;
use crate::{Error, Observer, RegistryClient, Repository, What};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MAX_PAGES: usize = 100;

/// The status that says that a condition does not hold.
const PRECONDITION_FAILED: u16 = 412;

/// How often an index of referrers is written again when somebody else wrote it at the same time.
const ROUNDS: usize = 10;

impl RegistryClient {
    /// Lists what refers to a manifest, by the registry's own list or, where it keeps none, by the tag that stands in for it.
    ///
    /// Nothing is an empty list and no error. Retries by itself.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
        observer: &dyn Observer,
    ) -> Result<Vec<Descriptor>, Error> {
        let what = What::Referrers(format!("{repository}@{subject}"));
        let path = format!("referrers/{subject}");
        let list = List {
            repository,
            what: &what,
            access: &Access::Pull,
            first: Place::Path(&path),
            accept: INDEX,
        };
        let mut found: Vec<Descriptor> = Vec::new();
        let mut next = None;
        for _ in 0..MAX_PAGES {
            let page = match self.page(&list, next.as_ref(), observer).await {
                Err(
                    Error::NotFound { .. } | Error::BadResponse { .. } | Error::NotOffered { .. },
                ) if found.is_empty() => {
                    return self.referrers_by_tag(repository, subject, observer).await;
                }
                page => page?,
            };
            let known = found.len();
            match Document::parse(&page.body, Some(INDEX)) {
                Ok(Document::Index(index)) => {
                    for descriptor in index.manifests {
                        if found.iter().all(|known| known.digest != descriptor.digest) {
                            found.push(descriptor);
                        }
                    }
                }
                // Some answer every unknown path with a page of their own.
                _ if found.is_empty() => {
                    return self.referrers_by_tag(repository, subject, observer).await;
                }
                _ => return Err(list.bad("the list of referrers is no index")),
            }
            next = page.next;
            if next.is_none() || found.len() == known {
                break;
            }
        }
        Ok(found)
    }

    async fn referrers_by_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
        observer: &dyn Observer,
    ) -> Result<Vec<Descriptor>, Error> {
        let found = self
            .referrers_index(repository, subject, &Access::Pull, observer)
            .await?;
        Ok(found.map(|listed| listed.entries).unwrap_or_default())
    }

    async fn referrers_index(
        &self,
        repository: &Repository,
        subject: &Digest,
        access: &Access,
        observer: &dyn Observer,
    ) -> Result<Option<Listed>, Error> {
        let Some(reference) = stand_in(repository, subject) else {
            return Ok(None);
        };
        match self.resolve_with(&reference, access, observer).await {
            Ok(resolved) => Ok(match resolved.document {
                Document::Index(index) => Some(Listed {
                    digest: resolved.digest,
                    bytes: resolved.bytes,
                    entries: index.manifests,
                }),
                Document::Manifest(_) => None,
            }),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Adds a manifest to the list of its subject's referrers, where the registry did not do that by itself.
    ///
    /// The list is an index under the tag `sha256-…`. It is read, looked at once more just before it is written, written on the
    /// condition that nobody else did meanwhile where the registry knows conditions, and read again. Retries by itself.
    ///
    /// # Errors
    /// [`Error::BadResponse`] where the registry never shows the entry that it was given.
    pub async fn list_referrer(
        &self,
        repository: &Repository,
        subject: &Descriptor,
        referrer: &Descriptor,
        manifest: &Bytes,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let Some(reference) = stand_in(repository, &subject.digest) else {
            return Ok(());
        };
        // What the list was when the registry refused to write it, although nobody seems to have changed it.
        let mut refused: Option<Option<Digest>> = None;
        for round in 0..=ROUNDS {
            let there = self
                .referrers_index(repository, &subject.digest, &Access::Push, observer)
                .await?;
            let known = there.as_ref().map_or(&[][..], |there| &there.entries[..]);
            if known.iter().any(|known| known.digest == referrer.digest) {
                return Ok(());
            }
            if round == ROUNDS {
                break;
            }
            let read = there.as_ref().map(|there| there.digest.clone());
            let bytes = there.map(|there| there.bytes).unwrap_or_default();
            let index = with_referrer(&bytes, referrer, manifest);
            let descriptor = Descriptor::new(
                MediaType::OciIndex,
                Digest::sha256(&index),
                index.len() as u64,
            );
            let now = self.marked(&reference, observer).await?;
            let named = now.as_ref().and_then(|now| now.digest.clone());
            // Where the registry says what it names: somebody else wrote it since it was read.
            if now.is_none() != read.is_none() || (named.is_some() && named != read) {
                continue;
            }
            let condition = match now.map(|now| now.mark) {
                _ if refused.as_ref() == Some(&read) => Condition::Always,
                None => Condition::Absent,
                Some(Some(mark)) => Condition::Still(mark),
                Some(None) => Condition::Always,
            };
            let written = self
                .publish_if(
                    (repository, reference.tag()),
                    &descriptor,
                    &Bytes::from(index),
                    &condition,
                    observer,
                )
                .await;
            match written {
                Ok(_) => {}
                Err(Error::Rejected {
                    status: PRECONDITION_FAILED,
                    ..
                }) => refused = Some(read),
                Err(other) => return Err(other),
            }
        }
        Err(Error::BadResponse {
            host: repository.host().to_owned(),
            reason: format!(
                "it does not keep what refers to {} in its list",
                subject.digest.short()
            ),
        })
    }
}

/// A list of referrers as it stands under its tag.
struct Listed {
    digest: Digest,
    bytes: Bytes,
    entries: Vec<Descriptor>,
}

/// Returns the tag that stands for the list of a manifest's referrers.
fn stand_in(repository: &Repository, subject: &Digest) -> Option<Reference> {
    let (algorithm, hex) = subject.as_str().split_once(':')?;
    let hex = hex.get(..64).unwrap_or(hex);
    let tag: Tag = format!("{algorithm}-{hex}").parse().ok()?;
    let named = Reference::parse_normalized(&repository.to_string()).ok()?;
    Some(named.with_tag(tag))
}

/// Writes an index of referrers with one more, and everything else in it as it was.
fn with_referrer(index: &[u8], referrer: &Descriptor, manifest: &[u8]) -> Vec<u8> {
    let empty = || json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    let mut index: Value = serde_json::from_slice(index).unwrap_or_else(|_| empty());
    let manifest: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let mut entry = json!({
        "mediaType": referrer.media_type.as_str(),
        "digest": referrer.digest.as_str(),
        "size": referrer.size,
    });
    let kind = match &manifest["artifactType"] {
        Value::String(kind) if !kind.is_empty() => json!(kind),
        _ => manifest["config"]["mediaType"].clone(),
    };
    if kind.is_string() {
        entry["artifactType"] = kind;
    }
    if manifest["annotations"].is_object() {
        entry["annotations"] = manifest["annotations"].clone();
    }
    match index["manifests"].as_array_mut() {
        Some(manifests) => manifests.push(entry),
        None => index["manifests"] = json!([entry]),
    }
    index.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_keeps_what_others_wrote() {
        let referrer = Descriptor::new(MediaType::OciManifest, Digest::sha256(b"x"), 1);
        let manifest = br#"{"config":{"mediaType":"application/x"},"annotations":{"a":"b"}}"#;
        let first = with_referrer(b"", &referrer, manifest);
        let second = Descriptor::new(MediaType::OciManifest, Digest::sha256(b"y"), 1);
        let both = with_referrer(&first, &second, br#"{"artifactType":"application/y"}"#);
        let both: Value = serde_json::from_slice(&both).expect("JSON");
        assert_eq!(both["manifests"][0]["artifactType"], "application/x");
        assert_eq!(both["manifests"][0]["annotations"], json!({"a": "b"}));
        assert_eq!(both["manifests"][1]["artifactType"], "application/y");
        assert_eq!(both["manifests"][1]["annotations"], Value::Null);
    }
}
