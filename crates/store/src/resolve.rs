use oci::{Digest, ImageName, Selector};
use rusqlite::{Connection, OptionalExtension};

use crate::database::Text;
use crate::{Error, Result, Store};

/// The image that somebody meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The image.
    pub target: Digest,
    /// The name by which it was found, also one with the digest under which a registry has it; `None` if by digest or ID alone.
    /// Removing by name only takes that name away.
    pub name: Option<ImageName>,
}

impl Store {
    /// Finds the live image that is meant, by Docker's rules: whole digest (of config, manifest or index), then the exact name
    /// (`:latest` where there is no tag), then the start of an ID. A name that looks like an ID wins.
    ///
    /// # Errors
    /// [`ImageNotFound`](crate::Error::ImageNotFound), [`Ambiguous`](crate::Error::Ambiguous).
    pub fn resolve(&self, selector: &Selector) -> Result<Resolved> {
        self.read_with(|sql| find(self, sql, selector))
    }
}

/// Finds the image that a selector means, on any connection: a plan looks inside its transaction.
pub(crate) fn find(store: &Store, sql: &Connection, selector: &Selector) -> Result<Resolved> {
    let fail = store.explain();
    if let Some(digest) = selector.digest()
        && let Some(target) = by_digest(sql, digest).map_err(&fail)?
    {
        return Ok(Resolved { target, name: None });
    }
    if let Some(reference) = selector.reference() {
        let name = ImageName::of(reference);
        if let Some(target) = by_name(sql, &name).map_err(&fail)? {
            return Ok(Resolved {
                target,
                name: Some(name),
            });
        }
        if let Some(digest) = reference.digest()
            && let Some(target) = by_repo_digest(sql, &name, digest).map_err(&fail)?
        {
            return Ok(Resolved {
                target,
                name: Some(name),
            });
        }
    }
    let not_found = || Error::ImageNotFound {
        text: selector.text().to_owned(),
    };
    let prefix = selector.id_prefix().ok_or_else(not_found)?;
    let mut matches = by_prefix(sql, prefix).map_err(&fail)?;
    match matches.len() {
        0 => Err(not_found()),
        1 => Ok(Resolved {
            target: matches.remove(0),
            name: None,
        }),
        _ => Err(Error::Ambiguous {
            text: selector.text().to_owned(),
            matches,
        }),
    }
}

fn by_digest(sql: &Connection, digest: &Digest) -> rusqlite::Result<Option<Digest>> {
    let mut statement = sql.prepare_cached(
        "SELECT target FROM images WHERE removed IS NULL AND (target = ?1 OR config = ?1) ORDER BY target = ?1 DESC, id LIMIT 1",
    )?;
    let direct = statement
        .query_row([Text(digest)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))
        .optional()?;
    if direct.is_some() {
        return Ok(direct);
    }
    // The manifest of an index that is here.
    let mut statement = sql.prepare_cached(
        "SELECT images.target FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id JOIN images ON images.id = image_blobs.image
         WHERE blobs.digest = ?1 AND images.removed IS NULL AND instr(images.manifests, ?1) LIMIT 1",
    )?;
    statement
        .query_row([Text(digest)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))
        .optional()
}

fn by_name(sql: &Connection, name: &ImageName) -> rusqlite::Result<Option<Digest>> {
    sql.prepare_cached(
        "SELECT images.target FROM tags JOIN images ON images.id = tags.image WHERE tags.name = ?",
    )?
    .query_row([Text(name)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))
    .optional()
}

/// `name@digest` also finds an image that a registry has under it, but not one of another repository.
fn by_repo_digest(
    sql: &Connection,
    name: &ImageName,
    digest: &Digest,
) -> rusqlite::Result<Option<Digest>> {
    sql.prepare_cached(
        "SELECT images.target FROM images JOIN repo_digests ON repo_digests.image = images.id
         WHERE images.removed IS NULL AND repo_digests.name = ?1 AND images.target = ?2",
    )?
    .query_row([name.to_string(), digest.to_string()], |row| {
        Ok(row.get::<_, Text<Digest>>(0)?.0)
    })
    .optional()
}

fn by_prefix(sql: &Connection, prefix: &str) -> rusqlite::Result<Vec<Digest>> {
    // The letter after f ends the range, so that the indexes on both columns serve.
    let (from, to) = (format!("sha256:{prefix}"), format!("sha256:{prefix}g"));
    let mut statement = sql.prepare_cached(
        "SELECT target FROM images WHERE removed IS NULL AND target >= ?1 AND target < ?2
         UNION SELECT target FROM images WHERE removed IS NULL AND config >= ?1 AND config < ?2 LIMIT 10",
    )?;
    let rows = statement.query_map([from, to], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
    rows.collect()
}
