//! What is inside an image, as the page asks for it.

use testkit::Layer;

use super::*;

fn layered() -> testkit::Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/os-release", "ID=debian\n")
                .file("usr/share/logo.png", PNG)
                .file("usr/bin/tool", b"\x7fELF\0\0\0")
                .file("var/cache/a", [b'a'; 3000]),
        )
        .layer(
            Layer::new()
                .file("etc/os-release", "ID=strata\n")
                .whiteout("var/cache/a"),
        )
        .build()
}

/// A picture of one point.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

fn opened(shell: &Shell) -> String {
    let reference = shell.registry.push("team/app:1", &layered()).to_string();
    text(&shell.pull(&reference)["target"])
}

fn query(view: &Value, open: &[&str]) -> Value {
    json!({ "view": view, "sort": "name", "changedOnly": false, "open": open })
}

#[test]
fn a_tree_is_drawn_page_by_page_and_around_a_path() {
    let shell = Shell::start();
    let target = opened(&shell);
    let outline = |query: Value, reveal: Value, offset: u32| {
        let arguments = json!({ "target": target, "query": query, "reveal": reveal, "offset": offset, "limit": 2 });
        shell.call("file_outline", arguments)
    };
    let merged = json!({ "kind": "merged" });
    let page = outline(query(&merged, &["usr"]), Value::Null, 2);
    assert_eq!((&page["total"], &page["offset"]), (&json!(5), &json!(2)));
    assert_eq!(page["rows"][0]["file"]["place"], "/usr/bin");
    assert_eq!(page["rows"][0]["parent"], 1);
    let page = outline(query(&merged, &[]), json!("usr/share/logo.png"), 0);
    assert_eq!(page["open"], json!(["usr", "usr/share"]));
    assert_eq!(page["revealed"], 4);
    assert_eq!(page["offset"], 3);
    let layer = json!({ "kind": "layer", "layer": 2 });
    let page = outline(query(&layer, &["var", "var/cache"]), Value::Null, 2);
    assert_eq!(page["rows"][1]["file"]["change"], "removed");
    let found =
        json!({ "target": target, "query": query(&merged, &[]), "beginning": "V", "start": 0 });
    assert_eq!(shell.call("find_in_outline", found), 2);
    let found = json!({ "target": target, "pattern": "os-*", "offset": 0, "limit": 10 });
    let found = shell.call("search_files", found);
    assert_eq!(
        (&found["total"], &found["rows"][0]["layer"]),
        (&json!(1), &json!(2))
    );
}

#[test]
fn a_file_is_shown_as_what_it_is() {
    let shell = Shell::start();
    let target = opened(&shell);
    let content = |path: &str, view: Value| {
        let arguments = json!({ "target": target, "view": view, "path": path });
        shell.call("file_content", arguments)
    };
    let merged = json!({ "kind": "merged" });
    let release = content("etc/os-release", merged.clone());
    assert_eq!(release["kind"], "text");
    assert_eq!(release["text"], "ID=strata\n");
    let before = content("etc/os-release", json!({ "kind": "upTo", "layer": 1 }));
    assert_eq!(before["text"], "ID=debian\n");
    let logo = content("usr/share/logo.png", merged.clone());
    assert_eq!(
        (&logo["kind"], &logo["mediaType"]),
        (&json!("image"), &json!("image/png"))
    );
    let tool = content("usr/bin/tool", merged.clone());
    assert_eq!(
        (&tool["kind"], &tool["base64"]),
        (&json!("binary"), &json!("f0VMRgAAAA=="))
    );
    let facts =
        json!({ "target": target, "view": { "kind": "layer", "layer": 2 }, "path": "var/cache/a" });
    let facts = shell.call("file_facts", facts);
    assert_eq!(
        facts["touches"],
        json!([
            { "layer": 1, "change": "added", "size": 3000 },
            { "layer": 2, "change": "removed", "size": null },
        ])
    );
    let folder = json!({ "target": target, "view": merged, "path": "etc" });
    assert_eq!(shell.refused("file_content", folder), "not_a_file");
    let no_layer =
        json!({ "target": target, "view": { "kind": "layer", "layer": 9 }, "path": "etc" });
    assert_eq!(shell.refused("file_facts", no_layer), "usage");
}

#[test]
fn waste_and_what_is_large_are_told() {
    let shell = Shell::start();
    let target = opened(&shell);
    let waste = shell.call("waste", json!({ "target": target }));
    assert_eq!(waste["sources"][0]["cause"], "removed");
    assert_eq!(waste["sources"][0]["bytes"], 3000);
    assert_eq!(waste["layers"][0]["wastedBytes"], 3010);
    let cache = waste["files"].as_array().expect("files");
    assert!(
        cache.iter().any(|file| file["place"] == "/etc/os-release"),
        "{waste}"
    );
    let map = json!({ "target": target, "view": { "kind": "merged" }, "folder": "" });
    let map = shell.call("file_treemap", map);
    assert_eq!(map[0]["parent"], Value::Null);
    assert_eq!(map[0]["bytes"], 50);
}

#[test]
fn a_file_is_saved_where_the_dialog_says_and_nowhere_else() {
    let shell = Shell::start();
    let target = opened(&shell);
    let place = shell.folder.path().join("saved");
    shell.chosen.lock().expect("no panic").push(place.clone());
    let chosen = json!({ "suggested": "../os-release", "folder": false });
    let given = shell.call("choose_file_place", chosen.clone());
    let form = |token: &Value| {
        json!({
            "operation": "s1", "token": token, "target": target, "view": { "kind": "upTo", "layer": 1 },
            "path": "etc/os-release", "onEvent": "__CHANNEL__:7",
        })
    };
    let saved = shell.call("save_file", form(&given["token"]));
    assert_eq!(
        (&saved["files"], &saved["writtenBytes"]),
        (&json!(1), &json!(10))
    );
    assert_eq!(fs::read(&place).expect("a file"), b"ID=debian\n");
    assert_eq!(shell.notices()[1].title, "/etc/os-release was saved");
    assert_eq!(shell.refused("save_file", form(&json!(place))), "not_found");
    assert_eq!(
        shell.call("choose_file_place", chosen),
        Value::Null,
        "a closed dialog"
    );
}

#[test]
fn nonsense_about_files_is_refused() {
    let shell = Shell::start();
    let target = opened(&shell);
    let values = [
        json!(null),
        json!(-1),
        json!(4_294_967_295_u32),
        json!(""),
        json!("../../etc/shadow"),
        json!("\u{0}zz"),
        json!("\u{202e}"),
        json!("[".repeat(50_000)),
        json!({ "kind": "layer", "layer": 0 }),
        json!({ "kind": "upTo", "layer": 4_294_967_295_u32 }),
        query(&json!({ "kind": "merged" }), &["/", "..", "\u{0}f"]),
        query(&json!({ "kind": "layer", "layer": 2 }), &["a/b/c"]),
    ];
    let keys = [
        "query",
        "reveal",
        "offset",
        "limit",
        "beginning",
        "start",
        "pattern",
        "view",
        "path",
        "folder",
        "suggested",
        "token",
        "operation",
        "onEvent",
    ];
    let commands = [
        "file_outline",
        "find_in_outline",
        "search_files",
        "file_facts",
        "file_content",
        "file_treemap",
        "waste",
        "choose_file_place",
        "save_file",
    ];
    let good = json!({
        "target": target, "query": query(&json!({ "kind": "merged" }), &[]), "reveal": null, "offset": 0, "limit": 9,
        "beginning": "e", "start": 0, "pattern": "e", "view": { "kind": "merged" }, "path": "etc", "folder": "",
        "suggested": "x", "token": "none", "operation": "o", "onEvent": "__CHANNEL__:7",
    });
    for command in commands {
        for key in keys {
            for value in &values {
                // For a dialog's `folder` the page sends another kind of value.
                let mut arguments = good.clone();
                arguments[key] = value.clone();
                if let Err(failure) = shell.page.ask(command, arguments) {
                    assert_ne!(
                        failure["code"], "internal",
                        "{command} {key}: {value}: {failure}"
                    );
                }
            }
        }
    }
    assert_eq!(shell.operations(), 0);
}
