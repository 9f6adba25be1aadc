//! Registries and other engines, by the commands.

use testkit::Registry;

use super::*;

/// What the page would send to push the image that a name has here.
fn push(operation: &str, source: &str, destination: &str) -> Value {
    json!({
        "operation": operation, "source": source, "destination": destination, "platform": null,
        "onEvent": "__CHANNEL__:7",
    })
}

fn sign_in(host: &str, secret: &str, plain_text: bool) -> Value {
    json!({ "host": host, "username": "kate", "secret": secret, "plainText": plain_text })
}

#[test]
fn a_push_is_planned_done_and_told() {
    let shell = Shell::start();
    let source = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();
    shell.pull(&source);
    let other = Registry::start();
    let destination = other.reference("shop/app:2").to_string();
    let asked = json!({ "source": source, "destination": destination, "platform": null });

    let plan = shell.call("plan_push", asked.clone());
    assert_eq!(plan["uploadBytes"], plan["totalBytes"], "{plan}");
    assert_eq!(plan["blobs"][0]["there"], "missing");
    assert_eq!(
        text(&plan["commandLine"]),
        format!("strata push {source} {destination}")
    );

    let outcome = shell.call("push", push("push-1", &source, &destination));
    assert_eq!(outcome["pushedBytes"], plan["uploadBytes"]);
    assert_eq!(outcome["digest"], plan["digest"]);
    assert_eq!(shell.operations(), 0);
    let notice = shell.notices().pop().expect("the end is told");
    assert_eq!(notice.title, format!("{destination} was pushed"));

    let again = shell.call("plan_push", asked);
    assert_eq!(again["upToDate"], true, "{again}");
    let nowhere = json!({ "source": source, "destination": "Not A Name", "platform": null });
    assert_eq!(shell.refused("plan_push", nowhere), "bad_reference");
}

#[test]
fn a_login_is_tried_and_never_written_in_plain_text_unasked() {
    let shell = Shell::start();
    shell.registry.push("team/app:1", &image("hello"));
    shell.registry.require_basic("kate", "right");
    let host = shell.registry.host();
    let tags = json!({ "operation": "t1", "repository": format!("{host}/team/app"), "onTags": "__CHANNEL__:8" });
    assert_eq!(shell.refused("list_tags", tags.clone()), "unauthorized");
    assert_eq!(
        shell.refused("sign_in", sign_in(&host, "wrong", true)),
        "unauthorized"
    );
    assert_eq!(shell.call("logins", json!({})), json!([]));
    assert_eq!(
        shell.refused("sign_in", sign_in(&host, "right", false)),
        "no_keyring"
    );

    let done = shell.call("sign_in", sign_in(&host, "right", true));
    assert_eq!(done["wasAsked"], true);
    assert!(text(&done["kept"]).contains("plain text"), "{done}");
    assert_eq!(
        shell.call("logins", json!({})),
        json!([{ "host": host, "username": "kate" }])
    );
    assert_eq!(
        shell.call("settings", json!({}))["registries"],
        json!([host])
    );
    assert_eq!(shell.call("list_tags", tags), json!(["1"]));

    let places = shell.call("sign_out", json!({ "host": host }));
    assert_eq!(places.as_array().map(Vec::len), Some(1), "{places}");
    assert_eq!(shell.call("logins", json!({})), json!([]));
}

#[test]
fn tags_come_in_the_order_of_versions_with_what_is_here() {
    let shell = Shell::start();
    let newest = image("two");
    for (tag, image) in [
        ("1.9", image("one")),
        ("1.10", newest),
        ("edge", image("x")),
    ] {
        shell.registry.push(&format!("team/app:{tag}"), &image);
    }
    shell.registry.page_size(2);
    let repository = shell.registry.reference("team/app").name();
    shell.pull(&format!("{repository}:1.10"));
    let listed = shell.call(
        "list_tags",
        json!({ "operation": "t1", "repository": repository, "onTags": "__CHANNEL__:8" }),
    );
    assert_eq!(listed, json!(["1.10", "1.9", "edge"]));
    let details = shell.call(
        "tag_details",
        json!({ "repository": repository, "tags": ["1.10", "gone"] }),
    );
    assert_eq!(details[0]["local"], "same", "{details}");
    assert!(details[0]["size"].as_u64() > Some(0));
    assert_eq!(details[1]["digest"], Value::Null);

    shell.registry.push("team/app:1.10", &image("three"));
    let name = format!("{repository}:1.10");
    let updates = shell.call("check_updates", json!({ "names": [name] }));
    assert_eq!(updates[0]["state"], "available", "{updates}");
}

#[test]
fn a_registry_without_words_is_listed_and_a_settings_pair_must_be_one() {
    let shell = Shell::start();
    shell.registry.push("team/app:1", &image("hello"));
    let host = shell.registry.host();
    let asked = json!({ "registry": host, "words": "", "leastStars": null, "official": false });
    let found = shell.call("search", asked);
    assert_eq!(text(&found[0]["name"]), format!("{host}/team/app"));
    let mut settings = shell.call("settings", json!({}));
    settings["trustedRealms"] = json!(["registry.example.com"]);
    assert_eq!(
        shell.refused("save_settings", json!({ "settings": settings })),
        "usage"
    );
    settings["trustedRealms"] = json!(["registry.example.com=auth.example.org"]);
    shell.call("save_settings", json!({ "settings": settings }));
}

#[test]
fn an_engine_that_is_not_there_is_refused_by_every_command() {
    let shell = Shell::start();
    let reference = shell
        .registry
        .push("team/app:1", &image("hello"))
        .to_string();
    shell.pull(&reference);
    let place = format!("unix://{}", shell.folder.path().join("no.sock").display());
    for (command, arguments) in [
        ("place_state", json!({ "place": place })),
        ("place_containers", json!({ "place": place })),
        ("place_image", json!({ "place": place, "image": "app" })),
    ] {
        assert_eq!(
            shell.refused(command, arguments),
            "unreachable",
            "{command}"
        );
    }
    let copy = json!({
        "operation": "c1", "keepNames": false, "onEvent": "__CHANNEL__:9",
        "from": { "place": null, "image": reference }, "to": { "place": place, "image": "app:2" },
    });
    assert_eq!(shell.refused("copy", copy), "unreachable");
    let gone = json!({ "planId": "made up" });
    assert_eq!(shell.refused("execute_place_plan", gone), "plan_stale");
    let copied = shell.call(
        "copy",
        json!({
            "operation": "c2", "keepNames": false, "onEvent": "__CHANNEL__:9",
            "from": { "place": null, "image": reference }, "to": { "place": null, "image": "app:2" },
        }),
    );
    assert_eq!(copied["names"], json!(["app:2"]));
}
