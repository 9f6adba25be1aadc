//! An engine with an image in it that runs.

use std::path::PathBuf;

use docker::{Address, Connection, Image, Options};
use oci::{Digest, Selector};
use testkit::{Dockerd, PodmanService, Tool, Workshop};

/// What both engines do for a test.
pub(crate) trait Peer {
    fn address(&self) -> String;
    fn run(&self, arguments: &[&str]) -> String;
}

impl Peer for Dockerd {
    fn address(&self) -> String {
        Dockerd::address(self)
    }

    fn run(&self, arguments: &[&str]) -> String {
        Dockerd::run(self, arguments)
    }
}

impl Peer for PodmanService {
    fn address(&self) -> String {
        PodmanService::address(self)
    }

    fn run(&self, arguments: &[&str]) -> String {
        PodmanService::run(self, arguments)
    }
}

pub(crate) async fn connect(peer: &dyn Peer) -> Connection {
    open(&peer.address()).await.unwrap()
}

pub(crate) async fn open(address: &str) -> docker::Result<Connection> {
    let address: Address = address.parse().unwrap();
    Connection::open(&address, &Options::new(programs())).await
}

pub(crate) fn programs() -> Vec<PathBuf> {
    vec!["/usr/bin".into()]
}

/// Loads a busybox as `team/busybox:1` and returns its ID.
pub(crate) fn busybox(peer: &dyn Peer) -> String {
    let workshop = Workshop::new();
    let run = |arguments: &[&str]| workshop.run(Tool::Umoci, arguments);
    run(&["init", "--layout", "oci"]);
    run(&["new", "--image", "oci:base"]);
    run(&["unpack", "--image", "oci:base", "bundle"]);
    let bin = workshop.path().join("bundle/rootfs/bin");
    std::fs::create_dir(&bin).unwrap();
    std::fs::copy("/bin/busybox", bin.join("busybox")).unwrap();
    for applet in ["sh", "cat", "echo", "true", "sleep", "stty", "tty", "touch"] {
        std::os::unix::fs::symlink("busybox", bin.join(applet)).unwrap();
    }
    run(&["repack", "--image", "oci:base", "bundle"]);
    run(&[
        "config",
        "--image",
        "oci:base",
        "--config.cmd",
        "sh",
        "--config.env",
        "PATH=/bin",
        "--config.label",
        "team=red",
    ]);
    let target = "docker-archive:busybox.tar:docker.io/team/busybox:1";
    workshop.run(Tool::Skopeo, &["copy", "-q", "oci:oci:base", target]);
    let archive = workshop.path().join("busybox.tar").display().to_string();
    peer.run(&["load", "-q", "-i", &archive]);
    peer.run(&["inspect", "--format", "{{.Id}}", "team/busybox:1"])
}

/// A container of busybox that has ended; returns its name.
pub(crate) fn ended(peer: &dyn Peer, name: &str, image: &str, line: &str) {
    peer.run(&[
        "run",
        "--name",
        name,
        "--network",
        "none",
        image,
        "sh",
        "-c",
        line,
    ]);
}

pub(crate) async fn image(connection: &Connection, text: &str) -> Image {
    connection.image(&Selector::from(text)).await.unwrap()
}

pub(crate) fn digest(text: &str) -> Digest {
    text.parse().unwrap()
}
