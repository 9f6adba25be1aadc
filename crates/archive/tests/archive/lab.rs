//! Archives to order: every kind, right ones and deliberately wrong ones.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use archive::{Archive, Contents, Error, Opened, Passage};
use oci::Digest;
use serde_json::{Value, json};
use testkit::{Image, ImageBuilder, Layer};

/// One member of a tar to be made.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    kind: u8,
    target: String,
    pub(crate) content: Vec<u8>,
}

pub(crate) fn file(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Member {
    Member {
        name: name.into(),
        kind: b'0',
        target: String::new(),
        content: content.into(),
    }
}

pub(crate) fn link(name: &str, target: &str) -> Member {
    Member {
        kind: b'2',
        target: target.to_owned(),
        ..file(name, "")
    }
}

pub(crate) fn hard_link(name: &str, target: &str) -> Member {
    Member {
        kind: b'1',
        target: target.to_owned(),
        ..file(name, "")
    }
}

pub(crate) fn tar(members: &[Member]) -> Vec<u8> {
    members
        .iter()
        .fold(Layer::new(), |tar, member| {
            tar.entry(
                &member.name,
                member.kind,
                0o644,
                &member.target,
                &member.content,
            )
        })
        .tar()
}

/// An image with two layers.
pub(crate) fn image(text: &str) -> Image {
    ImageBuilder::new()
        .files([("etc/os-release", "ID=test\n")])
        .files([("app", text)])
        .build()
}

/// The members of an OCI layout with these images.
pub(crate) fn layout(images: &[(&Image, Value)]) -> Vec<Member> {
    let lines: Vec<Value> = images
        .iter()
        .map(|(image, annotations)| {
            json!({
                "mediaType": image.root.media_type.as_str(),
                "digest": image.digest().as_str(),
                "size": image.root.bytes.len(),
                "annotations": annotations,
            })
        })
        .collect();
    let mut members = vec![
        file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
        file(
            "index.json",
            json!({"schemaVersion": 2, "manifests": lines}).to_string(),
        ),
    ];
    for (image, _) in images {
        let documents = std::iter::once(&image.root).chain(&image.children);
        let blobs = documents
            .map(|document| (&document.digest, &document.bytes))
            .chain(&image.blobs);
        for (digest, bytes) in blobs {
            let name = blob(digest);
            if members.iter().all(|member| member.name != name) {
                members.push(file(name, bytes.clone()));
            }
        }
    }
    members
}

pub(crate) fn blob(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

/// The members of a docker-archive with this image, its layers as plain tars.
pub(crate) fn docker(image: &Image, tags: &Value) -> Vec<Member> {
    let mut members = Vec::new();
    let mut layers = Vec::new();
    for layer in &image.layers {
        let name = format!("{}/layer.tar", layer.diff_id.short());
        let mut tar = Vec::new();
        let packed = image.blobs[&layer.descriptor.digest].as_slice();
        let mut plain = layer::Decompressor::new(packed).expect("is a layer");
        std::io::Read::read_to_end(&mut plain, &mut tar).expect("decompresses");
        members.push(file(&name, tar));
        layers.push(name);
    }
    let config = format!("{}.json", image.config.hex());
    members.push(file(&config, image.blobs[&image.config].clone()));
    members.push(file(
        "manifest.json",
        json!([{"Config": config, "RepoTags": tags, "Layers": layers}]).to_string(),
    ));
    members
}

/// Writes bytes to a file whose name says nothing.
pub(crate) fn on_disk(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("archive");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(bytes).expect("writes");
    (folder, path)
}

/// Reads an archive in both ways, which must agree.
pub(crate) fn read(bytes: &[u8]) -> Result<Contents, Error> {
    let (_folder, path) = on_disk(bytes);
    let by_offset = Archive::open(&path).and_then(Opened::into_contents);
    let passing = Passage::new(std::io::Cursor::new(bytes.to_vec()))
        .and_then(|p| Opened::Passage(p).into_contents());
    match (&by_offset, &passing) {
        (Ok(a), Ok(b)) => assert_eq!(summary(a), summary(b)),
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        (a, b) => panic!("read at offsets: {a:?}\npassing by: {b:?}"),
    }
    by_offset
}

pub(crate) fn summary(contents: &Contents) -> String {
    format!(
        "{:?} {:#?} {:#?}",
        contents.format, contents.images, contents.incomplete
    )
}

pub(crate) fn open(path: &Path) -> Result<Contents, Error> {
    Archive::open(path).and_then(Opened::into_contents)
}
