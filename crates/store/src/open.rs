use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::lock::{self, Lock};
use crate::{Error, ProcessIdentity, Result, database, durable, filesystem, mirror, rebuild};

/// A store, open. Clones are the same store; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    read_only: bool,
    connection: Mutex<Connection>,
    /// The name of this process's lock file, which tells others that it lives.
    owner: String,
    recovery: Mutex<Option<Recovery>>,
    opened: (Timestamp, Instant),
    _owner_lock: Option<Lock>,
    open_lock: OnceLock<Lock>,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The time, for what is written while opening.
    pub now: Timestamp,
    /// Who opens it.
    pub process: ProcessIdentity,
    /// Open for reading only, even where writing would be possible.
    pub read_only: bool,
}

/// What was done on open because the database was missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// When it was rebuilt. An earlier recovery is reported until a check that reads every byte has passed.
    pub at: Timestamp,
    /// What was wrong with the old database, for people.
    pub reason: String,
    /// Where the old database now is, if there was one.
    pub set_aside: Option<PathBuf>,
    /// How many images were found again.
    pub images: u64,
    /// How many names were found again.
    pub names: u64,
}

impl Store {
    /// Opens the store in a folder, and makes it where there is none (mode 0700).
    ///
    /// A damaged or missing database is set aside as `strata.db.damaged-<time>` and rebuilt from the files; [`Self::recovery`]
    /// tells. A folder that cannot be written is opened for reading.
    ///
    /// # Errors
    /// [`Newer`](crate::Error::Newer), [`NetworkFileSystem`](crate::Error::NetworkFileSystem), [`NotAStore`](crate::Error::NotAStore)
    /// leave everything untouched. [`Busy`](crate::Error::Busy) means that another process still uses a damaged database.
    pub fn open(root: &Path, options: &OpenOptions) -> Result<Self> {
        match Self::open_once(root, options, None) {
            Err(Error::DatabaseDamaged { source, .. }) if !options.read_only => {
                Self::open_once(root, options, Some(source.to_string()))
            }
            other => other,
        }
    }

    /// Returns the store's folder.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Tells whether the store can only be read. Every writing method then fails with [`ReadOnly`](crate::Error::ReadOnly).
    pub fn is_read_only(&self) -> bool {
        self.inner.read_only
    }

    /// Returns what was recovered, until a check that reads every byte has passed since.
    pub fn recovery(&self) -> Option<Recovery> {
        lock_of(&self.inner.recovery).clone()
    }

    /// Returns a number that grows with every change to images or names, by any process. Costs microseconds.
    pub fn generation(&self) -> Result<u64> {
        self.read(|sql| {
            sql.prepare_cached(
                "SELECT sum(CAST(value AS INTEGER)) FROM meta WHERE key IN ('generation', 'uses')",
            )?
            .query_row([], |row| row.get(0).map(database::size))
        })
    }

    /// Returns the generation that `index.json` must be of.
    pub(crate) fn mirror_generation(&self) -> Result<u64> {
        self.read(database::generation)
    }
}

const LAYOUT: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

impl Store {
    fn open_once(root: &Path, options: &OpenOptions, damage: Option<String>) -> Result<Self> {
        let writable = !options.read_only && make(root)?;
        if !writable && !root.join("strata.db").exists() {
            return Err(if root.is_dir() {
                Error::ReadOnly {
                    path: root.to_owned(),
                }
            } else {
                Error::NotAStore {
                    path: root.to_owned(),
                    reason: "there is no such folder",
                }
            });
        }
        filesystem::refuse_network(root)?;
        let locks = root.join("locks");
        let (mut owner, mut owner_lock, mut open_lock) = (String::new(), None, None);
        let flag = locks.join("damaged");
        let noted = fs::read_to_string(&flag).ok();
        // SQLite takes an empty file for a new database; where images are, it is one that was lost.
        let missing = fs::metadata(root.join("strata.db")).map_or(true, |found| found.len() == 0)
            && holds_images(root);
        let reason = damage
            .or(noted)
            .or_else(|| missing.then(|| "the database was missing".to_owned()));
        let mut rebuild = None;
        let open_path = locks.join("open");
        if writable {
            filesystem::keep_reserve(root);
            if let Some(reason) = reason {
                // Held until the files are all in the new database: nobody else sees it before.
                let Some(alone) = lock::try_exclusive(&open_path)? else {
                    return Err(Error::Busy {
                        what: "the store, whose database is damaged".to_owned(),
                    });
                };
                let noted = flag.exists();
                let begun = rebuild::begin(root, reason, noted, options.now)?;
                if noted {
                    fs::remove_file(&flag).map_err(Error::io("remove", &flag))?;
                }
                rebuild = begun.map(|begun| (alone, begun));
            }
            if rebuild.is_none() {
                open_lock = Some(share(&open_path)?);
            }
            (owner, owner_lock) = claim(&locks, &options.process)?;
        }
        let connection = match database::open(root, !writable) {
            // SQLite cannot even make its lock files on a file system that is read-only.
            Err(
                Error::DatabaseDamaged { .. } | Error::Database { .. } | Error::ReadOnly { .. },
            ) if !writable => database::open_immutable(root)?,
            other => other?,
        };
        let fail = database::explain(root);
        if writable && rebuild.is_none() && database::is_half_rebuilt(&connection).map_err(&fail)? {
            return Err(damaged(root, "its rebuild was broken off"));
        }
        let inner = Inner {
            root: root.to_owned(),
            read_only: !writable,
            connection: Mutex::new(connection),
            owner,
            recovery: Mutex::new(None),
            opened: (options.now, Instant::now()),
            _owner_lock: owner_lock,
            open_lock: open_lock.map(OnceLock::from).unwrap_or_default(),
        };
        let store = Self {
            inner: Arc::new(inner),
        };
        if let Some((alone, recovery)) = rebuild {
            store.rebuild_rows(recovery, options.now)?;
            drop(alone);
            let shared = share(&open_path)?;
            store.inner.open_lock.get_or_init(|| shared);
        } else {
            store.load_recovery()?;
            if writable {
                store.refuse_rolled_back()?;
                store.mend_mirror()?;
                store.adopt_from_the_dead(options.now)?;
            }
        }
        Ok(store)
    }

    fn load_recovery(&self) -> Result<()> {
        let (text, unchecked) = self.read(database::recovery_note)?;
        let note = text.as_deref().map(serde_json::from_str::<Recovery>);
        *lock_of(&self.inner.recovery) = match note {
            Some(Ok(note)) => Some(note),
            None if !unchecked => None,
            // What cannot be read still says that nothing may be deleted.
            _ => Some(Recovery {
                at: self.inner.opened.0,
                reason: "the note of an earlier recovery cannot be read".to_owned(),
                set_aside: None,
                images: 0,
                names: 0,
            }),
        };
        Ok(())
    }

    /// Remembers a recovery until a check has passed, in all processes. With this note a rebuild is complete.
    pub(crate) fn set_recovery(&self, recovery: Recovery) -> Result<()> {
        let text = rebuild::text_of(&recovery)?;
        self.note(|sql| {
            sql.execute(
                "INSERT OR REPLACE INTO meta VALUES ('recovery', ?), ('unchecked', '1')",
                [text],
            )?;
            sql.execute("DELETE FROM meta WHERE key = 'rebuilding'", [])
                .map(drop)
        })?;
        *lock_of(&self.inner.recovery) = Some(recovery);
        Ok(())
    }

    /// Forgets a recovery, in all processes, and so unlocks the collector.
    pub(crate) fn clear_recovery(&self) -> Result<()> {
        self.note(|sql| {
            sql.execute("INSERT OR REPLACE INTO meta VALUES ('unchecked', '0')", [])?;
            sql.execute("DELETE FROM meta WHERE key = 'recovery'", [])
                .map(drop)
        })?;
        *lock_of(&self.inner.recovery) = None;
        Ok(())
    }

    /// Takes a database that is older than `index.json` for damaged: the file is replaced only after a commit, so that changes
    /// which the file has and the database lacks were committed and then lost (with its log, or by an old copy put back).
    fn refuse_rolled_back(&self) -> Result<()> {
        let mirrored = mirror::generation_of(self.root());
        if mirrored.is_some_and(|mirrored| mirrored > self.mirror_generation().unwrap_or(u64::MAX))
        {
            return Err(damaged(self.root(), "it lacks the latest changes"));
        }
        Ok(())
    }

    /// Writes `index.json` anew where it is not of the database's generation: a crash came between the two.
    pub(crate) fn mend_mirror(&self) -> Result<()> {
        let generation = self.mirror_generation()?;
        if mirror::is_of(self.root(), generation) {
            return Ok(());
        }
        let _serial = lock::exclusive(&self.locks().join("write"))?;
        let text = self.read(|sql| mirror::whole(sql, database::generation(sql)?))?;
        durable::prepare(&self.locks().join("index.json.new"), text.as_bytes())?;
        mirror::publish(self.root())
    }

    /// Returns the connection. A panic elsewhere leaves it usable: SQLite rolls the open transaction back.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        lock_of(&self.inner.connection)
    }

    /// Reads from the database.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let connection = self.connection();
        work(&connection).map_err(self.explain())
    }

    /// Reads from the database where other things can fail too.
    pub(crate) fn read_with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&self.connection())
    }

    /// Returns what turns SQLite's errors into ours, and notes damage so that the next open mends it.
    pub(crate) fn explain(&self) -> impl Fn(rusqlite::Error) -> Error + use<> {
        let explain = database::explain(self.root());
        let flag = (!self.inner.read_only).then(|| self.locks().join("damaged"));
        move |source| {
            let error = explain(source);
            if let (Error::DatabaseDamaged { source, .. }, Some(flag)) = (&error, &flag)
                && let Err(failure) = durable::prepare(flag, source.to_string().as_bytes())
            {
                tracing::warn!(%failure, "the damage of the database could not be noted");
            }
            error
        }
    }

    /// Fails where the store can only be read.
    pub(crate) fn refuse_read_only(&self) -> Result<()> {
        if self.inner.read_only {
            Err(Error::ReadOnly {
                path: self.root().to_owned(),
            })
        } else {
            Ok(())
        }
    }

    /// Returns the name under which leases are owned.
    pub(crate) fn owner(&self) -> &str {
        &self.inner.owner
    }

    /// Returns the time: that of opening, and what has passed since. It does not jump when somebody sets the clock.
    pub(crate) fn time(&self) -> i64 {
        let (at, since) = self.inner.opened;
        let passed = i64::try_from(since.elapsed().as_micros()).unwrap_or_default();
        database::micros(at).saturating_add(passed)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.owner.is_empty() {
            // Another process removes it, should this one not get here.
            let path = self.root.join("locks").join(&self.owner);
            if let Err(error) = fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "the lock file of this process could not be removed");
            }
        }
    }
}

fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The folders that every store has.
const FOLDERS: [&str; 5] = ["locks", "blobs/sha256", "ingest", "layers", "containers"];

/// Tells whether a folder is empty, or holds only what a crash left of making a store in it.
fn is_half_made(root: &Path) -> Result<bool> {
    for entry in fs::read_dir(root).map_err(Error::io("read", root))? {
        let name = entry.map_err(Error::io("read", root))?.file_name();
        if !FOLDERS
            .iter()
            .any(|folder| Path::new(folder).starts_with(&name))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the folder and what must stand in it. Returns whether it can be written.
fn make(root: &Path) -> Result<bool> {
    let existed = root.is_dir();
    if !existed {
        if fs::symlink_metadata(root).is_ok_and(|found| !found.is_dir() && !found.is_symlink()) {
            return Err(Error::NotAStore {
                path: root.to_owned(),
                reason: "it is a file",
            });
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        // Images may hold secrets, and files that are setuid once unpacked: nobody else's to read.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(root).map_err(Error::io("create", root))?;
    } else if !root.join("oci-layout").exists()
        && !root.join("strata.db").exists()
        && !is_half_made(root)?
    {
        return Err(Error::NotAStore {
            path: root.to_owned(),
            reason: "it holds other files",
        });
    }
    if existed && !can_write(root) {
        return Ok(false);
    }
    for folder in FOLDERS {
        durable::make_folder(&root.join(folder))?;
    }
    let layout = root.join("oci-layout");
    if !layout.exists() {
        let temporary = root
            .join("locks")
            .join(format!("oci-layout-{}.new", std::process::id()));
        durable::prepare(&temporary, LAYOUT.as_bytes())?;
        durable::rename(&temporary, &layout)?;
    }
    Ok(true)
}

fn can_write(root: &Path) -> bool {
    #[cfg(unix)]
    {
        rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_ok()
    }
    #[cfg(not(unix))]
    {
        fs::metadata(root).is_ok_and(|found| !found.permissions().readonly())
    }
}

/// Takes a lock file of our own, by which others see that this process lives.
fn claim(locks: &Path, process: &ProcessIdentity) -> Result<(String, Option<Lock>)> {
    for number in 0..10_000_u32 {
        let name = format!("process-{}-{number}", process.pid);
        let path = locks.join(&name);
        // A file that a dead process of the same number left owns leases that must not become ours.
        if path.exists() {
            continue;
        }
        // Whoever sweeps up after the dead may remove the file before it is locked: then it is made once more.
        if let Some(taken) = lock::try_named(&path)? {
            return Ok((name, Some(taken)));
        }
    }
    Err(Error::Busy {
        what: "every name for this process".to_owned(),
    })
}

/// Takes part in the store: while anybody does, its database is not set aside.
fn share(place: &Path) -> Result<Lock> {
    lock::try_shared(place)?.ok_or_else(|| Error::Busy {
        what: "the store, which is being rebuilt".to_owned(),
    })
}

fn damaged(root: &Path, reason: &str) -> Error {
    Error::DatabaseDamaged {
        path: root.to_owned(),
        source: rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(reason.to_owned()),
        ),
    }
}

fn holds_images(root: &Path) -> bool {
    !mirror::read(root).is_empty()
        || fs::read_dir(root.join("blobs/sha256")).is_ok_and(|mut entries| entries.next().is_some())
}
