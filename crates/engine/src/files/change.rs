//! What layers did to the paths of an image.

/// What a layer did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileChange {
    /// There was nothing below.
    Added,
    /// Content or attributes are others than below.
    Changed,
    /// What was below is gone.
    Removed,
}

impl FileChange {
    /// Returns the stable word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }

    pub(crate) fn of(change: layer::Change) -> Option<Self> {
        match change {
            layer::Change::Added => Some(Self::Added),
            layer::Change::Changed => Some(Self::Changed),
            layer::Change::Removed => Some(Self::Removed),
            layer::Change::Same => None,
        }
    }
}

/// One thing that a layer did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileTouch {
    /// The layer.
    pub layer: usize,
    /// What it did; `None` where the layer has the path just as it was below.
    pub change: Option<FileChange>,
    /// Bytes of the file that is there since; `None` for everything without content, and where it was removed.
    pub size: Option<u64>,
}

/// How many names below a folder a layer added, changed and removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChangeCounts {
    /// Those that were not there.
    pub added: u64,
    /// Those that were there otherwise.
    pub changed: u64,
    /// Those that are gone.
    pub removed: u64,
}

impl ChangeCounts {
    /// Tells whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn count(&mut self, change: FileChange) {
        let counted = match change {
            FileChange::Added => &mut self.added,
            FileChange::Changed => &mut self.changed,
            FileChange::Removed => &mut self.removed,
        };
        *counted += 1;
    }

    pub(super) fn add(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
    }
}
