//! A real Debian: `apt-get install` in a container of ours, as root and as a user, and what comes of it elsewhere.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{DockerRegistry, Dockerd};

use crate::place::Place;

/// A small package that needs no other.
const PACKAGE: &str = "hello";

/// A Debian's files as a tar, and a folder with one package and the list of it. They are made once, and need the network for that.
struct Debian {
    root: PathBuf,
    packages: PathBuf,
}

impl Debian {
    /// Takes what another run made, or makes it.
    fn get() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
        fs::create_dir_all(&folder).expect("a folder");
        // Several tests may want it at once.
        let lock = File::create(folder.join("lock")).expect("a file");
        lock.lock().expect("a lock");
        let debian = Self {
            root: folder.join("root.tar"),
            packages: folder.join("packages"),
        };
        if !(debian.root.is_file() && debian.packages.is_dir()) {
            debian.fetch(&folder);
        }
        debian
    }

    /// Makes a Debian, and has its own apt fetch the package.
    fn fetch(&self, folder: &Path) {
        let root = folder.join("root");
        if root.exists() {
            fs::remove_dir_all(&root).expect("what an earlier run left goes");
        }
        let place = root.display().to_string();
        run(
            "debootstrap",
            &["--variant=minbase", "bookworm", &place],
            folder,
        );
        let packages = root.join("packages");
        fs::create_dir(&packages).expect("a folder");
        let script = format!("apt-get update -q; cd /packages; apt-get download -q {PACKAGE}");
        run("chroot", &[&place, "sh", "-euc", &script], folder);
        list(&packages);
        drop(fs::remove_dir_all(&self.packages));
        fs::rename(&packages, &self.packages).expect("a name");
        for cache in ["var/cache/apt/archives", "var/lib/apt/lists"] {
            fs::remove_dir_all(root.join(cache)).expect("it is there");
        }
        let new = folder.join("root.tar.new");
        let tar = new.display().to_string();
        run(
            "tar",
            &["--numeric-owner", "-C", &place, "-cf", &tar, "."],
            folder,
        );
        fs::remove_dir_all(&root).expect("it can go");
        fs::rename(new, &self.root).expect("a name");
    }
}

/// Writes the list that makes a folder with one package a repository.
fn list(packages: &Path) {
    let file = fs::read_dir(packages)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .next()
        .expect("one package");
    let name = file
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let about = run("dpkg-deb", &["--field", &name], packages);
    let bytes = fs::read(&file).expect("a package");
    let list = format!(
        "{}\nFilename: ./{name}\nSize: {}\nSHA256: {}\n",
        about.trim_end(),
        bytes.len(),
        engine::Digest::sha256(&bytes).hex()
    );
    fs::write(packages.join("Packages"), list).expect("a file");
}

/// Runs a program and returns what it printed; one that is missing is named.
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}. It is in Debian's package of that name.")
        });
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

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
    let debian = Debian::get();
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
