//! The desktop shell of Strata: a window around the engine.
//!
//! The page asks by commands ([`contract()`] lists them) and hears by events and channels. A command parses its plain
//! arguments, calls one verb of the engine and converts the answer; whatever is more than that belongs into the engine.
//! Environment, clock and home folder are read here and in the command line, and nowhere below.

pub mod commands;
mod comparisons;
pub mod contract;
pub mod desktop;
mod dialogs;
#[cfg(target_os = "linux")]
mod drag_gtk;
mod drag_links;
pub mod drag_out;
mod error;
mod feed;
pub mod files;
pub mod launch;
mod looks;
mod meter;
mod named;
mod notify;
mod operations;
mod outlines;
mod plans;
pub mod progress;
pub mod session;
pub mod settings;
mod terminals;
mod watch;
mod window;

use std::path::PathBuf;
use std::sync::Arc;

use tauri::{App, AppHandle, Manager as _, RunEvent, Wry};

pub use contract::{contract, export_bindings};
pub use error::{Failure, RegistryRefusal};
pub use operations::Operations;
pub use session::Session;

use desktop::Desktop;
use launch::Launch;

/// Opens the window and runs until it is closed.
///
/// The store is `store` if given, else what the environment and the settings say. A second start on the same store
/// brings the first one's window to the front and ends.
///
/// # Errors
/// When the system gives no window.
#[expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "in the context that tauri-build generates from tauri.conf.json"
)]
pub fn run(store: Option<PathBuf>) -> tauri::Result<()> {
    let contract = contract::<Wry>();
    let builder = tauri::Builder::default();
    // On Linux the notification service is spoken to directly, see `notify`.
    #[cfg(not(target_os = "linux"))]
    let builder = builder.plugin(tauri_plugin_notification::init());
    builder
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .invoke_handler(contract.invoke_handler())
        .setup(move |app| {
            contract.mount_events(app);
            set_up(app, store)?;
            Ok(())
        })
        .build(tauri::tauri_build_context!())?
        .run(|app, event| {
            if let RunEvent::Exit = event {
                app.state::<Session>().dragged().sweep();
            }
        });
    Ok(())
}

fn set_up(app: &App, store: Option<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let handle = app.handle();
    let launch = Launch {
        store: store.map(std::path::absolute).transpose()?,
        environment: Arc::new(|name| std::env::var_os(name)),
        clock: Arc::new(jiff::Timestamp::now),
        settings_file: app.path().app_config_dir()?.join("settings.json"),
        dragged_files: app.path().app_cache_dir()?.join("dragged"),
    };
    let session = Session::new(launch, on(handle));
    only_one(handle, &session)?;
    // Only now: an earlier start on this store may have files there that somebody still reads.
    session.dragged().sweep();
    // Before the window: the store is opened by another thread while the page loads.
    session.open();
    app.manage(Operations::default());
    app.manage(session.clone());
    window::open(handle, &session)?;
    watch::start(handle, &session);
    Ok(())
}

/// Ends the program here if another window is open on the same store, which then comes to the front.
fn only_one(app: &AppHandle, session: &Session) -> tauri::Result<()> {
    let plugin = tauri_plugin_single_instance::Builder::new()
        .callback(|app, _arguments, _folder| window::come_forward(app));
    let Some(root) = session.store_root() else {
        return Ok(());
    };
    if cfg!(target_os = "linux") {
        let name = format!("{}.{}", app.config().identifier, launch::store_key(&root));
        app.plugin(plugin.dbus_id(name).build())
    } else if session.is_usual_store() {
        // Elsewhere the plugin knows one name for the whole program: a store of its own gets a window of its own.
        app.plugin(plugin.build())
    } else {
        Ok(())
    }
}

fn on(app: &AppHandle) -> Desktop {
    let (announcing, choosing, zooming) = (app.clone(), app.clone(), app.clone());
    #[cfg(target_os = "linux")]
    let drag: Option<desktop::DragOut> = {
        let app = app.clone();
        Some(Box::new(move |session, dragged| {
            drag_gtk::begin(&app, session, dragged);
        }))
    };
    #[cfg(not(target_os = "linux"))]
    let drag = None;
    Desktop {
        announce: Box::new(move |notice| notify::announce(&announcing, notice)),
        choose: Box::new(move |choice| dialogs::choose(&choosing, choice)),
        drag,
        zoom: Box::new(move |percent| window::zoom(&zooming, percent)),
    }
}
