//! What programs change in a container: it is kept, told, and committed.

use std::fs;
use std::path::Path;

use testkit::{Dockerd, Tool, Workshop};

use super::soon;
use crate::place::{Place, both};

#[test]
fn what_programs_change_is_kept_with_what_was_edited() {
    both(|place| {
        place
            .run(&[
                "create",
                "--name",
                "web",
                "base:1",
                "sh",
                "-c",
                "echo more >> /etc/log; rm -f /etc/motd",
            ])
            .ok();
        place.run(&["edit", "web", "mkdir", "/srv"]).ok();
        place.run(&["start", "-a", "web"]).ok();
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let wanted = ["C /etc", "A /etc/log", "D /etc/motd", "A /srv"];
        assert_eq!(lines(&place.run(&["diff", "web"]).ok().out), wanted);
        // Again, on what is there; and after an edit, which puts it on something else.
        place.run(&["start", "-a", "web"]).ok();
        place.run(&["edit", "web", "chmod", "700", "/srv"]).ok();
        place.run(&["start", "-a", "web"]).ok();
        assert_eq!(lines(&place.run(&["diff", "web"]).ok().out), wanted);
        let out = place.home().join("log");
        place
            .run(&["cp", "web:/etc/log", &out.display().to_string()])
            .ok();
        assert_eq!(
            fs::read_to_string(out).expect("a file"),
            "more\nmore\nmore\n"
        );
        place.run(&["commit", "-q", "web", "made:1"]).ok();
        let ran = place.run(&[
            "run",
            "--rm",
            "made:1",
            "sh",
            "-c",
            "cat /etc/log; ls /etc/motd",
        ]);
        assert_eq!(ran.out, "more\nmore\nmore\n");
        assert_ne!(ran.code, 0, "it was deleted");
        place.run(&["rm", "web"]).ok();
        place.run(&["check", "--read-data"]).ok();
    });
}

#[test]
fn looking_at_what_runs_writes_nothing_when_nothing_was_changed() {
    both(|place| {
        let script = "echo 1 > /one; busybox ln /one /two; echo up; while :; do sleep 0.1; done";
        place
            .run(&["run", "-d", "--name", "bg", "base:1", "sh", "-c", script])
            .ok();
        soon("the program", || place.run(&["logs", "bg"]).out == "up\n");
        let id = place.json(&["ps"])[0]["id"]
            .as_str()
            .expect("an ID")
            .to_owned();
        let folder = place.home().join("store/containers").join(id);
        let kept = || -> Vec<(String, u64)> {
            let packs = fs::read_dir(folder.join("content")).expect("a folder");
            let mut found: Vec<(String, u64)> = packs
                .map(|entry| entry.expect("an entry"))
                .map(|entry| {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    (name, entry.metadata().expect("a file").len())
                })
                .collect();
            found.sort();
            let log = fs::metadata(folder.join("changes")).map_or(0, |log| log.len());
            found.push(("changes".into(), log));
            found
        };
        assert_eq!(place.run(&["diff", "bg"]).ok().out, "A /one\nA /two\n");
        let before = kept();
        assert_eq!(before.len(), 2, "one pack, and the log: {before:?}");
        place.run(&["diff", "bg"]).ok();
        place.run(&["commit", "-q", "bg", "live:1"]).ok();
        place.run(&["diff", "bg"]).ok();
        assert_eq!(kept(), before);
        place
            .run(&["exec", "bg", "sh", "-c", "echo 22 > /one"])
            .ok();
        assert_eq!(place.run(&["diff", "bg"]).ok().out, "A /one\nA /two\n");
        place.run(&["commit", "-q", "bg", "live:2"]).ok();
        assert_eq!(place.run(&["cat", "live:2", "/two"]).ok().out, "22\n");
        assert_ne!(kept(), before);
        place.run(&["rm", "-f", "bg"]).ok();
    });
}

#[test]
fn docker_and_podman_run_what_was_committed() {
    let (place, docker, workshop) = (Place::with_base(true), Dockerd::start(), Workshop::new());
    let script = "echo new > /etc/new; rm /etc/motd; busybox ln -s new /etc/link";
    place
        .run(&["run", "--name", "web", "base:1", "sh", "-c", script])
        .ok();
    place
        .run(&[
            "commit",
            "-q",
            "-c",
            "CMD [\"cat\", \"/etc/link\"]",
            "web",
            "made:1",
        ])
        .ok();
    let saved = workshop.path().join("made.tar");
    place
        .run(&["save", "-o", &saved.display().to_string(), "made:1"])
        .ok();
    docker.run(&["load", "-i", &saved.display().to_string()]);
    assert_eq!(
        docker.run(&["run", "--rm", "--network", "none", "made:1"]),
        "new"
    );
    workshop.run(Tool::Podman, &["load", "-i", "made.tar"]);
    let root = workshop.run(Tool::Podman, &["create", "--name", "made", "made:1"]);
    assert!(!root.is_empty());
    let mounted = workshop.run(Tool::Podman, &["mount", "made"]);
    let mounted = Path::new(&mounted);
    assert_eq!(
        fs::read_to_string(mounted.join("etc/new")).expect("a file"),
        "new\n"
    );
    assert!(!mounted.join("etc/motd").exists());
    // docker's own look at the same steps.
    docker.run(&[
        "run",
        "--name",
        "theirs",
        "--network",
        "none",
        "made:1",
        "sh",
        "-c",
        "echo 1 > /one; rm /etc/new",
    ]);
    place
        .run(&[
            "run",
            "--name",
            "ours",
            "--network",
            "none",
            "made:1",
            "sh",
            "-c",
            "echo 1 > /one; rm /etc/new",
        ])
        .ok();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(&place.run(&["diff", "ours"]).ok().out),
        sorted(&docker.run(&["diff", "theirs"]))
    );
}
