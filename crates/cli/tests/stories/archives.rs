//! `load` and `save`, without other tools.

use std::process::Stdio;

use serde_json::json;
use testkit::{ImageBuilder, IndexBuilder};

use crate::lab::{Lab, app, blob};

/// A lab with `app:1` pulled and saved to `saved.tar`.
fn saved() -> (Lab, testkit::Image, String) {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "app:1"]).ok();
    let path = lab.path("saved.tar").display().to_string();
    lab.run(&["save", "-o", &path, "app:1"]).ok();
    (lab, image, path)
}

#[test]
fn what_is_saved_loads_as_the_same_image() {
    let (lab, image, path) = saved();
    let other = lab.path("other").display().to_string();
    let ran = lab.run(&["--store", &other, "load", "-i", &path]).ok();
    assert_eq!(ran.out, "Loaded image: app:1\n");
    let images = lab.json(&["--store", &other, "images"]);
    assert_eq!(images[0]["id"], image.config.as_str());
    assert_eq!(images[0]["digest"], image.digest().as_str());
    lab.run(&["--store", &other, "check", "--read-data"]).ok();

    // What was loaded is saved as the very bytes that it came from.
    let back = lab.path("back.tar").display().to_string();
    lab.run(&["--store", &other, "save", "-o", &back, "app:1"])
        .ok();
    let read = |path: &str| std::fs::read(path).expect("reads");
    assert!(read(&back) == read(&path), "saved, loaded and saved again");

    let again = lab.json(&["--store", &other, "load", "-i", &path]);
    assert_eq!(again["fetched_bytes"], 0);
    assert_eq!(again["moved"], json!([]));
}

#[test]
fn saving_twice_gives_the_same_bytes_and_a_pipe_gives_them_too() {
    let (lab, _, path) = saved();
    let first = std::fs::read(&path).expect("reads");
    lab.run(&["tag", "app:1", "other:2"]).ok();
    let both = |name: &str, order: [&str; 2]| {
        let path = lab.path(name).display().to_string();
        lab.run(&["save", "-o", &path, order[0], order[1]]).ok();
        std::fs::read(path).expect("reads")
    };
    assert_eq!(
        both("a.tar", ["app:1", "other:2"]),
        both("b.tar", ["other:2", "app:1"])
    );
    let piped = lab.command(&["save", "app:1"]).output().expect("runs");
    assert!(piped.status.success());
    assert_eq!(piped.stdout, first);
}

#[test]
fn a_pipe_loads_whatever_is_around_it() {
    let (lab, image, _) = saved();
    for how in ["none", "gzip", "zstd"] {
        let path = lab.path(how).display().to_string();
        lab.run(&["save", "--compress", how, "-o", &path, "app:1"])
            .ok();
        let store = lab.path(&format!("store-{how}"));
        let child = lab
            .command(&["--store", &store.display().to_string(), "load", "-q"])
            .stdin(Stdio::from(std::fs::File::open(&path).expect("opens")))
            .spawn()
            .expect("starts");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "docker.io/library/app:1\n",
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let found = lab.json(&["--store", &store.display().to_string(), "images"]);
        assert_eq!(found[0]["id"], image.config.as_str());
    }
}

#[test]
fn a_name_moves_and_is_told_and_undo_gives_it_back() {
    let (lab, first, path) = saved();
    let second = app("two").build();
    lab.registry.push("app:2", &second);
    lab.pull("app:2");
    lab.run(&["tag", &lab.at("app:2"), "app:1"]).ok();

    let planned = lab.json(&["load", "--dry-run", "-i", &path]);
    let moved = json!([{
        "name": "docker.io/library/app:1", "to": first.digest(), "from": second.digest(),
    }]);
    assert_eq!(planned["moved"], moved);
    let shown = lab.run(&["load", "--dry-run", "-i", &path]).ok();
    assert!(
        shown
            .out
            .contains(&format!("take the name from {}", second.config.short())),
        "{}",
        shown.out
    );
    let refused = lab
        .run(&["load", "--no-move", "--json", "-i", &path])
        .ended(1);
    assert_eq!(refused.error()["code"], "name_taken");
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        second.config.as_str()
    );

    assert_eq!(lab.json(&["load", "-i", &path])["moved"], moved);
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        first.config.as_str()
    );
    assert_eq!(lab.json(&["journal"])[0]["operation"], "load");
    lab.run(&["undo"]).ok();
    assert_eq!(
        lab.json(&["inspect", "app:1"])[0]["Id"],
        second.config.as_str()
    );
}

#[test]
fn one_platform_of_several_is_saved_alone() {
    let lab = Lab::new();
    let (amd, arm) = (
        app("amd").build(),
        app("arm").platform("linux/arm64").build(),
    );
    let index = IndexBuilder::new()
        .image(amd.clone())
        .image(arm.clone())
        .build();
    lab.registry.push("app:1", &index);
    for platform in ["linux/amd64", "linux/arm64"] {
        lab.run(&["pull", "-q", "--platform", platform, &lab.at("app:1")])
            .ok();
    }
    let (all, one) = (lab.path("all"), lab.path("one"));
    let (all, one) = (all.display().to_string(), one.display().to_string());
    lab.run(&["save", "-o", &all, &lab.at("app:1")]).ok();
    lab.run(&[
        "save",
        "--platform",
        "linux/arm64",
        "-o",
        &one,
        &lab.at("app:1"),
    ])
    .ok();
    let plan = lab.json(&["load", "--dry-run", "-i", &all]);
    assert_eq!(plan["images"][0]["digest"], index.digest().as_str());
    let other = lab.path("other").display().to_string();
    let loaded = lab.json(&["--store", &other, "load", "-i", &one]);
    assert_eq!(loaded["images"][0]["id"], arm.config.as_str());
    assert_eq!(loaded["images"][0]["digest"], arm.digest().as_str());
    // Of an archive with several, one may be loaded alone; the name still names the index.
    let third = lab.path("third").display().to_string();
    let loaded = lab.json(&[
        "--store",
        &third,
        "load",
        "--platform",
        "linux/arm64",
        "-i",
        &all,
    ]);
    assert_eq!(loaded["images"][0]["id"], arm.config.as_str());
    assert_eq!(loaded["images"][0]["digest"], index.digest().as_str());
    assert_eq!(loaded["images"][0]["platforms"], json!(["linux/arm64"]));
    lab.run(&["--store", &third, "check", "--read-data"]).ok();
    let ran = lab
        .run(&[
            "save",
            "--platform",
            "linux/s390x",
            "-o",
            &one,
            "--json",
            &lab.at("app:1"),
        ])
        .ended(1);
    assert_eq!(ran.error()["code"], "platform_not_found");
}

#[test]
fn some_platforms_are_saved_with_the_index_that_names_all() {
    let lab = Lab::new();
    let platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    let index = platforms
        .iter()
        .fold(IndexBuilder::new(), |index, platform| {
            index.image(app(platform).platform(platform).build())
        });
    let index = index.build();
    lab.registry.push("app:1", &index);
    for platform in platforms {
        lab.run(&["pull", "-q", "--platform", platform, &lab.at("app:1")])
            .ok();
    }
    let some = lab.path("some").display().to_string();
    let name = lab.at("app:1");
    let [first, _, third] = platforms;
    let wish = ["--platform", third, "--platform", first];
    let mut arguments = vec!["save", "-o", &some];
    arguments.extend(wish.iter().chain([&name.as_str()]));
    lab.run(&arguments).ok();
    let other = lab.path("other").display().to_string();
    let loaded = lab.json(&["--store", &other, "load", "-i", &some]);
    assert_eq!(loaded["images"][0]["digest"], index.digest().as_str());
    assert_eq!(loaded["images"][0]["platforms"], json!([first, third]));
    assert_eq!(loaded["incomplete"][0]["platform"], "linux/arm64");
    lab.run(&["--store", &other, "check", "--read-data"]).ok();
}

#[test]
fn a_damaged_blob_is_not_saved() {
    let (lab, image, _) = saved();
    let layer = &image.layers[0].descriptor.digest;
    let path = blob(&lab.store(), layer.as_str());
    let mut bytes = std::fs::read(&path).expect("reads");
    bytes[20] ^= 1;
    std::fs::write(&path, bytes).expect("writes");
    let target = lab.path("new.tar");
    let ran = lab
        .run(&[
            "save",
            "--json",
            "-o",
            &target.display().to_string(),
            "app:1",
        ])
        .ended(1);
    assert_eq!(ran.error()["code"], "store_damaged");
    assert!(ran.err.contains(layer.as_str()), "{}", ran.err);
    assert!(!target.exists(), "half an archive is none");
    let left = std::fs::read_dir(lab.path(""))
        .expect("lists")
        .filter(|entry| {
            let name = entry.as_ref().expect("an entry").file_name();
            name.to_string_lossy().ends_with(".part")
        });
    assert_eq!(left.count(), 0);
}

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
            crate::lab::Ran::of(output.expect("strata starts"))
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

#[test]
fn the_tar_of_a_file_system_hints_at_import() {
    let lab = Lab::new();
    let path = lab.path("rootfs.tar");
    std::fs::write(&path, testkit::Layer::files([("etc/passwd", "root")]).tar()).expect("writes");
    let folder = lab.path("root");
    std::fs::create_dir_all(folder.join("etc")).expect("a folder");
    let path = path.display().to_string();
    let mut attempts = vec![
        vec!["load", "--json", "-i", &path],
        vec!["copy", "--json", "docker-archive:rootfs.tar", "x:1"],
    ];
    if cfg!(unix) {
        attempts.push(vec!["load", "--json", "-i", "root"]);
    }
    for attempt in attempts {
        let ran = lab.run(&attempt).ended(1);
        assert_eq!(ran.error()["code"], "invalid_archive", "{attempt:?}");
        let hint = ran.error()["hint"].as_str().unwrap_or_default().to_owned();
        assert!(hint.contains("import"), "{attempt:?}: {hint}");
    }
}

#[test]
fn a_file_system_becomes_an_image() {
    let lab = Lab::new();
    let tar = testkit::Layer::files([("etc/passwd", "root")]);
    let gzip = tar.blob();
    std::fs::write(lab.path("rootfs"), &gzip).expect("writes");
    let imported = lab.json(&[
        "import",
        "-m",
        "by hand",
        "-c",
        "CMD [\"sh\"]",
        "-c",
        "env PATH=/bin K=v",
        "--platform",
        "linux/arm64/v8",
        "rootfs",
        "made:1",
    ]);
    assert_eq!(
        imported["images"][0]["names"],
        json!(["docker.io/library/made:1"])
    );
    assert_eq!(imported["images"][0]["platform"], "linux/arm64");
    let made = &lab.json(&["inspect", "made:1"])[0];
    assert_eq!(made["Config"]["Cmd"], json!(["sh"]));
    assert_eq!(made["Config"]["Env"], json!(["PATH=/bin", "K=v"]));
    assert_eq!(made["Comment"], "by hand");
    let layers = lab.json(&["layers", "made:1"]);
    // gzip is kept as it is.
    assert_eq!(layers[0]["size"], gzip.len());
    assert_eq!(lab.json(&["history", "made:1"])[0]["comment"], "by hand");
    lab.run(&["check", "--read-data"]).ok();

    let wrong = lab
        .run(&["import", "--json", "-c", "RUN make", "rootfs"])
        .ended(2);
    assert_eq!(
        wrong.error()["message"],
        "RUN is not a valid change command."
    );
    std::fs::write(lab.path("text"), "no tar at all".repeat(100)).expect("writes");
    let wrong = lab.run(&["import", "--json", "text"]).ended(1);
    assert_eq!(wrong.error()["code"], "invalid_archive");
    let cut = &testkit::Layer::files([("passwd", "root")]).tar()[..514];
    std::fs::write(lab.path("cut"), cut).expect("writes");
    let wrong = lab.run(&["import", "--json", "cut"]).ended(1);
    let words = wrong.error()["message"].clone();
    assert_eq!(words, "cut: the archive is cut short in passwd.");
    let address = "https://example.com/rootfs.tar";
    let wrong = lab.run(&["import", "--json", address]).ended(2);
    let words = wrong.error()["message"].to_string();
    assert!(words.contains("curl"), "{words}");
}

#[cfg(unix)]
#[test]
fn a_folder_becomes_an_image_and_the_same_one_every_time() {
    let lab = Lab::new();
    let root = lab.path("root");
    let long = format!("{0}/{0}/{0}", "a".repeat(60));
    std::fs::create_dir_all(root.join(&long)).expect("a folder");
    std::fs::write(root.join(&long).join("file"), "deep").expect("writes");
    std::fs::write(root.join("one"), "1").expect("writes");
    std::fs::hard_link(root.join("one"), root.join("two")).expect("links");
    std::os::unix::fs::symlink("one", root.join("zlink")).expect("links");
    let layer = |name: &str| {
        lab.run(&["import", "root", name]).ok();
        lab.json(&["inspect", name])[0]["RootFS"]["Layers"].clone()
    };
    assert_eq!(layer("made:1"), layer("made:2"));
    lab.run(&["check", "--read-data"]).ok();
    // tar agrees about what is in it.
    let digest = lab.json(&["layers", "made:1"])[0]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let listed = std::process::Command::new("tar")
        .arg("-tf")
        .arg(blob(&lab.store(), &digest))
        .output()
        .expect("tar runs");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names: Vec<&str> = listed.lines().collect();
    assert!(names.contains(&format!("{long}/file").as_str()), "{listed}");
    assert_eq!(names[names.len() - 3..], ["one", "two", "zlink"]);
}

#[test]
fn an_image_goes_from_place_to_place() {
    let (lab, image) = Lab::with_app();
    let id = format!("{}\n", image.config);
    let from = format!("docker://{}", lab.at("app:1"));
    // Registry, folder, two archives, and the store at last; only that one gives it a name here.
    let places = [
        from.as_str(),
        "oci:folder:first",
        "oci-archive:oci.tar:app:1",
        "docker-archive:docker.tar:team/app:2",
    ];
    for pair in places.windows(2) {
        assert_eq!(
            lab.run(&["copy", pair[0], pair[1]]).ok().out,
            id,
            "{pair:?}"
        );
        assert_eq!(lab.names(), Vec::<String>::new(), "it only passed through");
    }
    lab.run(&["copy", "docker-archive:docker.tar", "app:3"])
        .ok();
    assert_eq!(lab.names(), ["app:3"]);
    let found = lab.json(&["inspect", "app:3"]);
    assert_eq!(found[0]["Id"], image.config.as_str());

    // From the store: a folder keeps what it has, and what is called the same is replaced.
    let second = app("two").build();
    lab.registry.push("app:2", &second);
    lab.run(&["copy", &format!("docker://{}", lab.at("app:2")), "two:1"])
        .ok();
    lab.run(&["copy", "two:1", "oci:folder:second"]).ok();
    lab.run(&["copy", "two:1", "oci:folder:second"]).ok();
    let folder = lab.json(&["load", "--dry-run", "-i", "folder"]);
    assert_eq!(folder["images"].as_array().map(Vec::len), Some(2));
    let which = lab.run(&["copy", "--json", "oci:folder", "x"]).ended(2);
    assert_eq!(which.error()["code"], "usage");
    lab.run(&["copy", "oci:folder:second", "back:1"]).ok();
    assert_eq!(
        lab.json(&["inspect", "back:1"])[0]["Id"],
        second.config.as_str()
    );

    let missing = lab
        .run(&["copy", "--json", "oci:folder:third", "x"])
        .ended(1);
    assert_eq!(missing.error()["code"], "not_found");
    let daemon = lab
        .run(&["copy", "--json", "app:3", "containers-storage:app:9"])
        .ended(2);
    assert_eq!(daemon.error()["code"], "usage");
    let kept = lab
        .run(&["copy", "--json", "--no-move", "two:1", "app:3"])
        .ended(1);
    assert_eq!(kept.error()["code"], "name_taken");
    lab.run(&["check", "--read-data"]).ok();
}

/// Ctrl-C while an archive comes through a pipe: no name, and nothing half is left.
#[cfg(unix)]
#[test]
fn an_interrupted_load_leaves_no_name() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let (lab, _, path) = saved();
    let bytes = std::fs::read(path).expect("reads");
    let store = lab.path("store-2").display().to_string();
    let mut child = lab
        .command(&["--store", &store, "load", "--progress", "json"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    // The header of the first blob and a part of it; the rest never comes.
    pipe.write_all(&bytes[..512 * 3 + 40]).expect("writes");
    let mut steps = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let begun = steps.next().expect("a step").expect("UTF-8");
    assert!(begun.contains("progress"), "{begun}");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal can be sent");
    // The thread that waits for the pipe is waited for some seconds, and no longer.
    let code = child.wait().expect("it ends").code();
    drop(pipe);
    assert_eq!(code, Some(1));
    assert_eq!(lab.json(&["--store", &store, "images"]), json!([]));
    lab.run(&["--store", &store, "check", "--read-data"]).ok();
}

/// A docker-archive whose layers stand in the wrong order, whole and in every compression of the whole.
#[test]
fn layers_that_were_swapped_are_refused_and_named() {
    let lab = Lab::new();
    let layers = [
        testkit::Layer::files([("a", "1")]),
        testkit::Layer::files([("b", "2")]),
    ];
    let image = layers
        .iter()
        .fold(ImageBuilder::new(), |image, layer| {
            image.layer(layer.clone())
        })
        .build();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:1"], "Layers": ["two.tar", "one.tar"]}]);
    let tar = testkit::Layer::new()
        .file("config.json", &image.blobs[&image.config])
        .file("manifest.json", manifest.to_string())
        .file("one.tar", layers[0].tar())
        .file("two.tar", layers[1].tar());
    for packing in [
        testkit::Packing::Plain,
        testkit::Packing::Gzip,
        testkit::Packing::Zstd,
    ] {
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
    let layer = testkit::Layer::files([("a", "1")]);
    let image = ImageBuilder::new().layer(layer.clone()).build();
    let config = image.config.to_string();
    let manifest = json!([{"Config": config, "RepoTags": ["app:1"], "Layers": ["abc.tar.gz"]}]);
    let tar = testkit::Layer::new()
        .file(&config, &image.blobs[&image.config])
        .file("abc.tar.gz", layer.blob())
        .file("manifest.json", manifest.to_string());
    for packing in [testkit::Packing::Plain, testkit::Packing::Gzip] {
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
