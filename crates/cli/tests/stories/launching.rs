//! What is typed to start programs, read as docker reads it.

use std::fs;

use serde_json::json;

use crate::place::{Place, both};

#[test]
fn what_follows_the_image_is_the_programs() {
    let place = Place::with_base(true);
    let out = |words: &[&str]| {
        let ran = place.run(&[&["run", "--rm", "--network", "none"], words].concat());
        ran.ok().out
    };
    let words = ["--", "-v", "--json", "--rm", "-h", "--bogus"];
    let told = format!("{}\n", words.join(" "));
    assert_eq!(out(&[&["base:1", "echo"][..], &words].concat()), told);
    // Its first word may be a flag, or what ends flags elsewhere.
    let entrypoint = ["--entrypoint", "echo", "base:1"];
    assert_eq!(out(&[&entrypoint[..], &words].concat()), told);
    assert_eq!(out(&[&entrypoint[..], &words[1..]].concat()), told[3..]);
    assert_eq!(out(&["--", "base:1", "echo", "x"]), "x\n");

    let id = place
        .run(&["run", "-d", "base:1", "sleep", "1000"])
        .ok()
        .out;
    let id = id.trim();
    let exec = place.run(&["exec", "-e", "A=1", id, "echo", "--", "-e"]);
    assert_eq!(exec.ok().out, "-- -e\n");
    // What only makes a container takes its flags before and behind the image, up to the command.
    let made = place.run(&[
        "create", "base:1", "--name", "made", "--json", "echo", "--name",
    ]);
    assert_eq!(made.ok().json()["name"], "made");
    assert_eq!(place.run(&["start", "-a", "made"]).ok().out, "--name\n");
    for refused in [
        &["run", "--bogus", "base:1", "true"][..],
        &["create", "-x", "base:1"],
        &["run"],
        &["exec", "--bogus", id, "true"],
        &["exec", id],
    ] {
        let ran = place.run(&[&["--json"], refused].concat()).ended(2);
        assert_eq!(ran.error()["code"], "usage", "{refused:?}");
    }
    for (words, code) in [
        (&["run", "--rm", "base:1", ""][..], 127),
        (&["exec", id, ""][..], 127),
    ] {
        let ran = place.run(&[&["--json"], words].concat()).ended(code);
        assert_eq!(ran.error()["code"], "not_found", "{words:?}");
    }
    for words in [
        &["run", "--rm", "-w", "a", "base:1"][..],
        &["exec", "-w", "a", id, "true"],
    ] {
        let ran = place.run(&[&["--json"], words].concat()).ended(125);
        assert_eq!(ran.error()["code"], "usage", "{words:?}");
    }
    place.run(&["rm", "-f", id]).ok();
}

#[test]
fn flags_mean_what_they_mean_to_docker() {
    both(|place| {
        let out = |flags: &[&str], line: &str| {
            let words = [
                &["run", "--rm", "--network", "none"],
                flags,
                &["base:1", "sh", "-c", line],
            ];
            place.run(&words.concat()).ok().out
        };
        assert_eq!(out(&["-h", "web"], "echo $HOSTNAME"), "web\n");
        assert_eq!(out(&["-H", "web"], "echo $HOSTNAME"), "web\n");
        // What a script leaves empty is not said.
        let unset = ["--name", "", "-w", "", "-u", "", "-m", "0", "--cpus", "0"];
        assert_eq!(out(&unset, "echo $PWD"), "/\n");
        // Nobody who takes another group leaves the own one.
        assert_eq!(out(&["-u", "ada"], "id -G"), "8\n");
        assert_eq!(out(&["-u", "5:6"], "id -G"), "6\n");
    });
}

#[test]
fn an_image_for_another_platform_is_not_taken_for_the_one_that_was_asked_for() {
    let place = Place::with_base(true);
    let refused = place
        .run(&[
            "--json",
            "run",
            "--pull",
            "never",
            "--platform",
            "linux/s390x",
            "base:1",
        ])
        .ended(125);
    assert_eq!(refused.error()["code"], "platform_not_found");
    let own = [
        "create",
        "--pull",
        "never",
        "--platform",
        "linux/amd64",
        "base:1",
    ];
    place.run(&own).ok();
    assert_eq!(place.json(&["ps", "-a"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn containers_are_started_as_far_as_they_can_be() {
    let place = Place::with_base(true);
    for name in ["one", "two"] {
        let words = ["create", "--name", name, "base:1", "sleep", "1000"];
        place.run(&words).ok();
    }
    let ran = place
        .run(&["--json", "start", "one", "none", "two"])
        .ended(1);
    assert_eq!(ran.json(), json!(["one", "two"]));
    assert_eq!(ran.error()["code"], "not_found");
    assert_eq!(place.run(&["start", "one"]).ok().out, "one\n", "it runs");
    place.run(&["start", "-a", "none"]).ended(125);
    place.run(&["rm", "-f", "one", "two"]).ok();
}

/// A layer, through which files come out of a container that runs, has another meaning for such names.
#[test]
fn no_name_that_is_left_out_of_a_copy_is_left_out_in_silence() {
    let place = Place::with_base(true);
    let id = place
        .run(&["run", "-d", "base:1", "sleep", "1000"])
        .ok()
        .out;
    let id = id.trim();
    let script = "busybox mkdir /d; echo x >/d/.wh.a; echo y >/d/other; busybox ln /d/.wh.a /d/b; busybox ln /d/.wh.a /d/c";
    place.run(&["exec", id, "sh", "-c", script]).ok();
    let copied = place.json(&["cp", &format!("{id}:/d"), "out"]);
    let notes = copied["notes"].as_array().expect("a list");
    let told: Vec<&str> = notes
        .iter()
        .filter_map(|note| note.as_str()?.split(':').next())
        .collect();
    // A further name of such a file cannot lead to it, and is told as well, once.
    assert_eq!(told, ["/d/.wh.a", "/d/b", "/d/c"], "{copied}");
    let out = place.home().join("out");
    let names: Vec<_> = fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["other"]);
    // As a tar nothing is left out: there it is only a name.
    let tar = place
        .shell(&format!("$0 cp {id}:/d - | tar t | sort"))
        .output()
        .expect("it runs");
    assert_eq!(
        String::from_utf8_lossy(&tar.stdout),
        "d/\nd/.wh.a\nd/b\nd/c\nd/other\n"
    );
    place.run(&["rm", "-f", id]).ok();
}
