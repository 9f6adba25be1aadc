//! How a removal or prune is worked out: Docker's rules, on the store as it is.

use std::collections::{BTreeMap, BTreeSet};

use oci::{Digest, ImageName};
use rusqlite::{Connection, params};

use crate::database::{Text, size};
use crate::plan::{Plan, Request};
use crate::resolve::find;
use crate::{
    BlockReason, Blocked, DeletedImage, Error, FreedBlob, PruneOptions, RemovalOptions, Resolved,
    Result, Store, Untagged,
};

/// What is known of an image while the plan grows.
struct Candidate {
    row: i64,
    target: Digest,
    id: Digest,
    total: u64,
    /// All names that it had before.
    names: Vec<ImageName>,
    /// Those that it still has.
    left: Vec<ImageName>,
    /// Under which digests registries have it, those that are still known.
    known_as: Vec<ImageName>,
    containers: Vec<(String, bool)>,
    deleted: bool,
}

/// Works out a plan. Two calls on the same store give the same plan, which is how a stale one is found.
pub(crate) fn make(store: &Store, sql: &Connection, request: &Request) -> Result<Plan> {
    let mut plan = Plan {
        untagged: Vec::new(),
        deleted: Vec::new(),
        blobs: Vec::new(),
        freed_bytes: 0,
        kept_bytes: 0,
        blocked: Vec::new(),
        request: request.clone(),
    };
    let fail = store.explain();
    let doomed = match request {
        Request::Removal { selectors, options } => {
            let mut found = Vec::new();
            for selector in selectors {
                match find(store, sql, selector) {
                    Ok(resolved) => found.push((selector.text(), resolved)),
                    Err(Error::ImageNotFound { text }) => plan.blocked.push(Blocked {
                        name: text,
                        target: None,
                        reason: BlockReason::NotFound,
                    }),
                    Err(Error::Ambiguous { text, .. }) => plan.blocked.push(Blocked {
                        name: text,
                        target: None,
                        reason: BlockReason::Ambiguous,
                    }),
                    Err(other) => return Err(other),
                }
            }
            remove(sql, &mut plan, &found, *options).map_err(&fail)?
        }
        Request::Prune { options } => prune(sql, &mut plan, options).map_err(&fail)?,
    };
    let forgotten = matches!(request, Request::Prune { options } if options.now_drop);
    count(sql, &mut plan, &doomed, forgotten).map_err(&fail)?;
    Ok(plan)
}

fn candidate(sql: &Connection, target: &Digest) -> rusqlite::Result<Candidate> {
    let (row, id, total) = sql
        .prepare_cached(
            "SELECT id, config, total_size FROM images WHERE target = ? AND removed IS NULL",
        )?
        .query_row([Text(target)], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Text<Digest>>(1)?.0,
                size(row.get(2)?),
            ))
        })?;
    let names: Vec<ImageName> = sql
        .prepare_cached("SELECT name FROM tags WHERE image = ? ORDER BY name")?
        .query_map([row], |row| Ok(row.get::<_, Text<ImageName>>(0)?.0))?
        .collect::<rusqlite::Result<_>>()?;
    let known_as = sql
        .prepare_cached("SELECT name FROM repo_digests WHERE image = ? ORDER BY name")?
        .query_map([row], |row| Ok(row.get::<_, Text<ImageName>>(0)?.0))?
        .collect::<rusqlite::Result<_>>()?;
    let containers = sql
        .prepare_cached("SELECT container, running FROM in_use WHERE image = ? ORDER BY running DESC, container")?
        .query_map([row], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Candidate {
        row,
        target: target.clone(),
        id,
        total,
        left: names.clone(),
        names,
        known_as,
        containers,
        deleted: false,
    })
}

fn remove(
    sql: &Connection,
    plan: &mut Plan,
    found: &[(&str, Resolved)],
    options: RemovalOptions,
) -> rusqlite::Result<Vec<i64>> {
    let mut candidates: BTreeMap<Digest, Candidate> = BTreeMap::new();
    let mut order = Vec::new();
    for (text, resolved) in found {
        if !candidates.contains_key(&resolved.target) {
            candidates.insert(resolved.target.clone(), candidate(sql, &resolved.target)?);
            order.push(resolved.target.clone());
        }
        let Some(image) = candidates.get_mut(&resolved.target) else {
            continue;
        };
        let outcome = match &resolved.name {
            Some(name) => remove_name(image, name, options),
            None => remove_image(image, options),
        };
        match outcome {
            Ok(names) => {
                let target = image.target.clone();
                plan.untagged.extend(names.into_iter().map(|name| Untagged {
                    name,
                    target: target.clone(),
                }));
            }
            Err(reason) => plan.blocked.push(Blocked {
                name: (*text).to_owned(),
                target: Some(image.target.clone()),
                reason,
            }),
        }
    }
    let mut doomed = Vec::new();
    for target in order {
        let Some(image) = candidates.remove(&target).filter(|image| image.deleted) else {
            continue;
        };
        doomed.push(image.row);
        plan.deleted.push(deleted(image));
    }
    Ok(doomed)
}

fn deleted(image: Candidate) -> DeletedImage {
    let Candidate {
        row: _,
        target,
        id,
        total,
        names,
        left: _,
        known_as: _,
        containers: _,
        deleted: _,
    } = image;
    DeletedImage {
        target,
        id,
        names,
        size: total,
    }
}

/// Takes one name away; with the last tag of a repository go its digests, with the last name goes the image.
///
/// That is docker's rule (measured with 20.10). Of an image that goes as a whole the digests go and come back with it, unnamed.
///
/// A name with a digest may be one under which a registry is known to have the image: the image's own names then stay, and with
/// them the image.
fn remove_name(
    image: &mut Candidate,
    name: &ImageName,
    options: RemovalOptions,
) -> std::result::Result<Vec<ImageName>, BlockReason> {
    let is_own = image.left.contains(name);
    if !is_own && !image.known_as.contains(name) {
        return Ok(Vec::new());
    }
    let repository = name.reference().name();
    let mut going = vec![name.clone()];
    let mut left: Vec<ImageName> = image
        .left
        .iter()
        .filter(|left| *left != name)
        .cloned()
        .collect();
    if name.tag().is_some() && !tagged(&left, &repository) {
        let (digests, others): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|left| left.digest().is_some() && left.reference().name() == repository);
        going.extend(digests);
        left = others;
    }
    let mut known_as = image.known_as.clone();
    known_as.retain(|known| !going.contains(known));
    // Where the last of its own names goes, what registries have it as does not hold it.
    if left.is_empty() && (is_own || known_as.is_empty()) {
        if let Some((container, running)) = image.containers.first()
            && (*running || !options.force)
        {
            return Err(BlockReason::LastNameInUse {
                container: container.clone(),
            });
        }
        // A container that stopped keeps the content; docker then only takes the name away.
        image.deleted = image.containers.is_empty();
    }
    if is_own && !image.deleted && name.tag().is_some() && !tagged(&left, &repository) {
        let (of_it, others) = known_as
            .into_iter()
            .partition(|known| known.reference().name() == repository);
        known_as = others;
        going.extend::<Vec<_>>(of_it);
    }
    image.left = left;
    image.known_as = known_as;
    Ok(going)
}

/// Tells whether one of the names is a tag of a repository.
fn tagged(names: &[ImageName], repository: &str) -> bool {
    names
        .iter()
        .any(|name| name.tag().is_some() && name.reference().name() == repository)
}

/// Takes an image away with all its names.
fn remove_image(
    image: &mut Candidate,
    options: RemovalOptions,
) -> std::result::Result<Vec<ImageName>, BlockReason> {
    let repositories: BTreeSet<String> = image
        .left
        .iter()
        .map(|name| name.reference().name())
        .collect();
    let tags = image.left.iter().filter(|name| name.tag().is_some());
    let is_single = repositories.len() <= 1 && tags.count() <= 1;
    // In docker's order: what force cannot help with comes first.
    match image.containers.first() {
        Some((container, true)) => {
            return Err(BlockReason::RunningContainer {
                container: container.clone(),
            });
        }
        _ if !is_single && !options.force => {
            return Err(BlockReason::SeveralNames {
                names: image.left.clone(),
            });
        }
        Some((container, false)) if !options.force => {
            return Err(BlockReason::StoppedContainer {
                container: container.clone(),
            });
        }
        _ => {}
    }
    image.deleted = true;
    Ok(std::mem::take(&mut image.left))
}

fn prune(sql: &Connection, plan: &mut Plan, options: &PruneOptions) -> rusqlite::Result<Vec<i64>> {
    let dangling = if options.all {
        ""
    } else {
        "AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.image = images.id)"
    };
    let mut statement = sql.prepare(&format!(
        "SELECT target FROM images WHERE removed IS NULL AND NOT EXISTS (SELECT 1 FROM in_use WHERE in_use.image = images.id) {dangling} ORDER BY id"
    ))?;
    let targets: Vec<Digest> = statement
        .query_map([], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?
        .collect::<rusqlite::Result<_>>()?;
    let only: Option<BTreeSet<&Digest>> = options.only.as_ref().map(|only| only.iter().collect());
    let mut doomed = Vec::new();
    for target in targets
        .iter()
        .filter(|target| only.as_ref().is_none_or(|only| only.contains(target)))
    {
        let image = candidate(sql, target)?;
        doomed.push(image.row);
        plan.untagged
            .extend(image.names.iter().map(|name| Untagged {
                name: name.clone(),
                target: target.clone(),
            }));
        plan.deleted.push(deleted(image));
    }
    Ok(doomed)
}

/// Counts the blobs that nothing live needs once the doomed images are gone; with `forgotten`, also what removed images still hold.
fn count(
    sql: &Connection,
    plan: &mut Plan,
    doomed: &[i64],
    forgotten: bool,
) -> rusqlite::Result<()> {
    let mut held: BTreeMap<i64, i64> = BTreeMap::new();
    for image in doomed {
        // What a container was made of stays for it, when its image is removed by force.
        let used = sql
            .prepare_cached("SELECT 1 FROM in_use WHERE image = ?")?
            .exists([image])?;
        let mut statement = sql.prepare_cached("SELECT blob FROM image_blobs WHERE image = ?")?;
        let mut rows = statement.query([image])?;
        while let Some(row) = rows.next()? {
            *held.entry(row.get(0)?).or_default() += i64::from(!used);
        }
    }
    let mut all = 0;
    for (blob, holders) in &held {
        let (digest, bytes, refs) = sql
            .prepare_cached("SELECT digest, size, refs FROM blobs WHERE id = ?")?
            .query_row([blob], |row| {
                Ok((
                    row.get::<_, Text<Digest>>(0)?.0,
                    size(row.get(1)?),
                    row.get::<_, i64>(2)?,
                ))
            })?;
        all += bytes;
        if refs == *holders {
            plan.blobs.push(FreedBlob {
                digest,
                size: bytes,
            });
        }
    }
    plan.kept_bytes = all - plan.blobs.iter().map(|blob| blob.size).sum::<u64>();
    if forgotten {
        let mut statement = sql.prepare(
            "SELECT id, digest, size FROM blobs WHERE refs = 0 AND NOT EXISTS (SELECT 1 FROM lease_blobs WHERE lease_blobs.digest = blobs.digest)
             AND NOT EXISTS (SELECT 1 FROM image_blobs JOIN in_use ON in_use.image = image_blobs.image WHERE image_blobs.blob = blobs.id)",
        )?;
        let mut rows = statement.query(params![])?;
        while let Some(row) = rows.next()? {
            plan.blobs.push(FreedBlob {
                digest: row.get::<_, Text<Digest>>(1)?.0,
                size: size(row.get(2)?),
            });
        }
    }
    plan.blobs.sort();
    plan.freed_bytes = plan.blobs.iter().map(|blob| blob.size).sum();
    Ok(())
}
