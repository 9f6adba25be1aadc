//! Pulling by the commands: planned, followed, cancelled, and what is told of its end.

use std::thread;

use testkit::{Fault, Rule};

use super::*;

#[test]
fn a_pull_brings_an_image_that_can_be_looked_into() {
    let shell = Shell::start();
    let reference = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();

    let plan = shell.call(
        "plan_pull",
        json!({ "reference": reference, "platform": null }),
    );
    assert_eq!(plan["upToDate"], false);
    assert!(plan["downloadBytes"].as_u64() > Some(0), "{plan}");
    assert_eq!(
        text(&plan["commandLine"]),
        format!("strata pull {reference}")
    );

    let outcome = shell.pull(&reference);
    assert_eq!(outcome["fetchedBytes"], plan["downloadBytes"]);
    assert_eq!(
        outcome["moved"].as_array().map(Vec::len),
        Some(1),
        "{outcome}"
    );
    assert_eq!(shell.operations(), 0);

    let rows = shell.list();
    assert_eq!(rows.len(), 1);
    let name = &rows[0]["names"][0];
    assert_eq!(text(&name["repository"]), "app");
    assert_eq!(
        text(&name["namespace"]),
        format!("{}/team", shell.registry.host())
    );
    assert_eq!(text(&name["tag"]), "1");

    let detail = shell.call("image", json!({ "target": outcome["target"] }));
    assert_eq!(detail["row"], rows[0]);
    assert_eq!(
        detail["config"]["labels"],
        json!([{ "key": "team", "value": "red" }])
    );
    assert_eq!(
        detail["layers"][0]["diffId"],
        rows[0]["layers"][0]["diffId"]
    );
    let documents = shell.call("image_documents", json!({ "target": outcome["target"] }));
    let kinds: Vec<String> = documents
        .as_array()
        .expect("documents")
        .iter()
        .map(|document| text(&document["kind"]))
        .collect();
    assert_eq!(kinds, ["manifest", "config"]);

    let again = shell.pull(&reference);
    assert_eq!(again["upToDate"], true);
    assert_eq!(again["fetchedBytes"], 0);
}

#[test]
fn a_platform_can_be_chosen_and_one_that_is_not_offered_is_refused_by_name() {
    let shell = Shell::start();
    let build = |platform: &str| {
        ImageBuilder::new()
            .files([("etc/platform", platform)])
            .platform(platform)
            .build()
    };
    let index = IndexBuilder::new()
        .image(build("linux/s390x"))
        .image(build("linux/arm64"))
        .build();
    let reference = shell.registry.push("team/multi:1", &index).to_string();
    let plan = shell.call(
        "plan_pull",
        json!({ "reference": reference, "platform": "linux/s390x" }),
    );
    assert_eq!(plan["platforms"], json!(["linux/s390x", "linux/arm64"]));
    assert_eq!(text(&plan["platform"]), "linux/s390x");
    assert_eq!(plan["foreign"], true);
    let refused = shell.page.ask(
        "plan_pull",
        json!({ "reference": reference, "platform": "linux/mips64le" }),
    );
    let failure = refused.expect_err("not offered");
    assert_eq!(text(&failure["code"]), "platform_not_found");
    let words = format!("{}{}", text(&failure["message"]), text(&failure["hint"]));
    assert!(
        words.contains("linux/s390x"),
        "it says what is offered: {failure}"
    );
}

#[test]
fn a_cancelled_pull_answers_cancelled_and_moves_no_name() {
    let shell = Shell::start();
    let made = image("slow");
    let reference = shell.registry.push("team/slow:1", &made).to_string();
    shell
        .registry
        .rule(Rule::path("/blobs/").fault(Fault::Stall(Some(10))));
    let page = shell.page.clone();
    let arguments = pull("slow", &reference);
    let pulling = thread::spawn(move || page.refused("pull", arguments));
    wait::until("the download", || {
        if shell.registry.saw("/blobs/") {
            Ok(())
        } else {
            Err("no blob was asked for".to_owned())
        }
    });
    assert_eq!(shell.refused("pull", pull("slow", &reference)), "busy");
    shell.call("cancel", json!({ "operation": "slow" }));
    assert_eq!(pulling.join().expect("no panic"), "cancelled");
    assert_eq!(shell.operations(), 0);
    assert!(shell.list().is_empty());
    assert!(
        shell.notices().is_empty(),
        "the user knows: {:?}",
        shell.notices()
    );
    // The same can be pulled afterwards.
    shell.registry.behave();
    shell.pull(&reference);
    assert_eq!(shell.names(), [reference]);
}

#[test]
fn the_end_of_a_pull_is_told_well_or_badly_unless_nobody_wants_to_know() {
    let shell = Shell::start();
    let reference = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let missing = shell.registry.reference("team/app:2").to_string();
    shell.refused("pull", pull("p2", &missing));
    let notices = shell.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert_eq!(notices[0].title, format!("{reference} is here"));
    assert_eq!(notices[0].target, Some(target));
    assert_eq!(notices[1].title, format!("{missing} could not be pulled"));
    assert_eq!(notices[1].target, None);
    let mut settings = shell.call("settings", json!({}));
    settings["notifications"] = json!(false);
    shell.call("save_settings", json!({ "settings": settings }));
    shell.pull(&reference);
    assert_eq!(shell.notices().len(), 2);
}

#[test]
fn an_interrupted_pull_that_does_not_exist_cannot_be_forgotten() {
    let shell = Shell::start();
    assert_eq!(shell.call("interrupted", json!({})), json!([]));
    assert_eq!(
        shell.refused("dismiss_interrupted", json!({ "id": "made up" })),
        "not_found"
    );
}
