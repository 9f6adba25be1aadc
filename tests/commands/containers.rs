//! Working containers, as the page asks for them.

use super::*;

/// A container of a small image: its ID and the image's target.
fn created(shell: &Shell) -> (String, String) {
    let made = ImageBuilder::new()
        .files([
            ("etc/motd", "hello\n"),
            ("etc/app.conf", "listen = 80\n"),
            ("srv/old", "gone soon"),
        ])
        .config("Env", json!(["APP=data"]))
        .build();
    let reference = shell.registry.push("team/app:1", &made).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let row = shell.call(
        "create_container",
        json!({ "image": reference, "name": " keen-otter " }),
    );
    assert_eq!(row["name"], "keen-otter");
    assert_eq!(text(&row["image"]), reference);
    assert_eq!(
        (&row["changes"], &row["running"]),
        (&json!(0), &json!(false))
    );
    (text(&row["id"]), target)
}

fn edit(container: &str, edits: Value) -> Value {
    let mut arguments = json!({ "container": container });
    arguments["edits"] = edits;
    arguments
}

/// What differs, as `letter path`; folders that only lead there are left out.
fn changes(shell: &Shell, container: &str) -> Vec<String> {
    let listed = shell.call("container_changes", json!({ "container": container }));
    listed
        .as_array()
        .expect("changes")
        .iter()
        .filter(|change| change["onlyInside"] == false)
        .map(|change| format!("{} {}", text(&change["change"]), text(&change["place"])))
        .collect()
}

#[test]
fn a_container_is_changed_and_committed_with_message_and_author() {
    let shell = Shell::start();
    let (id, base) = created(&shell);
    shell.call(
        "edit_container",
        edit(
            &id,
            json!([
                { "kind": "makeFolder", "folder": "srv", "name": "www" },
                { "kind": "makeFile", "folder": "srv/www", "name": "index" },
                { "kind": "write", "path": "srv/www/index", "text": "<h1>" },
                { "kind": "write", "path": "etc/motd", "text": "hello again\n" },
                { "kind": "rename", "path": "etc/app.conf", "name": "data.conf" },
                { "kind": "setAttributes", "path": "srv/www/index", "mode": 0o600, "uid": 33, "gid": 33 },
                { "kind": "remove", "path": "srv/old" },
            ]),
        ),
    );
    assert_eq!(
        changes(&shell, &id),
        [
            "removed /etc/app.conf",
            "added /etc/data.conf",
            "changed /etc/motd",
            "removed /srv/old",
            "added /srv/www",
            "added /srv/www/index",
        ]
    );
    let mut settings = shell.call("container_settings", json!({ "container": id }));
    assert_eq!(settings["env"], json!(["APP=data"]));
    settings["env"] = json!(["APP=data", "MODE=production"]);
    settings["ports"] = json!(["8080"]);
    let given = json!({ "container": id, "settings": settings });
    shell.call("set_container_settings", given);

    let form = json!({
        "container": id,
        "name": "team/app:2",
        "message": "Added the page",
        "author": "Kate Smith",
        "only": null,
    });
    let outcome = shell.call(
        "commit",
        json!({ "operation": "c1", "form": form, "onEvent": "__CHANNEL__:7" }),
    );
    assert_eq!(
        outcome["moved"],
        json!([{ "name": "team/app:2", "from": null, "to": outcome["target"] }])
    );
    assert!(outcome["layerBytes"].as_u64() > Some(0), "{outcome}");
    assert_eq!(shell.operations(), 0);
    assert_eq!(
        shell.notices().last().expect("a notice").title,
        "team/app:2 is there"
    );

    let detail = shell.call("image", json!({ "target": outcome["target"] }));
    let step = &detail["history"][0];
    assert_eq!(step["comment"], "Added the page");
    assert_eq!(step["author"], "Kate Smith");
    assert_eq!(detail["config"]["ports"], json!(["8080/tcp"]));
    assert_eq!(detail["layers"].as_array().map(Vec::len), Some(2));
    let before = shell.call("image", json!({ "target": base }));
    assert_eq!(detail["layers"][0]["diffId"], before["layers"][0]["diffId"]);
    assert_eq!(before["row"]["inUse"], json!(["keen-otter"]));
    let lineage = shell.call("image_lineage", json!({ "target": outcome["target"] }));
    assert_eq!(lineage["parents"][0]["target"], json!(base));
    assert_eq!(lineage["parents"][0]["message"], "Added the page");
    let lineage = shell.call("image_lineage", json!({ "target": base }));
    assert_eq!(lineage["children"][0]["target"], outcome["target"]);
    let facts = shell.call(
        "file_facts",
        json!({ "target": outcome["target"], "view": { "kind": "merged" }, "path": "srv/www/index" }),
    );
    assert_eq!(facts["file"]["mode"], 0o600);
    assert_eq!(facts["file"]["uid"], 33);
}

#[test]
fn only_what_was_ticked_goes_in() {
    let shell = Shell::start();
    let (id, _) = created(&shell);
    let edits = json!([
        { "kind": "write", "path": "etc/motd", "text": "other\n" },
        { "kind": "remove", "path": "srv/old" },
    ]);
    shell.call("edit_container", edit(&id, edits));
    let form =
        json!({ "container": id, "name": "", "message": "", "author": "", "only": ["etc/motd"] });
    let outcome = shell.call(
        "commit",
        json!({ "operation": "c1", "form": form, "onEvent": "__CHANNEL__:7" }),
    );
    let content = |path: &str| {
        let arguments =
            json!({ "target": outcome["target"], "view": { "kind": "merged" }, "path": path });
        text(&shell.call("file_content", arguments)["text"])
    };
    assert_eq!(content("etc/motd"), "other\n");
    assert_eq!(content("srv/old"), "gone soon");
}

#[test]
fn a_containers_tree_shows_its_changes_and_forgets_none() {
    let shell = Shell::start();
    let (id, _) = created(&shell);
    let outline = || {
        let query = json!({ "view": { "kind": "upTo", "layer": 2 }, "sort": "name", "changedOnly": false, "open": ["etc"] });
        let arguments = json!({ "target": { "container": id }, "query": query, "reveal": null, "offset": 0, "limit": 100 });
        let page = shell.call("file_outline", arguments);
        let rows = page["rows"].as_array().expect("rows").clone();
        let said = rows.iter().map(|row| {
            let file = &row["file"];
            format!("{} {}", text(&file["place"]), text(&file["change"]))
        });
        said.collect::<Vec<String>>()
    };
    let before = ["/etc ", "/etc/app.conf ", "/etc/motd ", "/srv "];
    assert_eq!(outline(), before);
    let motd = json!([{ "kind": "write", "path": "etc/motd", "text": "a" }]);
    shell.call("edit_container", edit(&id, motd));
    assert_eq!(outline()[2], "/etc/motd changed");
    // Of the same length: it is no matter of how many changes there are, and of how many bytes.
    let motd = json!([{ "kind": "write", "path": "etc/motd", "text": "b" }]);
    shell.call("edit_container", edit(&id, motd));
    let read = || {
        shell.call(
            "container_text",
            json!({ "container": id, "path": "etc/motd" }),
        )
    };
    assert_eq!(read(), "b");
    shell.call(
        "edit_container",
        edit(&id, json!([{ "kind": "remove", "path": "etc/app.conf" }])),
    );
    assert_eq!(outline()[1], "/etc/app.conf removed");
    for path in ["etc/app.conf", "etc/motd"] {
        shell.call(
            "edit_container",
            edit(&id, json!([{ "kind": "revert", "path": path }])),
        );
    }
    assert_eq!(outline(), before);
    assert_eq!(read(), "hello\n");
}

#[test]
fn files_of_this_computer_go_into_the_folder_that_was_chosen() {
    let shell = Shell::start();
    let (id, _) = created(&shell);
    let outside = shell.folder.path().join("page.html");
    fs::write(&outside, "<p>").expect("written");
    let folder = shell.folder.path().join("site");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("a"), "aa").expect("written");
    *shell.chosen.lock().expect("no panic") = vec![outside, folder];
    let given = shell.call("choose_files_to_add", json!({ "folders": false }));
    let tokens: Vec<&Value> = given
        .as_array()
        .expect("files")
        .iter()
        .map(|file| &file["token"])
        .collect();
    let add = |folder: &str, tokens: Value| {
        json!({
            "operation": "a1", "container": id, "folder": folder, "tokens": tokens, "onEvent": "__CHANNEL__:7",
        })
    };
    let added = shell.call("add_files", add("srv", json!(tokens)));
    assert_eq!(added, json!({ "files": 3, "bytes": 5 }));
    assert_eq!(
        changes(&shell, &id),
        [
            "added /srv/page.html",
            "added /srv/site",
            "added /srv/site/a"
        ]
    );
    assert_eq!(
        shell.refused("add_files", add("srv", json!(["/etc/passwd"]))),
        "not_found"
    );
    assert_eq!(
        shell.refused("add_files", add("etc/motd", json!(tokens))),
        "not_a_folder"
    );
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let shell = Shell::start();
    let (id, target) = created(&shell);
    let refused = |edits: Value| shell.refused("edit_container", edit(&id, edits));
    assert_eq!(
        refused(json!([
            { "kind": "write", "path": "etc/motd", "text": "half" },
            { "kind": "remove", "path": "no/such" },
        ])),
        "not_found"
    );
    assert_eq!(changes(&shell, &id), Vec::<String>::new());
    for name in ["", "..", ".wh.motd", "a\0b"] {
        let make = json!([{ "kind": "makeFolder", "folder": "etc", "name": name }]);
        assert_eq!(refused(make), "usage", "{name:?}");
    }
    let taken = json!([{ "kind": "makeFolder", "folder": "", "name": "etc" }]);
    assert_eq!(refused(taken), "conflict");
    let mode = json!([{ "kind": "setAttributes", "path": "etc/motd", "mode": 0o10000, "uid": 0, "gid": 0 }]);
    assert_eq!(refused(mode), "usage");

    let create = |name: &str| json!({ "image": target, "name": name });
    assert_eq!(
        shell.refused("create_container", create("keen-otter")),
        "name_taken"
    );
    assert_eq!(shell.refused("create_container", create("a b")), "usage");

    let settings = shell.call("container_settings", json!({ "container": id }));
    let set = |key: &str, value: Value| {
        let mut settings = settings.clone();
        settings[key] = value;
        let given = json!({ "container": id, "settings": settings });
        shell.refused("set_container_settings", given)
    };
    assert_eq!(set("env", json!(["=x"])), "usage");
    assert_eq!(set("ports", json!(["http"])), "usage");
    assert_eq!(set("labels", json!(["nothing"])), "usage");
    assert_eq!(set("volumes", json!(["data"])), "usage");

    let form =
        json!({ "container": id, "name": "UPPER", "message": "", "author": "", "only": null });
    let commit = json!({ "operation": "c1", "form": form, "onEvent": "__CHANNEL__:7" });
    assert_eq!(shell.refused("commit", commit), "bad_reference");

    shell.call("remove_container", json!({ "container": id }));
    assert_eq!(shell.call("containers", json!({})), json!([]));
    assert_eq!(
        shell.refused("container_changes", json!({ "container": id })),
        "not_found"
    );
    assert_eq!(
        shell.refused("remove_container", json!({ "container": "no ID" })),
        "not_found"
    );
}

#[test]
fn how_a_container_starts_is_checked_as_it_is_written_and_kept() {
    let shell = Shell::start();
    let (id, _) = created(&shell);
    let mut form = shell.call("usual_run_form", json!({}));
    assert_eq!(
        (&form["terminal"], &form["remove"]),
        (&json!(true), &json!(false))
    );
    form["network"] = json!("host");
    form["command"] = json!("sh -c 'echo $HOME'");
    form["env"] = json!("A=it's\nHOME");
    form["mounts"] = json!(["/srv:/data:ro"]);
    form["remove"] = json!(true);
    let check = |form: &Value| {
        let asked = json!({ "form": form, "image": "app:1", "name": " keen-otter " });
        shell.call("check_run_form", asked)
    };
    let home = shell.folder.path().display();
    assert_eq!(
        check(&form),
        json!({
            "commandLine": format!(
                "docker run --rm -it --name keen-otter --network host -e 'A=it'\\''s' -e HOME={home} -v /srv:/data:ro app:1 \
                 sh -c 'echo $HOME'"
            ),
            "problems": [],
        })
    );
    let set = |form: &Value| json!({ "container": id, "form": form });
    shell.call("set_run_form", set(&form));
    let kept = shell.call("run_form", json!({ "container": id }));
    assert_eq!(kept["env"], json!(format!("A=it's\nHOME={home}")));
    assert_eq!(kept["command"], form["command"]);
    assert_eq!(kept["remove"], true);

    form["ports"] = json!(["http"]);
    form["command"] = json!("sh -c 'x");
    let found = check(&form);
    let fields: Vec<String> = found["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| text(&problem["field"]))
        .collect();
    assert_eq!(fields, ["command", "ports"]);
    assert_eq!(found["commandLine"], Value::Null);
    assert_eq!(shell.refused("set_run_form", set(&form)), "usage");
    assert_eq!(shell.call("run_form", json!({ "container": id })), kept);

    // Nothing runs, so there is nothing to look at.
    assert_eq!(
        shell.call("terminals", json!({ "container": id })),
        json!([])
    );
    let view = json!({ "terminal": "t0", "view": "v", "onOutput": "__CHANNEL__:7" });
    assert_eq!(shell.refused("view_terminal", view), "not_found");
    let signal = json!({ "container": id, "signal": "NOPE" });
    assert_eq!(shell.refused("signal_container", signal), "usage");
}
