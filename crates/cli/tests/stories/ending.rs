//! A load and a save that are killed: no image is half there, no name was moved, and what was left behind goes.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use testkit::{ImageBuilder, Layer, Packing};

use crate::lab::Lab;

/// The moments of dying, in milliseconds after the start. Chosen over the length of the verb; a slow machine only moves them
/// towards its beginning.
const MOMENTS: [u64; 9] = [1, 5, 10, 20, 40, 70, 110, 170, 260];

/// A lab with two images in its store: `app:1`, and a large `app:2` that is in `large.tar` under the name `app:1`.
fn two() -> (Lab, testkit::Image, testkit::Image) {
    let lab = Lab::new();
    let small = ImageBuilder::new().files([("a", "b")]).build();
    let noise = |seed: u32| -> Vec<u8> {
        (0..1_500_000_u32)
            .flat_map(|number| (number ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
            .collect()
    };
    let large = (0..4).fold(ImageBuilder::new(), |image, seed| {
        image.layer(
            Layer::new()
                .file("data", noise(seed))
                .packed(Packing::Plain),
        )
    });
    let large = large.build();
    lab.registry.push("small:1", &small);
    lab.registry.push("large:1", &large);
    lab.pull("small:1");
    lab.pull("large:1");
    lab.run(&["tag", &lab.at("large:1"), "app:1"]).ok();
    lab.run(&["save", "-o", &text(&lab.path("large.tar")), "app:1"])
        .ok();
    lab.run(&["tag", &lab.at("small:1"), "app:1"]).ok();
    (lab, small, large)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Starts a command and kills it after so many milliseconds: nothing is put in order.
fn kill_after(lab: &Lab, arguments: &[&str], moment: u64) {
    let mut victim = lab
        .command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("strata starts");
    std::thread::sleep(Duration::from_millis(moment));
    victim.kill().expect("it is ours");
    victim.wait().expect("it ends");
}

#[test]
fn a_killed_load_moves_no_name_and_the_next_one_is_whole() {
    let (lab, small, large) = two();
    let archive = text(&lab.path("large.tar"));
    for moment in MOMENTS {
        let store = text(&lab.path(&format!("store-{moment}")));
        let there = |arguments: &[&str]| {
            let mut all = vec!["--store", &store];
            all.extend(arguments);
            lab.run(&all).ok()
        };
        there(&["pull", "-q", &lab.at("small:1")]);
        there(&["tag", &lab.at("small:1"), "app:1"]);
        kill_after(&lab, &["--store", &store, "load", "-i", &archive], moment);
        there(&["check", "--read-data"]);
        let named = there(&["inspect", "--format", "{{.Id}}", "app:1"]).out;
        let images = there(&["images", "-q"]).out.lines().count();
        if named.trim() == small.config.as_str() {
            assert_eq!(images, 1, "after {moment} ms: two names of one image");
        } else {
            assert_eq!(named.trim(), large.config.as_str(), "after {moment} ms");
        }
        there(&["load", "-i", &archive]);
        let named = there(&["inspect", "--format", "{{.Id}}", "app:1"]).out;
        assert_eq!(named.trim(), large.config.as_str(), "after {moment} ms");
        there(&["check", "--read-data"]);
    }
}

#[test]
fn a_killed_save_leaves_the_file_that_was_there() {
    let (lab, ..) = two();
    lab.run(&["tag", &lab.at("large:1"), "app:1"]).ok();
    let whole = fs::read(lab.path("large.tar")).expect("it was saved");
    for moment in MOMENTS {
        let folder = lab.path(&format!("out-{moment}"));
        fs::create_dir(&folder).expect("a folder");
        let file = folder.join("saved.tar");
        fs::write(&file, "what was there").expect("a file");
        kill_after(&lab, &["save", "-o", &text(&file), "app:1"], moment);
        let found = fs::read(&file).expect("there is always one");
        assert!(
            found == b"what was there" || found == whole,
            "after {moment} ms there are {} bytes",
            found.len()
        );
        lab.run(&["save", "-o", &text(&file), "app:1"]).ok();
        assert!(
            fs::read(&file).expect("reads") == whole,
            "after {moment} ms"
        );
        lab.run(&["check"]).ok();
    }
}
