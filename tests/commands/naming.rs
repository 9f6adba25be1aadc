//! Names by the commands: given, moved, taken back and completed.

use super::*;

#[test]
fn a_name_is_given_moved_and_taken_back() {
    let shell = Shell::start();
    let first =
        text(&shell.pull(&shell.registry.push("team/app:1", &image("one")).to_string())["target"]);
    let second =
        text(&shell.pull(&shell.registry.push("team/app:2", &image("two")).to_string())["target"]);
    let given = shell.call("tag", json!({ "source": first, "name": "best" }));
    assert_eq!(
        given,
        json!({ "name": "best:latest", "from": null, "to": first })
    );
    let plan = shell.call("plan_tag", json!({ "source": second, "name": "best" }));
    assert_eq!(plan["from"]["target"], json!(first));
    assert_eq!(plan["same"], false);
    let moved = shell.call("tag", json!({ "source": second, "name": " best:latest " }));
    assert_eq!(
        moved,
        json!({ "name": "best:latest", "from": first, "to": second })
    );
    let last = shell.call("undoable", json!({}));
    assert_eq!(last["operation"], "tag");
    shell.call("tag", json!({ "source": first, "name": "best" }));
    assert_eq!(
        shell.refused("undo", json!({ "only": last["change"] })),
        "plan_stale"
    );
    let undone = shell.call("undo", json!({ "only": null }));
    assert_ne!(undone["change"], last["change"]);
    let undone = shell.call("undo", json!({ "only": last["change"] }));
    assert_eq!(
        undone["moves"],
        json!([{ "name": "best:latest", "from": second, "to": first }])
    );
    let journal = shell.call("journal", json!({ "name": "best:latest" }));
    let operations: Vec<String> = journal
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| text(&entry["operation"]))
        .collect();
    assert_eq!(operations, ["undo", "undo", "tag", "tag", "tag"]);
    let digest = format!("best@{first}");
    assert_eq!(
        shell.refused("tag", json!({ "source": first, "name": digest })),
        "bad_reference"
    );
}

#[test]
fn a_reference_is_completed_from_here_and_from_the_registry() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.registry.push("team/app:2", &image("two"));
    shell.pull(&reference);
    let typed = reference.trim_end_matches('1');
    let found = shell.call("complete_reference", json!({ "text": typed }));
    let found: Vec<(String, String)> = found
        .as_array()
        .expect("completions")
        .iter()
        .map(|one| (text(&one["reference"]), text(&one["kind"])))
        .collect();
    assert!(
        found.contains(&(reference.clone(), "local".into())),
        "{found:?}"
    );
    assert!(
        found.contains(&(format!("{typed}2"), "tag".into())),
        "{found:?}"
    );
}
