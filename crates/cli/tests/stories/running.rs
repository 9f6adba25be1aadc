//! Programs in containers, as root and as a user.

mod changes;
mod copies;
mod ends;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

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
        ran.out.starts_with("125\n[]\n1\nweb created\n"),
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
