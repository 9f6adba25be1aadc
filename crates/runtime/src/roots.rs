//! The unpacked files of images, on which containers stand.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::message::{self, Work};
use crate::monitor;
use crate::runtime::{Runtime, absolute};
use crate::start::Leftovers;

impl Runtime {
    /// Returns the folder with the files of an image, unpacked if it was not before: blob and file index of each layer, base first, and
    /// a name for the stack, which is its last chain ID.
    ///
    /// Folders are kept below [`Settings::roots`], for containers of all images that have the same layers, apart for each user who
    /// makes them, because owners differ. Dropping the future leaves an unfinished folder, which the next [`Self::sweep`] removes. `told` hears
    /// how many bytes of files were written.
    ///
    /// # Errors
    /// [`Failure::Unpack`].
    pub async fn unpack(
        &self,
        chain_id: &oci::Digest,
        layers: Vec<(PathBuf, PathBuf)>,
        told: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<PathBuf, Error> {
        let target = self.root_of(chain_id);
        if target.is_dir() {
            return Ok(target);
        }
        let parent = self.roots();
        std::fs::create_dir_all(&parent).map_err(Error::io("make", &parent))?;
        let target = absolute(&parent)?.join(chain_id.hex());
        let work = Work::Unpack(message::Unpack {
            layers,
            target: target.clone(),
            marks: false,
        });
        self.until_done(work, told).await?;
        Ok(target)
    }

    /// Makes a folder of one layer, to be put on top of others in [`Start::lower`]: what the layer removes becomes overlay's marks.
    ///
    /// The layer must have the folders above each of its entries, as those do that a commit writes: a folder that is not in it would
    /// hide the attributes of the one below. That the folder is there already is fine; what it holds is not looked at then.
    ///
    /// # Errors
    /// [`Failure::Unpack`], [`Failure::Step`].
    pub async fn unpack_layer(
        &self,
        blob: PathBuf,
        index: PathBuf,
        target: &Path,
    ) -> Result<(), Error> {
        let work = Work::Unpack(message::Unpack {
            layers: vec![(blob, index)],
            target: absolute(target)?,
            marks: true,
        });
        self.until_done(work, &|_| ()).await
    }

    /// Removes unfinished folders whose monitor has ended, and the unpacked files of all images but those that are to be kept.
    /// Files that a container stands on at this moment stay.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn sweep(&self, keep: &(dyn Fn(&str) -> bool + Send + Sync)) -> Result<(), Error> {
        let roots = self.roots();
        for path in entries(&roots)? {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            let stays = match unfinished(&name) {
                Some(Some(pid)) => monitor::is_running(pid),
                _ => keep(&name),
            };
            if stays {
                continue;
            }
            let locked = monitor::try_lock(&path).map_err(Error::io("lock", &path))?;
            let Some(lock) = locked else { continue };
            // Half of an image's files must never have the name of the whole.
            let aside = roots.join(format!("{name}.0.new"));
            std::fs::rename(&path, &aside).map_err(Error::io("remove", &path))?;
            drop(lock);
            self.remove(&aside).await?;
        }
        Ok(())
    }

    /// Lists what does not belong among unpacked files: folders that a crash left half made, and things that are none of ours.
    /// Nothing is changed, and no program is needed for it.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn leftovers(roots: &Path) -> Result<Leftovers, Error> {
        let mut left = Leftovers::default();
        for user in entries(roots)? {
            if !user.is_dir() {
                left.strange.push(user);
                continue;
            }
            for path in entries(&user)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let name: &str = &name;
                match unfinished(name) {
                    Some(Some(monitor)) if monitor::is_running(monitor) => {}
                    Some(Some(_)) => left.unfinished.push(path),
                    None if path.is_dir() && is_chain_id(name) => {}
                    _ => left.strange.push(path),
                }
            }
        }
        Ok(left)
    }

    /// Returns where the files of a stack of layers are, or would be.
    fn root_of(&self, chain_id: &oci::Digest) -> PathBuf {
        self.roots().join(chain_id.hex())
    }

    fn roots(&self) -> PathBuf {
        self.settings.roots.join(self.identity.key())
    }
}

/// Lists what is in a folder, in the order of the names; nothing where it is not there.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let found = match std::fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    let paths = found.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths
        .collect::<Result<_, _>>()
        .map_err(Error::io("read", folder))?;
    paths.sort();
    Ok(paths)
}

/// Reads of which monitor a folder is that is not complete: `NAME.PID.new`. `Some(None)` where the name is none that a monitor gives.
fn unfinished(name: &str) -> Option<Option<i32>> {
    let name = name.strip_suffix(".new")?;
    Some(name.rsplit('.').next().and_then(|pid| pid.parse().ok()))
}

fn is_chain_id(name: &str) -> bool {
    name.len() >= 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
