//! How containers end: by themselves, when they are stopped, and when somebody kills what looks after them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{first_line, soon};
use crate::lab::Ran;
use crate::place::both;

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
