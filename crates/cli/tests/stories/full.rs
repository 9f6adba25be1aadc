//! A disk that is full, and a store that can only be read. Both are made with mounts that only this test sees.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use serde_json::Value;
use testkit::{ImageBuilder, Layer, Packing};

use crate::lab::{Lab, Ran};

/// Runs a shell script in a mount namespace of its own, with the lab's environment and `strata` as `$STRATA`.
fn alone(lab: &Lab, script: &str) -> Ran {
    let mut command = Command::new("unshare");
    // Without root it takes a user namespace to mount anything.
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
        .args(["--mount", "--", "sh", "-euc", script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", lab.path("home"))
        .env("STRATA_STORE", lab.store())
        .env("STRATA", env!("CARGO_BIN_EXE_strata"))
        .stdin(Stdio::null());
    let output = command.output().expect("unshare is a part of util-linux");
    Ran::of(output)
}

#[test]
fn a_full_disk_is_said_the_store_stays_whole_and_removing_works() {
    let lab = Lab::new();
    lab.registry
        .push("small:1", &ImageBuilder::new().files([("a", "b")]).build());
    let noise: Vec<u8> = (0..8_000_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let large = ImageBuilder::new()
        .layer(Layer::new().file("noise", noise).packed(Packing::Plain))
        .build();
    lab.registry.push("large:1", &large);
    std::fs::create_dir(lab.store()).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=24m tmpfs \"$STRATA_STORE\"
         $STRATA pull -q {small}
         if $STRATA pull --json {large} 2>\"$HOME/error\"; then echo pulled; else echo \"ended $?\"; fi
         # Filled to the last byte by somebody else.
         dd if=/dev/zero of=\"$STRATA_STORE/ingest/filler\" bs=4096 2>/dev/null || true
         if $STRATA pull --json {large} 2>/dev/null; then echo pulled; else echo \"ended $?\"; fi
         $STRATA images --format '{{{{.Tag}}}}'
         $STRATA rmi --now {small} >/dev/null
         rm \"$STRATA_STORE/ingest/filler\"
         $STRATA check --read-data
         $STRATA images -q | wc -l",
        small = lab.at("small:1"),
        large = lab.at("large:1"),
    );
    let ran = alone(&lab, &script).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[1..4], ["ended 1", "ended 1", "1"], "{}", ran.out);
    assert_eq!(lines.last(), Some(&"0"), "{}", ran.out);
    let error = std::fs::read_to_string(lab.path("home/error")).expect("it was written");
    let error: Value = serde_json::from_str(&error).expect("one document");
    assert_eq!(error["error"]["code"], "disk_full", "{error}");
    let message = error["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("store"), "it says where: {message}");
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_load_or_a_save_leaves_all_as_it_was() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let noise: Vec<u8> = (0..8_000_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let large = ImageBuilder::new()
        .layer(Layer::new().file("noise", noise).packed(Packing::Plain))
        .build();
    lab.registry.push("large:1", &large);
    lab.pull("large:1");
    lab.run(&["tag", &lab.at("large:1"), "app:1"]).ok();
    let archive = lab.path("large.tar").display().to_string();
    lab.run(&["save", "-o", &archive, "app:1"]).ok();
    let small = lab.path("small");
    std::fs::create_dir(&small).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=24m tmpfs {small}
         mkdir {small}/store {small}/out
         $STRATA --store {small}/store pull -q {app}
         $STRATA --store {small}/store tag {app} app:1
         code() {{ sed 's/.*\"code\":\"\\([a-z_]*\\)\".*/\\1/' \"$HOME/error\"; }}
         $STRATA --store {small}/store load --json -i {archive} 2>\"$HOME/error\" && echo loaded
         code
         $STRATA load --json -i {archive} --dry-run >/dev/null
         $STRATA --store {small}/store inspect --format '{{{{.Id}}}}' app:1
         $STRATA --store {small}/store check --read-data >/dev/null
         find {small}/store/ingest -type f -size +0 -printf '%p %s\\n'
         echo before >{small}/out/saved.tar
         $STRATA save --json -o {small}/out/saved.tar app:1 2>\"$HOME/error\" && echo saved
         code
         ls -A {small}/out
         cat {small}/out/saved.tar",
        small = small.display(),
        app = lab.at("app:1"),
    );
    let ran = alone(&lab, &script).ok();
    let lines: Vec<&str> = ran.out.lines().skip(1).collect();
    let unchanged = image.config.as_str();
    assert_eq!(
        lines,
        ["disk_full", unchanged, "disk_full", "saved.tar", "before"],
        "{}",
        ran.out
    );
}

#[test]
fn a_store_that_can_only_be_read_can_be_looked_at() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.registry.push("new:1", &crate::lab::app("new").build());
    let script = format!(
        "mount --bind \"$STRATA_STORE\" \"$STRATA_STORE\"
         mount -o remount,bind,ro \"$STRATA_STORE\"
         $STRATA images -q
         $STRATA inspect --format '{{{{.Id}}}}' {app}
         $STRATA history {app} >/dev/null
         for verb in 'pull {new}' 'tag {app} other' 'rmi {app}' 'prune' 'undo'; do
             if $STRATA --json $verb 2>\"$HOME/error\" >/dev/null; then echo \"$verb worked\"; fi
             sed 's/.*\"code\":\"\\([a-z_]*\\)\".*/\\1/' \"$HOME/error\"
         done",
        app = lab.at("app:1"),
        new = lab.at("new:1"),
    );
    let ran = alone(&lab, &script).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], image.config.short());
    assert_eq!(lines[1], image.config.as_str());
    assert_eq!(lines[2..], ["read_only"; 5], "{}", ran.out);
}
