//! A real Debian: `apt-get install` in a container of ours, as root and as a user, and what comes of it elsewhere.

use std::fs;
use std::path::Path;

use testkit::{Debian, DockerRegistry, Dockerd, run};

use crate::place::Place;

const INSTALL: &str = "
    echo 'deb [trusted=yes] file:/packages ./' > /etc/apt/sources.list
    rm -f /etc/apt/sources.list.d/*
    echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/quick
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    apt-get update -q
    apt-get install -q -y --no-install-recommends hello
    rm -r /var/lib/apt/lists /etc/dpkg/dpkg.cfg.d/quick
    hello";

#[test]
fn a_package_is_installed_committed_pushed_and_used_elsewhere() {
    let debian = Debian::get(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let (registry, docker) = (DockerRegistry::plain(), Dockerd::start());
    for is_root in [true, false] {
        let place = Place::new(is_root);
        let tar = place.folder.path().join("root.tar");
        // A user may not be able to read the folder that it is kept in.
        fs::hard_link(&debian.root, &tar)
            .or_else(|_| fs::copy(&debian.root, &tar).map(drop))
            .expect("a copy");
        let packages = place.folder.path().join("packages");
        run(
            "cp",
            &[
                "-r",
                &debian.packages.display().to_string(),
                &packages.display().to_string(),
            ],
            place.folder.path(),
        );
        let tar = tar.display().to_string();
        place
            .run(&["import", "-q", "-c", "CMD [\"bash\"]", &tar, "debian:1"])
            .ok();
        let volume = format!("{}:/packages:ro", packages.display());
        let ran = place.run(&[
            "run",
            "--name",
            "deb",
            "--network",
            "none",
            "-v",
            &volume,
            "debian:1",
            "sh",
            "-euc",
            INSTALL,
        ]);
        let ran = ran.ok();
        assert!(
            ran.out.ends_with("Hello, world!\n"),
            "{}{}",
            ran.out,
            ran.err
        );
        let changed = place.run(&["diff", "deb"]).ok().out;
        for wanted in ["A /usr/bin/hello", "C /var/lib/dpkg/status"] {
            assert!(
                changed.lines().any(|line| line == wanted),
                "{wanted}: {changed}"
            );
        }
        place
            .run(&[
                "commit",
                "-q",
                "-a",
                "Ada <ada@example.com>",
                "-m",
                "hello is installed",
                "-c",
                "CMD [\"hello\"]",
                "deb",
                "debian:hello",
            ])
            .ok();
        let told = place.json(&["packages", "debian:hello"]).to_string();
        assert!(told.contains("\"hello\""), "{told}");
        let name = format!("{}/team/debian:{is_root}", registry.host());
        place.run(&["push", "-q", "debian:hello", &name]).ok();
        place.run(&["check"]).ok();
        place.run(&["rm", "deb"]).ok();
        assert_eq!(place.remains(), Vec::<String>::new());

        // Others take it from there.
        let from = format!("docker://{name}");
        let inspected = run(
            "skopeo",
            &["inspect", "--config", "--tls-verify=false", &from],
            place.folder.path(),
        );
        assert!(inspected.contains("hello is installed"), "{inspected}");
        assert!(inspected.contains("ada@example.com"), "{inspected}");
        let there = format!("docker-daemon:made:{is_root}");
        run(
            "skopeo",
            &[
                "--insecure-policy",
                "copy",
                "-q",
                "--src-tls-verify=false",
                "--dest-daemon-host",
                &docker.address(),
                &from,
                &there,
            ],
            place.folder.path(),
        );
        let made = format!("made:{is_root}");
        // It runs, and dpkg finds every file of it as it was packed, owners and links included.
        let said = docker.run(&[
            "run", "--rm", "--network", "none", &made, "sh", "-c",
            "hello; dpkg --verify hello; dpkg -s hello | grep ^Status; stat -c %U:%G /usr/bin/hello /var/cache/apt/archives/partial",
        ]);
        let wanted = [
            "Hello, world!",
            "Status: install ok installed",
            "root:root",
            "_apt:root",
        ];
        assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
        docker.run(&["rmi", &made]);
    }
}
