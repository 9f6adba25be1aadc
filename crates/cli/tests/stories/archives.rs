//! `load` and `save`, without other tools.

use std::process::Stdio;

use serde_json::json;
use testkit::{Image, IndexBuilder};

use crate::lab::{Lab, app, blob};

/// A lab with `app:1` pulled and saved to `saved.tar`.
fn saved() -> (Lab, Image, String) {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "app:1"]).ok();
    let path = lab.path("saved.tar").display().to_string();
    lab.run(&["save", "-o", &path, "app:1"]).ok();
    (lab, image, path)
}

#[test]
fn what_is_saved_loads_as_the_same_image() {
    let (lab, image, path) = saved();
    let other = lab.path("other").display().to_string();
    let ran = lab.run(&["--store", &other, "load", "-i", &path]).ok();
    assert_eq!(ran.out, "Loaded image: app:1\n");
    let images = lab.json(&["--store", &other, "images"]);
    assert_eq!(images[0]["id"], image.config.as_str());
    assert_eq!(images[0]["digest"], image.digest().as_str());
    lab.run(&["--store", &other, "check", "--read-data"]).ok();

    // What was loaded is saved as the very bytes that it came from.
    let back = lab.path("back.tar").display().to_string();
    lab.run(&["--store", &other, "save", "-o", &back, "app:1"])
        .ok();
    let read = |path: &str| std::fs::read(path).expect("reads");
    assert!(read(&back) == read(&path), "saved, loaded and saved again");

    let again = lab.json(&["--store", &other, "load", "-i", &path]);
    assert_eq!(again["fetched_bytes"], 0);
    assert_eq!(again["moved"], json!([]));
}

#[test]
fn saving_twice_gives_the_same_bytes_and_a_pipe_gives_them_too() {
    let (lab, _, path) = saved();
    let first = std::fs::read(&path).expect("reads");
    lab.run(&["tag", "app:1", "other:2"]).ok();
    let both = |name: &str, order: [&str; 2]| {
        let path = lab.path(name).display().to_string();
        lab.run(&["save", "-o", &path, order[0], order[1]]).ok();
        std::fs::read(path).expect("reads")
    };
    assert_eq!(
        both("a.tar", ["app:1", "other:2"]),
        both("b.tar", ["other:2", "app:1"])
    );
    let piped = lab.command(&["save", "app:1"]).output().expect("runs");
    assert!(piped.status.success());
    assert_eq!(piped.stdout, first);
}

#[test]
fn a_pipe_loads_whatever_is_around_it() {
    let (lab, image, _) = saved();
    for how in ["none", "gzip", "zstd"] {
        let path = lab.path(how).display().to_string();
        lab.run(&["save", "--compress", how, "-o", &path, "app:1"])
            .ok();
        let store = lab.path(&format!("store-{how}"));
        let child = lab
            .command(&["--store", &store.display().to_string(), "load", "-q"])
            .stdin(Stdio::from(std::fs::File::open(&path).expect("opens")))
            .spawn()
            .expect("starts");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "docker.io/library/app:1\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = lab.json(&["--store", &store.display().to_string(), "images"]);
        assert_eq!(found[0]["id"], image.config.as_str());
    }
}

#[test]
fn a_name_moves_and_is_told_and_undo_gives_it_back() {
    let (lab, first, path) = saved();
    let second = app("two").build();
    lab.registry.push("app:2", &second);
    lab.pull("app:2");
    lab.run(&["tag", &lab.at("app:2"), "app:1"]).ok();

    let planned = lab.json(&["load", "--dry-run", "-i", &path]);
    let moved = json!([{
        "name": "docker.io/library/app:1", "to": first.digest(), "from": second.digest(),
    }]);
    assert_eq!(planned["moved"], moved);
    let shown = lab.run(&["load", "--dry-run", "-i", &path]).ok();
    assert!(
        shown
            .out
            .contains(&format!("take the name from {}", second.config.short())),
        "{}",
        shown.out
    );
    let refused = lab
        .run(&["load", "--no-move", "--json", "-i", &path])
        .ended(1);
    assert_eq!(refused.error()["code"], "name_taken");
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        second.config.as_str()
    );

    assert_eq!(lab.json(&["load", "-i", &path])["moved"], moved);
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        first.config.as_str()
    );
    assert_eq!(lab.json(&["journal"])[0]["operation"], "load");
    lab.run(&["undo"]).ok();
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        second.config.as_str()
    );
}

#[test]
fn one_platform_of_several_is_saved_alone() {
    let (lab, index, [_, arm]) = Lab::with_two_platforms();
    for platform in ["linux/amd64", "linux/arm64"] {
        lab.run(&["pull", "-q", "--platform", platform, &lab.at("app:1")])
            .ok();
    }
    let (all, one) = (lab.path("all"), lab.path("one"));
    let (all, one) = (all.display().to_string(), one.display().to_string());
    lab.run(&["save", "-o", &all, &lab.at("app:1")]).ok();
    lab.run(&[
        "save",
        "--platform",
        "linux/arm64",
        "-o",
        &one,
        &lab.at("app:1"),
    ])
    .ok();
    let plan = lab.json(&["load", "--dry-run", "-i", &all]);
    assert_eq!(plan["images"][0]["digest"], index.digest().as_str());
    let other = lab.path("other").display().to_string();
    let loaded = lab.json(&["--store", &other, "load", "-i", &one]);
    assert_eq!(loaded["images"][0]["id"], arm.config.as_str());
    assert_eq!(loaded["images"][0]["digest"], arm.digest().as_str());
    // Of an archive with several, one may be loaded alone; the name still names the index.
    let third = lab.path("third").display().to_string();
    let loaded = lab.json(&[
        "--store",
        &third,
        "load",
        "--platform",
        "linux/arm64",
        "-i",
        &all,
    ]);
    assert_eq!(loaded["images"][0]["id"], arm.config.as_str());
    assert_eq!(loaded["images"][0]["digest"], index.digest().as_str());
    assert_eq!(loaded["images"][0]["platforms"], json!(["linux/arm64"]));
    lab.run(&["--store", &third, "check", "--read-data"]).ok();
    let ran = lab
        .run(&[
            "save",
            "--platform",
            "linux/s390x",
            "-o",
            &one,
            "--json",
            &lab.at("app:1"),
        ])
        .ended(1);
    assert_eq!(ran.error()["code"], "platform_not_found");
}

#[test]
fn some_platforms_are_saved_with_the_index_that_names_all() {
    let lab = Lab::new();
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let index = platforms
        .iter()
        .fold(IndexBuilder::new(), |index, platform| {
            index.image(app(platform).platform(platform).build())
        });
    let index = index.build();
    lab.registry.push("app:1", &index);
    for platform in platforms {
        lab.run(&["pull", "-q", "--platform", platform, &lab.at("app:1")])
            .ok();
    }
    let some = lab.path("some").display().to_string();
    let name = lab.at("app:1");
    let [first, _, third] = platforms;
    let wish = ["--platform", third, "--platform", first];
    let mut arguments = vec!["save", "-o", &some];
    arguments.extend(wish.iter().chain([&name.as_str()]));
    lab.run(&arguments).ok();
    let other = lab.path("other").display().to_string();
    let loaded = lab.json(&["--store", &other, "load", "-i", &some]);
    assert_eq!(loaded["images"][0]["digest"], index.digest().as_str());
    assert_eq!(loaded["images"][0]["platforms"], json!([first, third]));
    assert_eq!(loaded["incomplete"][0]["platform"], "linux/arm64");
    lab.run(&["--store", &other, "check", "--read-data"]).ok();
}

#[test]
fn a_damaged_blob_is_not_saved() {
    let (lab, image, _) = saved();
    let layer = &image.layers[0].descriptor.digest;
    let path = blob(&lab.store(), layer.as_str());
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).expect("writes");
    let target = lab.path("new.tar");
    let ran = lab
        .run(&[
            "save",
            "--json",
            "-o",
            &target.display().to_string(),
            "app:1",
        ])
        .ended(1);
    assert_eq!(ran.error()["code"], "store_damaged");
    assert!(ran.err.contains(layer.as_str()), "{}", ran.err);
    assert!(!target.exists(), "half an archive is none");
    let left = std::fs::read_dir(lab.path(""))
        .expect("lists")
        .filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().ends_with(".part")
        });
    assert_eq!(left.count(), 0);
}

/// Ctrl-C while an archive comes through a pipe: no name, and nothing half is left.
#[cfg(unix)]
#[test]
fn an_interrupted_load_leaves_no_name() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let (lab, _, path) = saved();
    let bytes = std::fs::read(path).expect("reads");
    let store = lab.path("store-2").display().to_string();
    let mut child = lab
        .command(&["--store", &store, "load", "--progress", "json"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // The header of the first blob and a part of it; the rest never comes.
    pipe.write_all(&bytes[..512 * 3 + 40]).expect("writes");
    let mut steps = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let begun = steps.next().expect("a step").expect("UTF-8");
    assert!(begun.contains("progress"), "{begun}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal can be sent");
    // The thread that waits for the pipe is waited for some seconds, and no longer.
    let code = child.wait().expect("it ends").code();
    drop(pipe);
    assert_eq!(code, Some(1));
    assert_eq!(lab.json(&["--store", &store, "images"]), json!([]));
    lab.run(&["--store", &store, "check", "--read-data"]).ok();
}
