//! Embeds the built window (`ui/dist`) and the capabilities into the desktop program.

use std::{fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/permissions");
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
            // With permissions of their own, commands are refused unless the capability lists them.
            .app_manifest(
                tauri_build::AppManifest::new()
                    .permissions_path_pattern("src-tauri/permissions/*.toml"),
            )
            // The context is made here, not in generate_context!: then a changed ui/dist reruns this
            // script and embeds the new files under plain cargo.
            .codegen(tauri_build::CodegenContext::new()),
    )
    .unwrap_or_else(|error| panic!("tauri-build: {error:#}"));
}
