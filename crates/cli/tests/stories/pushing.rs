//! What `strata push` sends is what skopeo, podman and docker pull.

use serde_json::Value;
use testkit::{
    DockerRegistry, DockerRegistryOptions, Dockerd, ImageBuilder, IndexBuilder, Layer, Packing,
    Registry, Tool, Uploads, Workshop,
};

use crate::lab::{Lab, app};

#[test]
fn a_push_says_what_docker_says_and_what_it_cost() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let other = Registry::start();
    let name = format!("{}/team/app:2", other.host());
    let ran = lab.run(&["push", &lab.at("app:1"), &name]).ok();
    let size = image.root.bytes.len();
    assert_eq!(
        ran.out,
        format!(
            "The push refers to repository [{}/team/app]\n2: digest: {} size: {size}\nSent {}.\n",
            other.host(),
            image.digest(),
            ran.out
                .rsplit_once("Sent ")
                .expect("what it cost")
                .1
                .trim_end_matches(".\n"),
        )
    );
    assert!(ran.err.contains("blobs to send"), "{}", ran.err);
    let again = lab.run(&["push", &lab.at("app:1"), &name]).ok();
    assert!(
        again.out.contains("Nothing had to be sent"),
        "{}",
        again.out
    );
    let quiet = lab.run(&["push", "-q", &lab.at("app:1"), &name]).ok();
    assert_eq!(quiet.out, format!("{name}\n"));

    let third = format!("{}/app", other.host());
    let pushed = lab.json(&["push", &lab.at("app:1"), &third]);
    assert_eq!(pushed["images"][0]["digest"], image.digest().as_str());
    assert_eq!(pushed["images"][0]["id"], image.config.as_str());
    assert_eq!(pushed["images"][0]["names"][0], format!("{third}:latest"));
    assert_eq!(pushed["pushed_bytes"], 0);
    assert!(pushed["mounted_bytes"].as_u64() > Some(0));

    // An ID needs a place to go to; a name is one.
    let id = image.config.to_string();
    lab.run(&["push", &id]).ended(2);
    lab.run(&["push", &id, &third]).ok();
    lab.run(&["tag", &id, &third]).ok();
    lab.run(&["push", &third]).ok();
    other.uploads(Uploads {
        read_only: true,
        ..Uploads::default()
    });
    let fresh = format!("{}/fresh:1", other.host());
    let refused = lab.run(&["push", &id, &fresh, "--json"]).ended(1);
    assert_eq!(refused.error()["code"], "not_offered");
}

#[test]
fn what_is_pushed_is_pulled_by_skopeo_podman_and_docker() {
    let (server, lab, workshop) = (DockerRegistry::plain(), Lab::new(), Workshop::new());
    let images = [
        ("oci", app("oci").build()),
        ("docker", app("docker").docker().build()),
        (
            "mixed",
            ImageBuilder::new()
                .layer(Layer::files([("/a", "1".repeat(300_000))]))
                .layer(Layer::files([("/b", "2")]).packed(Packing::Plain))
                .build(),
        ),
    ];
    let docker = Dockerd::start();
    for (name, image) in &images {
        let source = lab.registry.push(&format!("{name}:1"), image).to_string();
        lab.run(&["pull", "-q", &source]).ok();
        let target = server.reference(&format!("team/{name}:1")).to_string();
        let pushed = lab.json(&["push", &source, &target]);
        assert_eq!(pushed["images"][0]["digest"], image.digest().as_str());
        let place = format!("docker://{target}");
        let raw = workshop.run(
            Tool::Skopeo,
            &["inspect", "--raw", "--tls-verify=false", &place],
        );
        assert_eq!(raw.as_bytes(), image.root.bytes, "{name}: byte for byte");
        workshop.run(
            Tool::Skopeo,
            &[
                "copy",
                "-q",
                "--src-tls-verify=false",
                &place,
                &format!("oci:{name}"),
            ],
        );
        let policy = format!(
            "--signature-policy={}",
            workshop.path().join("policy.json").display()
        );
        let id = workshop.run(
            Tool::Podman,
            &["pull", "-q", "--tls-verify=false", &policy, &target],
        );
        assert_eq!(id, image.config.hex(), "{name} in podman");
        docker.run(&["pull", "-q", &target]);
        let id = docker.run(&["inspect", "--format", "{{.Id}}", &target]);
        assert_eq!(id, image.config.as_str(), "{name} in docker");
        let digests = docker.run(&["inspect", "--format", "{{.RepoDigests}}", &target]);
        assert!(digests.contains(image.digest().as_str()), "{digests}");
    }
}

#[test]
fn an_index_with_its_attestations_is_copied_whole() {
    let (server, lab, workshop) = (DockerRegistry::plain(), Lab::new(), Workshop::new());
    let one = app("one").build();
    let two = app("two").platform("linux/arm64").build();
    let index = IndexBuilder::new().image(one).image(two).build();
    let source = lab.registry.push("app:1", &index);
    let target = server.reference("app:1");
    let copied = lab.json(&[
        "copy",
        &format!("docker://{source}"),
        &format!("docker://{target}"),
    ]);
    assert_eq!(copied["images"][0]["digest"], index.digest().as_str());
    let place = format!("docker://{target}");
    let arguments = [
        "copy",
        "-q",
        "--all",
        "--src-tls-verify=false",
        &place,
        "oci:all",
    ];
    workshop.run(Tool::Skopeo, &arguments);
    assert_eq!(lab.json(&["images"]), Value::Array(Vec::new()));
    // And out of an archive.
    let archive = workshop.path().join("oci").display().to_string();
    workshop.run(
        Tool::Skopeo,
        &["copy", "-q", "--src-tls-verify=false", &place, "oci:oci:x"],
    );
    let other = server.reference("other:1").to_string();
    lab.run(&[
        "copy",
        &format!("oci:{archive}:x"),
        &format!("docker://{other}"),
    ])
    .ok();
    workshop.run(
        Tool::Skopeo,
        &[
            "inspect",
            "--tls-verify=false",
            &format!("docker://{other}"),
        ],
    );
    assert_eq!(lab.json(&["images"]), Value::Array(Vec::new()));
}

#[test]
fn a_login_and_an_authority_of_ones_own() {
    let server = DockerRegistry::start(&DockerRegistryOptions {
        login: Some(("alice".into(), "s3cret".into())),
        tls: true,
        ..DockerRegistryOptions::default()
    });
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    let target = server.reference("app:1").to_string();
    let source = lab.at("app:1");
    let refused = lab.run(&["push", &source, &target, "--json"]).ended(1);
    assert_eq!(refused.error()["code"], "tls");
    let message = refused.error()["message"].to_string();
    assert!(message.contains(&server.host()), "{message}");
    let ca = server.ca_file().display().to_string();
    let trusting = |more: &[&str]| {
        let mut all = vec!["push", &source, &target, "--ca-file", &ca, "--json"];
        all.extend(more);
        lab.run(&all)
    };
    assert_eq!(trusting(&[]).ended(1).error()["code"], "unauthorized");
    let folder = lab.path("home").join(".docker");
    std::fs::create_dir(&folder).expect("a folder");
    let file = format!(
        r#"{{"auths":{{"{}":{{"auth":"YWxpY2U6czNjcmV0"}}}}}}"#,
        server.host()
    );
    std::fs::write(folder.join("config.json"), file).expect("written");
    trusting(&[]).ok();
}

#[test]
fn all_tags_of_a_repository_are_pushed_as_docker_does() {
    let (server, lab, workshop) = (DockerRegistry::plain(), Lab::new(), Workshop::new());
    let (one, two) = (app("one").build(), app("two").build());
    for (tag, image) in [("1", &one), ("2", &two), ("latest", &two)] {
        lab.registry.push(&format!("team/app:{tag}"), image);
        lab.pull(&format!("team/app:{tag}"));
    }
    lab.registry.push("team/other:1", &one);
    lab.pull("team/other:1");
    let there = server.reference("shop/app").to_string();
    let repository = lab.at("team/app");
    let refused = lab
        .run(&["push", "-a", &lab.at("team/app:1"), "--json"])
        .ended(2);
    assert_eq!(refused.error()["code"], "usage");
    let nothing = lab
        .run(&["push", "-a", &lab.at("team/gone"), "--json"])
        .ended(1);
    assert_eq!(nothing.error()["code"], "not_found");

    let ran = lab.run(&["push", "--all-tags", &repository, &there]).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], format!("The push refers to repository [{there}]"));
    for (tag, image) in [("latest", &two), ("2", &two), ("1", &one)] {
        let said = format!("{tag}: digest: {} size: ", image.digest());
        assert!(
            lines.iter().any(|line| line.starts_with(&said)),
            "{}",
            ran.out
        );
    }
    let tags = format!("docker://{there}");
    let listed = workshop.run(Tool::Skopeo, &["list-tags", "--tls-verify=false", &tags]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let mut listed: Vec<&str> = listed["Tags"]
        .as_array()
        .expect("tags")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, ["1", "2", "latest"]);

    // What is there already costs nothing; without a destination the names themselves say where to.
    let again = lab.json(&["push", "-a", &repository, &there]);
    assert_eq!(again["pushed_bytes"], 0);
    assert_eq!(again["images"].as_array().map(Vec::len), Some(3));
    lab.run(&["tag", &lab.at("team/other:1"), &format!("{there}:1")])
        .ok();
    let moved = lab.json(&["push", "-a", &there]);
    assert_eq!(moved["images"][0]["names"][0], format!("{there}:1"));
    assert_eq!(
        moved["images"][0]["replaced"],
        Value::Null,
        "the same image"
    );
}
