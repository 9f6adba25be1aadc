//! The contract between shell and window: the committed TypeScript, the capability and the commands agree.

use std::fs;
use std::path::Path;

use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_committed_bindings_are_those_of_the_commands() {
    let committed = repository().join("ui/src/api/bindings.ts");
    let before = fs::read_to_string(&committed).unwrap_or_default();
    let folder = tempfile::tempdir().expect("a folder");
    let fresh = folder.path().join("bindings.ts");
    strata_desktop::export_bindings(&fresh).expect("every type can be said in TypeScript");
    let after = fs::read_to_string(&fresh).expect("written");
    if before != after {
        fs::write(&committed, after).expect("the repository can be written");
        panic!(
            "ui/src/api/bindings.ts did not agree with the commands. It was written anew: commit it."
        );
    }
}

#[test]
fn the_page_may_only_hear_of_tauri_itself() {
    let file = repository().join("src-tauri/capabilities/main.json");
    let text = fs::read_to_string(file).expect("the capability");
    let capability: Value = serde_json::from_str(&text).expect("JSON");
    let permissions = capability["permissions"].as_array().expect("a list");
    let framework: Vec<&str> = permissions
        .iter()
        .filter_map(Value::as_str)
        .filter(|permission| !permission.starts_with("allow-"))
        .collect();
    // Nothing about windows, files, menus or paths: all that is asked for on this side.
    assert_eq!(
        framework,
        ["core:event:allow-listen", "core:event:allow-unlisten"]
    );
    assert_eq!(capability["windows"], serde_json::json!(["main"]));
    assert!(
        capability.get("remote").is_none(),
        "no page from elsewhere may ask anything"
    );
}
