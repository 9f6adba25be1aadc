use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use oci::{Digest, Platform, Reference};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::database::{Text, micros, time};
use crate::layers::put_layer;
use crate::write::put_blob;
use crate::{BlobState, Error, Result, Store, lock};

/// The number of a lease, and of the operation that it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub i64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a lease is for, so that an interrupted operation can be shown and taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LeasePurpose {
    /// A pull.
    Pull {
        /// What is pulled.
        reference: Reference,
        /// For which platform, where one was asked for.
        platform: Option<Platform>,
        /// All bytes that the image has, once that is known.
        total: Option<u64>,
    },
    /// Images that are made or moved on this computer; not taken up again.
    Local {
        /// What is done, for people.
        operation: String,
    },
}

/// Holds content for an operation: nothing that it holds is collected.
///
/// Dropping it releases it. When its process dies instead, the content is kept until [`GRACE`](crate::GRACE) after the last
/// renewal, and [`Store::interrupted`] lists the operation.
pub struct Lease {
    store: Store,
    id: i64,
    released: bool,
    /// From when on what came is removed with it; `None` where everything stays.
    forgets_since: Option<i64>,
}

/// An operation whose process died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterruptedOperation {
    /// Its number, for [`Store::resume`] and [`Store::dismiss`].
    pub id: LeaseId,
    /// What it was.
    pub purpose: LeasePurpose,
    /// When it began.
    pub started: Timestamp,
    /// Bytes that are here, whole blobs and partial ones.
    pub done_bytes: u64,
    /// All bytes, where that was known.
    pub total_bytes: Option<u64>,
}

impl Store {
    /// Takes a lease.
    pub fn lease(&self, purpose: &LeasePurpose, now: Timestamp) -> Result<Lease> {
        self.refuse_read_only()?;
        let text = purpose_text(purpose)?;
        let insert = |sql: &Transaction<'_>| {
            sql.execute(
                "INSERT INTO leases (owner, purpose, started, renewed) VALUES (?1, ?2, ?3, ?3)",
                params![self.owner(), text, micros(now)],
            )?;
            Ok(sql.last_insert_rowid())
        };
        let id = match purpose {
            LeasePurpose::Pull { .. } => self.note(insert),
            // It becomes durable with the first thing that it holds.
            LeasePurpose::Local { .. } => self.jot(insert),
        }?;
        Ok(Lease {
            store: self.clone(),
            id,
            released: false,
            forgets_since: None,
        })
    }

    /// Returns the operations whose process died, newest first. Those older than the grace time are gone.
    pub fn interrupted(&self, now: Timestamp) -> Result<Vec<InterruptedOperation>> {
        let oldest = micros(now.saturating_sub(crate::GRACE).unwrap_or(Timestamp::MIN));
        let rows = self.read(|sql| {
            let mut statement = sql.prepare("SELECT id, owner, purpose, started FROM leases WHERE renewed > ? ORDER BY started DESC, id DESC")?;
            let rows = statement.query_map([oldest], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut found = Vec::new();
        for (id, owner, purpose, started) in rows {
            if self.is_alive(&owner) {
                continue;
            }
            // A purpose that a newer version wrote is not ours to take up.
            let Ok(purpose) = serde_json::from_str::<LeasePurpose>(&purpose) else {
                continue;
            };
            let total_bytes = match &purpose {
                LeasePurpose::Pull { total, .. } => *total,
                LeasePurpose::Local { .. } => continue,
            };
            let mut done_bytes = 0;
            for state in self.blob_states(&self.held_by(id)?)? {
                done_bytes += match state {
                    BlobState::Present { size } => size,
                    BlobState::Partial { bytes } => bytes,
                    BlobState::Absent => 0,
                };
            }
            found.push(InterruptedOperation {
                id: LeaseId(id),
                purpose,
                started: time(started),
                done_bytes,
                total_bytes,
            });
        }
        Ok(found)
    }

    /// Gives the blobs and file indexes that a dead process finished their rows, where it died between the file and the row.
    ///
    /// A file gets its name only when it is whole and verified, so its size is all that has to be looked at.
    pub(crate) fn adopt_from_the_dead(&self, now: Timestamp) -> Result<()> {
        let leases = self.read(|sql| {
            let mut statement = sql.prepare("SELECT id, owner FROM leases")?;
            let rows = statement.query_map([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut facts = None;
        for (lease, owner) in leases {
            if self.is_alive(&owner) {
                continue;
            }
            let facts = facts.get_or_insert_with(|| self.logged_facts());
            for digest in self.held_by(lease)? {
                let found = std::fs::symlink_metadata(self.blob_path(&digest));
                let Some(found) = found.ok().filter(std::fs::Metadata::is_file) else {
                    continue;
                };
                self.note(|sql| {
                    let known = sql
                        .prepare_cached("SELECT 1 FROM blobs WHERE digest = ?")?
                        .exists([Text(&digest)])?;
                    if !known {
                        put_blob(sql, &digest, found.len(), micros(now))?;
                    }
                    let Some(facts) = facts.get(&digest) else {
                        return Ok(());
                    };
                    let index = std::fs::symlink_metadata(self.index_path(&facts.diff_id));
                    let indexed = sql
                        .prepare_cached("SELECT 1 FROM layers WHERE blob = ?")?
                        .exists([Text(&digest)])?;
                    match index {
                        Ok(index) if !indexed => put_layer(sql, &digest, facts, Some(index.len())),
                        _ => Ok(()),
                    }
                })?;
            }
        }
        Ok(())
    }

    /// Takes over the lease of an interrupted operation, with all that it holds.
    ///
    /// # Errors
    /// [`NoSuchOperation`](crate::Error::NoSuchOperation) also when somebody else took it first.
    pub fn resume(&self, id: LeaseId, now: Timestamp) -> Result<Lease> {
        let owner = self.read(|sql| {
            sql.query_row("SELECT owner FROM leases WHERE id = ?", [id.0], |row| {
                row.get::<_, String>(0)
            })
            .optional()
        })?;
        let former = owner
            .filter(|owner| !self.is_alive(owner))
            .ok_or(Error::NoSuchOperation { id: id.0 })?;
        let taken = self.note(|sql| {
            sql.execute(
                "UPDATE leases SET owner = ?, renewed = ? WHERE id = ? AND owner = ?",
                params![self.owner(), micros(now), id.0, former],
            )
        })?;
        if taken == 1 {
            Ok(Lease {
                store: self.clone(),
                id: id.0,
                released: false,
                forgets_since: None,
            })
        } else {
            Err(Error::NoSuchOperation { id: id.0 })
        }
    }

    /// Forgets an interrupted operation. Its content goes with the next collection, partial downloads at once.
    pub fn dismiss(&self, id: LeaseId) -> Result<()> {
        let held = self.held_by(id.0)?;
        let owner = self.read(|sql| {
            sql.query_row("SELECT owner FROM leases WHERE id = ?", [id.0], |row| {
                row.get::<_, String>(0)
            })
            .optional()
        })?;
        if owner.is_none_or(|owner| self.is_alive(&owner)) {
            return Err(Error::NoSuchOperation { id: id.0 });
        }
        self.note(|sql| {
            sql.execute("DELETE FROM lease_blobs WHERE lease = ?", [id.0])?;
            sql.execute("DELETE FROM leases WHERE id = ?", [id.0])
                .map(drop)
        })?;
        for digest in held {
            self.drop_partial(&digest)?;
        }
        Ok(())
    }
}

impl Lease {
    /// Returns its number.
    pub fn id(&self) -> LeaseId {
        LeaseId(self.id)
    }

    /// Removes with it, at once, what it holds that came from now on and that no image needs and nobody else holds by then.
    ///
    /// For what is as easily brought again. What was here before stays, as it does after a crash until its grace is over.
    pub fn forget_when_dropped(&mut self) {
        self.forgets_since = Some(self.store.time());
    }

    /// Holds these digests too, whether they are here yet or not.
    pub fn hold(&self, digests: &[Digest]) -> Result<()> {
        self.store.note(|sql| self.insert(sql, digests))
    }

    /// As [`hold`](Self::hold), where what follows makes it durable.
    pub(crate) fn hold_for_now(&self, digests: &[Digest]) -> Result<()> {
        self.store.jot(|sql| self.insert(sql, digests))
    }

    fn insert(&self, sql: &Transaction<'_>, digests: &[Digest]) -> rusqlite::Result<()> {
        let mut statement =
            sql.prepare_cached("INSERT OR IGNORE INTO lease_blobs (lease, digest) VALUES (?, ?)")?;
        for digest in digests {
            statement.execute(params![self.id, Text(digest)])?;
        }
        Ok(())
    }

    /// Says anew what it is for, as when the size of a pull becomes known.
    pub fn describe(&self, purpose: &LeasePurpose) -> Result<()> {
        let text = purpose_text(purpose)?;
        self.store.note(|sql| {
            sql.execute(
                "UPDATE leases SET purpose = ? WHERE id = ?",
                params![text, self.id],
            )
            .map(drop)
        })
    }

    /// Moves the time from which the grace counts. Worth doing every few minutes of a long operation.
    pub fn renew(&self, now: Timestamp) -> Result<()> {
        self.store.note(|sql| {
            sql.execute(
                "UPDATE leases SET renewed = ? WHERE id = ?",
                params![micros(now), self.id],
            )
            .map(drop)
        })
    }

    /// Releases it and reports a failure, which dropping only logs.
    pub fn release(mut self) -> Result<()> {
        self.released = true;
        self.end()
    }
}

impl Lease {
    fn end(&self) -> Result<()> {
        // Whatever comes of that, nobody holds it any more.
        let needless = self.forgets_since.map(|since| self.needless(since));
        // One that a power cut brings back is a dead process's, and ends with its grace time.
        self.store.jot(|sql| {
            sql.execute("DELETE FROM lease_blobs WHERE lease = ?", [self.id])?;
            sql.execute("DELETE FROM leases WHERE id = ?", [self.id])
                .map(drop)
        })?;
        let needless = needless.transpose()?.unwrap_or_default();
        // Nearly always there is nothing, and a sweep is a transaction that waits for the disk.
        if !needless.is_empty() {
            self.store.sweep(i64::MAX, Some(&needless))?;
        }
        Ok(())
    }

    /// Returns what it holds that came since then and that no image needs.
    fn needless(&self, since: i64) -> Result<BTreeSet<Digest>> {
        self.store.read(|sql| {
            let mut statement = sql.prepare(
                "SELECT blobs.digest FROM lease_blobs JOIN blobs ON blobs.digest = lease_blobs.digest
                 WHERE lease_blobs.lease = ? AND blobs.added >= ? AND blobs.refs = 0
                 AND NOT EXISTS (SELECT 1 FROM image_blobs WHERE image_blobs.blob = blobs.id)",
            )?;
            let rows = statement.query_map([self.id, since], |row| {
                Ok(row.get::<_, Text<Digest>>(0)?.0)
            })?;
            rows.collect()
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.released
            && let Err(error) = self.end()
        {
            tracing::warn!(lease = self.id, %error, "a lease could not be released; it ends with its grace time");
        }
    }
}

fn purpose_text(purpose: &LeasePurpose) -> Result<String> {
    serde_json::to_string(purpose).map_err(|error| Error::Database {
        source: rusqlite::Error::ToSqlConversionFailure(Box::new(error)),
    })
}

impl Store {
    /// Tells whether the process that owns a lease lives: its lock is then held.
    pub(crate) fn is_alive(&self, owner: &str) -> bool {
        if owner == self.owner() {
            return true;
        }
        let path = self.locks().join(owner);
        // What cannot be found out is taken for alive: nothing is then lost.
        path.exists() && lock::try_exclusive(&path).map_or(true, |free| free.is_none())
    }

    /// Returns what a lease holds.
    fn held_by(&self, lease: i64) -> Result<Vec<Digest>> {
        self.read(|sql| {
            let mut statement = sql.prepare("SELECT digest FROM lease_blobs WHERE lease = ?")?;
            let rows = statement.query_map([lease], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
            rows.collect()
        })
    }

    /// Removes the partial download of a blob, unless somebody writes it.
    pub(crate) fn drop_partial(&self, digest: &Digest) -> Result<u64> {
        let path = self.ingest_path(digest);
        let Ok(found) = std::fs::symlink_metadata(&path) else {
            return Ok(0);
        };
        let Some(_lock) = lock::try_named(&path)? else {
            return Ok(0);
        };
        std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        Ok(found.len())
    }
}
