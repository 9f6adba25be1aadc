//! The other tools' archives load here, and ours load there: same image ID, same layers, same names.

use std::path::Path;

use serde_json::Value;
use testkit::{Dockerd, Tool, Workshop};

use crate::lab::Lab;

/// Makes an image with two layers in an OCI layout `oci`, under the tag `base`, with the tools themselves.
fn base(workshop: &Workshop) {
    let run = |arguments: &[&str]| workshop.run(Tool::Umoci, arguments);
    run(&["init", "--layout", "oci"]);
    run(&["new", "--image", "oci:base"]);
    for (name, content) in [("one", "first"), ("two", "second")] {
        let bundle = format!("bundle-{name}");
        run(&["unpack", "--image", "oci:base", &bundle]);
        let root = workshop.path().join(&bundle).join("rootfs");
        std::fs::write(root.join(name), content).expect("a file can be written");
        run(&["repack", "--image", "oci:base", &bundle]);
    }
    run(&[
        "config",
        "--image",
        "oci:base",
        "--config.cmd",
        "sh",
        "--config.label",
        "made=by hand",
    ]);
}

fn load(lab: &Lab, path: &Path) -> Value {
    lab.json(&["load", "-i", &path.display().to_string()])
}

fn names(loaded: &Value) -> Vec<String> {
    let mut names: Vec<String> = loaded["images"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|image| image["names"].as_array().expect("a list"))
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// The layers of an image as the store tells them.
fn diff_ids(lab: &Lab, image: &str) -> Value {
    lab.json(&["inspect", image])[0]["RootFS"]["Layers"].clone()
}

#[test]
fn skopeos_and_umocis_archives_load() {
    let workshop = Workshop::new();
    base(&workshop);
    for target in [
        "docker-archive:docker.tar:docker.io/library/app:1",
        "oci-archive:oci.tar:docker.io/library/app:1",
    ] {
        workshop.run(Tool::Skopeo, &["copy", "-q", "oci:oci:base", target]);
    }
    let config = workshop.run(
        Tool::Skopeo,
        &["inspect", "--config", "--raw", "oci:oci:base"],
    );
    let config: Value = serde_json::from_str(&config).expect("JSON");
    let mut ids = Vec::new();
    for archive in ["docker.tar", "oci.tar", "oci"] {
        let lab = Lab::new();
        let loaded = load(&lab, &workshop.path().join(archive));
        let id = loaded["images"][0]["id"]
            .as_str()
            .expect("an ID")
            .to_owned();
        assert_eq!(
            diff_ids(&lab, &id),
            config["rootfs"]["diff_ids"],
            "{archive}"
        );
        let expected: &[&str] = if archive == "oci" {
            // A bare tag of a layout is no name of an image.
            assert_eq!(loaded["images"][0]["label"], "base");
            &[]
        } else {
            &["docker.io/library/app:1"]
        };
        assert_eq!(names(&loaded), expected, "{archive}");
        lab.run(&["check", "--read-data"]).ok();
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "one image, however it came");
}

#[test]
fn dockers_archive_loads_and_ours_loads_in_docker() {
    let (workshop, docker) = (Workshop::new(), Dockerd::start());
    base(&workshop);
    workshop.run(
        Tool::Skopeo,
        &[
            "copy",
            "-q",
            "oci:oci:base",
            "docker-archive:in.tar:docker.io/library/app:1",
        ],
    );
    let path = |name: &str| workshop.path().join(name).display().to_string();
    docker.run(&["load", "-i", &path("in.tar")]);
    docker.run(&["tag", "app:1", "team/app:2"]);
    docker.run(&["save", "-o", &path("docker.tar"), "app:1", "team/app:2"]);
    let id = docker.run(&["inspect", "--format", "{{.Id}}", "app:1"]);

    let lab = Lab::new();
    let loaded = load(&lab, &workshop.path().join("docker.tar"));
    assert_eq!(loaded["images"][0]["id"], id.as_str());
    assert_eq!(
        names(&loaded),
        ["docker.io/library/app:1", "docker.io/team/app:2"]
    );
    let layers = docker.run(&["inspect", "--format", "{{json .RootFS.Layers}}", "app:1"]);
    let layers: Value = serde_json::from_str(&layers).expect("JSON");
    assert_eq!(diff_ids(&lab, "app:1"), layers);

    docker.run(&["rmi", "app:1", "team/app:2"]);
    assert_eq!(docker.run(&["images", "-q"]), "");
    for how in [&["--compress", "none"][..], &["--compress", "gzip"]] {
        let saved = path("saved.tar");
        let save = [&["save", "-o", &saved, "app:1", "team/app:2"][..], how].concat();
        lab.run(&save).ok();
        docker.run(&["load", "-i", &saved]);
        for name in ["app:1", "team/app:2"] {
            assert_eq!(docker.run(&["inspect", "--format", "{{.Id}}", name]), id);
        }
        docker.run(&["rmi", "app:1", "team/app:2"]);
    }
}

#[test]
fn podmans_and_buildahs_archives_load_and_ours_loads_there() {
    let workshop = Workshop::new();
    base(&workshop);
    let path = |name: &str| workshop.path().join(name).display().to_string();
    workshop.run(
        Tool::Skopeo,
        &[
            "copy",
            "-q",
            "oci:oci:base",
            "docker-archive:in.tar:localhost/app:1",
        ],
    );
    workshop.run(Tool::Podman, &["load", "-i", "in.tar"]);
    let id = workshop.run(
        Tool::Podman,
        &["inspect", "--format", "{{.Id}}", "localhost/app:1"],
    );
    for format in ["docker-archive", "oci-archive"] {
        let saved = format!("{format}.tar");
        workshop.run(
            Tool::Podman,
            &[
                "save",
                "-q",
                "--format",
                format,
                "-o",
                &saved,
                "localhost/app:1",
            ],
        );
        let lab = Lab::new();
        let loaded = load(&lab, &workshop.path().join(&saved));
        // podman writes a config anew where it goes from one form to the other: what is in the archive is what counts.
        let expected = workshop.image_id(&format!("{format}:{saved}"));
        assert_eq!(loaded["images"][0]["id"], expected.as_str(), "{format}");
        assert_eq!(names(&loaded), ["localhost/app:1"], "{format}");
    }
    for target in [
        "oci-archive:buildah.tar:app:3",
        "docker-archive:buildah-docker.tar:app:3",
    ] {
        workshop.run(
            Tool::Buildah,
            &[
                "push",
                "-q",
                "--signature-policy=policy.json",
                "localhost/app:1",
                target,
            ],
        );
    }
    let lab = Lab::new();
    for archive in ["buildah.tar", "buildah-docker.tar"] {
        let loaded = load(&lab, &workshop.path().join(archive));
        let kind = archive.strip_suffix(".tar").expect("a tar");
        let kind = kind.strip_prefix("buildah-").unwrap_or("oci");
        let expected = workshop.image_id(&format!("{kind}-archive:{archive}"));
        assert_eq!(loaded["images"][0]["id"], expected.as_str(), "{archive}");
        // buildah adds the names that its own store has to a docker-archive.
        let names = names(&loaded);
        assert!(
            names.contains(&"docker.io/library/app:3".to_owned()),
            "{names:?}"
        );
    }
    // The last one is what podman itself has.
    assert_eq!(
        lab.json(&["inspect", "app:3"])[0]["Id"],
        format!("sha256:{id}")
    );

    workshop.run(Tool::Podman, &["rmi", "-a", "-f"]);
    // Two names on one image, which podman refuses in a layout and takes in a docker-archive.
    lab.run(&["tag", "app:3", "team/app:4"]).ok();
    lab.run(&["save", "-o", &path("saved.tar"), "app:3", "team/app:4"])
        .ok();
    workshop.run(Tool::Podman, &["load", "-i", "saved.tar"]);
    let found = workshop.run(
        Tool::Podman,
        &["images", "--no-trunc", "--format", "{{.Id}}"],
    );
    assert!(
        !found.is_empty() && found.lines().all(|line| line.ends_with(&id)),
        "{found}"
    );
}

#[test]
fn skopeo_and_umoci_read_what_save_writes() {
    let workshop = Workshop::new();
    base(&workshop);
    let lab = Lab::new();
    let loaded = load(&lab, &workshop.path().join("oci"));
    let id = loaded["images"][0]["id"]
        .as_str()
        .expect("an ID")
        .to_owned();
    lab.run(&["tag", &id, "app:1"]).ok();
    let layers = diff_ids(&lab, "app:1");
    let saved = workshop.path().join("saved.tar").display().to_string();
    lab.run(&["save", "-o", &saved, "app:1"]).ok();
    for (number, source) in ["docker-archive:saved.tar:app:1", "oci-archive:saved.tar:1"]
        .into_iter()
        .enumerate()
    {
        let target = format!("oci:back{number}:1");
        workshop.run(Tool::Skopeo, &["copy", "-q", source, &target]);
        let lab = Lab::new();
        let back = load(&lab, &workshop.path().join(format!("back{number}")));
        let back_id = back["images"][0]["id"].as_str().expect("an ID");
        // skopeo writes the config anew where it goes from one form to the other.
        assert_eq!(workshop.image_id(source), id, "{source}");
        assert_eq!(diff_ids(&lab, back_id), layers, "{source}");
    }
    let folder = workshop.path().join("unpacked");
    std::fs::create_dir(&folder).expect("a folder");
    let untar = std::process::Command::new("tar")
        .args(["-xf", &saved, "-C"])
        .arg(&folder)
        .status()
        .expect("tar runs");
    assert!(untar.success());
    workshop.run(Tool::Umoci, &["unpack", "--image", "unpacked:1", "bundle"]);
    let two = workshop.path().join("bundle/rootfs/two");
    assert_eq!(std::fs::read_to_string(two).expect("reads"), "second");
}

/// Every change that both know gives the same settings.
#[test]
fn an_import_sets_what_dockers_sets() {
    let (workshop, docker) = (Workshop::new(), Dockerd::start());
    let tar = workshop.path().join("rootfs.tar");
    std::fs::write(&tar, testkit::Layer::files([("etc/hostname", "x")]).tar()).expect("writes");
    let tar = tar.display().to_string();
    let sets: &[&[&str]] = &[
        &["CMD foo bar", "ENTRYPOINT [\"a\", \"b\"]"],
        &["ENTRYPOINT x y"],
        &["CMD []"],
        &[
            "ENV PATH=/bin A=\"x y\" B=2",
            "ENV C=$A:${B} D='$A'",
            "ENV A b c",
            "ENV B=",
        ],
        &["EXPOSE 80-82/udp 9", "EXPOSE 443"],
        &["LABEL a=1 b=\"two words\" c=", "LABEL a=2"],
        &["VOLUME /x /y", "VOLUME [\"/z\"]"],
        &["WORKDIR /srv", "WORKDIR app/../lib"],
        &["USER 1000:1000"],
        &["ONBUILD RUN make", "onbuild USER x"],
        &[
            "HEALTHCHECK --interval=1m30s --retries=3 CMD curl -f x",
            "ENV A=1",
        ],
        &["HEALTHCHECK CMD [\"true\"]"],
        &["HEALTHCHECK NONE"],
    ];
    let lab = Lab::new();
    for (number, changes) in sets.iter().enumerate() {
        let name = format!("made:{number}");
        let flags: Vec<&str> = changes.iter().flat_map(|change| ["-c", change]).collect();
        docker.run(&[&["import"][..], &flags, &[&tar, &name]].concat());
        lab.run(&[&["import"][..], &flags, &[&tar, &name]].concat())
            .ok();
        let theirs = docker.run(&["inspect", "--format", "{{json .Config}}", &name]);
        let theirs: Value = serde_json::from_str(&theirs).expect("JSON");
        let ours = lab.json(&["inspect", &name])[0]["Config"].clone();
        for key in [
            "Cmd",
            "Entrypoint",
            "Env",
            "ExposedPorts",
            "Labels",
            "Volumes",
            "WorkingDir",
            "User",
            "OnBuild",
            "Healthcheck",
        ] {
            assert_eq!(
                settled(&ours[key]),
                settled(&theirs[key]),
                "{changes:?}: {key}"
            );
        }
    }
}

/// Null, empty and missing are one to docker.
fn settled(value: &Value) -> Value {
    match value {
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Object(object) if object.is_empty() => Value::Null,
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Object(object) => object
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

/// A pulled image is most often one platform of several: the index is saved with it, and what it names besides is not there.
#[test]
fn one_platform_of_a_pulled_index_loads_elsewhere() {
    let (workshop, docker, lab) = (Workshop::new(), Dockerd::start(), Lab::new());
    let image = |platform: &str| crate::lab::app(platform).platform(platform).build();
    let index = testkit::IndexBuilder::new()
        .image(image("linux/s390x"))
        .image(image("linux/amd64"))
        .image(image("linux/arm64"))
        .build();
    lab.registry.push("app:1", &index);
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "app:1"]).ok();
    let id = lab.json(&["inspect", "app:1"])[0]["Id"]
        .as_str()
        .expect("an ID")
        .to_owned();
    let saved = workshop.path().join("saved.tar").display().to_string();
    lab.run(&["save", "-o", &saved, "app:1"]).ok();
    docker.run(&["load", "-i", &saved]);
    assert_eq!(docker.run(&["inspect", "--format", "{{.Id}}", "app:1"]), id);
    assert_eq!(workshop.image_id("oci-archive:saved.tar:1"), id);
    workshop.run(Tool::Podman, &["load", "-i", "saved.tar"]);
    let found = workshop.run(
        Tool::Podman,
        &["images", "--no-trunc", "--format", "{{.Id}}"],
    );
    assert!(found.ends_with(id.trim_start_matches("sha256:")), "{found}");
    // umoci takes no index; for it the platform is saved alone.
    let platform = format!(
        "linux/{}",
        if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        }
    );
    lab.run(&[
        "copy",
        "--platform",
        &platform,
        "app:1",
        &format!("oci:{}:1", workshop.path().join("alone").display()),
    ])
    .ok();
    workshop.run(Tool::Umoci, &["unpack", "--image", "alone:1", "bundle"]);
    assert!(workshop.path().join("bundle/rootfs/app").exists());
}
