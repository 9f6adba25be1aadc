//! Every command through Tauri's own machinery, without a window: what the page sends and what it gets.

use std::fs;

use serde_json::{Value, json};
use testkit::{ImageBuilder, IndexBuilder};

use self::shell::{Shell, everything, image, pull, text};

#[path = "commands/archives.rs"]
mod archives;
#[path = "commands/comparing.rs"]
mod comparing;
#[path = "commands/containers.rs"]
mod containers;
#[path = "commands/dragging.rs"]
mod dragging;
#[path = "commands/elsewhere.rs"]
mod elsewhere;
#[path = "commands/inside.rs"]
mod inside;
#[path = "commands/naming.rs"]
mod naming;
#[path = "commands/pulling.rs"]
mod pulling;
#[path = "commands/remote.rs"]
mod remote;
#[path = "commands/removing.rs"]
mod removing;
#[path = "commands/shell.rs"]
mod shell;
#[path = "commands/store.rs"]
mod store;
#[path = "support/wait.rs"]
mod wait;

#[test]
fn what_cannot_be_read_is_refused_with_our_own_words() {
    let shell = Shell::start();
    let planned = |reference: &str, platform: Value| {
        shell.refused(
            "plan_pull",
            json!({ "reference": reference, "platform": platform }),
        )
    };
    assert_eq!(planned("UPPER", Value::Null), "bad_reference");
    assert_eq!(planned("", Value::Null), "bad_reference");
    assert_eq!(planned("debian", json!("not a platform")), "usage");
    assert_eq!(
        shell.refused("image", json!({ "target": "no/such:image" })),
        "not_found"
    );
    let filter = json!({ "query": { "filter": "dangling:maybe", "sort": "name", "descending": false, "offset": 0, "limit": 1 } });
    assert_eq!(shell.refused("images", filter), "usage");
    let missing = shell.registry.reference("team/nothing:1").to_string();
    assert_eq!(planned(&missing, Value::Null), "tag_not_found");
    assert_eq!(shell.refused("undo", json!({})), "nothing_to_undo");
}

/// A page that was taken over sends whatever it likes. Nothing may fall over, and nothing may change.
#[test]
fn nonsense_is_refused_and_changes_nothing() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.pull(&reference);
    let before = shell.list();
    let values = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("/etc/shadow"),
        json!("../../x"),
        json!("\\\\server\\share"),
        json!("a\u{0}b"),
        json!("\u{202e}abc"),
        json!("sha256:"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([null]),
        json!({}),
        json!({ "kind": "name", "value": "../x" }),
        json!([{ "kind": "image", "value": "" }]),
        json!("__CHANNEL__:x"),
    ];
    let keys = [
        "query",
        "target",
        "reference",
        "platform",
        "operation",
        "onEvent",
        "id",
        "text",
        "source",
        "name",
        "selections",
        "force",
        "all",
        "planId",
        "readData",
        "settings",
    ];
    let commands = [
        "images",
        "image",
        "image_documents",
        "plan_pull",
        "pull",
        "cancel",
        "dismiss_interrupted",
        "complete_reference",
        "plan_tag",
        "tag",
        "journal",
        "plan_removal",
        "plan_prune",
        "execute_plan",
        "check_store",
        "save_settings",
        "no_such_command",
    ];
    for command in commands {
        for value in &values {
            let arguments: Value = keys
                .iter()
                .map(|key| ((*key).to_owned(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            if let Err(failure) = shell.page.ask(command, arguments) {
                assert_ne!(failure["code"], "internal", "{command} {value}: {failure}");
            }
        }
    }
    assert_eq!(shell.list(), before);
    assert_eq!(shell.operations(), 0);
}
