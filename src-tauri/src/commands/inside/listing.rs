//! The files of an image as a tree with open folders, and as what a search finds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::State;

use super::{FileView, FilesOf, look, number, paths};
use crate::{Failure, Session};

/// Rows that are given at a time; no screen has more.
const LARGEST_PAGE: u32 = 500;

/// Which lines a tree has.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OutlineQuery {
    /// Which files.
    pub view: FileView,
    /// In which order the names of a folder stand.
    pub sort: FileSort,
    /// Only what the layer of the view changed, and the folders on the way there.
    pub changed_only: bool,
    /// The folders that are open, by their keys.
    pub open: Vec<String>,
}

/// In which order the names of a folder stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum FileSort {
    /// By name.
    Name,
    /// The largest first.
    Size,
}

/// A part of a tree.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OutlinePage {
    /// How many lines the tree has.
    pub total: u32,
    /// The line of `rows[0]`.
    pub offset: u32,
    /// The lines that were asked for.
    pub rows: Vec<OutlineRow>,
    /// The line of the path that was to be revealed; the rows are those around it.
    pub revealed: Option<u32>,
    /// The folders that are open, where a path was to be revealed: those on the way to it are among them.
    pub open: Option<Vec<String>>,
}

/// One line of a tree.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OutlineRow {
    /// What is there.
    pub file: ListedFile,
    /// How many folders it is in, the root not counted.
    pub depth: u32,
    /// The line of the folder that it is in; `null` for what is in the root.
    pub parent: Option<u32>,
    /// Its place among the names of its folder, counted from 1.
    pub position: u32,
    /// How many names its folder shows.
    pub siblings: u32,
    /// Whether the lines of what is in it follow.
    pub open: bool,
    /// How many names below it the layer of the view added.
    pub added_below: u64,
    /// How many it changed.
    pub changed_below: u64,
    /// How many it removed.
    pub removed_below: u64,
}

/// A file of an image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ListedFile {
    /// Names it to the commands. It is its path where that is text.
    pub path: String,
    /// Its name for reading.
    pub name: String,
    /// Its path for reading, with a slash in front.
    pub place: String,
    /// Names the folder that it is in; empty for the root.
    pub folder: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: i64,
    /// The group's number.
    pub gid: i64,
    /// Bytes of content; of a folder, those of all files in it, each once.
    pub size: u64,
    /// Names of files below a folder; 1 for everything else.
    pub files: u64,
    /// When the content last changed, RFC 3339.
    pub modified: Option<String>,
    /// Where a link points.
    pub link: Option<String>,
    /// The layer that touched it last, of those that are looked at.
    pub layer: u32,
    /// What the layer of the view did to it.
    pub change: Option<FileChange>,
    /// The later layer that replaced or removed it.
    pub hidden_by: Option<u32>,
    /// Whether a folder has anything to list.
    pub has_children: bool,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    /// A file with content.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    HardLink,
    /// A device node, a pipe.
    Special,
}

/// What a layer did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum FileChange {
    /// There was nothing below.
    Added,
    /// Content or attributes are others than below.
    Changed,
    /// What was below is gone.
    Removed,
}

/// What a search found.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FilesFound {
    /// How many paths there are in all.
    pub total: u32,
    /// Those that were asked for, each as the layer that touched it last left it.
    pub rows: Vec<ListedFile>,
}

/// Draws a part of an image's tree. With a path to reveal, the part around it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn file_outline(
    session: State<'_, Session>,
    target: FilesOf,
    query: OutlineQuery,
    reveal: Option<String>,
    offset: u32,
    limit: u32,
) -> Result<OutlinePage, Failure> {
    let query = query.parse(reveal)?;
    let outlines = session.outlines();
    look(&session, target, move |files| {
        let outline = outlines.of(files, &query)?;
        Ok(OutlinePage::of(&outline, &query, offset, limit))
    })
    .await
}

/// Finds the next line of a tree, from `start` on, whose name begins with what somebody typed. `null`: there is none.
#[tauri::command]
#[specta::specta]
pub(crate) async fn find_in_outline(
    session: State<'_, Session>,
    target: FilesOf,
    query: OutlineQuery,
    beginning: String,
    start: u32,
) -> Result<Option<u32>, Failure> {
    let query = query.parse(None)?;
    let outlines = session.outlines();
    look(&session, target, move |files| {
        let outline = outlines.of(files, &query)?;
        let found = outline.find(beginning.as_bytes(), start as usize);
        Ok(found.map(number))
    })
    .await
}

/// Finds files of all layers by a part of the name, or by a pattern such as `python3*` or `/etc/*.conf`.
#[tauri::command]
#[specta::specta]
pub(crate) async fn search_files(
    session: State<'_, Session>,
    target: FilesOf,
    pattern: String,
    offset: u32,
    limit: u32,
) -> Result<FilesFound, Failure> {
    look(&session, target, move |files| {
        let limit = limit.min(LARGEST_PAGE) as usize;
        let found = files.search(pattern.trim().as_bytes(), offset as usize, limit);
        Ok(FilesFound {
            total: number(found.total),
            rows: found.rows.into_iter().map(ListedFile::from).collect(),
        })
    })
    .await
}

impl OutlineQuery {
    fn parse(self, reveal: Option<String>) -> Result<engine::OutlineQuery, Failure> {
        let OutlineQuery {
            view,
            sort,
            changed_only,
            open,
        } = self;
        Ok(engine::OutlineQuery {
            view: view.into(),
            sort: match sort {
                FileSort::Name => engine::FileSort::Name,
                FileSort::Size => engine::FileSort::Size,
            },
            changed_only,
            open: open
                .iter()
                .map(|key| paths::bytes(key))
                .collect::<Result<_, _>>()?,
            reveal: reveal.map(|key| paths::bytes(&key)).transpose()?,
        })
    }
}

impl OutlinePage {
    fn of(
        outline: &Arc<engine::Outline>,
        query: &engine::OutlineQuery,
        offset: u32,
        limit: u32,
    ) -> OutlinePage {
        let limit = limit.min(LARGEST_PAGE);
        let revealed = outline.revealed().map(number);
        let offset = revealed.map_or(offset, |line| line.saturating_sub(limit / 2));
        let rows = outline.rows(offset as usize, limit as usize);
        OutlinePage {
            total: number(outline.len()),
            offset,
            rows: rows.into_iter().map(OutlineRow::from).collect(),
            revealed,
            open: query
                .reveal
                .is_some()
                .then(|| outline.open().iter().map(|path| paths::key(path)).collect()),
        }
    }
}

impl From<engine::OutlineRow> for OutlineRow {
    fn from(row: engine::OutlineRow) -> OutlineRow {
        let engine::OutlineRow {
            file,
            depth,
            parent,
            position,
            siblings,
            open,
            below,
        } = row;
        OutlineRow {
            file: file.into(),
            depth: number(depth),
            parent: parent.map(number),
            position: number(position),
            siblings: number(siblings),
            open,
            added_below: below.added,
            changed_below: below.changed,
            removed_below: below.removed,
        }
    }
}

impl From<engine::FileRow> for ListedFile {
    fn from(row: engine::FileRow) -> ListedFile {
        let engine::FileRow {
            path,
            kind,
            mode,
            uid,
            gid,
            size,
            files,
            modified,
            link,
            layer,
            change,
            hidden_by,
            has_children,
            xattrs: _,
        } = row;
        let hard = kind == engine::FileKind::HardLink;
        ListedFile {
            name: paths::spelled(paths::name(&path)),
            place: paths::absolute(&path),
            folder: paths::key(paths::folder(&path)),
            path: paths::key(&path),
            kind: kind.into(),
            mode,
            uid,
            gid,
            size,
            files,
            modified: modified.map(|time| time.to_string()),
            link: link.map(|link| match hard {
                true => paths::absolute(&link),
                false => paths::spelled(&link),
            }),
            layer: number(layer),
            change: change.map(FileChange::from),
            hidden_by: hidden_by.map(number),
            has_children,
        }
    }
}

impl From<engine::FileKind> for FileKind {
    fn from(kind: engine::FileKind) -> FileKind {
        match kind {
            engine::FileKind::File => FileKind::File,
            engine::FileKind::Folder => FileKind::Folder,
            engine::FileKind::Symlink => FileKind::Symlink,
            engine::FileKind::HardLink => FileKind::HardLink,
            engine::FileKind::CharDevice
            | engine::FileKind::BlockDevice
            | engine::FileKind::Fifo => FileKind::Special,
        }
    }
}

impl From<engine::FileChange> for FileChange {
    fn from(change: engine::FileChange) -> FileChange {
        match change {
            engine::FileChange::Added => FileChange::Added,
            engine::FileChange::Changed => FileChange::Changed,
            engine::FileChange::Removed => FileChange::Removed,
        }
    }
}
