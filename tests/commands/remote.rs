//! Images of registries before any pull, registries as places, and Podman's images, by the commands.

use testkit::{Layer, PodmanService};

use super::*;

fn look_at(reference: &str, platform: Option<&str>) -> Value {
    json!({ "operation": "look", "reference": reference, "platform": platform })
}

fn read_layer(image: &Value, layer: u32, content: bool) -> Value {
    json!({
        "operation": "layer", "image": image, "layer": layer, "content": content, "onEvent": "__CHANNEL__:9",
    })
}

fn outline(image: &Value, layer: u32) -> Value {
    json!({
        "target": { "remote": image, "layer": layer },
        "query": { "view": { "kind": "merged" }, "sort": "name", "changedOnly": false, "open": ["etc"] },
        "reveal": null, "offset": 0, "limit": 100,
    })
}

fn names(page: &Value) -> Vec<String> {
    let rows = page["rows"].as_array().expect("rows").iter();
    rows.map(|row| text(&row["file"]["name"])).collect()
}

#[test]
fn a_tag_is_looked_at_down_to_a_file_and_nothing_is_stored() {
    let shell = Shell::start();
    let made = ImageBuilder::new()
        .layer(Layer::files([("etc/base", "b".repeat(5000))]))
        .layer(Layer::files([("etc/motd", "hello")]))
        .label("team", "red")
        .build();
    let reference = shell.registry.push("team/app:1", &made).to_string();

    let found = shell.call("look_at_remote", look_at(&reference, None));
    assert_eq!(text(&found["reference"]), reference);
    assert_eq!(found["targetDigest"], made.digest().as_str());
    assert_eq!(found["configDigest"], made.config.as_str());
    assert_eq!(
        found["downloadBytes"], found["totalBytes"],
        "nothing is here"
    );
    assert_eq!(found["config"]["labels"][0]["value"], "red");
    assert_eq!(found["layers"].as_array().map(Vec::len), Some(2));
    let image = &found["id"];
    assert_eq!(
        shell.refused("file_outline", outline(image, 2)),
        "not_found"
    );

    // Only the layer that is wanted comes.
    shell.registry.clear_log();
    shell.call("read_remote_layer", read_layer(image, 2, false));
    assert_eq!(shell.registry.requests_for("/blobs/").len(), 1);
    assert_eq!(
        names(&shell.call("file_outline", outline(image, 2))),
        ["etc", "motd"]
    );
    let motd = json!({
        "target": { "remote": image, "layer": 2 }, "view": { "kind": "merged" }, "path": "etc/motd",
    });
    assert_eq!(shell.call("file_facts", motd.clone())["file"]["size"], 5);
    shell.refused("file_content", motd.clone());
    shell.call("read_remote_layer", read_layer(image, 2, true));
    assert_eq!(text(&shell.call("file_content", motd)["text"]), "hello");
    assert_eq!(
        shell.refused("read_remote_layer", read_layer(image, 3, false)),
        "usage"
    );
    let gone = read_layer(&json!("made up"), 1, false);
    assert_eq!(shell.refused("read_remote_layer", gone), "not_found");

    let documents = shell.call("remote_documents", json!({ "image": image }));
    let kinds: Vec<String> = documents
        .as_array()
        .expect("documents")
        .iter()
        .map(|document| text(&document["kind"]))
        .collect();
    assert_eq!(kinds, ["manifest", "config"]);
    let usage = shell.call("disk_usage", json!({}));
    assert_eq!(usage["images"], 0, "{usage}");
    assert!(shell.list().is_empty());
    assert_eq!(shell.operations(), 0);

    // What is here need not come any more.
    shell.pull(&reference);
    let again = shell.call("look_at_remote", look_at(&reference, None));
    assert_eq!(again["downloadBytes"], 0);
    assert_eq!(again["upToDate"], true);
    let pinned = json!({ "kind": "registry", "value": again["pinned"], "label": null });
    let here = json!({ "kind": "here", "value": reference, "label": null });
    let compared = shell.call(
        "compare",
        json!({ "operation": "c", "a": here, "b": pinned, "onEvent": "__CHANNEL__:5" }),
    );
    assert_eq!(compared["files"], 0, "{compared}");
}

#[test]
fn another_platform_is_looked_at_and_a_missing_one_refused() {
    let shell = Shell::start();
    let index = IndexBuilder::new()
        .image(image("one"))
        .image(
            ImageBuilder::new()
                .files([("etc/motd", "two")])
                .platform("linux/s390x")
                .build(),
        )
        .build();
    let reference = shell.registry.push("team/app:1", &index).to_string();
    let found = shell.call("look_at_remote", look_at(&reference, Some("linux/s390x")));
    assert_eq!(text(&found["row"]["platform"]), "linux/s390x");
    assert_eq!(found["row"]["foreign"], true);
    assert_eq!(
        found["indexPlatforms"].as_array().map(Vec::len),
        Some(2),
        "{found}"
    );
    assert_ne!(found["targetDigest"], found["manifestDigest"]);
    assert_eq!(
        text(&found["commandLine"]),
        format!("strata pull --platform linux/s390x {reference}")
    );
    let documents = shell.call("remote_documents", json!({ "image": found["id"] }));
    assert_eq!(documents[0]["kind"], "index");
    assert_eq!(
        shell.refused("look_at_remote", look_at(&reference, Some("linux/arm64"))),
        "platform_not_found"
    );
    assert_eq!(
        shell.call("remote_referrers", json!({ "image": found["id"] })),
        json!([])
    );
}

#[test]
fn registries_are_added_listed_and_forgotten() {
    let shell = Shell::start();
    shell.registry.push("team/app:1", &image("one"));
    shell.registry.push("shop/web:1", &image("two"));
    shell.registry.page_size(1);
    let host = shell.registry.host();
    assert_eq!(shell.call("registries", json!({})), json!([]));
    assert_eq!(
        shell.refused("add_registry", json!({ "host": "team" })),
        "bad_reference"
    );

    // The settings that the page has may be older than the registry.
    let settings = shell.call("settings", json!({}));
    let added = shell.call(
        "add_registry",
        json!({ "host": format!("http://{host}/v2/") }),
    );
    assert_eq!(added, json!(host));
    shell.call("save_settings", json!({ "settings": settings }));
    assert_eq!(
        shell.call("registries", json!({})),
        json!([{ "host": host, "added": true }])
    );
    assert_eq!(
        shell.call("registry_login", json!({ "host": host })),
        Value::Null
    );
    let list = json!({ "operation": "r", "host": host, "onNames": "__CHANNEL__:9" });
    assert_eq!(
        shell.call("list_repositories", list),
        json!([format!("{host}/shop/web"), format!("{host}/team/app")])
    );

    // What another program signs in to is seen without a restart, and by nobody's password.
    let folder = shell.folder.path().join(".docker");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(
        folder.join("config.json"),
        r#"{"auths":{"other.example":{"auth":"a2F0ZTpzZWNyZXQ="}}}"#,
    )
    .expect("written");
    let known = shell.call("registries", json!({}));
    assert_eq!(known.as_array().map(Vec::len), Some(2), "{known}");
    assert!(!known.to_string().contains("secret"));
    let login = shell.call("registry_login", json!({ "host": "other.example" }));
    assert_eq!(login["username"], "kate");
    shell.call("forget_registry", json!({ "host": host }));
    assert_eq!(
        shell.call("registries", json!({})),
        json!([{ "host": "other.example", "added": false }])
    );
}

#[test]
fn podmans_images_are_listed_pruned_and_a_context_is_seen_when_it_comes() {
    let (shell, podman) = (Shell::start(), PodmanService::start());
    let host = shell.registry.host();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.pull(&reference);
    let address = podman.address();

    // A context that is made while the window is open.
    let before = shell.call("places", json!({}));
    let context = oci::Digest::sha256(b"lab");
    let folder = shell
        .folder
        .path()
        .join(".docker/contexts/meta")
        .join(context.hex());
    fs::create_dir_all(&folder).expect("a folder");
    let meta = json!({
        "Name": "lab", "Metadata": {}, "Endpoints": { "docker": { "Host": address, "SkipTLSVerify": false } },
    });
    fs::write(folder.join("meta.json"), meta.to_string()).expect("written");
    let places = shell.call("places", json!({}));
    let count = |places: &Value| places.as_array().map(Vec::len).unwrap_or_default();
    assert_eq!(count(&places), count(&before) + 1, "{places}");
    let state = shell.call("place_state", json!({ "place": "lab" }));
    assert_eq!(state["kind"], "Podman");

    for name in ["localhost/app:1", "localhost/app:kept"] {
        shell.call(
            "copy",
            json!({
                "operation": "c", "keepNames": false, "onEvent": "__CHANNEL__:9",
                "from": { "place": null, "image": reference }, "to": { "place": "lab", "image": name },
            }),
        );
    }
    let query = everything()["query"].clone();
    let listed = shell.call("place_images", json!({ "place": "lab", "query": query }));
    assert_eq!(listed["total"], 1, "{listed}");
    let id = listed["rows"][0]["id"].clone();
    let detail = shell.call("place_image", json!({ "place": "lab", "image": id }));
    assert_eq!(
        detail["config"]["labels"][0]["value"], "red",
        "{host}: {detail}"
    );

    // Nothing there lacks a name; what nothing uses goes by a plan, and by exactly that.
    let plan = shell.call("plan_place_prune", json!({ "place": "lab", "all": false }));
    assert_eq!(plan["plan"]["deleted"], json!([]), "{plan}");
    let plan = shell.call("plan_place_prune", json!({ "place": "lab", "all": true }));
    assert_eq!(plan["plan"]["deleted"][0]["id"], id, "{plan}");
    assert!(plan["plan"]["freedBytes"].as_u64() > Some(0), "{plan}");
    let removed = shell.call(
        "execute_place_plan",
        json!({ "planId": plan["plan"]["planId"] }),
    );
    assert_eq!(removed["deleted"], json!([id]));
    assert_eq!(removed["undoable"], false);
    let listed = shell.call(
        "place_images",
        json!({ "place": "lab", "query": everything()["query"] }),
    );
    assert_eq!(listed["total"], 0, "{listed}");
}
