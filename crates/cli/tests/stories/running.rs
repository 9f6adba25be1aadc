//! Programs in containers, as root and as a user, and what they change.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testkit::{Dockerd, Image, ImageBuilder, Layer, Registry, Tool, Workshop};

use crate::lab::Ran;

/// The user of these stories, who has ranges of user numbers.
const USER: &str = "strata-test";

/// A place to run in, for root or for a user.
struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
    registry: Registry,
    user: Option<(String, String)>,
}

fn base() -> Image {
    let busybox = fs::read("/bin/busybox").expect("it is in Debian's package busybox-static");
    let mut layer = Layer::new()
        .folder("bin")
        .entry("bin/busybox", b'0', 0o755, "", &busybox);
    for name in [
        "sh", "cat", "sleep", "ls", "stty", "rm", "id", "echo", "true",
    ] {
        layer = layer.symlink(&format!("bin/{name}"), "busybox");
    }
    ImageBuilder::new()
        .layer(
            layer
                .folder("etc")
                .file(
                    "etc/passwd",
                    "root:x:0:0:root:/:/bin/sh\nada:x:7:8::/:/bin/sh\n",
                )
                .file("etc/motd", "hello\n")
                .folder("tmp"),
        )
        .config("Env", json!(["PATH=/bin"]))
        .config("Cmd", json!(["true"]))
        .build()
}

/// Tells a story twice: as root, and as a user.
fn both(story: impl Fn(&Place)) {
    for is_root in [true, false] {
        story(&Place::new(is_root));
    }
}

fn id(option: &str) -> Option<String> {
    let output = Command::new("id").args([option, USER]).output();
    let text = String::from_utf8(output.expect("id runs").stdout).expect("UTF-8");
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

impl Place {
    fn new(is_root: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("a mode");
        // A user may not be able to read where it was built.
        let program = folder.path().join("strata");
        fs::copy(env!("CARGO_BIN_EXE_strata"), &program).expect("a copy");
        let home = folder.path().join("home");
        fs::create_dir(&home).expect("a folder");
        let user = (!is_root).then(|| {
            if id("-u").is_none() {
                // Another test may do the same at this moment; what counts is that the user is there.
                let made = Command::new("useradd")
                    .args(["--create-home", USER])
                    .output();
                made.expect("useradd runs");
            }
            id("-u").zip(id("-g")).expect("a user")
        });
        if let Some((uid, gid)) = &user {
            let number = |text: &str| text.parse().ok();
            std::os::unix::fs::chown(&home, number(uid), number(gid)).expect("an owner");
        }
        let registry = Registry::start();
        registry.push("base:1", &base());
        let place = Self {
            folder,
            program,
            registry,
            user,
        };
        let base = format!("{}/base:1", place.registry.host());
        place.run(&["pull", "-q", &base]).ok();
        place.run(&["tag", &base, "base:1"]).ok();
        place
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.user {
            None => Command::new(&self.program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command
                    .args([
                        format!("--reuid={uid}"),
                        format!("--regid={gid}"),
                        "--init-groups".to_owned(),
                    ])
                    .arg(&self.program);
                command
            }
        };
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("STRATA_STORE", self.home().join("store"))
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("strata starts"))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.run(&[&["--json"], arguments].concat()).ok().json()
    }

    /// What is mounted or runs below this place: the lines that name it.
    fn remains(&self) -> Vec<String> {
        let folder = self.folder.path().display().to_string();
        let mut found: Vec<String> = fs::read_to_string("/proc/self/mountinfo")
            .expect("a list of mounts")
            .lines()
            .filter(|line| line.contains(&folder))
            .map(str::to_owned)
            .collect();
        for entry in fs::read_dir("/proc").expect("a list of processes") {
            let path = entry.expect("an entry").path();
            // A process that has ended meanwhile is none.
            let program = fs::read_link(path.join("exe")).unwrap_or_default();
            let root = fs::read_to_string(path.join("mountinfo")).unwrap_or_default();
            if program.starts_with(self.folder.path()) || root.contains(&folder) {
                found.push(path.display().to_string());
            }
        }
        found
    }
}

/// Waits for a line of what a program writes.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("a line");
    line
}

/// Waits until something is so, which it is soon.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what}: it did not come");
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
        let script = "trap 'exit 5' TERM; echo up; echo 1 > /one; while :; do sleep 0.1; done";
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
        place.run(&["edit", "bg", "mkdir", "/x"]).ended(1);
        place.run(&["start", "bg"]).ok();
        place.run(&["stop", "bg"]).ok();
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
fn docker_and_podman_run_what_was_committed() {
    let (place, docker, workshop) = (Place::new(true), Dockerd::start(), Workshop::new());
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
