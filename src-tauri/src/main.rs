//! The desktop program: `strata-desktop`.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use strata_desktop::launch::{HELP, Request};

fn main() -> ExitCode {
    engine::monitor::dispatch();
    match Request::parse(std::env::args_os().skip(1)) {
        Ok(Request::Open(store)) => open(store),
        Ok(Request::Help) => print(HELP),
        Ok(Request::Version) => print(concat!("strata-desktop ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(error) => refuse(&format!("{error}\nTry strata-desktop --help."), 2),
    }
}

fn open(store: Option<PathBuf>) -> ExitCode {
    // Tauri would panic where there is no display.
    #[cfg(target_os = "linux")]
    if gtk::init().is_err() {
        let words = "there is no desktop to open a window on: neither WAYLAND_DISPLAY nor DISPLAY leads to one";
        return refuse(words, 1);
    }
    match strata_desktop::run(store) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("the window could not be opened: {error}"), 1),
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The exit code says it too, where nobody reads standard error.
fn refuse(text: &str, code: u8) -> ExitCode {
    match writeln!(std::io::stderr(), "strata-desktop: {text}") {
        Ok(()) | Err(_) => ExitCode::from(code),
    }
}
