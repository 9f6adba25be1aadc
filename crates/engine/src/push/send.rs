//! The second half of a push: sending what the registry lacks, children before parents, and the tag last.

use std::sync::Mutex;
use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use oci::{Descriptor, Reference};
use registry::{BlobSource, FileSource, RemoteSource, Repository, Upload, Uploaded};

use super::content::Content;
use super::{BlobThere, Origin, PushBlob, PushPlan, Pushed};
use crate::pull::Retries;
use crate::{Engine, Error, Event, Progress};

impl Engine {
    /// Sends what is missing and names the image.
    pub(super) async fn send(
        &self,
        origin: &Origin,
        content: &Content,
        plan: &PushPlan,
        pushed: &mut Pushed,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        let repository = Repository::of(&plan.reference);
        let started = Instant::now();
        let (layers, configs): (Vec<_>, Vec<_>) = plan
            .blobs
            .iter()
            .filter(|blob| blob.is_to_be_brought())
            .partition(|blob| !blob.media_type.is_image_config());
        let parallel = self.shared.settings.parallel_uploads.max(1);
        for phase in [layers, configs] {
            // Collected, not lazy: a closure in the stream's type would keep the whole future from being `Send`.
            let uploads: Vec<_> = phase
                .into_iter()
                .map(|blob| self.send_blob(origin, &repository, blob, progress))
                .collect();
            let done: Vec<(Uploaded, u64)> = stream::iter(uploads)
                .buffer_unordered(parallel)
                .try_collect()
                .await?;
            for (how, size) in done {
                match how {
                    Uploaded::Sent => pushed.pushed_bytes += size,
                    Uploaded::Mounted => pushed.mounted_bytes += size,
                    Uploaded::Existing => pushed.existing_bytes += size,
                }
            }
        }
        let existing = plan.blobs.iter();
        pushed.existing_bytes += existing
            .filter(|blob| blob.there == BlobThere::Existing)
            .map(|blob| blob.size)
            .sum::<u64>();
        let observer = Retries { progress };
        let client = &self.shared.registry;
        let last = content.sheets.len().saturating_sub(1);
        for (position, sheet) in content.sheets.iter().enumerate() {
            let tag = plan.reference.tag().filter(|_| position == last);
            let published = client
                .publish(&repository, &sheet.descriptor, tag, &sheet.bytes, &observer)
                .await?;
            if let Some(subject) = sheet
                .subject
                .as_ref()
                .filter(|_| !published.lists_referrers)
            {
                client
                    .list_referrer(
                        &repository,
                        subject,
                        &sheet.descriptor,
                        &sheet.bytes,
                        &observer,
                    )
                    .await?;
            }
        }
        tracing::debug!(reference = %plan.reference, elapsed = ?started.elapsed(), "pushed");
        Ok(())
    }

    /// Brings one blob into the registry.
    async fn send_blob(
        &self,
        origin: &Origin,
        repository: &Repository,
        blob: &PushBlob,
        progress: &dyn Progress,
    ) -> Result<(Uploaded, u64), Error> {
        let descriptor = Descriptor::new(blob.media_type.clone(), blob.digest.clone(), blob.size);
        let source: Box<dyn BlobSource> = match origin {
            Origin::Store => {
                let (store, digest) = (self.shared.store.clone(), blob.digest.clone());
                let open = move || store.open_blob(&digest).map_err(std::io::Error::other);
                Box::new(FileSource::new(blob.digest.clone(), open))
            }
            Origin::Registry(from) => Box::new(RemoteSource::new(
                self.shared.registry.clone(),
                from.clone(),
                descriptor.clone(),
            )),
        };
        let mount_from = match (&blob.there, origin) {
            (BlobThere::Mountable { from }, _) => Reference::parse_normalized(from)
                .ok()
                .map(|from| Repository::of(&from)),
            // Where an image is copied within one registry, that is where it is.
            (_, Origin::Registry(from)) => Some(from.clone()),
            (_, Origin::Store) => None,
        };
        let upload = Upload {
            repository,
            descriptor: &descriptor,
            source: source.as_ref(),
            mount_from: mount_from.as_ref(),
            known_missing: true,
        };
        let told = Mutex::new(None);
        let tell = |current: u64| {
            // The same count twice says nothing.
            let before = told.lock().ok().and_then(|mut told| told.replace(current));
            if before != Some(current) {
                progress.report(Event::Fetched {
                    digest: blob.digest.clone(),
                    current,
                });
            }
        };
        tell(0);
        let observer = Retries { progress };
        let how = self
            .shared
            .registry
            .upload(&upload, &tell, &observer)
            .await?;
        tell(blob.size);
        progress.report(Event::Stored {
            digest: blob.digest.clone(),
        });
        Ok((how, blob.size))
    }
}
