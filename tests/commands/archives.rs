//! Looking into archives and loading them.

use testkit::{Image, Layer};

use super::*;

/// The tar of an OCI layout with one image.
fn layout(image: &Image) -> Vec<u8> {
    let line = json!({
        "mediaType": image.root.media_type.as_str(),
        "digest": image.digest().as_str(),
        "size": image.root.bytes.len(),
        "annotations": { "org.opencontainers.image.ref.name": "example.com/app:1" },
    });
    let index = json!({ "schemaVersion": 2, "manifests": [line] });
    let tar = Layer::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", index.to_string());
    let documents = image.children.iter().chain([&image.root]);
    let documents = documents.map(|document| (&document.digest, &document.bytes));
    let blobs = documents.chain(&image.blobs);
    let blobs = blobs.map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes));
    blobs
        .fold(tar, |tar, (name, bytes)| tar.file(&name, bytes.as_slice()))
        .tar()
}

impl Shell {
    /// Gives the window a file, as a system dialog does.
    fn give(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        self.chosen.lock().expect("no panic").push(path);
        text(&self.call("choose_archives", json!({}))[0]["token"])
    }

    fn look(&self, token: &str) -> Value {
        self.call("plan_load", json!({ "operation": "look", "token": token }))
    }
}

#[test]
fn what_is_no_archive_is_refused_beside_its_name() {
    let shell = Shell::start();
    let refused = |name: &str, bytes: &[u8]| {
        let arguments = json!({ "operation": "look", "token": shell.give(name, bytes) });
        let failure = shell.page.ask("plan_load", arguments).expect_err(name);
        text(&failure["message"])
    };
    let words = refused("notes.tar", b"just words, whatever the name says");
    assert_eq!(words, "This is no image archive, it looks like text.");
    let broken = Layer::new().file("manifest.json", "null").tar();
    let words = refused("broken.tar", &broken);
    assert_eq!(
        words,
        "manifest.json holds null where a list of images belongs."
    );
}

#[test]
fn an_image_of_several_platforms_is_shown_as_the_one_that_runs_here() {
    let shell = Shell::start();
    let of = |platform: &str| {
        let base = ImageBuilder::new().files([("etc/os-release", "ID=test\n")]);
        let image = base.files([("srv/app", platform)]);
        image.platform(platform).build()
    };
    let index = IndexBuilder::new().image(of("linux/s390x"));
    let index = index.image(of("linux/amd64")).image(of("linux/arm64"));
    let token = shell.give("app.tar", &layout(&index.build()));

    let plan = shell.look(&token);
    let image = &plan["images"][0];
    assert_eq!(
        image["platforms"].as_array().map(Vec::len),
        Some(3),
        "{plan}"
    );
    assert_eq!(image["layers"], 2);
    assert_eq!(image["strip"].as_array().map(Vec::len), Some(2), "{plan}");
    // The base is in all three, and comes once.
    let blobs = image["blobs"].as_array().expect("blobs");
    assert_eq!(blobs.len(), 4, "{plan}");
    assert!(blobs.iter().all(|blob| blob["present"] == false), "{plan}");

    let chosen = json!([{ "id": image["id"], "names": ["app:1"] }]);
    let load =
        json!({ "operation": "l1", "token": token, "chosen": chosen, "onEvent": "__CHANNEL__:7" });
    let loaded = shell.call("load", load);
    assert_eq!(
        loaded["images"].as_array().map(Vec::len),
        Some(1),
        "{loaded}"
    );
    assert_eq!(shell.names(), ["app:1"]);
    let image = shell.look(&token)["images"][0].clone();
    assert_eq!(image["present"], true);
    let blobs = image["blobs"].as_array().expect("blobs");
    assert!(blobs.iter().all(|blob| blob["present"] == true), "{image}");
}
