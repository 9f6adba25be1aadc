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

/// How large everything can be drawn, in percent; beyond it the window would have no room for a sentence.
const SIZES: std::ops::RangeInclusive<u32> = 50..=300;

/// Draws everything in the window larger or smaller: in percent of the usual, within sensible bounds.
#[tauri::command]
#[specta::specta]
pub(crate) async fn zoom(session: State<'_, Session>, percent: u32) -> Result<(), Failure> {
    session.zoom(percent.clamp(*SIZES.start(), *SIZES.end()));
    Ok(())
}
