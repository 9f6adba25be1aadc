//! Looking at the files of blobs: which are not what their rows say, and which have none.

use std::{fs, io};

use oci::{Algorithm, Digest};
use rusqlite::OptionalExtension;

use super::content::is_unreadable;
use super::{Problem, ProblemKind, Report, files_in};
use crate::database::{Text, size};
use crate::{BlobFault, Error, Result, Store, lock};

impl Store {
    /// Looks at every blob's file without reading it. Returns those that can be read.
    pub(super) fn check_blob_files(&self, report: &mut Report) -> Result<Vec<(Digest, u64)>> {
        let rows = self.read(|sql| {
            let mut statement =
                sql.prepare("SELECT digest, size, damaged FROM blobs ORDER BY id")?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, Text<Digest>>(0)?.0,
                    size(row.get(1)?),
                    row.get::<_, bool>(2)?,
                ))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut whole = Vec::new();
        for (digest, size, damaged) in rows {
            report.blobs += 1;
            let fault = match fs::symlink_metadata(self.blob_path(&digest)) {
                Ok(found) if !found.is_file() => Some(BlobFault::NotAFile),
                Ok(found) if found.len() != size => Some(BlobFault::Size),
                Ok(_) => damaged.then_some(BlobFault::Content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Some(BlobFault::Missing),
                Err(error) => return Err(Error::io("look at", &self.blob_path(&digest))(error)),
            };
            match fault {
                Some(fault) => self.report_blob(&digest, fault, report)?,
                None => whole.push((digest, size)),
            }
        }
        Ok(whole)
    }

    pub(super) fn report_blob(
        &self,
        digest: &Digest,
        fault: BlobFault,
        report: &mut Report,
    ) -> Result<()> {
        let images = self.holders_of(digest)?;
        let path = Some(self.blob_path(digest));
        report.problems.push(Problem {
            kind: ProblemKind::Blob(fault),
            digest: Some(digest.clone()),
            path,
            images,
            repairable: true,
        });
        Ok(())
    }

    pub(super) fn holders_of(&self, digest: &Digest) -> Result<Vec<Digest>> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached(
                "SELECT images.target FROM blobs JOIN image_blobs ON image_blobs.blob = blobs.id
                 JOIN images ON images.id = image_blobs.image WHERE blobs.digest = ? AND images.removed IS NULL ORDER BY images.id",
            )?;
            let rows = statement.query_map([Text(digest)], |row| Ok(row.get::<_, Text<Digest>>(0)?.0))?;
            rows.collect()
        })
    }

    /// Finds files under `blobs/` that no row names.
    pub(super) fn check_strangers(&self, report: &mut Report) -> Result<()> {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            for path in files_in(&self.root().join("blobs").join(algorithm.as_str()))? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let digest = format!("{}:{name}", algorithm.as_str())
                    .parse::<Digest>()
                    .ok();
                let known = match &digest {
                    Some(digest) => self.has_row(digest)?,
                    None => false,
                };
                if !known {
                    let kind = if digest.is_some() {
                        ProblemKind::UnknownBlob
                    } else {
                        ProblemKind::StrangeFile
                    };
                    report.problems.push(Problem {
                        kind,
                        digest,
                        path: Some(path),
                        images: Vec::new(),
                        repairable: true,
                    });
                }
            }
        }
        Ok(())
    }

    pub(super) fn has_row(&self, digest: &Digest) -> Result<bool> {
        self.read(|sql| {
            sql.prepare_cached("SELECT 1 FROM blobs WHERE digest = ?")?
                .exists([Text(digest)])
        })
    }

    /// Notes damage, unless the blob was brought anew or taken by a collector since it was looked at; then the problem is none.
    ///
    /// It is looked at once more under its lock, where nobody else brings or takes it. Whoever has the lock is bringing it.
    pub(super) fn is_still_wrong(&self, problem: &Problem) -> Result<bool> {
        let (ProblemKind::Blob(_), Some(digest)) = (problem.kind, &problem.digest) else {
            return Ok(true);
        };
        let Some(_lock) = lock::try_named(&self.ingest_path(digest))? else {
            return Ok(true);
        };
        let row = self.read(|sql| {
            sql.prepare_cached("SELECT size, damaged FROM blobs WHERE digest = ?")?
                .query_row([Text(digest)], |row| {
                    Ok((size(row.get(0)?), row.get::<_, bool>(1)?))
                })
                .optional()
        })?;
        let wrong = match row {
            None => false,
            Some((_, true)) => true,
            Some((size, false)) => {
                let place = self.blob_path(digest);
                match self.is_verified(&place, digest, size) {
                    Ok(verified) => !verified,
                    // It went in between, or a sector of it cannot be read.
                    Err(Error::Io { source, .. })
                        if source.kind() == io::ErrorKind::NotFound || is_unreadable(&source) =>
                    {
                        true
                    }
                    Err(other) => return Err(other),
                }
            }
        };
        if wrong {
            self.mark_damaged(digest)?;
        }
        self.drop_empty_partial(digest)?;
        Ok(wrong)
    }
}
