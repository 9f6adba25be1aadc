//! Two images beside each other, and the software of one, by the commands.

use super::*;

fn debian(version: &str, more: &str) -> testkit::Image {
    let status = format!(
        "Package: bash\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n{more}"
    );
    ImageBuilder::new()
        .files([("etc/base", "same")])
        .layer(
            testkit::Layer::new()
                .file("etc/motd", format!("one\n{version}\nthree\n"))
                .file("var/lib/dpkg/status", status),
        )
        .label("version", version)
        .build()
}

#[test]
fn two_images_are_compared_down_to_the_lines_of_a_file() {
    let shell = Shell::start();
    let zlib = "Package: zlib1g\nStatus: install ok installed\nVersion: 1.3\n\n";
    let first = shell.registry.push("team/app:1", &debian("5.1", ""));
    let second = shell.registry.push("team/app:2", &debian("5.2", zlib));
    shell.pull(&first.to_string());
    // The second stays where it is.
    let here = json!({ "kind": "here", "value": first.to_string(), "label": null });
    let there = json!({ "kind": "registry", "value": second.to_string(), "label": null });
    let arguments =
        |b: &Value| json!({ "operation": "c1", "a": here, "b": b, "onEvent": "__CHANNEL__:5" });
    let found = shell.call("compare", arguments(&there));
    assert_eq!(shell.list().len(), 1, "nothing was stored");
    assert_eq!(found["a"]["layers"][0]["shared"], true);
    assert_eq!(found["b"]["layers"][1]["shared"], false);
    assert_eq!(
        found["config"],
        json!([{ "key": "Labels.version", "a": "5.1", "b": "5.2" }])
    );
    assert_eq!(
        found["packages"],
        json!([
            { "name": "bash", "change": "changed", "versionA": "5.1", "versionB": "5.2" },
            { "name": "zlib1g", "change": "added", "versionA": null, "versionB": "1.3" },
        ])
    );
    assert_eq!(found["files"], 2);
    let query =
        json!({ "words": "motd", "change": null, "largestFirst": false, "offset": 0, "limit": 10 });
    let page = shell.call(
        "compared_files",
        json!({ "comparison": found["id"], "query": query }),
    );
    assert_eq!((&page["total"], &page["changed"]), (&json!(1), &json!(1)));
    let file = &page["rows"][0];
    assert_eq!(file["path"], "/etc/motd");
    let text = shell.call(
        "compare_text",
        json!({ "comparison": found["id"], "file": file["file"] }),
    );
    let lines: Vec<_> = text["hunks"][0]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| {
            (
                line["change"].clone(),
                line["numberB"].clone(),
                line["text"].clone(),
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            (Value::Null, json!(1), json!("one")),
            (json!("removed"), Value::Null, json!("5.1")),
            (json!("added"), json!(2), json!("5.2")),
            (Value::Null, json!(3), json!("three")),
        ]
    );
    let missing = json!({ "kind": "here", "value": "team/app:9", "label": null });
    assert_eq!(shell.refused("compare", arguments(&missing)), "not_found");
    let unknown = json!({ "kind": "file", "value": "no-token", "label": null });
    assert_eq!(shell.refused("compare", arguments(&unknown)), "not_found");
    let old = json!({ "comparison": "made up", "file": 0 });
    assert_eq!(shell.refused("compare_text", old), "not_found");
    let beyond = json!({ "comparison": found["id"], "file": 99 });
    assert_eq!(shell.refused("compare_text", beyond), "not_found");
    assert_eq!(shell.operations(), 0);
}

#[test]
fn the_software_of_an_image_is_listed() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &debian("5.2", ""));
    shell.pull(&reference.to_string());
    let target = &shell.list()[0]["target"];
    let software = shell.call("image_software", json!({ "target": target }));
    assert_eq!(
        software["packages"],
        json!([{ "name": "bash", "version": "5.2", "architecture": "amd64", "manager": "dpkg" }])
    );
    assert_eq!(
        software["databases"],
        json!([{ "path": "/var/lib/dpkg/status", "manager": "dpkg" }])
    );
    let looked_for = software["lookedFor"].as_array().expect("a list");
    assert!(looked_for.contains(&json!("/var/lib/rpm/rpmdb.sqlite")));
}
