//! The packages of an image.

use engine::Selector;
use serde::Serialize;
use specta::Type;
use tauri::State;

use crate::{Failure, Session};

/// The packages of an image.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// Sorted by name.
    pub packages: Vec<Package>,
    /// Where they were found.
    pub databases: Vec<PackageDatabase>,
    /// Databases that are there and cannot be read, in words.
    pub unreadable: Vec<String>,
    /// Where databases were looked for.
    pub looked_for: Vec<String>,
}

/// A package.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, as the package manager writes it.
    pub version: String,
    /// For which processor, where it is told.
    pub architecture: Option<String>,
    /// Which package manager knows it: `dpkg`, `apk` or `rpm`.
    pub manager: String,
}

/// A database of packages.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PackageDatabase {
    /// The path in the image.
    pub path: String,
    /// Whose it is: `dpkg`, `apk` or `rpm`.
    pub manager: String,
}

/// Lists the packages of an image.
#[tauri::command]
#[specta::specta]
pub(crate) async fn image_software(
    session: State<'_, Session>,
    target: String,
) -> Result<Software, Failure> {
    session
        .with(|engine| async move {
            let files = engine.files(&Selector::from(&*target)).await?;
            Ok(files.software().await?.into())
        })
        .await
}

impl From<engine::PackageList> for Software {
    fn from(list: engine::PackageList) -> Software {
        let engine::PackageList {
            packages,
            databases,
            unreadable,
        } = list;
        let packages = packages.into_iter().map(|package| Package {
            name: package.name,
            version: package.version,
            architecture: package.architecture,
            manager: package.manager.as_str().to_owned(),
        });
        let databases = databases.into_iter().map(|database| PackageDatabase {
            path: database.path,
            manager: database.manager.as_str().to_owned(),
        });
        let looked_for = engine::PackageList::looked_for();
        Software {
            packages: packages.collect(),
            databases: databases.collect(),
            unreadable,
            looked_for: looked_for.map(|path| format!("/{path}")).collect(),
        }
    }
}
