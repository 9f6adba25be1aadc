//! Every kind of archive that other tools write.

use std::io::Write as _;

use archive::{Compression, Format};
use serde_json::json;
use testkit::IndexBuilder;

use crate::lab::{blob, docker, file, hard_link, image, layout, link, open, read, summary, tar};

#[test]
fn a_docker_archive_names_its_images() {
    let image = image("one");
    let contents = read(&tar(&docker(&image, &json!(["app:1", "team/app:2"])))).expect("reads");
    assert_eq!(contents.format, Format::Docker);
    let [found] = &contents.images[..] else {
        panic!("{contents:?}");
    };
    assert_eq!(found.target, None);
    assert_eq!(found.manifests[0].config, image.config);
    let names: Vec<String> = found.names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["docker.io/library/app:1", "docker.io/team/app:2"]);
    let diff_ids: Vec<_> = found.manifests[0]
        .layers
        .iter()
        .map(|layer| layer.diff_id.clone().expect("is known"))
        .collect();
    let expected: Vec<_> = image
        .layers
        .iter()
        .map(|layer| layer.diff_id.clone())
        .collect();
    assert_eq!(diff_ids, expected);
}

#[test]
fn the_order_of_members_and_dots_in_names_do_not_matter() {
    let image = image("one");
    let members = docker(&image, &json!(["app:1"]));
    let straight = read(&tar(&members)).expect("reads");
    let mut turned: Vec<_> = members.into_iter().rev().collect();
    for member in &mut turned {
        member.name = format!("./{}", member.name);
    }
    assert_eq!(
        summary(&read(&tar(&turned)).expect("reads")),
        summary(&straight)
    );
}

#[test]
fn layers_may_be_links_to_others() {
    let image = image("one");
    for (make, prefix) in [
        (link as fn(&str, &str) -> _, "../"),
        (hard_link as fn(&str, &str) -> _, ""),
    ] {
        let mut members = docker(&image, &json!(null));
        let first = members[0].name.clone();
        let mut moved = members[0].clone();
        moved.name = "elsewhere/layer.tar".into();
        members[0] = make(&first, &format!("{prefix}elsewhere/layer.tar"));
        members.push(moved);
        let contents = read(&tar(&members)).expect("reads");
        let layers = &contents.images[0].manifests[0].layers;
        assert_eq!(layers[0].member, "elsewhere/layer.tar");
        assert!(contents.images[0].names.is_empty());
    }
}

#[test]
fn a_layout_has_names_digests_and_labels() {
    let (one, two, three) = (image("one"), image("two"), image("three"));
    let members = layout(&[
        (
            &one,
            json!({"io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1"}),
        ),
        (
            &one,
            json!({"org.opencontainers.image.ref.name": "localhost/app:again"}),
        ),
        (&two, json!({"org.opencontainers.image.ref.name": "latest"})),
        (&three, json!({})),
    ]);
    let contents = read(&tar(&members)).expect("reads");
    assert_eq!(contents.format, Format::OciTar);
    let found: Vec<_> = contents
        .images
        .iter()
        .map(|image| {
            let names: Vec<String> = image.names.iter().map(ToString::to_string).collect();
            (image.target.clone(), names, image.label.clone())
        })
        .collect();
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (
                Some(one.digest().clone()),
                names(&["docker.io/library/app:1", "localhost/app:again"]),
                None
            ),
            (
                Some(two.digest().clone()),
                names(&[]),
                Some("latest".into())
            ),
            (Some(three.digest().clone()), names(&[]), None),
        ]
    );
}

#[test]
fn a_layout_beside_a_manifest_json_is_a_layout() {
    let image = image("one");
    let mut members = layout(&[(&image, json!({}))]);
    members.push(file("manifest.json", "[]"));
    let contents = read(&tar(&members)).expect("reads");
    assert_eq!(contents.format, Format::OciAndDocker);
    assert_eq!(contents.images[0].target.as_ref(), Some(image.digest()));
}

#[test]
fn a_platform_that_was_left_out_is_told() {
    let amd = image("amd");
    let arm = testkit::ImageBuilder::new()
        .files([("app", "arm")])
        .platform("linux/arm64")
        .build();
    let index = IndexBuilder::new().image(amd).image(arm.clone()).build();
    let mut members = layout(&[(&index, json!({}))]);
    let layer = blob(&arm.layers[0].descriptor.digest);
    members.retain(|member| member.name != layer);
    let contents = read(&tar(&members)).expect("reads");
    assert_eq!(contents.images[0].target.as_ref(), Some(index.digest()));
    assert_eq!(contents.images[0].manifests.len(), 1);
    let [left_out] = &contents.incomplete[..] else {
        panic!("{contents:?}");
    };
    assert_eq!(&left_out.digest, arm.digest());
    assert_eq!(left_out.missing, layer);
    assert_eq!(
        left_out
            .platform
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("linux/arm64")
    );
}

#[test]
fn what_builders_say_about_an_image_is_read_with_it() {
    let image = image("one");
    let index = IndexBuilder::new()
        .image(image.clone())
        .attestation()
        .build();
    let members = layout(&[(&index, json!({}))]);
    let contents = read(&tar(&members)).expect("reads");
    assert_eq!(contents.images[0].manifests.len(), 1);
    assert!(contents.incomplete.is_empty());
    let [said] = contents.images[0].attestations.as_slice() else {
        panic!("{:?}", contents.images[0].attestations)
    };
    assert_eq!(said.subject.as_ref(), Some(image.digest()));
    assert_eq!(said.documents.len(), 3, "manifest, config, statement");
    for (digest, bytes) in &said.documents {
        assert_eq!(*digest, oci::Digest::sha256(bytes));
    }
    // Without all of it there is none, and the image is whole all the same.
    for (digest, _) in &said.documents[1..] {
        let name = blob(digest);
        let mut fewer = members.clone();
        fewer.retain(|member| member.name != name);
        let contents = read(&tar(&fewer)).expect("reads");
        assert_eq!(contents.images[0].manifests.len(), 1);
        assert!(contents.images[0].attestations.is_empty());
        let mut altered = members.clone();
        for member in altered.iter_mut().filter(|member| member.name == name) {
            let last = member.content.len() - 1;
            member.content[last] ^= 1;
        }
        let error = read(&tar(&altered)).expect_err("has another digest");
        assert!(error.to_string().contains(&name), "{error}");
    }
}

#[test]
fn a_folder_is_a_layout_too() {
    let image = image("one");
    let folder = tempfile::tempdir().expect("a folder");
    for member in layout(&[(&image, json!({}))]) {
        let path = folder.path().join(&member.name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, &member.content).expect("writes");
    }
    let contents = open(folder.path()).expect("reads");
    assert_eq!(contents.format, Format::OciFolder);
    assert_eq!(contents.images[0].target.as_ref(), Some(image.digest()));
}

#[test]
fn whatever_is_around_it_is_found_out() {
    let plain = tar(&docker(&image("one"), &json!(["app:1"])));
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let bzip2 = {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(&plain).expect("compresses");
        encoder.finish().expect("compresses")
    };
    let zstd = zstd::encode_all(plain.as_slice(), 1).expect("compresses");
    for (compression, bytes) in [
        (Compression::None, plain),
        (Compression::Gzip, gzip),
        (Compression::Bzip2, bzip2),
        (Compression::Zstd, zstd),
    ] {
        let contents = read(&bytes).expect("reads");
        assert_eq!(contents.compression, compression);
        assert_eq!(contents.images.len(), 1, "{compression}");
    }
}

#[test]
fn a_folder_that_is_no_layout_is_told_by_what_is_in_it() {
    let look = |names: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "{}").expect("writes");
        }
        open(folder.path())
    };
    if cfg!(unix) {
        let root = look(&["etc/passwd", "usr/bin/env"]).expect("a file system");
        assert_eq!(root.format, Format::RootFilesystem);
    }
    for (names, words) in [
        (
            &["version", "manifest.json", "0a1b"][..],
            "skopeo's transport dir",
        ),
        (&["manifest.json", "a/layer.tar"], "was unpacked"),
        (&["holiday.jpg"], "without the file oci-layout"),
        (
            &["index.json", "blobs/sha256/0a1b"],
            "oci-layout is missing",
        ),
    ] {
        let error = look(names).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_tar_of_a_file_system_is_no_image() {
    let contents = read(&tar(&[file("etc/passwd", "root"), file("bin/sh", "#!")])).expect("reads");
    assert_eq!(contents.format, Format::RootFilesystem);
    assert!(contents.images.is_empty());
}

#[test]
fn an_archive_without_images_is_fine() {
    let contents = read(&tar(&[file("manifest.json", "[]")])).expect("reads");
    assert!(contents.images.is_empty());
}

/// The tar of an empty `manifest.json`, packed by `xz -1`.
const XZ: &str = "\
    fd377a585a000004e6d6b4460200210110000000a8708e86e007ff00485d0036984a21634e103ada35d537b529374d5b4dcc\
    30a4ddd6578bbd5fbe6691e689ba6d225c54ea97f9291670191c448717a8d741e7f7f7599e05d040eb2a5fb7a9b28a7f0385\
    9a7900004492ae53c566977b00016480100000009c7ecfb1b1c467fb020000000004595a";

#[test]
fn xz_is_read_and_one_that_is_cut_is_refused() {
    let mut bytes: Vec<u8> = (0..XZ.len() / 2)
        .map(|at| u8::from_str_radix(&XZ[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    let contents = read(&bytes).expect("reads");
    assert_eq!(contents.compression, Compression::Xz);
    assert!(contents.images.is_empty());
    bytes.truncate(bytes.len() / 2);
    assert!(matches!(
        read(&bytes),
        Err(archive::Error::Compressed { .. })
    ));
}
