//! Files of a container that runs, changed and copied where its programs see them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use testkit::Layer;

use super::soon;
use crate::lab::Ran;
use crate::place::{Place, both};

#[test]
fn files_of_a_container_that_runs_are_changed_where_its_programs_see_them() {
    both(|place| {
        let script = "echo 1 > /data/in; ln -s /data /way; while :; do sleep 0.1; done";
        place
            .run(&[
                "run",
                "-d",
                "--name",
                "web",
                "-v",
                "kept:/data",
                "base:1",
                "sh",
                "-c",
                script,
            ])
            .ok();
        soon("the program", || inside(place, "ls /way/in").code == 0);
        copies_go_in_and_out(place);
        volumes_go_both_ways(place);
        all_of_it_or_nothing(place);
        single_edits_are_seen(place);
        let changes = place.run(&["diff", "web"]).ok().out;
        for change in ["A /srv/a/b", "A /top", "A /way"] {
            assert!(
                changes.lines().any(|line| line == change),
                "{change}: {changes}"
            );
        }
        assert!(
            !changes.contains("/data/"),
            "a volume is none of it: {changes}"
        );
        place.run(&["stop", "-t", "0", "web"]).ok();
        assert_eq!(
            place.run(&["diff", "web"]).ok().out,
            changes,
            "it is still so"
        );
        place.run(&["rm", "web"]).ok();
        assert_eq!(place.remains(), Vec::<String>::new());
        place.run(&["check", "--read-data"]).ok();
    });
}

/// Runs a line in the container `web`.
fn inside(place: &Place, line: &str) -> Ran {
    place.run(&["exec", "web", "sh", "-c", line])
}

/// Copies into the image's folders of the container `web`, into a volume through a link, and out again.
fn copies_go_in_and_out(place: &Place) {
    let page = place.home().join("page");
    fs::write(&page, "new\n").expect("a file");
    let page = page.display().to_string();
    let cp = |to: &str| place.run(&["cp", &page, to]);
    // Into the image's folders, over a file, through a link into a volume, and never above the root.
    for to in ["web:/tmp/", "web:/etc/motd", "web:/way/", "web:/../../top"] {
        cp(to).ok();
    }
    let seen = inside(
        place,
        "cat /tmp/page /etc/motd /data/page /top; id -u; ls -n /tmp/page",
    )
    .ok();
    assert!(
        seen.out.starts_with("new\nnew\nnew\nnew\n0\n-rw"),
        "{}",
        seen.out
    );
    assert!(seen.out.contains(" 0 "), "root's: {}", seen.out);
    for (to, code) in [
        ("web:/none/x", "not_found"),
        ("web:/etc/motd/", "not_a_folder"),
        ("web:/data/none/", "not_found"),
    ] {
        let refused = place.run(&["--json", "cp", &page, to]).ended(1).error();
        assert_eq!(refused["code"], code, "{to}");
    }
    // Out again, what a program writes meanwhile too.
    inside(place, "echo made > /tmp/made").ok();
    let out = place.home().join("out").display().to_string();
    place.run(&["cp", "web:/tmp/made", &out]).ok();
    assert_eq!(fs::read_to_string(&out).expect("a file"), "made\n");
}

/// Changes single files and folders of the container `web`, and looks at them from inside.
fn single_edits_are_seen(place: &Place) {
    for edit in [
        &["mkdir", "-p", "/srv/a"][..],
        &["mv", "/tmp/page", "/srv/a/b"],
        &["chmod", "4750", "/srv/a/b"],
        &["chown", "7:8", "/srv/a/b"],
        &["rm", "/tmp/made", "/etc/passwd"],
        &["mv", "/tmp", "/moved"],
        &["mkdir", "/tmp"],
    ] {
        place.run(&[&["edit", "web"], edit].concat()).ok();
    }
    let seen = inside(place, "ls -n /srv/a/b; ls -a /; ls /moved /tmp /etc").ok();
    assert!(!seen.out.contains(".strata-"), "{}", seen.out);
    assert!(seen.out.starts_with("-rwsr-x---"), "{}", seen.out);
    assert!(
        seen.out.contains(" 7 ") && seen.out.contains(" 8 "),
        "{}",
        seen.out
    );
    assert!(
        seen.out.ends_with("/moved:\n\n/tmp:\n") && !seen.out.contains("passwd"),
        "{}",
        seen.out
    );
}

/// Copies out of and into `/data`, a volume of the container `web`, which has `/way` as a link to it.
fn volumes_go_both_ways(place: &Place) {
    inside(
        place,
        "cd /data; busybox mkdir -m 700 own; echo 2 > own/two; busybox ln own/two own/twice; \
         busybox ln -s two own/link; busybox chown 7:8 own",
    )
    .ok();
    let out = |name: &str| place.home().join(name);
    let cp = |from: &str, to: &Path| place.run(&["cp", from, &to.display().to_string()]);
    cp("web:/way/in", &out("in")).ok();
    assert_eq!(fs::read_to_string(out("in")).expect("a file"), "1\n");
    cp("web:/way/", &out("volume")).ok();
    let (two, twice) = (out("volume/own/two"), out("volume/own/twice"));
    assert_eq!(fs::read_to_string(&two).expect("a file"), "2\n");
    let number = |path: &Path| fs::metadata(path).expect("a file").ino();
    assert_eq!(number(&two), number(&twice), "names of one file");
    let link = fs::read_link(out("volume/own/link")).expect("a link");
    assert_eq!(link, Path::new("two"));
    // The whole root, with what is mounted but for what the kernel makes.
    cp("web:/", &out("root")).ok();
    assert!(out("root/data/own/two").exists() && out("root/bin/busybox").exists());
    assert_eq!(fs::read_dir(out("root/proc")).expect("a folder").count(), 0);
    for missing in ["web:/data/none", "web:/way/in/", "web:/proc/1"] {
        let refused = place.run(&["--json", "cp", missing, "gone"]).ended(1);
        assert_eq!(refused.error()["code"], "not_found", "{missing}");
    }
    // As a tar, from one folder into another, which stays as it is.
    let tar = out("own.tar").display().to_string();
    let line =
        format!("\"$0\" cp web:/data/own/two - > {tar} && \"$0\" cp - web:/data/own < {tar}");
    let both = place.shell(&line).output().expect("sh runs");
    assert!(both.status.success(), "{both:?}");
    inside(place, "busybox mkdir /data/own/sub").ok();
    let page = place.home().join("page").display().to_string();
    place.run(&["cp", &page, "web:/data/own/sub/"]).ok();
    // A device, with two names, comes where the user may make one, and keeps nothing else away.
    let devices = Layer::new()
        .entry("device", b'3', 0o644, "", b"")
        .hardlink("again", "device")
        .entry("own/device", b'3', 0o644, "", b"")
        .file("beside", "beside\n");
    fs::write(&tar, devices.tar()).expect("a file");
    let line = format!("\"$0\" cp - web:/data < {tar}");
    let came = place.shell(&line).output().expect("sh runs");
    assert!(came.status.success(), "{came:?}");
    assert_eq!(inside(place, "cat /data/beside").ok().out, "beside\n");
    let seen = inside(
        place,
        "cat /data/own/two /data/own/sub/page; ls -nd /data/own",
    )
    .ok();
    assert!(seen.out.starts_with("2\nnew\ndrwx------"), "{}", seen.out);
    assert!(seen.out.contains(" 7 "), "its owner: {}", seen.out);
}

/// Changes several files of the container `web`, one of which cannot be changed.
fn all_of_it_or_nothing(place: &Place) {
    let tree = place.home().join("several");
    fs::create_dir_all(tree.join("etc/deep")).expect("a folder");
    // The system has the file of this name mounted there.
    for name in ["a", "hostname", "motd", "deep/er"] {
        fs::write(tree.join("etc").join(name), "several\n").expect("a file");
    }
    fs::set_permissions(tree.join("etc"), PermissionsExt::from_mode(0o775)).expect("a mode");
    let look = || place.run(&["exec", "web", "sh", "-c", "ls -nR /etc; cat /etc/motd"]);
    let before = look().ok().out;
    let from = format!("{}/.", tree.display());
    let refused = place.run(&["--json", "cp", &from, "web:/"]).ended(1);
    assert_eq!(refused.error()["code"], "run_failed", "{}", refused.err);
    assert_eq!(look().ok().out, before);
    let refused = place.run(&["--json", "edit", "web", "rm", "/etc"]).ended(1);
    assert_eq!(refused.error()["code"], "run_failed", "{}", refused.err);
    assert_eq!(look().ok().out, before);
    // In a volume nothing is known before.
    let refused = place.run(&["--json", "cp", &from, "web:/data/in"]).ended(1);
    assert_eq!(refused.error()["code"], "conflict", "{}", refused.err);
    fs::remove_file(tree.join("etc/hostname")).expect("it goes");
    place
        .run(&["exec", "web", "busybox", "mkdir", "/data/etc"])
        .ok();
    place
        .run(&["exec", "web", "busybox", "mkdir", "/data/etc/motd"])
        .ok();
    let refused = place.run(&["--json", "cp", &from, "web:/data"]).ended(1);
    assert_eq!(refused.error()["code"], "conflict", "{}", refused.err);
    let seen = place.run(&["exec", "web", "ls", "-a", "/data/etc"]).ok();
    assert_eq!(seen.out, ".\n..\nmotd\n");
}

#[test]
fn a_folder_that_a_program_swaps_for_a_link_leads_no_copy_out() {
    both(|place| {
        let outside = place.home().join("outside");
        fs::create_dir(&outside).expect("a folder");
        fs::set_permissions(&outside, PermissionsExt::from_mode(0o777)).expect("a mode");
        let script = format!(
            "mkdir /swap /swap/real; ln -s {} /swap/link; cd /swap; while :; do \
             busybox mv real at; busybox mv at real; busybox mv link at; busybox mv at link; done",
            outside.display()
        );
        place
            .run(&[
                "run", "-d", "--name", "racer", "base:1", "sh", "-c", &script,
            ])
            .ok();
        let page = place.home().join("page");
        fs::write(&page, "new\n").expect("a file");
        let page = page.display().to_string();
        soon("the race", || {
            place.run(&["exec", "racer", "ls", "/swap"]).code == 0
        });
        for _ in 0..10 {
            // It may come there or not.
            let ran = place.run(&["cp", &page, "racer:/swap/at/page"]);
            assert!(ran.code == 0 || ran.code == 1, "{}", ran.err);
        }
        let escaped: Vec<_> = fs::read_dir(&outside).expect("a folder").collect();
        assert!(escaped.is_empty(), "{escaped:?}");
        place.run(&["rm", "-f", "racer"]).ok();
    });
}
