//! `load` of what others wrote: other names, other packings, other orders, and what is wrong.

use std::process::Stdio;

use serde_json::json;
use testkit::{ImageBuilder, Layer, Packing};

use crate::lab::{Lab, Ran, blob};

#[test]
fn a_layer_that_is_not_the_one_of_the_config_is_refused() {
    let lab = Lab::new();
    // The digests are right and the diff ID is not: only reading the layer tells.
    let wrong = ImageBuilder::new()
        .files([("a", "1")])
        .wrong_diff_id()
        .build();
    let folder = lab.path("layout");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("writes");
    };
    write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let line = json!({"mediaType": wrong.root.media_type.as_str(), "digest": wrong.digest(), "size": wrong.root.bytes.len()});
    write(
        "index.json",
        json!({"schemaVersion": 2, "manifests": [line]})
            .to_string()
            .as_bytes(),
    );
    for (digest, bytes) in wrong
        .blobs
        .iter()
        .chain([(wrong.digest(), &wrong.root.bytes)])
    {
        write(&format!("blobs/sha256/{}", digest.hex()), bytes);
    }
    let ran = lab
        .run(&["load", "--json", "-i", &folder.display().to_string()])
        .ended(1);
    assert_eq!(ran.error()["code"], "corrupt_layer");
    assert_eq!(lab.names(), Vec::<String>::new());
}

/// A layer that is a JSON text looks like one of the archive's own documents when all that is known of it is that it comes by.
#[test]
fn an_artifact_of_json_loads_however_it_comes() {
    let source = Lab::new();
    let folder = source.path("layout");
    let put = |bytes: &[u8]| {
        let digest = engine::Digest::sha256(bytes);
        let path = folder.join("blobs/sha256").join(digest.hex());
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("writes");
        json!({"mediaType": "application/spdx+json", "digest": digest.as_str(), "size": bytes.len()})
    };
    let (sbom, mut config) = (put(br#"{"spdxVersion": "SPDX-2.3"}"#), put(b"{}"));
    config["mediaType"] = json!("application/vnd.oci.empty.v1+json");
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/spdx+json", "config": config, "layers": [sbom],
    });
    let mut line = put(manifest.to_string().as_bytes());
    line["mediaType"] = manifest["mediaType"].clone();
    line["annotations"] = json!({"org.opencontainers.image.ref.name": "example.com/app:sbom"});
    let index = json!({"schemaVersion": 2, "manifests": [line]}).to_string();
    std::fs::write(folder.join("index.json"), index).expect("writes");
    let layout = r#"{"imageLayoutVersion":"1.0.0"}"#;
    std::fs::write(folder.join("oci-layout"), layout).expect("writes");
    let archive = source.path("app.tar");
    let packed = std::process::Command::new("tar")
        .args(["-C", &folder.display().to_string(), "-cf"])
        .args([&archive.display().to_string(), "."])
        .status();
    assert!(packed.expect("tar runs").success());

    for piped in [false, true] {
        let lab = Lab::new();
        let ran = if piped {
            let archive = std::fs::File::open(&archive).expect("opens");
            let mut cat = std::process::Command::new("cat")
                .stdin(archive)
                .stdout(Stdio::piped())
                .spawn()
                .expect("cat runs");
            let pipe = cat.stdout.take().expect("a pipe");
            let output = lab.command(&["load", "--json"]).stdin(pipe).output();
            assert!(cat.wait().expect("ends").success());
            Ran::of(output.expect("strata starts"))
        } else {
            lab.run(&["load", "--json", "-i", &archive.display().to_string()])
        };
        let loaded = ran.ok().json();
        assert_eq!(loaded["images"][0]["digest"], line["digest"]);
        let digest = sbom["digest"].as_str().expect("a digest");
        let stored = std::fs::read(blob(&lab.store(), digest));
        assert_eq!(stored.expect("reads"), br#"{"spdxVersion": "SPDX-2.3"}"#);
        lab.run(&["check", "--read-data"]).ok();
    }
}

/// A docker-archive whose layers stand in the wrong order, whole and in every compression of the whole.
#[test]
fn layers_that_were_swapped_are_refused_and_named() {
    let lab = Lab::new();
    let layers = [Layer::files([("a", "1")]), Layer::files([("b", "2")])];
    let image = layers
        .iter()
        .fold(ImageBuilder::new(), |image, layer| {
            image.layer(layer.clone())
        })
        .build();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["two.tar", "one.tar"]}]);
    let tar = Layer::new()
        .file("config.json", &image.blobs[&image.config])
        .file("manifest.json", manifest.to_string())
        .file("one.tar", layers[0].tar())
        .file("two.tar", layers[1].tar());
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        std::fs::write(lab.path("swapped"), tar.clone().packed(packing).blob()).expect("writes");
        let ran = lab.run(&["load", "--json", "-i", "swapped"]).ended(1);
        let error = ran.error();
        assert_eq!(error["code"], "digest_mismatch", "{packing:?}: {error}");
        let message = error["message"].as_str().expect("a message");
        assert!(
            message.contains("one.tar") || message.contains("two.tar"),
            "{packing:?}: {message}"
        );
    }
    assert_eq!(lab.names(), Vec::<String>::new());
}

/// Layers under other names than docker's, and packed, as crane and kaniko write them.
#[test]
fn packed_layers_of_a_docker_archive_are_kept_as_they_came() {
    let lab = Lab::new();
    let layer = Layer::files([("a", "1")]);
    let image = ImageBuilder::new().layer(layer.clone()).build();
    let config = image.config.to_string();
    let manifest = json!([{"Config": config, "RepoTags": ["app:1"], "Layers": ["abc.tar.gz"]}]);
    let tar = Layer::new()
        .file(&config, &image.blobs[&image.config])
        .file("abc.tar.gz", layer.blob())
        .file("manifest.json", manifest.to_string());
    for packing in [Packing::Plain, Packing::Gzip] {
        let store = lab.path(&format!("{packing:?}")).display().to_string();
        std::fs::write(lab.path("crane"), tar.clone().packed(packing).blob()).expect("writes");
        let loaded = lab.json(&["--store", &store, "load", "-i", "crane"]);
        assert_eq!(loaded["images"][0]["id"], config.as_str(), "{packing:?}");
        let layers = lab.json(&["--store", &store, "layers", "app:1"]);
        assert_eq!(
            layers[0]["digest"],
            image.layers[0].descriptor.digest.as_str()
        );
        assert_eq!(
            layers[0]["media_type"],
            "application/vnd.oci.image.layer.v1.tar+gzip"
        );
        lab.run(&["--store", &store, "check", "--read-data"]).ok();
    }
}
