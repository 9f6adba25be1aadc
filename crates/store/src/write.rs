//! Every change of the store goes through one function: lock, transaction, `index.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::thread;

use jiff::Timestamp;
use oci::{Digest, ImageName, MediaType};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::check::{TOTAL, UNIQUE};
use crate::database::{Text, column, micros, size};
use crate::mirror::{self, JOINED, Line};
use crate::{Error, Result, Store, TagMove, lock};

/// A change in progress. Nothing of it is visible before it is committed.
pub(crate) struct Change<'a> {
    pub(crate) sql: Transaction<'a>,
    pub(crate) store: &'a Store,
    /// Images whose lines in `index.json` may differ afterwards.
    touched_images: BTreeSet<i64>,
    /// Keys whose lines go unless an image still has them.
    touched_keys: BTreeSet<String>,
}

impl Store {
    /// Runs a change of images or names: all of it happens, on disk, or nothing.
    ///
    /// The order is: `index.json` written under a temporary name, then the database committed while that is synced, then the file
    /// renamed. A crash in between leaves a file of an older generation, which the next open mends.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut Change<'_>) -> Result<T>) -> Result<T> {
        self.refuse_read_only()?;
        let _serial = lock::exclusive(&self.locks().join("write"))?;
        let mut connection = self.connection();
        let fail = self.explain();
        let sql = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&fail)?;
        let mut change = Change {
            sql,
            store: self,
            touched_images: BTreeSet::new(),
            touched_keys: BTreeSet::new(),
        };
        let value = work(&mut change)?;
        let Some(prepared) = change.mirror()? else {
            change.sql.commit().map_err(&fail)?;
            return Ok(value);
        };
        let synced = thread::scope(|scope| {
            let syncing = scope.spawn(|| prepared.sync_all());
            let committed = change.sql.commit().map_err(&fail);
            let synced = syncing
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            committed.map(|()| synced)
        })?;
        let published = synced
            .map_err(Error::io("write", &mirror::path(self.root())))
            .and_then(|()| mirror::publish(self.root()));
        if let Err(error) = published {
            // It has happened. The next open makes the file of what the database says.
            tracing::warn!(%error, "index.json could not be written");
        }
        Ok(value)
    }

    /// Runs a change of bookkeeping (blobs, layers, leases) that no name depends on. On return it is on disk.
    pub(crate) fn note<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.refuse_read_only()?;
        self.noted(&mut self.connection(), work)
    }

    /// As [`Store::note`], of what a power cut may take back as long as nothing that came later is on disk: every process sees it at
    /// once, and it becomes durable with the next change that does.
    ///
    /// For rows that the files tell too (a blob's, which is taken in again when it is wanted), or that are of no use without the
    /// process that wrote them.
    pub(crate) fn jot<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.refuse_read_only()?;
        let mut connection = self.connection();
        let durability = |connection: &Connection, how: &str| {
            connection
                .pragma_update(None, "synchronous", how)
                .map_err(self.explain())
        };
        durability(&connection, "NORMAL")?;
        let noted = self.noted(&mut connection, work);
        durability(&connection, "FULL")?;
        noted
    }

    fn noted<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let fail = self.explain();
        let sql = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&fail)?;
        let value = work(&sql).map_err(&fail)?;
        sql.commit().map_err(&fail)?;
        Ok(value)
    }
}

impl Change<'_> {
    /// Opens a batch: what one undo takes back.
    pub(crate) fn batch(&self, operation: &str, now: Timestamp) -> Result<i64> {
        self.run(
            "INSERT INTO batches (time, operation, undoable) VALUES (?, ?, 0)",
            params![micros(now), operation],
        )?;
        Ok(self.sql.last_insert_rowid())
    }

    /// Executes one statement.
    pub(crate) fn run(&self, statement: &str, values: impl rusqlite::Params) -> Result<usize> {
        self.sql
            .prepare_cached(statement)
            .and_then(|mut s| s.execute(values))
            .map_err(self.store.explain())
    }

    /// Reads one value, or `None` where there is no row.
    pub(crate) fn one<T: rusqlite::types::FromSql>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<T>> {
        let read = || {
            self.sql
                .prepare_cached(query)?
                .query_row(values, |row| row.get(0))
                .optional()
        };
        read().map_err(self.store.explain())
    }

    /// Reads one column.
    pub(crate) fn all<T: rusqlite::types::FromSql>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<T>> {
        let read = || {
            self.sql
                .prepare_cached(query)?
                .query_map(values, |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<T>>>()
        };
        read().map_err(self.store.explain())
    }

    /// Remembers that an image's lines in `index.json` may change.
    pub(crate) fn touch(&mut self, image: i64) -> Result<()> {
        if self.touched_images.insert(image) {
            let names: Vec<String> = self.all("SELECT name FROM tags WHERE image = ?", [image])?;
            self.touched_keys.extend(names);
            let target: Option<String> =
                self.one("SELECT target FROM images WHERE id = ?", [image])?;
            self.touched_keys.extend(target);
        }
        Ok(())
    }

    /// Points a name at an image, or nowhere; writes the journal. Returns `None` where it pointed there already.
    pub(crate) fn set_name(
        &mut self,
        name: &ImageName,
        image: Option<i64>,
        batch: i64,
    ) -> Result<Option<TagMove>> {
        let text = name.to_string();
        let before: Option<i64> = self.one("SELECT image FROM tags WHERE name = ?", [&text])?;
        if before == image {
            return Ok(None);
        }
        for touched in before.into_iter().chain(image) {
            self.touch(touched)?;
        }
        self.touched_keys.insert(text.clone());
        match image {
            Some(image) => self.run("INSERT INTO tags (name, image) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET image = excluded.image", params![text, image])?,
            None => self.run("DELETE FROM tags WHERE name = ?", [&text])?,
        };
        let (from, to) = (self.target_of(before)?, self.target_of(image)?);
        self.run(
            "INSERT INTO journal (batch, name, was, became) VALUES (?, ?, ?, ?)",
            params![batch, text, from.as_ref().map(Text), to.as_ref().map(Text)],
        )?;
        if from.is_some() {
            self.make_undoable(batch)?;
        }
        Ok(Some(TagMove {
            name: name.clone(),
            from,
            to,
        }))
    }

    /// Notes under which digest a registry has an image. The caller touches the image.
    pub(crate) fn know_as(&self, image: i64, name: &ImageName) -> Result<()> {
        self.run(
            "INSERT OR IGNORE INTO repo_digests (image, name) VALUES (?, ?)",
            params![image, name.to_string()],
        )
        .map(drop)
    }

    /// Forgets under which digest a registry has a live image. Undo brings it back; the journal is of names that move, and silent.
    pub(crate) fn forget_known_as(
        &mut self,
        target: &Digest,
        name: &ImageName,
        batch: i64,
    ) -> Result<()> {
        let image = self.one::<i64>(
            "SELECT id FROM images WHERE target = ? AND removed IS NULL",
            [Text(target)],
        )?;
        let Some(image) = image else { return Ok(()) };
        let gone = self.run(
            "DELETE FROM repo_digests WHERE image = ? AND name = ?",
            params![image, name.to_string()],
        )?;
        if gone > 0 {
            self.touch(image)?;
            // A row that is no digest: to whatever looks for images it is none.
            self.run(
                "INSERT OR IGNORE INTO batch_images (batch, target) VALUES (?, ?)",
                params![batch, name.to_string()],
            )?;
            self.make_undoable(batch)?;
        }
        Ok(())
    }

    /// Knows a registry's digest of an image again, where the image is live; says so where that is news.
    pub(crate) fn know_again(&mut self, name: &ImageName) -> Result<Option<TagMove>> {
        let image = self.one::<i64>(
            "SELECT id FROM images WHERE target = ? AND removed IS NULL",
            [name.digest().map(Text)],
        )?;
        let Some(image) = image else { return Ok(None) };
        self.know_as(image, name)?;
        self.touch(image)?;
        Ok(Some(TagMove {
            name: name.clone(),
            from: None,
            to: name.digest().cloned(),
        }))
    }

    /// Lets undo find a batch.
    pub(crate) fn make_undoable(&self, batch: i64) -> Result<()> {
        self.run(
            "UPDATE batches SET undoable = 1 WHERE id = ? AND operation <> 'undo'",
            [batch],
        )
        .map(drop)
    }

    /// Returns what an image's names point at.
    pub(crate) fn target_of(&self, image: Option<i64>) -> Result<Option<Digest>> {
        let Some(image) = image else { return Ok(None) };
        Ok(self
            .one::<Text<Digest>>("SELECT target FROM images WHERE id = ?", [image])?
            .map(|text| text.0))
    }

    /// Counts a change that no line of `index.json` shows, so that others see that there was one.
    pub(crate) fn count_use(&self) -> Result<()> {
        self.run(
            "INSERT INTO meta VALUES ('uses', '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
            [],
        )
        .map(drop)
    }

    /// Writes the new `index.json` beside the old one, where a line of it changes. It is not synced yet.
    fn mirror(&mut self) -> Result<Option<File>> {
        if self.touched_images.is_empty() {
            return Ok(None);
        }
        let mut changes: BTreeMap<String, Option<Line>> = self
            .touched_keys
            .iter()
            .map(|key| (key.clone(), None))
            .collect();
        for image in &self.touched_images {
            changes.extend(self.lines_of(*image)?);
        }
        let before = self.one::<String>("SELECT value FROM meta WHERE key = 'generation'", [])?;
        let before: u64 = before
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let after = before + 1;
        self.run(
            "UPDATE meta SET value = ? WHERE key = 'generation'",
            [after.to_string()],
        )?;
        let prepared = mirror::prepare(self.store.root(), &self.sql, before, after, &changes)
            .map_err(self.store.explain())??;
        Ok(Some(prepared))
    }

    fn lines_of(&self, image: i64) -> Result<Vec<(String, Option<Line>)>> {
        let read = || {
            let mut statement = self.sql.prepare_cached(&format!(
                "SELECT images.target, images.media_type, blobs.size, {JOINED} FROM images JOIN blobs ON blobs.digest = images.target
                 WHERE images.id = ? AND removed IS NULL",
            ))?;
            statement
                .query_row([image], |row| {
                    let media_type = MediaType::parse(&row.get::<_, String>(1)?);
                    Ok(Line {
                        target: row.get::<_, Text<Digest>>(0)?.0,
                        media_type,
                        size: size(row.get(2)?),
                        repo_digests: row.get(3)?,
                    })
                })
                .optional()
        };
        let Some(line) = read().map_err(self.store.explain())? else {
            return Ok(Vec::new());
        };
        let names: Vec<String> = self.all("SELECT name FROM tags WHERE image = ?", [image])?;
        let keys = if names.is_empty() {
            vec![line.target.to_string()]
        } else {
            names
        };
        Ok(keys
            .into_iter()
            .map(|key| (key, Some(line.clone())))
            .collect())
    }

    /// Adds a blob to what an image holds.
    pub(crate) fn hold(&self, image: i64, blob: i64) -> Result<()> {
        let added = self.run(
            "INSERT OR IGNORE INTO image_blobs (image, blob) VALUES (?, ?)",
            [image, blob],
        )?;
        let live: Option<i64> = self.one(
            "SELECT 1 FROM images WHERE id = ? AND removed IS NULL",
            [image],
        )?;
        if added == 1 && live.is_some() {
            self.count(image, blob, true)
        } else {
            Ok(())
        }
    }

    /// Counts an image's blobs in, when it becomes live, or out, when it is removed.
    pub(crate) fn count_all(&self, image: i64, live: bool) -> Result<()> {
        for blob in self.all::<i64>("SELECT blob FROM image_blobs WHERE image = ?", [image])? {
            self.count(image, blob, live)?;
        }
        Ok(())
    }

    /// Changes the number of live images that hold a blob by one, and with it whose own the blob's bytes are.
    ///
    /// Called when `image` is live: after it became so, or before it stops.
    fn count(&self, image: i64, blob: i64, up: bool) -> Result<()> {
        let bytes: i64 = self
            .one("SELECT size FROM blobs WHERE id = ?", [blob])?
            .unwrap_or_default();
        let refs: i64 = self
            .one("SELECT refs FROM blobs WHERE id = ?", [blob])?
            .unwrap_or_default();
        self.run(
            "UPDATE blobs SET refs = refs + ? WHERE id = ?",
            [if up { 1 } else { -1 }, blob],
        )?;
        let other =
            "(SELECT images.id FROM image_blobs JOIN images ON images.id = image_blobs.image
            WHERE image_blobs.blob = ?2 AND images.removed IS NULL AND images.id <> ?3 LIMIT 1)";
        match (up, refs) {
            (true, 0) => self.run(
                "UPDATE images SET unique_size = unique_size + ? WHERE id = ?",
                [bytes, image],
            )?,
            (true, 1) => self.run(
                &format!("UPDATE images SET unique_size = unique_size - ?1 WHERE id = {other}"),
                [bytes, blob, image],
            )?,
            (false, 1) => self.run(
                "UPDATE images SET unique_size = unique_size - ? WHERE id = ?",
                [bytes, image],
            )?,
            (false, 2) => self.run(
                &format!("UPDATE images SET unique_size = unique_size + ?1 WHERE id = {other}"),
                [bytes, blob, image],
            )?,
            _ => 0,
        };
        Ok(())
    }

    /// Takes a live image out of sight, so that undo brings it back; its content stays until it is collected.
    pub(crate) fn remove_image(&mut self, image: i64, batch: i64, now: Timestamp) -> Result<()> {
        self.hide_image(image, now)?;
        self.run("INSERT OR IGNORE INTO batch_images (batch, target) SELECT ?, target FROM images WHERE id = ?", [batch, image])?;
        self.make_undoable(batch)
    }

    /// Takes a live image out of sight, and undo does not hear of it.
    pub(crate) fn hide_image(&mut self, image: i64, now: Timestamp) -> Result<()> {
        self.touch(image)?;
        self.count_all(image, false)?;
        self.run(
            "UPDATE images SET removed = ? WHERE id = ?",
            params![micros(now), image],
        )
        .map(drop)
    }

    /// Brings a removed image back.
    pub(crate) fn restore_image(&mut self, image: i64) -> Result<()> {
        self.run("UPDATE images SET removed = NULL WHERE id = ?", [image])?;
        self.count_all(image, true)?;
        self.touch(image)
    }

    /// Drops the rows of a removed image for good. Its blobs are then free for the collector.
    pub(crate) fn forget_image(&self, image: i64) -> Result<()> {
        for statement in [
            "DELETE FROM image_blobs WHERE image = ?",
            "DELETE FROM labels WHERE image = ?",
            "DELETE FROM repo_digests WHERE image = ?",
            "DELETE FROM in_use WHERE image = ?",
            "DELETE FROM images WHERE id = ?",
        ] {
            self.run(statement, [image])?;
        }
        Ok(())
    }

    /// Tells whether a container was made of an image.
    pub(crate) fn is_in_use(&self, image: i64) -> Result<bool> {
        let used = self.one::<i64>("SELECT 1 FROM in_use WHERE image = ? LIMIT 1", [image])?;
        Ok(used.is_some())
    }

    /// Returns the row number of a blob.
    pub(crate) fn blob_row(&self, digest: &Digest) -> Result<Option<i64>> {
        self.one(
            "SELECT id FROM blobs WHERE digest = ? AND damaged = 0",
            [Text(digest)],
        )
    }
}

/// Writes the row of a blob whose file is in place. A row that is there is put right, which repairs a damaged blob; where its
/// size was another, as that of a file that was cut, the images that hold it are counted anew.
pub(crate) fn put_blob(
    sql: &rusqlite::Connection,
    digest: &Digest,
    size: u64,
    now: i64,
) -> rusqlite::Result<()> {
    let before: Option<i64> = sql
        .prepare_cached("SELECT size FROM blobs WHERE digest = ?")?
        .query_row([Text(digest)], |row| row.get(0))
        .optional()?;
    sql.prepare_cached(
        "INSERT INTO blobs (digest, size, added) VALUES (?, ?, ?)
         ON CONFLICT (digest) DO UPDATE SET damaged = 0, size = excluded.size, added = max(added, excluded.added)",
    )?
    .execute(params![Text(digest), column(size), now])?;
    if before.is_some_and(|before| before != column(size)) {
        sql.prepare_cached(&format!(
            "UPDATE images SET unique_size = {UNIQUE}, total_size = {TOTAL} WHERE id IN (
                SELECT image_blobs.image FROM image_blobs JOIN blobs ON blobs.id = image_blobs.blob WHERE blobs.digest = ?)"
        ))?
        .execute([Text(digest)])?;
    }
    Ok(())
}

/// Says that an image went while somebody worked on it.
pub(crate) fn gone(digest: &Digest) -> Error {
    Error::ImageNotFound {
        text: digest.to_string(),
    }
}
