//! Programs in containers, as root and as a user, and what they change.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Dockerd, Layer, Tool, Workshop};

use crate::lab::Ran;
use crate::place::{Place, both};

/// Waits for a line of what a program writes.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("a line");
    line
}

/// Waits until something is so, which it is soon.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: it did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_runs_with_its_streams_and_its_code() {
    both(|place| {
        let ran = place.run(&[
            "run",
            "--rm",
            "base:1",
            "sh",
            "-c",
            "echo out; echo err >&2; exit 7",
        ]);
        let ran = ran.ended(7);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("out\n", "err\n"));
        let mut child = place
            .command(&["run", "--rm", "-i", "base:1", "cat"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("strata starts");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(b"in and out\n").expect("it reads");
        drop(input);
        let ran = Ran::of(child.wait_with_output().expect("it ends")).ok();
        assert_eq!(ran.out, "in and out\n");
        // A reader who has enough ends it.
        let mut child = place
            .command(&["run", "--rm", "base:1", "busybox", "yes"])
            .spawn()
            .expect("strata starts");
        assert_eq!(first_line(&mut child), "y\n");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(137));
        for (command, code) in [("nope", 127), ("/etc/motd", 126)] {
            let ran = place.run(&["--json", "run", "--rm", "base:1", command]);
            ran.ended(code);
        }
        let ran = place
            .run(&["run", "--rm", "--pull", "never", "none:1"])
            .ended(125);
        assert!(ran.err.contains("none:1"), "{}", ran.err);
        place
            .run(&["run", "--rm", "-u", "nobody", "base:1"])
            .ended(125);
        assert_eq!(place.json(&["ps", "-a"]), json!([]), "all are gone");
        assert_eq!(place.remains(), Vec::<String>::new());
        place.run(&["check", "--read-data"]).ok();
    });
}

#[test]
fn surroundings_are_what_was_asked_for() {
    both(|place| {
        let shared = place.home().join("shared");
        fs::create_dir(&shared).expect("a folder");
        fs::set_permissions(&shared, PermissionsExt::from_mode(0o777)).expect("a mode");
        fs::write(place.home().join("variables"), "# none\nB=two words\n").expect("a file");
        let volume = format!("{}:/mnt/here", shared.display());
        let script =
            "echo $A $B $PWD; echo text > /mnt/here/file; echo kept > /keep/file; id -u; echo > /x";
        let ran = place.run(&[
            "run",
            "--name",
            "first",
            "-e",
            "A=1",
            "--env-file",
            "variables",
            "-v",
            &volume,
            "-v",
            "keep:/keep",
            "-w",
            "/tmp",
            "--network",
            "none",
            "base:1",
            "sh",
            "-c",
            script,
        ]);
        assert!(
            ran.out.starts_with("1 two words /tmp\n0\n"),
            "{}{}",
            ran.out,
            ran.err
        );
        assert_eq!(
            fs::read_to_string(shared.join("file")).expect("a file"),
            "text\n"
        );
        let ran = place.run(&[
            "run",
            "--rm",
            "--read-only",
            "-v",
            "keep:/keep:ro",
            "base:1",
            "sh",
            "-c",
            "cat /keep/file; echo x > /y",
        ]);
        assert_eq!(ran.out, "kept\n");
        assert_ne!(ran.code, 0, "nothing can be written");
        let ran = place
            .run(&["run", "--rm", "--entrypoint", "echo", "base:1", "a", "-b"])
            .ok();
        assert_eq!(ran.out, "a -b\n");
        // What stands in a volume is no change of the container.
        let changed: Vec<Value> = place
            .json(&["diff", "first"])
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["path"].clone())
            .collect();
        assert!(
            changed
                .iter()
                .all(|path| path != "/mnt/here/file" && path != "/keep/file"),
            "{changed:?}"
        );
        for bad in [
            &["-e", "=x"][..],
            &["-v", "a:b:c:d"],
            &["-p", "99999"],
            &["--network", "moon"],
            &["-v", "/:/"],
        ] {
            place
                .run(&[&["run", "--rm"], bad, &["base:1"]].concat())
                .ended(125);
        }
    });
}

#[test]
fn without_a_runtime_it_is_said_and_a_container_is_still_changed_and_committed() {
    let place = Place::with_base(true);
    place.run(&["create", "--name", "web", "base:1"]).ok();
    let script = "
        for name in crun runc; do
            for folder in /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin /bin /sbin; do
                [ ! -f $folder/$name ] || mount --bind /dev/null $folder/$name
            done
        done
        for verb in 'run --rm base:1' 'start web'; do
            $STRATA --json $verb 2>>errors || echo $?
        done
        $STRATA ps -a --format '{{.Names}} {{.State}}'
        $STRATA edit web mkdir /made
        $STRATA commit -q web made:1 >/dev/null
        $STRATA check";
    let output = std::process::Command::new("unshare")
        .args(["--mount", "--", "sh", "-euc", script])
        .env("STRATA", &place.program)
        .env("STRATA_STORE", place.home().join("store"))
        .env("HOME", place.home())
        .current_dir(place.home())
        .output()
        .expect("unshare is a part of util-linux");
    let ran = Ran::of(output).ok();
    assert!(
        ran.out.starts_with("125\n125\nweb created\n"),
        "{}",
        ran.out
    );
    let errors = fs::read_to_string(place.home().join("errors")).expect("they were written");
    for line in errors.lines() {
        let error: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(error["error"]["code"], "cannot_run", "{error}");
        assert!(error["error"]["hint"].is_string(), "{error}");
    }
    assert_eq!(place.run(&["diff", "web"]).ok().out, "A /made\n");
}

#[test]
fn limits_hold_or_are_refused_with_the_reason() {
    both(|place| {
        for bad in [["-m", "5k"], ["--cpus", "none"], ["--pids-limit", "-2"]] {
            let ran = place.run(&[&["--json", "run", "--rm"], &bad[..], &["base:1"]].concat());
            assert_eq!(ran.ended(125).error()["code"], "usage", "{bad:?}");
        }
        let limits = ["-m", "64m", "--cpus", "0.5", "--pids-limit", "50"];
        let script = ["base:1", "cat", "/proc/self/cgroup"];
        let ran = place.run(&[&["--json", "run", "--rm"], &limits[..], &script[..]].concat());
        if ran.code == 0 {
            // Control groups of version 2 are delegated here.
            assert!(ran.out.contains("strata-"), "{}", ran.out);
        } else {
            let error = ran.ended(125).error();
            assert_eq!(error["code"], "cannot_run", "{error}");
            assert!(error["hint"].is_string(), "{error}");
        }
        assert_eq!(place.json(&["ps", "-a"]), json!([]), "it is gone");
        assert_eq!(place.remains(), Vec::<String>::new());
    });
}

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
fn a_container_lives_on_until_it_is_stopped() {
    both(|place| {
        let script = "trap 'exit 5' TERM; echo 1 > /one; echo up; while :; do sleep 0.1; done";
        place
            .run(&["run", "-d", "--name", "bg", "base:1", "sh", "-c", script])
            .ok();
        soon("the program", || place.run(&["logs", "bg"]).out == "up\n");
        let list = place.json(&["ps"]);
        assert_eq!(list[0]["status"], "running");
        assert!(place.run(&["ps"]).ok().out.contains("Up "));
        let ran = place.run(&[
            "exec",
            "-e",
            "A=1",
            "-u",
            "ada",
            "bg",
            "sh",
            "-c",
            "id -u; echo $A; exit 3",
        ]);
        assert_eq!(ran.ended(3).out, "7\n1\n");
        place.run(&["exec", "bg", "sh", "-c", "echo 2 > /two"]).ok();
        assert_eq!(place.run(&["diff", "bg"]).ok().out, "A /one\nA /two\n");
        place.run(&["commit", "-q", "bg", "live:1"]).ok();
        place
            .run(&["commit", "-q", "--no-pause", "bg", "live:2"])
            .ok();
        assert_eq!(place.run(&["cat", "live:1", "/two"]).ok().out, "2\n");
        place.run(&["rm", "bg"]).ended(1);
        place.run(&["start", "bg"]).ok();
        place.run(&["stop", "-t", "60", "bg"]).ok();
        let list = place.json(&["ps", "-a"]);
        assert_eq!(
            (&list[0]["status"], &list[0]["exit_code"]),
            (&json!("exited"), &json!(5))
        );
        place.run(&["exec", "bg", "true"]).ended(125);
        place.run(&["start", "bg"]).ok();
        place.run(&["rm", "-f", "bg"]).ok();
        assert_eq!(place.json(&["ps", "-a"]), json!([]));
        assert_eq!(place.remains(), Vec::<String>::new());
        place.run(&["prune", "-a"]).ok();
        assert_eq!(place.json(&["df"])["unpacked_size"], 0);
    });
}

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
        let inside = |line: &str| place.run(&["exec", "web", "sh", "-c", line]);
        soon("the program", || inside("ls /way/in").code == 0);
        let page = place.home().join("page");
        fs::write(&page, "new\n").expect("a file");
        let page = page.display().to_string();
        let cp = |to: &str| place.run(&["cp", &page, to]);
        // Into the image's folders, over a file, through a link into a volume, and never above the root.
        for to in ["web:/tmp/", "web:/etc/motd", "web:/way/", "web:/../../top"] {
            cp(to).ok();
        }
        let seen = inside("cat /tmp/page /etc/motd /data/page /top; id -u; ls -n /tmp/page").ok();
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
        inside("echo made > /tmp/made").ok();
        let out = place.home().join("out").display().to_string();
        place.run(&["cp", "web:/tmp/made", &out]).ok();
        assert_eq!(fs::read_to_string(&out).expect("a file"), "made\n");
        volumes_go_both_ways(place);
        all_of_it_or_nothing(place);
        // Single changes, and back.
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
        let seen = inside("ls -n /srv/a/b; ls -a /; ls /moved /tmp /etc").ok();
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

/// Copies out of and into `/data`, a volume of the container `web`, which has `/way` as a link to it.
fn volumes_go_both_ways(place: &Place) {
    let inside = |line: &str| place.run(&["exec", "web", "sh", "-c", line]);
    inside(
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
    inside("busybox mkdir /data/own/sub").ok();
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
    assert_eq!(inside("cat /data/beside").ok().out, "beside\n");
    let seen = inside("cat /data/own/two /data/own/sub/page; ls -nd /data/own").ok();
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

#[test]
fn a_killed_program_leaves_nothing_running_and_no_change_is_lost() {
    both(|place| {
        let script = "echo 1 > /one; echo up; sleep 1000";
        let mut kept = place
            .command(&["run", "--name", "kept", "base:1", "sh", "-c", script])
            .spawn()
            .expect("strata starts");
        let mut removed = place
            .command(&[
                "run", "--rm", "--name", "gone", "base:1", "sh", "-c", script,
            ])
            .spawn()
            .expect("strata starts");
        for child in [&mut kept, &mut removed] {
            assert_eq!(first_line(child), "up\n");
            child.kill().expect("it can be killed");
            child.wait().expect("it has ended");
        }
        soon("the end of all", || place.remains().is_empty());
        let list = place.json(&["ps", "-a"]);
        assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
        assert_eq!(list[0]["status"], "exited");
        assert_eq!(place.run(&["diff", "kept"]).ok().out, "A /one\n");
        // Ctrl-C is the program's.
        let script = "trap 'echo told; exit 9' INT; echo up; while :; do sleep 0.1; done";
        let mut child = place
            .command(&["run", "--rm", "base:1", "sh", "-c", script])
            .spawn()
            .expect("strata starts");
        assert_eq!(first_line(&mut child), "up\n");
        let number = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(number, rustix::process::Signal::INT).expect("a signal");
        let ran = Ran::of(child.wait_with_output().expect("it ends")).ended(9);
        assert_eq!(ran.out, "told\n");
    });
}

#[test]
fn what_a_killed_monitor_left_is_ended_by_the_next_that_looks() {
    both(|place| {
        for verb in [&["ps", "-a"][..], &["stop", "bg"], &["rm", "-f", "bg"]] {
            let script = "echo 1 > /one; while :; do sleep 0.1; done";
            place
                .run(&["run", "-d", "--name", "bg", "base:1", "sh", "-c", script])
                .ok();
            let id = place.json(&["ps"])[0]["id"]
                .as_str()
                .expect("an ID")
                .to_owned();
            let state = place
                .home()
                .join("store/containers")
                .join(&id)
                .join("run/state.json");
            let state = fs::read(state).expect("what is known of the run");
            let state: Value = serde_json::from_slice(&state).expect("JSON");
            let monitor = state["monitor"]["pid"].as_i64().expect("a number");
            let pid = i32::try_from(monitor)
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            let one = place
                .home()
                .join("store/containers")
                .join(&id)
                .join("run/upper/one");
            soon("the program", || one.exists());
            rustix::process::kill_process(pid.expect("a number"), rustix::process::Signal::KILL)
                .expect("a signal");
            soon("the end of the monitor", || {
                !Path::new(&format!("/proc/{monitor}/exe")).exists()
            });
            place.run(verb).ok();
            assert_eq!(place.remains(), Vec::<String>::new(), "after {verb:?}");
            if verb[0] != "rm" {
                let list = place.json(&["ps", "-a"]);
                assert_eq!(list[0]["status"], "exited");
                assert_eq!(place.run(&["diff", "bg"]).ok().out, "A /one\n");
                place.run(&["rm", "bg"]).ok();
            }
        }
        place.run(&["check"]).ok();
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
fn what_a_crash_left_of_unpacking_goes_with_a_repair() {
    both(|place| {
        place.run(&["run", "--rm", "base:1", "true"]).ok();
        let roots = place.home().join("store/roots");
        let user = fs::read_dir(&roots)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .next()
            .expect("the folder of one user");
        let chain = fs::read_dir(&user)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .next()
            .expect("the files of one image");
        place.run(&["check"]).ok();
        // A number that no process has.
        fs::rename(&chain, chain.with_extension("4194305.new")).expect("a name");
        let ran = place.run(&["--json", "check"]).ended(1);
        let found = ran.json();
        assert_eq!(found["problems"][0]["kind"], "unfinished_unpack", "{found}");
        assert_eq!(found["problems"][0]["repairable"], true);
        place.run(&["check", "--repair"]).ok();
        assert_eq!(fs::read_dir(&user).expect("a folder").count(), 0);
        place.run(&["run", "--rm", "base:1", "true"]).ok();
        place.run(&["check"]).ok();
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
