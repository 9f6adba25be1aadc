//! Archives that are refused, and which member the refusal names.

use archive::{Archive, Error};
use oci::Digest;
use proptest::prelude::*;
use serde_json::json;

use crate::lab::{blob, docker, file, image, layout, link, on_disk, read, summary, tar};

#[test]
fn what_is_no_archive_says_what_it_looks_like() {
    for (bytes, looks_like) in [
        (&b""[..], Some("an empty file")),
        (b"PK\x03\x04rest", Some("a zip archive")),
        (b"{\"schemaVersion\":2}", Some("JSON")),
        (b"\x7fELF\x02\x01", Some("a program")),
    ] {
        let error = read(bytes).expect_err("is none");
        assert!(
            matches!(error, Error::NotAnArchive { looks_like: found } if found == looks_like),
            "{error}"
        );
    }
    assert!(matches!(
        read(&[b'x'; 2000]),
        Err(Error::NotAnArchive { .. })
    ));
}

#[test]
fn an_archive_that_is_cut_names_the_member() {
    let whole = tar(&docker(&image("one"), &json!(["app:1"])));
    // In the middle of the first layer's content.
    let error = read(&whole[..700]).expect_err("is cut");
    assert!(
        matches!(&error, Error::Truncated { member } if member.ends_with("/layer.tar")),
        "{error}"
    );
    // In the middle of a header: the first, and the one behind the first member. Both ways of reading say the same, which `read`
    // sees to.
    let size = std::str::from_utf8(&whole[124..135]).expect("digits");
    let size = usize::from_str_radix(size, 8).expect("digits");
    let second = 512 + size.next_multiple_of(512);
    for (length, words) in [(100, "in its first header"), (second + 100, "after ")] {
        let error = read(&whole[..length]).expect_err("is cut");
        assert!(matches!(error, Error::CutBetween { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(&format!("cut short {words}")), "{said}");
    }
    let gzip = zstd::encode_all(whole.as_slice(), 1).expect("compresses");
    assert!(matches!(
        read(&gzip[..gzip.len() - 20]),
        Err(Error::Compressed { .. })
    ));
}

/// Cut anywhere, an archive is refused, or what is said to be whole is whole: never a part of an image.
#[test]
fn an_archive_that_is_cut_anywhere_is_refused_or_says_what_is_missing() {
    let image = image("one");
    let mut both = layout(&[(&image, json!({}))]);
    both.extend(docker(&image, &json!(["app:1"])));
    let mut late = layout(&[(&image, json!({}))]);
    late.reverse();
    for members in [
        docker(&image, &json!(["app:1"])),
        layout(&[(&image, json!({}))]),
        both,
        late,
    ] {
        let whole = tar(&members);
        let complete = format!("{:#?}", read(&whole).expect("is whole").images);
        // Around every header, and in between.
        let near = |cut: usize| cut % 512 < 2 || cut % 512 == 511 || cut.is_multiple_of(61);
        for cut in (0..whole.len()).filter(|cut| near(*cut)) {
            let (_folder, path) = on_disk(&whole[..cut]);
            let by_offset = Archive::open(&path).and_then(archive::Opened::into_contents);
            let passing = archive::Passage::new(std::io::Cursor::new(whole[..cut].to_vec()))
                .and_then(|passage| archive::Opened::Passage(passage).into_contents());
            for read in [by_offset, passing] {
                match read {
                    Err(error) => assert!(!error.to_string().is_empty(), "{cut}"),
                    Ok(contents) if contents.images.is_empty() => assert!(
                        !contents.incomplete.is_empty()
                            || contents.format == archive::Format::RootFilesystem,
                        "{cut}: {contents:?}"
                    ),
                    Ok(contents) => {
                        assert_eq!(format!("{:#?}", contents.images), complete, "{cut}");
                    }
                }
            }
        }
    }
}

/// The same of an archive that is packed as a whole: what is missing of the packing is told, unless it is behind all that is packed.
#[test]
fn a_packed_archive_that_is_cut_anywhere_is_refused_or_complete() {
    let whole = testkit::Layer::of_tar(tar(&docker(&image("one"), &json!(["app:1"]))));
    for packing in [testkit::Packing::Gzip, testkit::Packing::Zstd] {
        let packed = whole.clone().packed(packing).blob();
        let complete = summary(&read(&packed).expect("is whole"));
        for cut in (0..packed.len()).step_by(7) {
            match read(&packed[..cut]) {
                Err(
                    Error::Compressed { .. } | Error::NotAnArchive { .. } | Error::Truncated { .. },
                ) => {}
                Err(error) => panic!("{packing:?} {cut}: {error}"),
                Ok(contents) => assert_eq!(summary(&contents), complete, "{packing:?} {cut}"),
            }
        }
    }
}

#[test]
fn names_that_lead_out_of_the_archive_are_refused() {
    let image = image("one");
    for config in ["../../etc/passwd", "a/../../b"] {
        let manifest = json!([{"Config": config, "RepoTags": null, "Layers": []}]).to_string();
        let error = read(&tar(&[file("manifest.json", manifest)])).expect_err("leads out");
        assert!(
            matches!(&error, Error::Outside { member, .. } if member == config),
            "{error}"
        );
    }
    for target in ["/etc/passwd", "../../../etc/passwd"] {
        let mut members = docker(&image, &json!(null));
        let name = members[0].name.clone();
        members[0] = link(&name, target);
        let error = read(&tar(&members)).expect_err("leads out");
        assert!(
            matches!(&error, Error::Outside { member, .. } if *member == name),
            "{error}"
        );
    }
    let mut members = docker(&image, &json!(null));
    let name = members[0].name.clone();
    members[0] = link(&name, "layer.tar");
    assert!(matches!(read(&tar(&members)), Err(Error::LinkLoop { .. })));
}

#[test]
fn what_is_missing_is_named() {
    let members = docker(&image("one"), &json!(["app:1"]));
    for position in 0..3 {
        let mut fewer = members.clone();
        let gone = fewer.remove(position).name;
        let error = read(&tar(&fewer)).expect_err("is missing");
        assert!(
            matches!(&error, Error::Missing { member, wanted_by } if *member == gone && wanted_by == "manifest.json"),
            "{error}"
        );
    }
    let image = image("one");
    let mut members = layout(&[(&image, json!({}))]);
    members.retain(|member| member.name != "index.json");
    let error = read(&tar(&members)).expect_err("is missing");
    assert!(
        matches!(&error, Error::Missing { member, .. } if member == "index.json"),
        "{error}"
    );
    let mut members = layout(&[(&image, json!({}))]);
    members.retain(|member| member.name != "oci-layout");
    let error = read(&tar(&members)).expect_err("is missing");
    assert!(matches!(error, Error::NoLayoutFile), "{error}");
}

#[test]
fn documents_are_the_bytes_that_their_digests_name() {
    let image = image("one");
    for digest in [image.digest(), &image.config] {
        let mut members = layout(&[(&image, json!({}))]);
        let name = blob(digest);
        let altered = members
            .iter_mut()
            .find(|member| member.name == name)
            .expect("is there");
        let last = altered.content.len() - 3;
        altered.content[last] ^= 1;
        let error = read(&tar(&members)).expect_err("has another digest");
        assert!(
            matches!(&error, Error::DigestMismatch { member, .. } if *member == name),
            "{error}"
        );
        let altered = members
            .iter_mut()
            .find(|member| member.name == name)
            .expect("is there");
        altered.content.push(b' ');
        let error = read(&tar(&members)).expect_err("has another size");
        assert!(
            matches!(&error, Error::SizeMismatch { member, .. } if *member == name),
            "{error}"
        );
    }
}

#[test]
fn layers_and_diff_ids_must_be_as_many() {
    let image = image("one");
    let mut members = docker(&image, &json!(null));
    let config = format!("{}.json", image.config.hex());
    let first = members[0].name.clone();
    let last = members.len() - 1;
    members[last] = file(
        "manifest.json",
        json!([{"Config": config, "Layers": [first]}]).to_string(),
    );
    let error = read(&tar(&members)).expect_err("one is missing");
    assert!(
        matches!(&error, Error::LayerCount { member, layers: 1, diff_ids: 2 } if *member == config),
        "{error}"
    );
}

#[test]
fn names_that_are_none_are_refused() {
    let image = image("one");
    for name in [
        "UPPERCASE:1",
        "app:",
        "app:a b",
        "a".repeat(300).as_str(),
        "",
    ] {
        let error = read(&tar(&docker(&image, &json!([name])))).expect_err(name);
        assert!(
            matches!(&error, Error::Name { member, .. } if member == "manifest.json"),
            "{error}"
        );
    }
    // docker 20.10 and podman refuse both, too: nobody says that the latest is meant.
    for name in [format!("app@{}", image.config), "team/app".to_owned()] {
        let names = json!(["app:1", name]);
        let error = read(&tar(&docker(&image, &names))).expect_err(&name);
        assert!(matches!(error, Error::NameWithoutTag { .. }), "{error}");
    }
}

#[test]
fn json_that_is_none_or_null_or_huge_is_refused() {
    let json_error = read(&tar(&[file("manifest.json", "[{")]));
    assert!(matches!(json_error, Err(Error::Json { member, .. }) if member == "manifest.json"));
    let null = read(&tar(&[file("manifest.json", "null")]));
    assert!(matches!(null, Err(Error::NullManifest { .. })));
    let huge = vec![b' '; 20 * 1024 * 1024 + 1];
    let too_large = read(&tar(&[file("manifest.json", huge)]));
    assert!(matches!(too_large, Err(Error::TooLarge { member, .. }) if member == "manifest.json"));
    let legacy = read(&tar(&[file("repositories", r#"{"app":{"1":"ab"}}"#)]));
    assert!(matches!(legacy, Err(Error::Legacy)));
}

#[test]
fn a_member_that_stands_twice_is_refused_where_it_matters() {
    let mut members = docker(&image("one"), &json!(["app:1"]));
    let again = members.last().expect("is there").clone();
    members.push(again);
    let error = read(&tar(&members)).expect_err("stands twice");
    assert!(
        matches!(&error, Error::Repeated { member } if member == "manifest.json"),
        "{error}"
    );
}

#[test]
fn indexes_that_name_themselves_end() {
    // A real circle would need a hash that holds itself; one with a lying digest ends at the digest.
    let name = Digest::sha256(b"a circle");
    let circle = json!({"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": name, "size": 257,
    }]});
    let mut text = circle.to_string();
    text.push_str(&" ".repeat(257 - text.len()));
    let members = [
        file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
        file("index.json", text.clone()),
        file(blob(&name), text),
    ];
    assert!(matches!(
        read(&tar(&members)),
        Err(Error::DigestMismatch { .. })
    ));

    // An honest tower of indexes is only so high.
    let mut members = vec![file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)];
    let mut below = json!([]);
    for _ in 0..12 {
        let text = json!({"schemaVersion": 2, "manifests": below}).to_string();
        let digest = Digest::sha256(text.as_bytes());
        members.push(file(blob(&digest), text.clone()));
        below = json!([{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": text.len()}]);
    }
    let top = json!({"schemaVersion": 2, "manifests": below}).to_string();
    members.push(file("index.json", top));
    assert!(matches!(
        read(&tar(&members)),
        Err(Error::IndexTooDeep { .. })
    ));
}

#[test]
fn many_documents_are_refused_as_one_large_one_is() {
    // A config of 4 MB that is named forty times would be 160 MB.
    let one = image("one");
    let mut config = one.blobs[&one.config].clone();
    config.resize(4_000_000, b' ');
    let lines: Vec<_> = (0..40)
        .map(|number| {
            let names = [format!("app:{number}")];
            json!({"Config": "config.json", "RepoTags": names, "Layers": ["one", "two"]})
        })
        .collect();
    let members = [
        file("config.json", config),
        file("one", ""),
        file("two", ""),
        file("manifest.json", json!(lines).to_string()),
    ];
    let error = read(&tar(&members)).expect_err("is too much");
    assert!(
        matches!(&error, Error::TooManyDocuments { member, .. } if member == "config.json"),
        "{error}"
    );
}

#[test]
fn a_file_system_is_told_before_all_of_it_is_read() {
    let files = (0..50_100).fold(testkit::Layer::new(), |tar, number| {
        tar.file(&format!("f{number}"), "")
    });
    let contents = read(&files.tar()).expect("reads");
    assert_eq!(contents.format, archive::Format::RootFilesystem);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Bytes that were altered give a value or an error, never a panic, in both ways of reading.
    #[test]
    fn altered_bytes_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
        let image = image("one");
        let mut members = layout(&[(&image, json!({}))]);
        members.extend(docker(&image, &json!(["app:1"])));
        let mut bytes = tar(&members);
        for (position, value) in changes {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        bytes.truncate(cut.index(bytes.len()).max(600));
        let (_folder, path) = on_disk(&bytes);
        drop(Archive::open(&path).and_then(archive::Opened::into_contents));
        drop(archive::Passage::new(std::io::Cursor::new(bytes)).and_then(|passage| archive::Opened::Passage(passage).into_contents()));
    }
}
