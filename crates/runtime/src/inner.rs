//! Looks at and changes files of a container that runs, where its own programs see them: volumes too.

use std::path::Path;

use crate::message::{self, Inner, Report, Work};
use crate::runtime::{Runtime, absolute};
use crate::{Error, Failure, FoundPath};

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

    /// Removes paths with all that is at and below them, and then puts the files of a tar, which has an index, where they belong.
    ///
    /// A file takes the place of another; a folder is kept and filled; folders that the tar does not have must be there, and stay as they
    /// are. No link is followed on the way, so that a program that swaps a folder for a link meanwhile makes this fail and leads
    /// nowhere. What was changed before a failure stays changed.
    ///
    /// # Errors
    /// [`Failure::NotRunning`]; [`Failure::Step`] names what could not be changed.
    pub async fn put(
        &self,
        folder: &Path,
        removed: Vec<Vec<u8>>,
        tar: &Path,
        index: &Path,
    ) -> Result<(), Error> {
        let work = Work::Put(message::Put {
            inner: self.inner(folder)?,
            removed,
            tar: absolute(tar)?,
            index: absolute(index)?,
        });
        self.until_done(work, &|_| ()).await
    }

    fn inner(&self, folder: &Path) -> Result<Inner, Error> {
        let recorded = self.recorded(folder)?.ok_or(Failure::NotRunning)?;
        Ok(Inner {
            monitor: recorded.monitor.pid,
            first: recorded.process.ok_or(Failure::NotRunning)?,
        })
    }
}
