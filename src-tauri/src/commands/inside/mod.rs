//! What is inside an image or a container: its files, what each layer did to them, and what of them is wasted.

pub mod content;
pub mod listing;
pub mod saving;
pub mod treemap;
pub mod waste;

pub(super) mod paths;

use engine::{Engine, ImageFiles, Selector};
use serde::{Deserialize, Serialize};
use specta::Type;

use super::containers::id_of;
use crate::{Failure, Session};

/// Whose files are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(untagged)]
pub enum FilesOf {
    /// An image's, by its target.
    Image(String),
    /// A container's: the image's with what was changed, as one more layer on top.
    Container {
        /// The container's ID.
        container: String,
    },
    /// One layer's of an image of a registry that was looked at; it was read by `readRemoteLayer`, and is the only one.
    Remote {
        /// The image, by the name that it was given.
        remote: String,
        /// The layer, counted from 1.
        layer: u32,
    },
}

/// Which files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum FileView {
    /// What a container would see.
    Merged,
    /// What the layers up to this one made, with the marks of this one.
    UpTo {
        /// The layer, counted from 1, the base.
        layer: u32,
    },
    /// Only what this layer added, changed or removed.
    Layer {
        /// The layer, counted from 1, the base.
        layer: u32,
    },
}

/// One file or folder of an image or a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FileOf {
    /// Whose it is.
    pub target: FilesOf,
    /// As which layer left it.
    pub view: FileView,
    /// Its path, as in the listings.
    pub path: String,
}

impl From<FileView> for engine::FileView {
    fn from(view: FileView) -> engine::FileView {
        match view {
            FileView::Merged => engine::FileView::Merged,
            FileView::UpTo { layer } => engine::FileView::UpTo(layer as usize),
            FileView::Layer { layer } => engine::FileView::Layer(layer as usize),
        }
    }
}

impl FilesOf {
    /// Opens the files.
    async fn open(&self, session: &Session, engine: &Engine) -> Result<ImageFiles, Failure> {
        match self {
            Self::Image(target) => Ok(Box::pin(engine.files(&Selector::from(&**target))).await?),
            Self::Container { container } => Ok(engine.container_files(&id_of(container)?).await?),
            Self::Remote { remote, layer } => session.looks().layer(remote, *layer),
        }
    }
}

/// Opens the files of an image or a container and does something with them where it holds nobody up.
pub(super) async fn look<T: Send + 'static>(
    session: &Session,
    target: FilesOf,
    work: impl FnOnce(&ImageFiles) -> Result<T, engine::Error> + Send + 'static,
) -> Result<T, Failure> {
    session
        .with(|engine| async move {
            let files = target.open(session, &engine).await?;
            let looked = tauri::async_runtime::spawn_blocking(move || work(&files)).await;
            Ok(looked.map_err(|error| Failure::new("internal", error.to_string()))??)
        })
        .await
}

/// A layer's number as the window counts.
fn number(layer: usize) -> u32 {
    u32::try_from(layer).unwrap_or(u32::MAX)
}
