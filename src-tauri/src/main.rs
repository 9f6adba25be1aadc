//! The desktop program: `strata-desktop`.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() {
    strata_desktop::run();
}
