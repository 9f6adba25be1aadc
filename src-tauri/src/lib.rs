//! The desktop shell of Strata: a window around the engine.

/// Opens the window and runs until it is closed.
pub fn run() {
    tauri::Builder::default()
        .plugin(tauri_plugin_notification::init())
        .run(tauri::tauri_build_context!())
        .expect("the window could not be opened");
}
