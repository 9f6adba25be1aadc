//! Looks at and changes files of a container that runs, where its own programs see them: volumes too.

use std::path::Path;

use crate::message::{self, Inner, Report, Work};
use crate::runtime::{Runtime, absolute};
use crate::{Changes, Error, Failure, FoundPath};

impl Runtime {
    /// Finds where a path leads, as a program in the container would, never above its root. `None` where the folder that it would
    /// be in is not there, or where it ends in a link that leads nowhere.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; [`Failure::Step`].
    pub async fn look(&self, folder: &Path, path: &[u8]) -> Result<Option<FoundPath>, Error> {
        let mut line = self
            .ask(Work::Look(message::Look {
                inner: self.inner(folder)?,
                path: path.to_vec(),
            }))
            .await?;
        loop {
            if let (Report::Found(found), _) = line.hear().await? {
                return Ok(found);
            }
        }
    }

    /// Reads what a path leads to, as a program in the container would see it, with all that is in it; a link at the end is followed
    /// where a slash is behind it. The paths that are told are those of the container. `None` where nothing is there, and for what is
    /// in `/proc`, `/sys` and `/dev`, which are passed over also where they are in a folder.
    ///
    /// Programs go on meanwhile. A file that got shorter ends in zeros; what they take away before it is read is not told.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; [`Failure::Step`].
    pub async fn take(
        &self,
        folder: &Path,
        path: &[u8],
    ) -> Result<Option<(FoundPath, Changes)>, Error> {
        let take = message::Take {
            inner: self.inner(folder)?,
            path: path.to_vec(),
        };
        let mut line = self.ask(Work::Take(take)).await?;
        loop {
            let (report, files) = line.hear().await?;
            let Report::Found(found) = report else {
                continue;
            };
            let Some(found) = found else { return Ok(None) };
            return Ok(Some((found, Changes::from_pipe(files)?)));
        }
    }

    /// Removes paths with all that is at and below them, and puts the files of a tar, which has an index, where they belong.
    ///
    /// A file takes the place of another; a folder is kept and filled; folders that the tar does not have stay as they are. No link is
    /// followed on the way, so that a program that swaps a folder for a link meanwhile makes this fail and leads nowhere. Devices are
    /// left out where the user may make none.
    ///
    /// Returns which files that were there before could not be removed at the end, and why: they have names that begin with `.strata-`.
    ///
    /// Every name changes in one step. After a failure, and where the caller goes before the first name was changed, all is as it
    /// was. What cannot be changed back, as a program took its name meanwhile, is kept under one that begins with `.strata-`, and the
    /// error tells which. Where the file system of a volume cannot exchange names, a file that was replaced stays so. A folder that
    /// the image has, and that is to go, cannot be put aside: of it a part may be gone where the system does not let something in it
    /// be removed. A crash leaves every name old or new, and names that begin with `.strata-`.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; [`Failure::InTheWay`]; [`Failure::Step`] names what could not be changed.
    pub async fn put(
        &self,
        folder: &Path,
        removed: Vec<Vec<u8>>,
        tar: &Path,
        index: &Path,
    ) -> Result<Vec<String>, Error> {
        let work = Work::Put(message::Put {
            inner: self.inner(folder)?,
            removed,
            tar: absolute(tar)?,
            index: absolute(index)?,
        });
        let mut line = self.ask(work).await?;
        loop {
            if let (Report::Put { left }, _) = line.hear().await? {
                return Ok(left);
            }
        }
    }

    fn inner(&self, folder: &Path) -> Result<Inner, Error> {
        let recorded = self.recorded(folder)?.ok_or(Failure::NotRunning)?;
        Ok(Inner {
            monitor: recorded.monitor.pid,
            first: recorded.process.ok_or(Failure::NotRunning)?,
        })
    }
}
