//! The database from the files: what is left when it was lost.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oci::{Algorithm, Digest, Document};

use crate::check::files_in;
use crate::database::micros;
use crate::graph::Gathered;
use crate::layers::put_layer;
use crate::write::put_blob;
use crate::{Error, Recovery, Result, Store, database, durable, mirror};

/// What stands in the place of the database, for one who has the store alone.
enum Found {
    /// One that needs nothing: another process was faster.
    InOrder,
    /// One that was put there by a rebuild that was broken off.
    HalfRebuilt(Recovery),
    /// One that is damaged, or none.
    Lost,
}

/// Puts an empty database in the place of a damaged or lost one. The caller has the store alone. Returns `None` where the database is
/// in order by now.
///
/// The new one says from its first moment that it is not filled, and why. Where its filling is broken off, the next open does it
/// again, on the same database; so the damaged one is set aside once. One that was `noted` as damaged is not looked at.
pub(crate) fn begin(
    root: &Path,
    reason: String,
    noted: bool,
    now: Timestamp,
) -> Result<Option<Recovery>> {
    if !noted {
        match look(root)? {
            Found::InOrder => return Ok(None),
            Found::HalfRebuilt(begun) => return Ok(Some(begun)),
            Found::Lost => {}
        }
    }
    let recovery = Recovery {
        at: now,
        reason,
        set_aside: set_aside(root, now)?,
        images: 0,
        names: 0,
    };
    database::create_for_rebuild(root, &text_of(&recovery)?)?;
    Ok(Some(recovery))
}

fn look(root: &Path) -> Result<Found> {
    if fs::metadata(root.join("strata.db")).map_or(0, |found| found.len()) == 0 {
        return Ok(Found::Lost);
    }
    let connection = match database::open(root, false) {
        Ok(connection) => connection,
        Err(Error::DatabaseDamaged { .. }) => return Ok(Found::Lost),
        Err(other) => return Err(other),
    };
    let read = || {
        let half = database::is_half_rebuilt(&connection)?;
        Ok((
            half,
            database::recovery_note(&connection)?.0,
            database::generation(&connection)?,
        ))
    };
    let (half, note, generation) = match read().map_err(database::explain(root)) {
        Ok(read) => read,
        Err(Error::DatabaseDamaged { .. }) => return Ok(Found::Lost),
        Err(other) => return Err(other),
    };
    if half {
        let note = note.and_then(|note| serde_json::from_str(&note).ok());
        return Ok(note.map_or(Found::Lost, Found::HalfRebuilt));
    }
    let mirrored = mirror::generation_of(root);
    Ok(
        match mirrored.is_some_and(|mirrored| mirrored > generation) {
            true => Found::Lost,
            false => Found::InOrder,
        },
    )
}

pub(crate) fn text_of(recovery: &Recovery) -> Result<String> {
    serde_json::to_string(recovery).map_err(|error| Error::Database {
        source: rusqlite::Error::ToSqlConversionFailure(Box::new(error)),
    })
}

/// Moves the database away, with its log.
fn set_aside(root: &Path, now: Timestamp) -> Result<Option<PathBuf>> {
    let place = root.join("strata.db");
    if !place.exists() {
        for rest in ["strata.db-wal", "strata.db-shm"] {
            // A log of another database must not be taken for that of the new one.
            let log = root.join(rest);
            match fs::remove_file(&log) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io("remove", &log)(error));
                }
                _ => {}
            }
        }
        return Ok(None);
    }
    let stamp = now.strftime("%Y%m%dT%H%M%S");
    let free = (0..)
        .map(|number| format!("strata.db.damaged-{stamp}-{number}"))
        .find(|name| !root.join(name).exists());
    let name = free.unwrap_or_default();
    for rest in ["-wal", "-shm", ""] {
        let from = root.join(format!("strata.db{rest}"));
        if from.exists() {
            durable::rename(&from, &root.join(format!("{name}{rest}")))?;
        }
    }
    Ok(Some(root.join(name)))
}

impl Store {
    /// Fills the database from `blobs/`, `layers/`, `containers/` and `index.json`, and locks the collector until a check has passed.
    ///
    /// Files are taken for what their names say; the check that lifts the lock looks at them. What was filled in before, by an
    /// attempt that was broken off, is filled in once more.
    pub(crate) fn rebuild_rows(&self, begun: Recovery, now: Timestamp) -> Result<()> {
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
        let containers = self.container_documents()?;
        // The images with the containers that hold them: no file names an image whose containers have no rows.
        let (images, names, orphans) = self.change(|change| {
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
            let orphans = crate::containers::recover(change, containers)?;
            Ok((found.len() as u64, names, orphans))
        })?;
        for folder in orphans {
            self.quarantine(&folder)?;
        }
        self.mend_mirror()?;
        self.set_recovery(Recovery {
            images,
            names,
            ..begun
        })
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
        durable::make_folder(&folder)?;
        let path = mirror::path(self.root());
        let free = (0..)
            .map(|number| folder.join(format!("index.json.{number}")))
            .find(|path| fs::symlink_metadata(path).is_err());
        free.map_or(Ok(()), |to| durable::copy(&path, &to))
    }
}
