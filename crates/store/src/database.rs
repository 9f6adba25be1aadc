//! The SQLite index: its schema, how it is opened, and how its errors read.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use oci::{Digest, ImageName};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::{Error, Result};

/// The format that this version writes. A database with a higher one is left alone.
pub(crate) const FORMAT: u32 = 2;

/// Times are microseconds since 1970, sizes bytes, digests their full text.
const SCHEMA: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, added INTEGER NOT NULL,
    damaged INTEGER NOT NULL DEFAULT 0,
    refs INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX blobs_unreferenced ON blobs (added) WHERE refs = 0;
CREATE TABLE layers (
    blob TEXT PRIMARY KEY, diff_id TEXT NOT NULL, uncompressed_size INTEGER NOT NULL, content_size INTEGER NOT NULL,
    entries INTEGER NOT NULL, index_size INTEGER
) WITHOUT ROWID;
CREATE INDEX layers_by_diff_id ON layers (diff_id);
CREATE TABLE images (
    id INTEGER PRIMARY KEY, target TEXT NOT NULL UNIQUE, media_type TEXT NOT NULL, is_index INTEGER NOT NULL, manifests TEXT NOT NULL,
    config TEXT NOT NULL, platform TEXT, created INTEGER, recorded INTEGER NOT NULL,
    size INTEGER NOT NULL, download_size INTEGER NOT NULL, total_size INTEGER NOT NULL, unique_size INTEGER NOT NULL,
    strip BLOB NOT NULL, removed INTEGER
);
CREATE INDEX images_by_config ON images (config);
CREATE INDEX images_removed ON images (removed) WHERE removed IS NOT NULL;
CREATE TABLE image_blobs (image INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (image, blob)) WITHOUT ROWID;
CREATE INDEX images_of_blob ON image_blobs (blob, image);
CREATE TABLE labels (image INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (key, value, image)) WITHOUT ROWID;
CREATE INDEX labels_of_image ON labels (image);
CREATE TABLE tags (name TEXT PRIMARY KEY, image INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tags_of_image ON tags (image);
CREATE TABLE repo_digests (image INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (image, name)) WITHOUT ROWID;
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, time INTEGER NOT NULL, operation TEXT NOT NULL, undoable INTEGER NOT NULL, undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX batches_to_undo ON batches (id) WHERE undoable = 1 AND undone = 0;
CREATE TABLE journal (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, name TEXT NOT NULL, was TEXT, became TEXT);
CREATE INDEX journal_of_name ON journal (name, id);
CREATE INDEX journal_of_batch ON journal (batch);
CREATE TABLE batch_images (batch INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY (batch, target)) WITHOUT ROWID;
CREATE TABLE leases (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, purpose TEXT NOT NULL, started INTEGER NOT NULL, renewed INTEGER NOT NULL);
CREATE TABLE lease_blobs (lease INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (digest, lease)) WITHOUT ROWID;
CREATE INDEX blobs_of_lease ON lease_blobs (lease);
CREATE TABLE in_use (container TEXT PRIMARY KEY, image INTEGER NOT NULL, running INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX in_use_of_image ON in_use (image);
INSERT INTO meta VALUES ('generation', '0'), ('unchecked', '0');
";

/// Made where it is missing, also in databases of versions that did not have it: an index changes no meaning, and thus no format.
const LATER_INDEXES: &str = "
CREATE INDEX IF NOT EXISTS blobs_damaged ON blobs (id) WHERE damaged = 1;
";

/// What format 2 has more: working containers. What was changed in one stands in its folder.
const CONTAINERS: &str = "
CREATE TABLE containers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image INTEGER NOT NULL, manifest TEXT NOT NULL, reference TEXT NOT NULL,
    created INTEGER NOT NULL, status TEXT NOT NULL, exit_code INTEGER, settings TEXT NOT NULL,
    changes INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
";

/// Opens the database file and brings an empty one to the current format.
pub(crate) fn open(root: &Path, read_only: bool) -> Result<Connection> {
    let flags = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
    } else {
        WRITABLE
    };
    let path = root.join("strata.db");
    let connection = Connection::open_with_flags(&path, flags).map_err(explain(root))?;
    prepare(connection, root, read_only, None)
}

/// Makes a database that is to be filled from the files. From its first moment it says so, and keeps this note of what is done.
pub(crate) fn create_for_rebuild(root: &Path, note: &str) -> Result<Connection> {
    let path = root.join("strata.db");
    let connection = Connection::open_with_flags(&path, WRITABLE).map_err(explain(root))?;
    prepare(connection, root, false, Some(note))
}

/// Reads the number that grows with every change of images or names.
pub(crate) fn generation(connection: &Connection) -> rusqlite::Result<u64> {
    let text: String = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'generation'")?
        .query_row([], |row| row.get(0))?;
    Ok(text.parse().unwrap_or_default())
}

/// Tells whether a database is one whose filling was broken off.
pub(crate) fn is_half_rebuilt(connection: &Connection) -> rusqlite::Result<bool> {
    connection
        .prepare("SELECT 1 FROM meta WHERE key = 'rebuilding'")?
        .exists([])
}

/// Reads what a rebuild noted, and whether a check is still to come.
pub(crate) fn recovery_note(connection: &Connection) -> rusqlite::Result<(Option<String>, bool)> {
    let value = |key: &str| {
        connection
            .prepare("SELECT value FROM meta WHERE key = ?")?
            .query_row([key], |row| row.get::<_, String>(0))
            .optional()
    };
    let unchecked = value("unchecked")?.is_some_and(|value| value != "0");
    Ok((value("recovery")?, unchecked))
}

const WRITABLE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_CREATE)
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens a database that lies where nothing can be written, not even SQLite's own locks.
pub(crate) fn open_immutable(root: &Path) -> Result<Connection> {
    let text = root
        .join("strata.db")
        .to_string_lossy()
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{text}?immutable=1"), flags)
        .map_err(explain(root))?;
    prepare(connection, root, true, None)
}

fn prepare(
    mut connection: Connection,
    root: &Path,
    read_only: bool,
    rebuild: Option<&str>,
) -> Result<Connection> {
    let fail = explain(root);
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(&fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(&fail)?;
    if found > FORMAT {
        return Err(Error::Newer {
            path: root.to_owned(),
            found,
            supported: FORMAT,
        });
    }
    if !read_only {
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA journal_size_limit = 4194304;")
            .map_err(&fail)?;
        if found < FORMAT {
            let transaction = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(&fail)?;
            // Another process may have made it while we waited for the lock.
            let now: u32 = transaction
                .pragma_query_value(None, "user_version", |row| row.get(0))
                .map_err(&fail)?;
            if now == 0 {
                transaction.execute_batch(SCHEMA).map_err(&fail)?;
                if let Some(note) = rebuild {
                    transaction
                        .execute(
                            "INSERT OR REPLACE INTO meta VALUES ('recovery', ?), ('unchecked', '1'), ('rebuilding', '1')",
                            [note],
                        )
                        .map_err(&fail)?;
                }
            }
            if now < 2 {
                transaction.execute_batch(CONTAINERS).map_err(&fail)?;
                transaction
                    .pragma_update(None, "user_version", FORMAT)
                    .map_err(&fail)?;
            }
            transaction.commit().map_err(&fail)?;
        }
        connection.execute_batch(LATER_INDEXES).map_err(&fail)?;
    }
    // A damaged first page shows here, before anybody relies on the rest.
    connection
        .query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))
        .map_err(&fail)?;
    Ok(connection)
}

/// Returns a function that tells a damaged, full or busy database from other refusals.
pub(crate) fn explain(root: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let path = root.to_owned();
    move |source| {
        let path = path.clone();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Error::DatabaseDamaged { path, source }
            }
            Some(ErrorCode::DiskFull) => Error::DiskFull {
                path,
                needed: None,
                available: None,
            },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
                what: "the store's database".to_owned(),
            },
            Some(ErrorCode::ReadOnly) => Error::ReadOnly { path },
            // A schema that is not ours, or rows that do not read as what they must be, is damage too.
            _ if matches!(
                source,
                rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::InvalidColumnType(..)
            ) =>
            {
                Error::DatabaseDamaged { path, source }
            }
            _ if source.to_string().contains("no such table")
                || source.to_string().contains("no such column") =>
            {
                Error::DatabaseDamaged { path, source }
            }
            _ => Error::Database { source },
        }
    }
}

/// Lets a type with a text form stand in a column.
pub(crate) struct Text<T>(pub(crate) T);

impl<T: std::str::FromStr> FromSql for Text<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value
            .as_str()?
            .parse()
            .map(Text)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Text<&Digest> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_str()))
    }
}

impl ToSql for Text<&ImageName> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.to_string()))
    }
}

/// A time as it stands in a column.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// Reads a time from a column; one outside of what a time can be is the nearest that can.
pub(crate) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// Reads a size from a column. Negative ones do not occur but in damaged rows.
pub(crate) fn size(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// Puts a size into a column.
pub(crate) fn column(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
