//! The settings.

use tauri::State;

use crate::desktop::Choice;
use crate::error::caught;
use crate::settings::Settings;
use crate::{Failure, Session};

/// Tells the settings.
#[tauri::command]
#[specta::specta]
pub(crate) async fn settings(session: State<'_, Session>) -> Result<Settings, Failure> {
    Ok(session.settings())
}

/// Saves the settings and tells what is in force now; another store place, certificate or registry takes effect at once,
/// for what starts afterwards. The list of registries is not taken from here: `addRegistry`, `forgetRegistry` and `signIn` change it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn save_settings(
    session: State<'_, Session>,
    settings: Settings,
) -> Result<Settings, Failure> {
    // The window's copy may be older than a sign-in.
    let settings = Settings {
        registries: session.settings().registries,
        ..settings
    };
    caught(async { session.save_settings(&settings) }).await
}

/// Asks for a folder in a system dialog; `null` when it was closed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_store_place(
    session: State<'_, Session>,
) -> Result<Option<String>, Failure> {
    let chosen = caught(session.choose(Choice::StorePlace)).await?;
    Ok(chosen.into_iter().next())
}

/// Asks for certificate files in a system dialog; none when it was closed.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_ca_files(session: State<'_, Session>) -> Result<Vec<String>, Failure> {
    caught(session.choose(Choice::CertificateFiles)).await
}
