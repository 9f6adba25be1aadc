//! The verbs that look inside, on images of every place: what they say is the same, and nothing is stored.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{ImageBuilder, Layer, Packing};

use crate::inside::changed;
use crate::lab::Lab;

const STATUS: &str =
    "Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\n\n";

fn image() -> ImageBuilder {
    changed().layer(
        Layer::new()
            .file("var/lib/dpkg/status", STATUS)
            .packed(Packing::Plain),
    )
}

/// Puts an image into every kind of place, and returns what these are called. The store of the lab is empty then.
fn everywhere(lab: &Lab) -> Vec<String> {
    lab.registry.push("app:1", &image().build());
    lab.pull("app:1");
    let name = lab.at("app:1");
    for place in [
        "oci:folder:app",
        "oci-archive:layout.tar:app",
        "docker-archive:docker.tar",
    ] {
        lab.run(&["copy", &name, place]).ok();
    }
    for compression in ["gzip", "zstd"] {
        let file = format!("docker.{compression}");
        lab.run(&["save", "--compress", compression, "-o", &file, &name])
            .ok();
    }
    vec![
        format!("docker://{name}"),
        "oci:folder:app".into(),
        "oci-archive:layout.tar:app".into(),
        format!("docker-archive:docker.tar:{name}"),
        "docker-archive:docker.gzip".into(),
        "docker-archive:docker.zstd".into(),
    ]
}

/// What the verbs say of an image, but for how its layers are packed, which is the place's.
fn said(lab: &Lab, image: &str) -> Value {
    let layers = lab.json(&["layers", image]);
    let layers = layers.as_array().expect("an array").iter();
    let layers: Vec<_> = layers
        .map(|layer| (layer["diff_id"].clone(), layer["created_by"].clone()))
        .collect();
    let mut analysis = lab.json(&["analyze", image]);
    for layer in analysis["layers"].as_array_mut().expect("an array") {
        layer["digest"].take();
    }
    json!({
        "layers": layers,
        "files": lab.json(&["ls", "-R", image]),
        "cat": lab.run(&["cat", image, "/lib/twin"]).ok().out,
        "packages": lab.json(&["packages", image]),
        "analyze": analysis,
    })
}

fn nothing_is_stored(lab: &Lab) {
    assert_eq!(lab.json(&["images", "-a"]), json!([]));
    for folder in ["ingest", "blobs/sha256"] {
        let path = lab.store().join(folder);
        let found = fs::read_dir(&path).map_or(0, Iterator::count);
        assert_eq!(found, 0, "files in {}", path.display());
    }
}

#[test]
fn what_is_said_of_an_image_is_the_same_in_every_place() {
    let lab = Lab::new();
    let places = everywhere(&lab);
    let stored = said(&lab, &lab.at("app:1"));
    assert_eq!(stored["packages"][0]["version"], "5.2");
    fs::remove_dir_all(lab.store()).expect("the store goes");
    for place in &places {
        assert_eq!(said(&lab, place), stored, "{place}");
        nothing_is_stored(&lab);
    }
}

#[test]
fn files_are_copied_out_of_every_place() {
    let lab = Lab::new();
    let places = everywhere(&lab);
    fs::remove_dir_all(lab.store()).expect("the store goes");
    for (number, place) in places.iter().enumerate() {
        let folder = format!("root-{number}");
        lab.run(&["unpack", place, &folder]).ok();
        let read = |path: &str| fs::read_to_string(lab.path(&folder).join(path)).expect(path);
        assert_eq!(read("etc/motd"), "hello again\n", "{place}");
        assert_eq!(read("usr/lib/through-the-link"), "abcdef");
        assert!(!lab.path(&folder).join("etc/old").exists());
        let file = format!("motd-{number}");
        lab.run(&["cp", &format!("{place}:/etc/motd"), &file]).ok();
        assert_eq!(
            fs::read_to_string(lab.path(&file)).expect("a copy"),
            "hello again\n"
        );
        nothing_is_stored(&lab);
    }
}

#[test]
fn images_of_two_places_are_compared() {
    let lab = Lab::new();
    let places = everywhere(&lab);
    let next = image().layer(
        Layer::new()
            .file("etc/motd", "hello again\nand again\n")
            .file("var/lib/dpkg/status", STATUS.replace("5.2", "5.3"))
            .packed(Packing::Zstd),
    );
    lab.registry.push("app:2", &next.build());
    fs::remove_dir_all(lab.store()).expect("the store goes");
    let remote = format!("docker://{}", lab.at("app:2"));
    for place in &places {
        let found = lab.json(&["compare", place, &remote]);
        assert_eq!(found["layers"]["shared"].as_array().map(Vec::len), Some(4));
        assert_eq!(found["layers"]["only_b"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            found["packages"],
            json!([{"name": "bash", "change": "changed", "version_a": "5.2", "version_b": "5.3"}]),
            "{place}"
        );
        assert_eq!(
            found["files"][0],
            json!({"path": "/etc/motd", "change": "changed", "size_a": 12, "size_b": 22})
        );
        let text = lab.run(&["compare", place, &remote, "/etc/motd"]).ok().out;
        assert_eq!(text, " hello again\n+and again\n", "{place}");
    }
    nothing_is_stored(&lab);
}

#[test]
fn what_is_wrong_with_a_place_is_said() {
    let lab = Lab::new();
    everywhere(&lab);
    let code = |arguments: &[&str], ended: i32| {
        let arguments = [&["--json"], arguments].concat();
        lab.run(&arguments).ended(ended).error()["code"].clone()
    };
    assert_eq!(code(&["layers", "oci:nowhere"], 1), "io");
    assert_eq!(code(&["layers", "oci:folder:other"], 1), "not_found");
    let missing = format!("docker://{}", lab.at("app:9"));
    assert_eq!(code(&["cat", &missing, "/etc/motd"], 1), "tag_not_found");
    assert_eq!(code(&["cat", "oci:folder:app", "/etc/old"], 1), "not_found");
    lab.run(&["layers", "docker-daemon:app:1"])
        .ended(2)
        .err
        .clear();
    damage(&lab.path("folder").join("blobs/sha256"));
    let code = code(&["unpack", "oci:folder:app", "root"], 1);
    assert!(
        ["corrupt_layer", "digest_mismatch"].contains(&code.as_str().unwrap_or_default()),
        "{code}"
    );
}

/// Changes a byte in the middle of every layer of a layout.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the blobs") {
        let path = entry.expect("an entry").path();
        let mut bytes = fs::read(&path).expect("a blob");
        if !bytes.starts_with(b"{") {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&path, bytes).expect("it can be written");
        }
    }
}
