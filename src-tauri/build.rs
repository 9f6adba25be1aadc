//! Embeds the built window (`ui/dist`) and the capabilities into the desktop program.

use std::{fs, path::Path};

/// Every command of the window, so that each needs a permission of its own. The same list as in `src/contract.rs`, whose
/// test compares the two and the capability.
const COMMANDS: &[&str] = &[
    "images",
    "image",
    "image_documents",
    "plan_pull",
    "pull",
    "cancel",
    "interrupted",
    "dismiss_interrupted",
    "complete_reference",
    "plan_tag",
    "tag",
    "undo",
    "undoable",
    "journal",
    "plan_removal",
    "plan_prune",
    "execute_plan",
    "disk_usage",
    "check_store",
    "store_status",
    "settings",
    "save_settings",
    "choose_store_place",
    "choose_ca_files",
    "ready",
];

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/build.rs");
    // `cargo check` and `cargo test` work before the window was ever built.
    let dist = Path::new("ui/dist");
    if !dist.join("index.html").exists() {
        fs::create_dir_all(dist).expect("ui/dist can be made");
        fs::write(
            dist.join("index.html"),
            "<!doctype html><title>Strata</title>The window is not built yet: run <code>./x run</code>.",
        )
        .expect("ui/dist can be written");
    }
    tauri_build::try_build(
        tauri_build::Attributes::new()
            .capabilities_path_pattern("src-tauri/capabilities/**/*.json")
            .app_manifest(tauri_build::AppManifest::new().commands(COMMANDS))
            // The context is made here, not in generate_context!: then a changed ui/dist reruns this
            // script and embeds the new files under plain cargo.
            .codegen(tauri_build::CodegenContext::new()),
    )
    .unwrap_or_else(|error| panic!("tauri-build: {error:#}"));
}
