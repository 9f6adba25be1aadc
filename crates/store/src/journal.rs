use jiff::Timestamp;
use oci::{Digest, ImageName};
use rusqlite::{Connection, Row};

use crate::database::{Text, column, size, time};
use crate::{Error, Result, Store, TagMove};

/// One change of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When.
    pub time: Timestamp,
    /// The name.
    pub name: ImageName,
    /// Where it pointed before.
    pub from: Option<Digest>,
    /// Where it pointed after.
    pub to: Option<Digest>,
    /// The verb: `pull`, `tag`, `rmi`, `prune`, `undo`…
    pub operation: String,
}

/// One change of names among all that were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeId {
    /// Its number in its store.
    pub number: u64,
    /// When it was made: another store has a change of that number, too.
    pub time: Timestamp,
}

/// What [`Store::undo`] would undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoable {
    /// Which change, for [`Store::undo_change`].
    pub change: ChangeId,
    /// The verb.
    pub operation: String,
    /// The names that would change; empty where only nameless images come back.
    pub names: Vec<ImageName>,
    /// How many images would come back.
    pub images: u64,
}

/// What an undo brought about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The change that was taken back.
    pub change: ChangeId,
    /// Names that were made, moved or taken away by that.
    pub moves: Vec<TagMove>,
}

impl Store {
    /// Returns the changes of one name, or of all, newest first.
    pub fn journal(&self, name: Option<&ImageName>) -> Result<Vec<JournalEntry>> {
        self.read(|sql| {
            let query =
                "SELECT batches.time, journal.name, journal.was, journal.became, batches.operation
                FROM journal JOIN batches ON batches.id = journal.batch";
            let entry = |row: &Row<'_>| {
                Ok(JournalEntry {
                    time: time(row.get(0)?),
                    name: row.get::<_, Text<ImageName>>(1)?.0,
                    from: row.get::<_, Option<Text<Digest>>>(2)?.map(|text| text.0),
                    to: row.get::<_, Option<Text<Digest>>>(3)?.map(|text| text.0),
                    operation: row.get(4)?,
                })
            };
            match name {
                Some(name) => sql
                    .prepare(&format!(
                        "{query} WHERE journal.name = ? ORDER BY journal.id DESC"
                    ))?
                    .query_map([Text(name)], entry)?
                    .collect(),
                None => sql
                    .prepare(&format!("{query} ORDER BY journal.id DESC"))?
                    .query_map([], entry)?
                    .collect(),
            }
        })
    }

    /// Says what would be undone, or `None`.
    pub fn undoable(&self) -> Result<Option<Undoable>> {
        self.read(last)
    }

    /// Takes back the last removal or move that was not taken back yet: names point where they did, removed images are back.
    ///
    /// Called again it walks further back. A name that was changed otherwise since is left alone. A pull that only added names
    /// is not undone; one that moved a name is. What the grace time has ended for cannot come back.
    ///
    /// # Errors
    /// [`NothingToUndo`](crate::Error::NothingToUndo).
    pub fn undo(&self, now: Timestamp) -> Result<Undone> {
        self.take_back(None, now)
    }

    /// Takes back this change, or nothing.
    ///
    /// The store knows only the way back to where a change came from, so it must be the one that [`Store::undo`] would take.
    ///
    /// # Errors
    /// [`Overtaken`](crate::Error::Overtaken) where another came after it; [`NothingToUndo`](crate::Error::NothingToUndo).
    pub fn undo_change(&self, wanted: ChangeId, now: Timestamp) -> Result<Undone> {
        self.take_back(Some(wanted), now)
    }

    fn take_back(&self, wanted: Option<ChangeId>, now: Timestamp) -> Result<Undone> {
        self.change(|change| {
                let last = last(&change.sql).map_err(self.explain())?.ok_or(Error::NothingToUndo)?;
                if wanted.is_some_and(|wanted| wanted != last.change) {
                    return Err(Error::Overtaken { by: last.names });
                }
                let undone = column(last.change.number);
                // Those after it would change nothing any more.
                change.run("UPDATE batches SET undone = 1 WHERE undoable = 1 AND id >= ?", [undone])?;
                let batch = change.batch("undo", now)?;
                let images = change.all::<i64>(
                    "SELECT images.id FROM batch_images JOIN images ON images.target = batch_images.target WHERE batch = ? AND removed IS NOT NULL",
                    [undone],
                )?;
                for image in images {
                    change.restore_image(image)?;
                }
                let mut moves = Vec::new();
                for (name, was, became) in entries(&change.sql, undone).map_err(self.explain())? {
                    let current = change.one::<i64>("SELECT image FROM tags WHERE name = ?", [Text(&name)])?;
                    if change.target_of(current)? != became {
                        continue;
                    }
                    let image = match &was {
                        None => None,
                        Some(target) => match change.one::<i64>("SELECT id FROM images WHERE target = ?", [Text(target)])? {
                            Some(image) => {
                                if change.one::<i64>("SELECT 1 FROM images WHERE id = ? AND removed IS NOT NULL", [image])?.is_some() {
                                    change.restore_image(image)?;
                                }
                                Some(image)
                            }
                            // Its grace is over: the name stays as it is.
                            None => continue,
                        },
                    };
                    moves.extend(change.set_name(&name, image, batch)?);
                }
                for name in known_as(&change.sql, undone).map_err(self.explain())? {
                    let known = change.know_again(&name)?;
                    moves.extend(known.filter(|known| !moves.iter().any(|moved: &TagMove| moved.name == known.name)));
                }
                Ok(Undone { change: last.change, moves })
        })
    }
}

/// Finds the last change that can be undone with an effect.
fn last(sql: &Connection) -> rusqlite::Result<Option<Undoable>> {
    let mut batches = sql.prepare(
        "SELECT id, operation, time FROM batches WHERE undoable = 1 AND undone = 0 ORDER BY id DESC",
    )?;
    let mut rows = batches.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if !possible(sql, id)? {
            continue;
        }
        let names = sql
            .prepare("SELECT DISTINCT name FROM journal WHERE batch = ? ORDER BY name")?
            .query_map([id], |row| Ok(row.get::<_, Text<ImageName>>(0)?.0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let images = sql.query_row(
            "SELECT count(*) FROM batch_images JOIN images ON images.target = batch_images.target WHERE batch = ? AND removed IS NOT NULL",
            [id],
            |row| row.get(0).map(size),
        )?;
        let known = known_as(sql, id)?
            .into_iter()
            .filter(|name| !names.contains(name));
        return Ok(Some(Undoable {
            change: ChangeId {
                number: size(id),
                time: time(row.get(2)?),
            },
            operation: row.get(1)?,
            names: names.iter().cloned().chain(known).collect(),
            images,
        }));
    }
    Ok(None)
}

/// Returns the names with the digest of a registry that a batch forgot, and that are not known again.
fn known_as(sql: &Connection, batch: i64) -> rusqlite::Result<Vec<ImageName>> {
    let mut statement = sql.prepare(
        "SELECT target FROM batch_images WHERE batch = ? AND instr(target, '@') AND target NOT IN (SELECT name FROM repo_digests) ORDER BY target",
    )?;
    let rows = statement.query_map([batch], |row| Ok(row.get::<_, Text<ImageName>>(0)?.0))?;
    rows.collect()
}

type Entry = (ImageName, Option<Digest>, Option<Digest>);

/// Returns what a batch did to names, last first.
fn entries(sql: &Connection, batch: i64) -> rusqlite::Result<Vec<Entry>> {
    let mut statement =
        sql.prepare("SELECT name, was, became FROM journal WHERE batch = ? ORDER BY id DESC")?;
    let rows = statement.query_map([batch], |row| {
        let digest = |column| {
            Ok::<_, rusqlite::Error>(
                row.get::<_, Option<Text<Digest>>>(column)?
                    .map(|text| text.0),
            )
        };
        Ok((row.get::<_, Text<ImageName>>(0)?.0, digest(1)?, digest(2)?))
    })?;
    rows.collect()
}

/// Tells whether undoing a batch would change anything: a removed image is still here, or a name is where the batch left it.
fn possible(sql: &Connection, batch: i64) -> rusqlite::Result<bool> {
    let images: bool = sql.query_row(
        "SELECT EXISTS (SELECT 1 FROM batch_images JOIN images ON images.target = batch_images.target WHERE batch = ? AND removed IS NOT NULL)",
        [batch],
        |row| row.get(0),
    )?;
    let names: bool = sql.query_row(
        "SELECT EXISTS (SELECT 1 FROM journal
            LEFT JOIN tags ON tags.name = journal.name LEFT JOIN images AS now ON now.id = tags.image
            JOIN images AS old ON old.target = journal.was
            WHERE journal.batch = ? AND now.target IS journal.became)",
        [batch],
        |row| row.get(0),
    )?;
    let known = sql.query_row(
        "SELECT EXISTS (SELECT 1 FROM batch_images JOIN images ON images.target = substr(batch_images.target, instr(batch_images.target, '@') + 1)
            WHERE batch = ? AND instr(batch_images.target, '@') AND removed IS NULL
            AND NOT EXISTS (SELECT 1 FROM repo_digests WHERE image = images.id AND name = batch_images.target))",
        [batch],
        |row| row.get(0),
    )?;
    Ok(images || names || known)
}
