use std::collections::BTreeSet;
use std::fs;

use jiff::{SignedDuration, Timestamp};
use oci::Digest;

use crate::database::{Text, micros, size};
use crate::{Error, Result, Store, lock};

/// How long after a collection the next one is worth its time.
const DUE: SignedDuration = SignedDuration::from_hours(1);

/// What a collection freed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Images whose grace time was over.
    pub images: u64,
    /// Blobs that nothing held.
    pub blobs: u64,
    /// Partial downloads that nobody took up.
    pub partials: u64,
    /// File indexes of layers that are gone.
    pub indexes: u64,
    /// Bytes of all of these.
    pub freed_bytes: u64,
}

impl Store {
    /// Frees what no live image, lease or grace time holds; row first, file after. Works on a full disk.
    ///
    /// Safe at any moment and beside any other process. A second collector at the same time does nothing.
    ///
    /// # Errors
    /// [`Unchecked`](crate::Error::Unchecked) on a store that was recovered until a check has passed.
    pub fn collect(&self, now: Timestamp) -> Result<Collected> {
        if self.recovery().is_some() {
            return Err(Error::Unchecked);
        }
        self.refuse_read_only()?;
        let place = self.locks().join("collector");
        let Some(alone) = lock::try_exclusive(&place)? else {
            return Ok(Collected::default());
        };
        alone.stamp(&place, now)?;
        let oldest = micros(now.saturating_sub(crate::GRACE).unwrap_or(Timestamp::MIN));
        let images = self.change(|change| {
            // A container keeps what it was made of, also where its image was removed by force.
            let over = change.all::<i64>(
                "SELECT id FROM images WHERE removed < ? AND NOT EXISTS (SELECT 1 FROM in_use WHERE in_use.image = images.id)",
                [oldest],
            )?;
            for image in &over {
                change.forget_image(*image)?;
            }
            Ok(over.len() as u64)
        })?;
        self.end_leases(oldest)?;
        let mut collected = self.sweep(oldest, None)?;
        collected.images = images;
        self.sweep_partials(oldest, &mut collected)?;
        self.sweep_locks()?;
        self.sweep_containers(oldest, &mut collected)?;
        Ok(collected)
    }
}

impl Store {
    /// Collects where no process has done so for an hour, and says what came of it. Asking costs one look at a file.
    ///
    /// A store that may not be collected, because it is read-only or was recovered, is passed over.
    pub fn collect_if_due(&self, now: Timestamp) -> Result<Option<Collected>> {
        if self.is_read_only() || self.recovery().is_some() {
            return Ok(None);
        }
        let last = fs::metadata(self.locks().join("collector"))
            .and_then(|found| found.modified())
            .ok()
            .and_then(|at| Timestamp::try_from(at).ok());
        // A time that is still to come is that of a clock that was set back since.
        if last.is_some_and(|last| last <= now && now.duration_since(last) < DUE) {
            return Ok(None);
        }
        self.collect(now).map(Some)
    }
}

impl Store {
    /// Frees the blobs that nothing holds and that came before `oldest`; with `only`, no others.
    ///
    /// The rows go first, in one transaction that sees every lease. A file is then removed under its digest's lock, unless a row
    /// has come back for it meanwhile.
    pub(crate) fn sweep(&self, oldest: i64, only: Option<&BTreeSet<Digest>>) -> Result<Collected> {
        let mut collected = Collected::default();
        let (blobs, indexes) = self.change(|change| {
            let read = || {
                let mut statement = change.sql.prepare_cached(
                    "SELECT id, digest, size FROM blobs WHERE refs = 0 AND added < ?
                     AND NOT EXISTS (SELECT 1 FROM image_blobs WHERE image_blobs.blob = blobs.id)
                     AND NOT EXISTS (SELECT 1 FROM lease_blobs WHERE lease_blobs.digest = blobs.digest)",
                )?;
                let rows = statement.query_map([oldest], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Text<Digest>>(1)?.0, size(row.get(2)?)))
                })?;
                rows.collect::<rusqlite::Result<Vec<_>>>()
            };
            let mut free = read().map_err(self.explain())?;
            free.retain(|(_, digest, _)| only.is_none_or(|only| only.contains(digest)));
            let mut indexes = Vec::new();
            for (row, digest, _) in &free {
                change.run("DELETE FROM blobs WHERE id = ?", [*row])?;
                let diff_id = change.one::<Text<Digest>>("SELECT diff_id FROM layers WHERE blob = ?", [Text(digest)])?;
                change.run("DELETE FROM layers WHERE blob = ?", [Text(digest)])?;
                if let Some(Text(diff_id)) = diff_id
                    && change.one::<i64>("SELECT 1 FROM layers WHERE diff_id = ? LIMIT 1", [Text(&diff_id)])?.is_none()
                {
                    indexes.push(diff_id);
                }
            }
            Ok((free, indexes))
        })?;
        for (_, digest, bytes) in blobs {
            // Whoever has the lock is bringing the blob in: the file in place, whole or not, is theirs now.
            let Some(_digest_lock) = lock::try_named(&self.ingest_path(&digest))? else {
                continue;
            };
            if self.blob_row_size(&digest)?.is_none() {
                collected.freed_bytes += remove(&self.blob_path(&digest))?.map_or(0, |_| bytes);
                collected.freed_bytes += remove(&self.seek_path(&digest))?.unwrap_or_default();
                collected.blobs += 1;
            }
            self.drop_empty_partial(&digest)?;
        }
        for diff_id in indexes {
            if let Some(bytes) = self.remove_unused_index(&diff_id)? {
                collected.indexes += 1;
                collected.freed_bytes += bytes;
            }
        }
        Ok(collected)
    }

    /// Removes a file index that no layer's facts name. Returns its bytes, or `None` where it stays or was not there.
    pub(crate) fn remove_unused_index(&self, diff_id: &Digest) -> Result<Option<u64>> {
        let used = self.read(|sql| {
            sql.query_row(
                "SELECT count(*) FROM layers WHERE diff_id = ?",
                [Text(diff_id)],
                |row| row.get::<_, i64>(0),
            )
        })?;
        match used {
            0 => remove(&self.index_path(diff_id)),
            _ => Ok(None),
        }
    }

    /// Removes the empty file that locking a digest made. The caller has the lock.
    pub(crate) fn drop_empty_partial(&self, digest: &Digest) -> Result<()> {
        let path = self.ingest_path(digest);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.len() == 0) {
            remove(&path)?;
        }
        Ok(())
    }

    /// Ends the leases of dead processes whose grace is over, and forgets the lock files of dead processes without leases.
    fn end_leases(&self, oldest: i64) -> Result<()> {
        let leases = self.read(|sql| {
            let mut statement = sql.prepare("SELECT id, owner FROM leases WHERE renewed < ?")?;
            let rows = statement.query_map([oldest], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for (lease, owner) in leases {
            if !self.is_alive(&owner) {
                self.note(|sql| {
                    sql.execute("DELETE FROM lease_blobs WHERE lease = ?", [lease])?;
                    sql.execute("DELETE FROM leases WHERE id = ?", [lease])
                        .map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// Removes the lock files of dead processes that have no lease any more, and what they wrote aside and never named.
    fn sweep_locks(&self) -> Result<()> {
        let folder = self.locks();
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.split('.').next().unwrap_or_default();
            if !owner.starts_with("process-") || self.is_alive(owner) {
                continue;
            }
            let leases = self.read(|sql| {
                sql.query_row(
                    "SELECT count(*) FROM leases WHERE owner = ?",
                    [owner],
                    |row| row.get::<_, i64>(0),
                )
            })?;
            if name != owner {
                remove(&entry.path())?;
            } else if leases == 0
                && let Some(_lock) = lock::try_named(&entry.path())?
            {
                // Under its lock, so that no new process has just made the name its own.
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Removes partial downloads that no lease holds and that nobody has gone on with since `oldest`: whoever cancelled one may
    /// come back for it.
    fn sweep_partials(&self, oldest: i64, collected: &mut Collected) -> Result<()> {
        let folder = self.root().join("ingest");
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            if crate::unnamed::is_unnamed(&entry.file_name()) {
                let bytes = crate::unnamed::drop_abandoned(&entry.path())?;
                collected.partials += u64::from(bytes > 0);
                collected.freed_bytes += bytes;
                continue;
            }
            let name = entry.file_name().to_string_lossy().replacen('-', ":", 1);
            let Ok(digest) = name.parse::<Digest>() else {
                continue;
            };
            let held = self.read(|sql| {
                sql.query_row(
                    "SELECT count(*) FROM lease_blobs WHERE digest = ?",
                    [Text(&digest)],
                    |row| row.get::<_, i64>(0),
                )
            })?;
            if held == 0 && written_before(&entry.path(), oldest) {
                let bytes = self.drop_partial(&digest)?;
                collected.partials += u64::from(bytes > 0);
                collected.freed_bytes += bytes;
            }
        }
        Ok(())
    }
}

/// Tells whether a file was last written before a time. One that does not say is taken for new.
pub(crate) fn written_before(path: &std::path::Path, oldest: i64) -> bool {
    fs::symlink_metadata(path)
        .and_then(|found| found.modified())
        .ok()
        .and_then(|written| Timestamp::try_from(written).ok())
        .is_some_and(|written| micros(written) < oldest)
}

/// Removes a file; one that is gone already is fine. Returns its size.
fn remove(path: &std::path::Path) -> Result<Option<u64>> {
    let size = fs::symlink_metadata(path).map(|found| found.len()).ok();
    match fs::remove_file(path) {
        Ok(()) => Ok(size),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("remove", path)(error)),
    }
}
