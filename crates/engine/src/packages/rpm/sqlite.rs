//! `rpmdb.sqlite`: a table `Packages` of numbers and headers.
//!
//! Source: <https://github.com/rpm-software-management/rpm/blob/master/lib/backend/sqlite.c>.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::RpmError;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Where the format says by which journal it is written and read: 1 the rollback journal, 2 the write-ahead log.
const JOURNAL: std::ops::Range<usize> = 18..20;

/// Steps of SQLite between two looks at whether it is too long at it.
const STEPS: i32 = 100_000;

/// Such looks at most: a billion steps are some seconds. Ten thousand packages take one look.
const LOOKS: u32 = 10_000;

pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Returns the header of every package. The bytes are read where they are: no file is made.
pub(super) fn headers(mut bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, RpmError> {
    // A log stands in a file of its own, which memory has not; rpm empties it when it closes the database.
    if let Some(journal) = bytes.get_mut(JOURNAL) {
        journal.fill(1);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_in_memory_with_flags(flags)?;
    // Whatever the schema says is data, never to be run.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let (size, mut looks) = (bytes.len(), 0);
    database.deserialize_read_exact("main", bytes.as_slice(), size, true)?;
    drop(bytes);
    database.progress_handler(
        STEPS,
        Some(move || {
            looks += 1;
            looks > LOOKS
        }),
    )?;
    database.pragma_update(None, "cell_size_check", true)?;
    let mut statement = database.prepare("SELECT blob FROM Packages")?;
    let mut rows = statement.query([])?;
    let (mut found, mut taken) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let header: Vec<u8> = row.get(0)?;
        taken += header.len();
        if taken > size {
            return Err(RpmError::Damaged("several rows have the same bytes"));
        }
        found.push(header);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::rpm::tests::header_of;

    fn database(schema: &str) -> Vec<u8> {
        let mut made = Connection::open_in_memory().expect("memory");
        made.execute_batch(schema).expect("a schema");
        if let Ok(mut insert) = made.prepare("INSERT INTO Packages (blob) VALUES (?)") {
            insert
                .execute([header_of("bash", "5.2", None)])
                .expect("a row");
        }
        made.serialize("main").expect("bytes").to_vec()
    }

    #[test]
    fn headers_are_rows_also_behind_a_log() {
        let table = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)";
        let mut bytes = database(table);
        let found = headers(bytes.clone()).expect("it is whole");
        assert_eq!(found, [header_of("bash", "5.2", None)]);
        bytes[JOURNAL].fill(2);
        assert_eq!(headers(bytes.clone()).expect("it is whole").len(), 1);
        bytes.truncate(bytes.len() / 2);
        assert!(headers(bytes).is_err());
    }

    #[test]
    fn what_the_schema_says_is_not_run() {
        let endless = "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT zeroblob(10) UNION ALL SELECT blob FROM n) SELECT blob FROM n";
        assert!(headers(database(endless)).is_err());
        assert!(headers(database("CREATE TABLE Other (blob BLOB)")).is_err());
    }
}
