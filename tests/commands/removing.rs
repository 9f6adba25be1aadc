//! Removing by the commands: planned, done as planned, and undone.

use super::*;

#[test]
fn a_removal_does_what_its_plan_says_once_and_can_be_undone() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    shell.call("tag", json!({ "source": target, "name": "kept" }));

    let one_name =
        json!({ "selections": [{ "kind": "name", "value": reference }], "force": false });
    let plan = shell.call("plan_removal", one_name.clone());
    assert_eq!(
        plan["untaggedOnly"].as_array().map(Vec::len),
        Some(2),
        "{plan}"
    );
    assert_eq!(plan["deleted"], json!([]));
    assert_eq!(shell.names().len(), 2, "a plan changes nothing");
    let removed = shell.call("execute_plan", json!({ "planId": plan["planId"] }));
    // As docker: with the last tag of a repository goes what is known of its registry.
    let digest = format!("{}@{target}", reference.trim_end_matches(":1"));
    assert_eq!(removed["untagged"], json!([reference, digest]));
    assert_eq!(shell.names(), ["kept:latest"]);
    assert_eq!(
        shell.refused("execute_plan", json!({ "planId": plan["planId"] })),
        "plan_stale"
    );

    let whole = json!({ "selections": [{ "kind": "image", "value": target }], "force": true });
    let plan = shell.call("plan_removal", whole);
    assert_eq!(plan["deleted"][0]["target"], json!(target));
    assert_eq!(
        plan["deleted"][0]["layers"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(plan["freedBytes"].as_u64() > Some(0), "{plan}");
    let removed = shell.call("execute_plan", json!({ "planId": plan["planId"] }));
    assert_eq!(removed["undoable"], true);
    assert!(shell.list().is_empty());
    shell.call("undo", json!({ "only": null }));
    assert_eq!(shell.names(), ["kept:latest"]);
}

#[test]
fn a_plan_that_the_store_has_left_behind_is_stale() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let plan = shell.call(
        "plan_removal",
        json!({ "selections": [{ "kind": "image", "value": target }], "force": true }),
    );
    shell.call("tag", json!({ "source": target, "name": "newer" }));
    assert_eq!(
        shell.refused("execute_plan", json!({ "planId": plan["planId"] })),
        "plan_stale"
    );
    assert_eq!(shell.names().len(), 2);
}

#[test]
fn what_cannot_be_removed_is_in_the_plan_with_a_way_out() {
    let shell = Shell::start();
    let plan = shell.call(
        "plan_removal",
        json!({ "selections": [{ "kind": "name", "value": "docker.io/library/nothing:1" }], "force": false }),
    );
    assert_eq!(plan["blocked"][0]["code"], "not_found", "{plan}");
    assert_eq!(
        plan["blocked"][0]["name"], "nothing:1",
        "as people write it"
    );
    let reason = text(&plan["blocked"][0]["reason"]);
    assert_eq!(reason, "No such image.");
}
