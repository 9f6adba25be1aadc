//! The window itself.

use tauri::State;

use crate::{Failure, Session};

/// Says that the first real frame of a page is on the screen. What an earlier page looked at goes on without one.
#[tauri::command]
#[specta::specta]
pub(crate) async fn ready(session: State<'_, Session>) -> Result<(), Failure> {
    session.painted();
    session.terminals().close_views();
    Ok(())
}
