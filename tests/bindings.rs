//! The contract between shell and window: the committed TypeScript, the capability and the commands agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of all commands, as the page calls them.
fn commands(bindings: &str) -> BTreeSet<String> {
    let calls = bindings.split("__TAURI_INVOKE(\"").skip(1);
    calls.filter_map(|call| call.split('"').next()).map(str::to_owned).collect()
}

fn json(path: &str) -> Value {
    let text = fs::read_to_string(repository().join(path)).expect(path);
    serde_json::from_str(&text).expect(path)
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
        panic!("ui/src/api/bindings.ts did not agree with the commands. It was written anew: commit it.");
    }
}

#[test]
fn the_capability_allows_exactly_the_commands_in_use() {
    let bindings = fs::read_to_string(repository().join("ui/src/api/bindings.ts")).expect("bindings");
    let commands = commands(&bindings);
    assert!(commands.len() > 20, "{commands:?}");
    let capability = json("src-tauri/capabilities/main.json");
    let allowed: BTreeSet<String> = capability["permissions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|permission| permission.as_str().expect("plain permissions only").to_owned())
        .collect();
    let mut wanted: BTreeSet<String> =
        commands.iter().map(|command| format!("allow-{}", command.replace('_', "-"))).collect();
    // Hearing events is all that the page needs of Tauri itself.
    wanted.extend(["core:event:allow-listen", "core:event:allow-unlisten"].map(str::to_owned));
    assert_eq!(allowed, wanted);
    assert_eq!(capability["windows"], serde_json::json!(["main"]));
    assert!(capability.get("remote").is_none(), "no page from elsewhere may ask anything");
    let files = fs::read_dir(repository().join("src-tauri/capabilities")).expect("the folder");
    assert_eq!(files.count(), 1, "one file says everything that is allowed");
}

#[test]
fn the_page_may_load_nothing_from_elsewhere_and_run_nothing_inline() {
    let config = json("tauri.conf.json");
    let security = &config["app"]["security"];
    let policy = security["csp"].as_str().expect("a policy");
    let sources = |directive: &str| {
        let found = policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(directive));
        found.unwrap_or_else(|| panic!("the policy says nothing of {directive}")).trim().to_owned()
    };
    assert_eq!(sources("default-src"), "'none'");
    assert_eq!(sources("script-src"), "'self'");
    assert_eq!(sources("style-src"), "'self'");
    assert_eq!(sources("img-src"), "'self' data:");
    assert_eq!(sources("font-src"), "'self'");
    assert_eq!(sources("connect-src"), "ipc: http://ipc.localhost");
    for directive in ["frame-src", "object-src", "base-uri", "form-action"] {
        assert_eq!(sources(directive), "'none'", "{directive}");
    }
    assert_eq!(security["freezePrototype"], true);
    assert_eq!(config["app"]["withGlobalTauri"], false);
    assert!(security.get("assetProtocol").is_none(), "no file is served to the page");
}
