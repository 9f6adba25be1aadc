//! Who reads standard input: a program that it is lent to, and nobody else.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Seek as _;

use serde_json::json;
use testkit::{ImageBuilder, Layer};

use crate::lab::{Lab, Ran};

fn lab() -> Lab {
    let busybox = fs::read("/bin/busybox").expect("it is in Debian's package busybox-static");
    let layer = Layer::new()
        .folder("bin")
        .entry("bin/busybox", b'0', 0o755, "", &busybox);
    let image = ImageBuilder::new()
        .layer(
            layer
                .symlink("bin/true", "busybox")
                .symlink("bin/cat", "busybox"),
        )
        .config("Env", json!(["PATH=/bin"]))
        .build();
    let lab = Lab::new();
    lab.registry.push("base:1", &image);
    lab.pull("base:1");
    lab.run(&["tag", &lab.at("base:1"), "base:1"]).ok();
    lab
}

/// Runs with a file as standard input, and tells what it printed and how far that was read.
fn fed(lab: &Lab, arguments: &[&str]) -> (Ran, u64) {
    let path = lab.path("input");
    fs::write(&path, "one\n").expect("a file");
    let mut input = fs::File::open(&path).expect("it is there");
    let given = input.try_clone().expect("a copy");
    let mut command = lab.command(arguments);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let output = command.stdin(given).output().expect("strata starts");
    (Ran::of(output), input.stream_position().expect("a place"))
}

#[test]
fn a_terminal_alone_takes_no_input() {
    let lab = lab();
    let (ran, read) = fed(&lab, &["run", "-t", "--name", "one", "base:1", "true"]);
    ran.ok();
    assert_eq!(read, 0, "it is still there for whoever comes after");
    let (ran, read) = fed(&lab, &["start", "-a", "one"]);
    ran.ok();
    assert_eq!(read, 0);
    let (ran, read) = fed(&lab, &["run", "-i", "base:1", "cat"]);
    assert_eq!((ran.ok().out.as_str(), read), ("one\n", 4));
    // Without it the input of the program is there, and empty.
    let (ran, read) = fed(&lab, &["run", "base:1", "cat"]);
    assert_eq!((ran.ok().out.as_str(), read), ("", 0));
}
