use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};

use crate::database::Text;
use crate::{Error, Result, Store, filesystem, planning};

/// How to remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovalOptions {
    /// Docker's `--force`: all names of an image at once, and images that stopped containers use.
    pub force: bool,
    /// Free the space at once instead of after the grace time. This cannot be undone.
    pub now_drop: bool,
}

/// What to prune.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneOptions {
    /// Not only dangling images, but all that no container uses.
    pub all: bool,
    /// Only among these targets, where given: the caller's filter.
    pub only: Option<Vec<Digest>>,
    /// Free the space at once, also of what was removed before. This cannot be undone.
    pub now_drop: bool,
}

/// What a removal or prune will do, exactly. [`Store::execute`] does this or fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Names that are taken away.
    pub untagged: Vec<Untagged>,
    /// Images that go.
    pub deleted: Vec<DeletedImage>,
    /// Blobs that nothing live needs any more afterwards.
    pub blobs: Vec<FreedBlob>,
    /// The sum of their sizes: bytes that come back, now or after the grace time.
    pub freed_bytes: u64,
    /// Bytes of the deleted images that stay, because something else needs them.
    pub kept_bytes: u64,
    /// What was asked for and is not done, and why.
    pub blocked: Vec<Blocked>,
    pub(crate) request: Request,
}

/// What the plan was made from, so that it can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Removal {
        selectors: Vec<Selector>,
        options: RemovalOptions,
    },
    Prune {
        options: PruneOptions,
    },
}

/// A name that is taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untagged {
    /// The name; with a digest for one that only says where the image came from.
    pub name: ImageName,
    /// The image that it points at.
    pub target: Digest,
}

/// An image that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedImage {
    /// What its names point at.
    pub target: Digest,
    /// Its ID.
    pub id: Digest,
    /// The names that it has before.
    pub names: Vec<ImageName>,
    /// Bytes of all its blobs.
    pub size: u64,
}

/// A blob that nothing live needs any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FreedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Something that is not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// What was asked for, as it was typed, or the image's ID in a prune.
    pub name: String,
    /// The image, where there is one.
    pub target: Option<Digest>,
    /// Why.
    pub reason: BlockReason,
}

/// Why something is not removed. The texts are Docker's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockReason {
    /// No image is called so.
    NotFound,
    /// Several images have an ID that starts so.
    Ambiguous,
    /// It was asked for by ID and has several tags, or names in several repositories; force takes them all away.
    SeveralNames {
        /// The names.
        names: Vec<ImageName>,
    },
    /// A running container uses it; force does not help.
    RunningContainer {
        /// The container's name.
        container: String,
    },
    /// A stopped container uses it; force helps.
    StoppedContainer {
        /// The container's name.
        container: String,
    },
    /// It is the last name of an image that a container uses; force takes it away.
    LastNameInUse {
        /// The container's name.
        container: String,
    },
}

impl BlockReason {
    /// Tells whether force would remove it.
    pub fn yields_to_force(&self) -> bool {
        matches!(
            self,
            Self::SeveralNames { .. } | Self::StoppedContainer { .. } | Self::LastNameInUse { .. }
        )
    }
}

impl fmt::Display for BlockReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such image"),
            Self::Ambiguous => f.write_str("several images have an ID that starts so"),
            Self::SeveralNames { .. } => {
                f.write_str("image is referenced in multiple repositories (must be forced)")
            }
            Self::RunningContainer { container } => {
                write!(f, "image is being used by running container {container}")
            }
            Self::StoppedContainer { container } => {
                write!(
                    f,
                    "image is being used by stopped container {container} (must be forced)"
                )
            }
            Self::LastNameInUse { container } => {
                write!(
                    f,
                    "container {container} is using its referenced image (must force)"
                )
            }
        }
    }
}

/// What was removed: exactly what the plan said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Names that were taken away.
    pub untagged: Vec<Untagged>,
    /// Images that went.
    pub deleted: Vec<DeletedImage>,
    /// Bytes that came back or will after the grace time.
    pub freed_bytes: u64,
    /// Whether [`Store::undo`] can bring it back.
    pub undoable: bool,
}

impl Store {
    /// Says what removing these would do, by Docker's rules. Changes nothing.
    ///
    /// All selectors are resolved against the store as it is; then each takes effect on what the ones before it left.
    /// What cannot be removed is in [`Plan::blocked`], the rest can still be executed.
    pub fn plan_removal(&self, selectors: &[Selector], options: &RemovalOptions) -> Result<Plan> {
        let request = Request::Removal {
            selectors: selectors.to_vec(),
            options: *options,
        };
        self.read_with(|sql| planning::make(self, sql, &request))
    }

    /// Says what a prune would do. Changes nothing. Images that a container uses stay and are not reported as blocked.
    pub fn plan_prune(&self, options: &PruneOptions) -> Result<Plan> {
        let request = Request::Prune {
            options: options.clone(),
        };
        self.read_with(|sql| planning::make(self, sql, &request))
    }

    /// Takes an image out of sight that only passed through the store. Its bytes are kept for the grace time, undo has no part in it.
    ///
    /// An image that has a name or is used by a container stays, and one that is not there is no error. On return it is on disk.
    pub fn withdraw(&self, target: &Digest, now: Timestamp) -> Result<()> {
        self.change(|change| {
            let image = change.one::<i64>(
                "SELECT id FROM images WHERE target = ? AND removed IS NULL
                 AND NOT EXISTS (SELECT 1 FROM tags WHERE image = images.id) AND NOT EXISTS (SELECT 1 FROM in_use WHERE image = images.id)",
                [Text(target)],
            )?;
            match image {
                Some(image) => change.hide_image(image, now),
                None => Ok(()),
            }
        })
    }

    /// Does exactly what the plan says. On return it is on disk.
    ///
    /// # Errors
    /// [`PlanStale`](crate::Error::PlanStale) where it would now have another effect; [`Unchecked`](crate::Error::Unchecked) where space
    /// is to be freed at once in a store that was recovered and not checked. Nothing changed.
    pub fn execute(&self, plan: &Plan, now: Timestamp) -> Result<Removed> {
        let drop_now = match &plan.request {
            Request::Removal { options, .. } => options.now_drop,
            Request::Prune { options } => options.now_drop,
        };
        if drop_now && self.recovery().is_some() {
            return Err(Error::Unchecked);
        }
        // Removing is how room is made on a full disk, and it needs some itself.
        filesystem::keep_reserve(self.root());
        let undoable = self.change(|change| {
            // The plan is made again inside the transaction: whatever has changed shows as a difference.
            if planning::make(self, &change.sql, &plan.request)? != *plan {
                return Err(Error::PlanStale);
            }
            let operation = match &plan.request {
                Request::Removal { .. } => "rmi",
                Request::Prune { .. } => "prune",
            };
            let batch = change.batch(operation, now)?;
            for Untagged { name, target } in &plan.untagged {
                change.set_name(name, None, batch)?;
                if name.digest().is_some() {
                    change.forget_known_as(target, name, batch)?;
                }
            }
            for DeletedImage { target, .. } in &plan.deleted {
                let image = change.one::<i64>(
                    "SELECT id FROM images WHERE target = ? AND removed IS NULL",
                    [Text(target)],
                )?;
                let image = image.ok_or(Error::PlanStale)?;
                change.remove_image(image, batch, now)?;
                // What a container was made of stays for it.
                if drop_now && !change.is_in_use(image)? {
                    change.forget_image(image)?;
                }
            }
            if drop_now && matches!(plan.request, Request::Prune { .. }) {
                for image in
                    change.all::<i64>("SELECT id FROM images WHERE removed IS NOT NULL", [])?
                {
                    if !change.is_in_use(image)? {
                        change.forget_image(image)?;
                    }
                }
            }
            let nothing = plan.untagged.is_empty() && plan.deleted.is_empty();
            Ok(!drop_now && !nothing)
        })?;
        if drop_now {
            // In a prune everything that nothing holds goes; in a removal what the plan names.
            let only: Option<BTreeSet<Digest>> = match &plan.request {
                Request::Prune { .. } => None,
                Request::Removal { .. } => {
                    Some(plan.blobs.iter().map(|blob| blob.digest.clone()).collect())
                }
            };
            self.sweep(i64::MAX, only.as_ref())?;
        }
        Ok(Removed {
            untagged: plan.untagged.clone(),
            deleted: plan.deleted.clone(),
            freed_bytes: plan.freed_bytes,
            undoable,
        })
    }
}
