//! `tag`, `rmi`, `prune`, `undo`, `journal`: names come and go.

use serde_json::{Value, json};
use testkit::Dockerd;

use crate::lab::{Lab, app};

#[test]
fn tagging_says_nothing_but_where_a_name_moves_from() {
    let (lab, first) = Lab::with_app();
    let second = app("two").build();
    lab.registry.push("app:2", &second);
    lab.pull("app:1");
    lab.pull("app:2");
    let ran = lab.run(&["tag", &lab.at("app:1"), "mine"]).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
    let ran = lab.run(&["tag", &lab.at("app:2"), "mine"]).ok();
    assert_eq!(ran.out, "");
    assert!(
        ran.err.starts_with(&format!(
            "mine:latest named {} until now",
            first.digest().short()
        )),
        "{}",
        ran.err
    );
    assert_eq!(
        lab.json(&["tag", first.config.short(), "mine:3"]),
        json!({"name": "docker.io/library/mine:3", "to": first.digest(), "from": null})
    );
}

#[test]
fn the_last_name_takes_the_image_along_and_undo_brings_it_back() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "mine:1"]).ok();

    assert_eq!(lab.run(&["rmi", "mine:1"]).ok().out, "Untagged: mine:1\n");
    let name = lab.at("app:1");
    assert_eq!(
        lab.run(&["rmi", &name]).ok().out,
        format!("Untagged: {name}\nDeleted: {}\n", image.config)
    );
    assert_eq!(lab.names(), Vec::<String>::new());

    let restored = lab.json(&["undo"]);
    assert_eq!(
        restored,
        json!([{"name": name, "to": image.digest(), "from": null}])
    );
    assert_eq!(lab.names(), ["HOST/app:1"]);
    lab.run(&["undo"]).ok();
    assert_eq!(lab.names(), ["HOST/app:1", "mine:1"]);
    lab.run(&["check", "--read-data"]).ok();
}

#[test]
fn a_dry_run_says_it_and_does_not_do_it() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let name = lab.at("app:1");
    let planned = lab.json(&["rmi", "--dry-run", &name]);
    assert_eq!(planned["untagged"], json!([name]));
    assert_eq!(planned["deleted"], json!([image.config]));
    assert_eq!(planned["blocked"], json!([]));
    assert!(planned["freed_bytes"].as_u64() > Some(0), "{planned}");
    let text = lab.run(&["rmi", &name, "--dry-run"]).ok().out;
    assert!(
        text.starts_with(&format!(
            "Would untag: {name}\nWould delete: {}\nWould free: ",
            image.config
        )),
        "{text}"
    );
    assert_eq!(lab.names(), ["HOST/app:1"]);
    assert_eq!(
        lab.json(&["rmi", &name]),
        planned,
        "what was said is what is done"
    );
}

#[test]
fn an_id_with_several_names_needs_force() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "mine:1"]).ok();
    let id = image.config.short();
    let ran = lab.run(&["rmi", id, "--json"]).ended(1);
    assert_eq!(ran.json()["blocked"][0]["name"], id);
    assert_eq!(ran.json()["blocked"][0]["code"], "conflict");
    assert_eq!(ran.error()["code"], "conflict");
    assert_eq!(lab.names().len(), 2);
    let forced = lab.json(&["rmi", "-f", id]);
    assert_eq!(forced["untagged"].as_array().map(Vec::len), Some(2));
    assert_eq!(lab.names(), Vec::<String>::new());
}

#[test]
fn what_is_not_there_fails_and_the_rest_is_done() {
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    let ran = lab.run(&["rmi", "nothing:1", &lab.at("app:1")]).ended(1);
    assert!(ran.out.contains("Untagged: "), "{}", ran.out);
    assert!(ran.err.contains("nothing:1"), "{}", ran.err);
    assert_eq!(lab.names(), Vec::<String>::new());
    lab.run(&["rmi", "--force", "nothing:1"]).ok();
}

#[test]
fn prune_takes_what_has_no_name() {
    let (lab, first) = Lab::with_app();
    lab.pull("app:1");
    lab.registry.push("app:1", &app("two").build());
    lab.pull("app:1");
    let before = lab.run(&["images", "-a", "-q"]).ok().out.lines().count();
    assert_eq!(before, 2, "the old image is dangling");

    let planned = lab.json(&["prune", "--dry-run"]);
    assert_eq!(planned["deleted"], json!([first.config]));
    let text = lab.run(&["prune"]).ok().out;
    assert!(
        text.contains(&format!("deleted: {}\n", first.config)),
        "{text}"
    );
    assert!(text.contains("\nTotal reclaimed space: "), "{text}");
    assert_eq!(lab.run(&["images", "-a", "-q"]).ok().out.lines().count(), 1);

    let all = lab.json(&["prune", "-a", "--now"]);
    assert_eq!(all["untagged"], json!([lab.at("app:1")]));
    let usage = lab.json(&["df"]);
    assert_eq!(
        (&usage["images"]["count"], &usage["reclaimable"]),
        (&json!(0), &json!(0)),
        "{usage}"
    );
}

#[test]
fn the_journal_tells_every_change_newest_first() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "mine:1"]).ok();
    lab.run(&["rmi", "mine:1"]).ok();
    let entries = lab.json(&["journal", "mine:1"]);
    let told: Vec<(&Value, &Value, &Value)> = entries
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (&entry["operation"], &entry["from"], &entry["to"]))
        .collect();
    let target = json!(image.digest());
    assert_eq!(
        told,
        [
            (&json!("rmi"), &target, &Value::Null),
            (&json!("tag"), &Value::Null, &target)
        ]
    );
    assert_eq!(entries[0]["name"], "docker.io/library/mine:1");
    assert!(
        entries[0]["time"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z')),
        "{entries}"
    );
    assert_eq!(lab.json(&["journal"]).as_array().map(Vec::len), Some(3));
    assert!(lab.run(&["journal"]).ok().out.starts_with("TIME "));
}

/// docker itself on one side and we on the other are asked for the same, and the same names are left.
#[test]
fn rmi_leaves_what_docker_leaves() {
    let (lab, image) = Lab::with_app();
    let docker = Dockerd::start();
    let by_digest = format!("{}@{}", lab.at("app"), image.digest());
    let (one, two) = (lab.at("app:1"), lab.at("app:2"));
    let id = image.config.to_string();
    for (what, force) in [
        (&by_digest, false),
        (&by_digest, true),
        (&id, false),
        (&one, false),
        (&one, true),
        (&id, true),
    ] {
        docker.run(&["pull", &one]);
        docker.run(&["tag", &one, &two]);
        lab.pull("app:1");
        lab.run(&["tag", &one, &two]).ok();

        let flags: &[&str] = if force { &["-f"] } else { &[] };
        let theirs = docker.command(&[&["rmi"], flags, &[what.as_str()]].concat());
        let done = { theirs }.output().expect("docker runs").status.success();
        let ours = lab.run(&[&["rmi"], flags, &[what.as_str()]].concat());
        assert_eq!(ours.code == 0, done, "{what} {force}: {}", ours.err);
        for key in ["RepoTags", "RepoDigests"] {
            let format = format!("{{{{json .{key}}}}}");
            let theirs = docker.command(&["image", "inspect", "-f", &format, &id]);
            let theirs = { theirs }.output().expect("docker runs");
            let theirs = serde_json::from_slice(&theirs.stdout).unwrap_or(Value::Null);
            let ours = lab.run(&["inspect", "--json", &id]);
            let ours = match ours.code {
                0 => ours.json()[0][key].clone(),
                _ => Value::Null,
            };
            assert_eq!(sorted(&ours), sorted(&theirs), "{key} after {what} {force}");
        }
        // Not there any more is no error by force, to both.
        docker.run(&["rmi", "-f", &id]);
        lab.run(&["rmi", "-f", &id]).ok();
    }
}

fn sorted(list: &Value) -> Vec<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// A crash, or a store that cannot be written, in the middle of a removal leaves a container with what was changed in it, or none.
#[cfg(target_os = "linux")]
#[test]
fn a_container_goes_before_its_files_do() {
    use std::fs;
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    let id = lab
        .run(&["create", "--name", "web", &lab.at("app:1")])
        .ok()
        .out;
    let folder = lab.store().join("containers").join(id.trim());
    let changed = folder.join("run/upper/changed");
    fs::create_dir_all(changed.parent().expect("a folder")).expect("made");
    fs::write(&changed, "by a program").expect("written");

    // Nothing can be written down while the lock cannot be taken.
    let lock = lab.store().join("locks/write");
    fs::remove_file(&lock).expect("it is there");
    fs::create_dir(&lock).expect("made");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let rm = || lab.command(&["rm", "web"]).env("PATH", &path).output();
    assert_ne!(rm().expect("strata starts").status.code(), Some(0));
    assert!(changed.exists());
    fs::remove_dir(&lock).expect("removed");
    assert_eq!(rm().expect("strata starts").status.code(), Some(0));
    assert!(!folder.exists());
}
