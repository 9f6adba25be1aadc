//! What a registry lacks of what is to be pushed.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Descriptor, Digest, ImageName, Reference};
use registry::{Observer, Repository};

use super::content::Content;
use super::{BlobThere, PushBlob, PushPlan};
use crate::{Engine, Error};

/// How many blobs are asked about at a time. A question is small.
const QUESTIONS: usize = 8;

impl Engine {
    /// Asks the registry what it has.
    pub(super) async fn survey(
        &self,
        content: &Content,
        destination: &Reference,
        observer: &dyn Observer,
    ) -> Result<PushPlan, Error> {
        let root = content.root.clone();
        // A registry has every manifest under its own digest, so that this would say that something is there which is not.
        if destination
            .digest()
            .is_some_and(|named| *named != root.digest)
        {
            return Err(Error::OtherDigest {
                destination: destination.to_string(),
                digest: root.digest,
            });
        }
        let holder = self.names_now(destination, observer).await?;
        let up_to_date = holder.as_ref() == Some(&root.digest);
        let blobs = match up_to_date {
            // A registry takes no manifest without its blobs.
            true => content
                .blobs
                .iter()
                .cloned()
                .map(|blob| match blob.there {
                    BlobThere::Foreign => blob,
                    _ => PushBlob {
                        there: BlobThere::Existing,
                        ..blob
                    },
                })
                .collect(),
            false => self.look_for(content, destination, observer).await?,
        };
        let bytes = |wanted: fn(&BlobThere) -> bool| {
            let counted = blobs.iter().filter(|blob| wanted(&blob.there));
            counted.map(|blob| blob.size).sum()
        };
        Ok(PushPlan {
            reference: destination.clone(),
            id: content.id.clone(),
            digest: root.digest,
            media_type: root.media_type,
            platforms: content.platforms.clone(),
            left_out: content.left_out.clone(),
            upload_bytes: bytes(|there| matches!(there, BlobThere::Missing)),
            total_bytes: bytes(|there| !matches!(there, BlobThere::Foreign)),
            blobs,
            replaces: holder.filter(|_| !up_to_date),
            up_to_date,
        })
    }

    /// Returns what the destination names in the registry now.
    async fn names_now(
        &self,
        destination: &Reference,
        observer: &dyn Observer,
    ) -> Result<Option<Digest>, Error> {
        match self.shared.registry.named(destination, observer).await {
            Ok(named) => Ok(named.digest),
            // A repository that is not there yet is private to whoever may make it, in some registries.
            Err(
                registry::Error::NotFound { .. }
                | registry::Error::Denied { .. }
                | registry::Error::BadResponse { .. },
            ) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    async fn look_for(
        &self,
        content: &Content,
        destination: &Reference,
        observer: &dyn Observer,
    ) -> Result<Vec<PushBlob>, Error> {
        let repository = Repository::of(destination);
        let digests: Vec<Digest> = content
            .blobs
            .iter()
            .map(|blob| blob.digest.clone())
            .collect();
        let known = self
            .with_store(move |store| Ok(store.known_at(&digests)?))
            .await?;
        let questions: Vec<_> = content
            .blobs
            .iter()
            .map(|blob| self.look_for_one(blob, &repository, &known, observer))
            .collect();
        stream::iter(questions)
            .buffered(QUESTIONS)
            .try_collect()
            .await
    }

    async fn look_for_one(
        &self,
        blob: &PushBlob,
        repository: &Repository,
        known: &HashMap<Digest, Vec<ImageName>>,
        observer: &dyn Observer,
    ) -> Result<PushBlob, Error> {
        let mut blob = blob.clone();
        if blob.there == BlobThere::Foreign {
            return Ok(blob);
        }
        let descriptor = Descriptor::new(blob.media_type.clone(), blob.digest.clone(), blob.size);
        let has = self
            .shared
            .registry
            .has_blob(repository, &descriptor, observer)
            .await?;
        blob.there = if has {
            BlobThere::Existing
        } else {
            let names = known.get(&blob.digest).into_iter().flatten();
            let mut others = names
                .map(|name| Repository::of(name.reference()))
                .filter(|other| other.host() == repository.host() && other != repository);
            match others.next() {
                Some(from) => BlobThere::Mountable {
                    from: from.to_string(),
                },
                None => BlobThere::Missing,
            }
        };
        Ok(blob)
    }
}
