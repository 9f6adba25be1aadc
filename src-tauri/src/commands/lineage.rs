//! What an image was made of, and what was made of it.

use engine::Selector;
use serde::Serialize;
use specta::Type;
use tauri::State;

use super::images::{ImageName, LayerStripe};
use crate::{Failure, Session};

/// Where an image stands among those that are here.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Lineage {
    /// What it was made of, the nearest last.
    pub parents: Vec<Relative>,
    /// What was made of it, the nearest first.
    pub children: Vec<Relative>,
    /// What its own label calls the image that it was made of, whether that is here or not.
    pub base_name: Option<String>,
}

/// An image that another was made of, or that was made of another.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Relative {
    /// What its names name, which names the image to the commands.
    pub target: String,
    /// The image ID.
    pub id: String,
    /// Its names.
    pub names: Vec<ImageName>,
    /// Its layers, base first.
    pub layers: Vec<LayerStripe>,
    /// How many steps of history lie between the two.
    pub steps: u64,
    /// What was said about the last step of the younger of the two, where something was.
    pub message: Option<String>,
}

/// Tells which images that are here an image was made of, and which were made of it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn image_lineage(
    session: State<'_, Session>,
    target: String,
) -> Result<Lineage, Failure> {
    session
        .with(|engine| async move { Ok(engine.lineage(&Selector::from(&*target)).await?.into()) })
        .await
}

impl From<engine::Lineage> for Lineage {
    fn from(lineage: engine::Lineage) -> Lineage {
        let engine::Lineage {
            parents,
            children,
            base_name,
        } = lineage;
        Lineage {
            parents: parents.into_iter().map(Relative::from).collect(),
            children: children.into_iter().map(Relative::from).collect(),
            base_name,
        }
    }
}

impl From<engine::Relative> for Relative {
    fn from(relative: engine::Relative) -> Relative {
        let engine::Relative {
            target,
            id,
            names,
            layers,
            steps,
            message,
        } = relative;
        let layers = layers.layers().into_iter();
        Relative {
            target: target.to_string(),
            id: id.to_string(),
            names: names.iter().map(ImageName::from).collect(),
            layers: layers.map(LayerStripe::from).collect(),
            steps: steps as u64,
            message,
        }
    }
}
