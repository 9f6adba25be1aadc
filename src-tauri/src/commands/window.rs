//! The window itself.

use tauri::State;

use crate::{Failure, Session};

/// Says that the first real frame is on the screen.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ready(session: State<'_, Session>) -> Result<(), Failure> {
    session.painted();
    Ok(())
}
