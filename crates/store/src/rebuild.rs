//! The database from the files: what is left when it was lost.

use std::fs;
use std::path::PathBuf;

use jiff::Timestamp;
use oci::{Algorithm, Digest, Document};

use crate::check::files_in;
use crate::database::micros;
use crate::graph::Gathered;
use crate::layers::put_layer;
use crate::write::put_blob;
use crate::{Error, Recovery, Result, Store, durable, mirror};

impl Store {
    /// Fills an empty database from `blobs/`, `layers/` and `index.json`, and locks the collector until a check has passed.
    ///
    /// Files are taken for what their names say; the check that lifts the lock looks at them.
    pub(crate) fn rebuild_rows(
        &self,
        reason: &str,
        set_aside: Option<PathBuf>,
        now: Timestamp,
    ) -> Result<Recovery> {
        let named = mirror::read(self.root());
        let mut blobs = self.blobs_in(Algorithm::Sha256)?;
        blobs.extend(self.blobs_in(Algorithm::Sha512)?);
        let facts = self.logged_facts();
        self.note(|sql| {
            for (digest, size) in &blobs {
                put_blob(sql, digest, *size, micros(now))?;
                if let Some(facts) = facts.get(digest) {
                    let index = fs::symlink_metadata(self.index_path(&facts.diff_id))
                        .ok()
                        .map(|found| found.len());
                    put_layer(sql, digest, facts, index)?;
                }
            }
            Ok(())
        })?;
        let mut found = Vec::new();
        let mut lost = 0;
        for (target, known) in named {
            match self.read_again(&target) {
                Ok(read) => found.push((read, known)),
                // One image that cannot be read does not keep the others from coming back.
                Err(error) => {
                    lost += known.names.len();
                    tracing::warn!(%target, %error, "an image could not be recovered");
                }
            }
        }
        if lost > 0 {
            self.keep_old_names()?;
        }
        // All in one change: a crash in between leaves the old `index.json`, from which the next open starts over.
        let (images, names) = self.change(|change| {
            let batch = change.batch("recover", now)?;
            let mut names = 0;
            for (read, known) in &found {
                let row = read.store(change, micros(now))?;
                for name in &known.names {
                    change.set_name(name, Some(row), batch)?;
                    names += 1;
                }
                for name in &known.repo_digests {
                    change.know_as(row, name)?;
                }
                change.touch(row)?;
            }
            Ok((found.len() as u64, names))
        })?;
        let recovery = Recovery {
            at: now,
            reason: reason.to_owned(),
            set_aside,
            images,
            names,
        };
        self.recover_containers()?;
        self.set_recovery(Some(recovery.clone()))?;
        self.mend_mirror()?;
        Ok(recovery)
    }

    /// Lists the files that are named like blobs, with their sizes.
    fn blobs_in(&self, algorithm: Algorithm) -> Result<Vec<(Digest, u64)>> {
        let mut blobs = Vec::new();
        for path in files_in(&self.root().join("blobs").join(algorithm.as_str()))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Ok(digest) = format!("{}:{name}", algorithm.as_str()).parse::<Digest>() else {
                continue;
            };
            let found = fs::symlink_metadata(&path).map_err(Error::io("look at", &path))?;
            if found.is_file() {
                blobs.push((digest, found.len()));
            }
        }
        Ok(blobs)
    }

    fn read_again(&self, target: &Digest) -> Result<Gathered> {
        let mut manifests = Vec::new();
        if let Document::Index(index) = self.document(target)? {
            for entry in index
                .manifests
                .iter()
                .filter(|entry| !entry.is_attestation())
            {
                if self.contains(&entry.digest)? && self.gather(&entry.digest, &[]).is_ok() {
                    manifests.push(entry.digest.clone());
                }
            }
        }
        self.gather(target, &manifests)
    }

    /// Keeps a copy of `index.json` in `quarantine/` before names whose images cannot be read go from it.
    fn keep_old_names(&self) -> Result<()> {
        let folder = self.root().join("quarantine");
        fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let path = mirror::path(self.root());
        let free = (0..)
            .map(|number| folder.join(format!("index.json.{number}")))
            .find(|path| fs::symlink_metadata(path).is_err());
        free.map_or(Ok(()), |to| durable::copy(&path, &to))
    }
}
