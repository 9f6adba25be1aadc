//! `copy` with `docker-daemon:`, and `engines`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use serde_json::Value;
use testkit::Dockerd;

use crate::lab::{Lab, Ran};

/// A lab whose store has `app:1`, and its ID.
fn lab_with_app() -> (Lab, String) {
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "app:1"]).ok();
    let id = lab.json(&["inspect", "app:1"])[0]["Id"]
        .as_str()
        .expect("an ID")
        .to_owned();
    (lab, id)
}

#[test]
fn an_image_is_copied_to_the_engine_of_docker_host_and_back_under_another_name() {
    let docker = Dockerd::start();
    let (lab, id) = lab_with_app();
    let with_host = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.env("DOCKER_HOST", docker.address());
        Ran::of(command.output().expect("strata starts"))
    };
    let sent = with_host(&["copy", "app:1", "docker-daemon:team/app:2"]).ok();
    assert_eq!(sent.out.trim(), id);
    assert_eq!(
        docker.run(&["inspect", "--format", "{{.Id}}", "team/app:2"]),
        id
    );

    let other = Lab::new();
    let address = docker.address();
    let copied = other.json(&[
        "copy",
        "--src-engine",
        &address,
        "docker-daemon:team/app:2",
        "back:3",
    ]);
    assert_eq!(copied["images"][0]["id"], id.as_str());
    assert_eq!(copied["moved"][0]["name"], "docker.io/library/back:3");
    assert_eq!(other.names(), ["back:3"]);
    other.run(&["check", "--read-data"]).ok();
    // skopeo's word for the same.
    let again = other.run(&[
        "copy",
        "--src-daemon-host",
        &address,
        &format!("docker-daemon:{id}"),
        "once:4",
    ]);
    assert_eq!(again.ok().out.trim(), id);

    let missing = other.run(&[
        "--json",
        "copy",
        "--src-engine",
        &address,
        "docker-daemon:none:1",
        "x",
    ]);
    assert_eq!(missing.ended(1).error()["code"], "not_found");
}

#[test]
fn a_context_over_ssh_is_an_engine() {
    let docker = Dockerd::start();
    let (lab, id) = lab_with_app();
    let bin = lab.path("bin");
    fs::create_dir(&bin).expect("a folder");
    let carrier = format!(
        "#!/bin/sh\nexec /usr/bin/docker --host {} system dial-stdio\n",
        docker.address()
    );
    fs::write(bin.join("ssh"), carrier).expect("a program");
    fs::set_permissions(bin.join("ssh"), Permissions::from_mode(0o755)).expect("it may run");
    let config = lab.path("home/.docker");
    let made = Command::new("docker")
        .args([
            "context",
            "create",
            "far",
            "--docker",
            "host=ssh://ada@far.example",
        ])
        .env("DOCKER_CONFIG", &config)
        .output()
        .expect("docker starts");
    assert!(made.status.success(), "{made:?}");
    let broken = config.join("contexts/meta/broken");
    fs::create_dir_all(&broken).expect("a folder");
    fs::write(broken.join("meta.json"), "{").expect("a file");

    let run = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        command.env("PATH", &bin).env("DOCKER_CONTEXT", "far");
        Ran::of(command.output().expect("strata starts"))
    };
    let sent = run(&[
        "copy",
        "app:1",
        "docker-daemon:far/app:1",
        "--dest-engine",
        "far",
    ])
    .ok();
    assert_eq!(sent.out.trim(), id);
    assert_eq!(
        docker.run(&["inspect", "--format", "{{.Id}}", "far/app:1"]),
        id
    );

    let engines = run(&["engines", "--json"]).ok().json();
    let of = |id: &str| -> Value {
        let all = engines.as_array().expect("a list");
        all.iter()
            .find(|engine| engine["id"] == id)
            .cloned()
            .unwrap_or_else(|| panic!("{id} is not in {engines}"))
    };
    let far = of("far");
    assert_eq!(far["kind"], "docker");
    assert_eq!(far["current"], true);
    assert_eq!(far["address"], "ssh://ada@far.example");
    assert_eq!(far["error"], Value::Null);
    assert_eq!(of("broken")["error"]["code"], "io");
    assert_eq!(of("broken")["version"], Value::Null);
    let table = run(&["engines"]).ok().out;
    assert!(
        table.contains("far *") && table.contains("Docker 20.10"),
        "{table}"
    );
}

#[test]
fn an_engine_that_cannot_be_used_says_why_and_what_to_do() {
    let (lab, _) = lab_with_app();
    let nowhere = format!("unix://{}", lab.path("none.sock").display());
    let ran = lab.run(&[
        "copy",
        "app:1",
        "docker-daemon:app:1",
        "--dest-engine",
        &nowhere,
    ]);
    let said = ran.ended(1).err;
    assert!(
        said.contains("none.sock") && said.contains("Start Docker"),
        "{said}"
    );

    // A socket of somebody else's, seen by a user who may not use it.
    let path = lab.path("theirs.sock");
    let _listener = UnixListener::bind(&path).expect("a socket");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is closed");
    fs::set_permissions(lab.path(""), Permissions::from_mode(0o755)).expect("it is open");
    let program = lab.path("strata");
    fs::copy(env!("CARGO_BIN_EXE_strata"), &program).expect("the program");
    let nobody = 65534;
    let home = lab.path("nobody");
    fs::create_dir(&home).expect("a home");
    std::os::unix::fs::chown(&home, Some(nobody), Some(nobody)).expect("it is theirs");
    let theirs = format!("unix://{}", path.display());
    let refused = Command::new(&program)
        .args([
            "--json",
            "copy",
            "--src-engine",
            &theirs,
            "docker-daemon:a",
            "b",
        ])
        .env_clear()
        .env("HOME", &home)
        .current_dir(&home)
        .uid(nobody)
        .gid(nobody)
        .output()
        .expect("strata starts");
    let error = Ran::of(refused).ended(1).error();
    assert_eq!(error["code"], "denied");
    assert!(
        error["message"]
            .as_str()
            .expect("words")
            .contains("theirs.sock")
    );
    assert!(error["hint"].as_str().expect("words").contains("group"));
}

#[test]
fn an_engine_is_said_of_engines_only() {
    let lab = Lab::new();
    for (code, arguments) in [
        (2, ["copy", "--dest-engine", "podman", "app:1", "oci:b"]),
        (2, ["copy", "app:1", "docker-daemon:", "--dest-engine", "x"]),
        (
            2,
            ["copy", "docker-daemon:a", "b", "--src-engine", "ftp://x"],
        ),
    ] {
        assert_eq!(lab.run(&arguments).code, code, "{arguments:?}");
    }
    let ran = lab.run(&["copy", "--src-engine", "podman", "app:1", "b:1"]);
    assert!(
        ran.ended(2)
            .err
            .contains("--src-engine is for docker-daemon:")
    );
}
