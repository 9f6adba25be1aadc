//! What the commands ask of the desktop: telling the user something, and letting them choose files.

use std::path::PathBuf;

use futures_util::future::BoxFuture;

use crate::Session;
use crate::drag_out::Dragged;

/// Something to tell a user who looks elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened, in a few words.
    pub title: String,
    /// The rest, in a sentence or two.
    pub body: String,
    /// The image that a click on it shows.
    pub target: Option<String>,
}

/// What the user is to choose in a system dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A folder for the store.
    StorePlace,
    /// Files with certificates, any number.
    CertificateFiles,
    /// Archives with images, any number.
    Archives,
    /// Where an archive goes; with the name that it would have.
    ArchivePlace(String),
    /// Where a file of an image goes; with the name that it would have.
    FilePlace(String),
    /// The folder that a folder of an image goes into.
    FolderPlace,
    /// Files for a container, any number.
    FilesToAdd,
    /// Folders for a container, any number.
    FoldersToAdd,
}

/// Tells a notice, if the user looks elsewhere.
pub type Announce = Box<dyn Fn(Notice) + Send + Sync>;

/// Shows a dialog; an empty answer means that it was closed.
pub type Choose = Box<dyn Fn(Choice) -> BoxFuture<'static, Vec<PathBuf>> + Send + Sync>;

/// Lets the pointer, whose button is down, take images or a file to another program. Returns at once.
pub type DragOut = Box<dyn Fn(Session, Dragged) + Send + Sync>;

/// Draws everything in the window at a part of its usual size, in percent.
pub type Zoom = Box<dyn Fn(u32) + Send + Sync>;

/// The desktop, as far as commands need it. Functions, so that a test can be the desktop.
pub struct Desktop {
    /// Tells the user something.
    pub announce: Announce,
    /// Lets the user choose.
    pub choose: Choose,
    /// Takes images and files out of the window; `None` where the system has no way that fits.
    pub drag: Option<DragOut>,
    /// Draws the window larger or smaller.
    pub zoom: Zoom,
}
