//! `pull`.

use std::io::{BufRead as _, BufReader};

use serde_json::{Value, json};
use testkit::{Fault, ImageBuilder, IndexBuilder, Layer, Packing, Rule};

use crate::lab::{Lab, Ran, app};

#[test]
fn a_pull_says_what_docker_says_and_the_image_is_there() {
    let (lab, image) = Lab::with_app();
    let name = lab.at("app:1");
    let ran = lab.run(&["pull", &name]).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "1: Pulling from app");
    assert_eq!(lines[1], format!("Digest: {}", image.digest()));
    assert_eq!(
        lines[2],
        format!("Status: Downloaded newer image for {name}")
    );
    assert!(lines[3].starts_with("Fetched "), "{lines:?}");
    assert_eq!(lines[4..], [name.as_str()]);
    // Not a terminal: plain lines.
    assert!(ran.err.contains("4 blobs to fetch"), "{}", ran.err);

    let again = lab.run(&["pull", &name]).ok();
    assert!(
        again
            .out
            .contains(&format!("Status: Image is up to date for {name}\n")),
        "{}",
        again.out
    );
}

#[test]
fn the_default_tag_is_named() {
    let lab = Lab::new();
    lab.registry.push("app:latest", &app("x").build());
    let ran = lab.run(&["pull", &lab.at("app")]).ok();
    assert!(
        ran.out
            .starts_with("Using default tag: latest\nlatest: Pulling from app\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.ends_with(&format!("{}\n", lab.at("app:latest"))),
        "{}",
        ran.out
    );
}

#[test]
fn quiet_prints_the_name_and_nothing_else() {
    let (lab, _) = Lab::with_app();
    for arguments in [["pull", "-q"], ["--quiet", "pull"]] {
        let name = lab.at("app:1");
        let ran = lab.run(&[&arguments[..], &[name.as_str()]].concat()).ok();
        assert_eq!((ran.out.trim_end(), ran.err.as_str()), (name.as_str(), ""));
    }
}

#[test]
fn json_says_what_came_and_what_moved() {
    let (lab, first) = Lab::with_app();
    let name = lab.at("app:1");
    let document = lab.json(&["pull", &name]);
    assert_eq!(
        document["images"],
        json!([{"id": first.config, "digest": first.digest(), "names": [name], "platform": "linux/amd64"}])
    );
    assert_eq!(
        document["moved"],
        json!([{"name": name, "to": first.digest(), "from": null}])
    );
    assert_eq!(document["reused_bytes"], 0);
    let all: u64 = first.blobs.values().map(|blob| blob.len() as u64).sum();
    assert_eq!(document["fetched_bytes"], all);

    let second = app("two").build();
    lab.registry.push("app:1", &second);
    let document = lab.json(&["pull", &name]);
    assert_eq!(
        document["moved"],
        json!([{"name": name, "to": second.digest(), "from": first.digest()}])
    );
    // Two layers are shared.
    assert!(document["fetched_bytes"].as_u64() < Some(all), "{document}");

    lab.registry.push("app:1", &first);
    let ran = lab.run(&["pull", "--no-move", "--json", &name]).ended(1);
    assert_eq!(ran.error()["code"], "name_taken");
}

#[test]
fn progress_as_json_is_a_line_for_each_step() {
    let (lab, image) = Lab::with_app();
    let ran = lab
        .run(&["pull", "--progress=json", "--json", &lab.at("app:1")])
        .ok();
    let steps: Vec<Value> = ran
        .err
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(
        steps.iter().all(|step| step["operation"] == "pull"),
        "{steps:?}"
    );
    assert_eq!(steps[0]["event"], "resolved");
    for layer in &image.layers {
        let stored: Vec<&Value> = steps
            .iter()
            .filter(|step| {
                step["event"] == "stored" && step["blob"] == layer.descriptor.digest.as_str()
            })
            .collect();
        assert_eq!(stored.len(), 1, "{steps:?}");
        assert_eq!(stored[0]["current"], layer.descriptor.size);
        assert_eq!(stored[0]["total"], layer.descriptor.size);
    }
}

#[test]
fn the_platform_is_chosen_and_a_foreign_one_is_said() {
    let lab = Lab::new();
    let (amd, arm) = (
        app("amd").build(),
        app("arm").platform("linux/arm64/v8").build(),
    );
    let index = IndexBuilder::new()
        .image(amd)
        .image(arm.clone())
        .attestation()
        .build();
    lab.registry.push("app:1", &index);
    let ran = lab
        .run(&["pull", "--platform", "linux/arm64", &lab.at("app:1")])
        .ok();
    let foreign = !cfg!(target_arch = "aarch64");
    assert_eq!(
        ran.err.contains("made for linux/arm64"),
        foreign,
        "{}",
        ran.err
    );
    let images = lab.json(&["images"]);
    assert_eq!(images[0]["id"], arm.config.as_str());
    assert_eq!(images[0]["digest"], index.digest().as_str());

    let ran = lab
        .run(&[
            "pull",
            "--platform",
            "linux/s390x",
            "--json",
            &lab.at("app:1"),
        ])
        .ended(1);
    assert_eq!(ran.error()["code"], "platform_not_found");
    assert!(
        ran.error()["message"]
            .as_str()
            .is_some_and(|text| text.contains("linux/s390x")),
        "{}",
        ran.err
    );
}

/// Ctrl-C in the middle of a blob: what came is kept, no name moves, and the next pull asks only for the rest.
#[cfg(unix)]
#[test]
fn an_interrupted_pull_goes_on_where_it_was() {
    let lab = Lab::new();
    let noise: Vec<u8> = (0..750_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let image = ImageBuilder::new()
        .layer(Layer::new().file("noise", &noise).packed(Packing::Plain))
        .build();
    lab.registry.push("big:1", &image);
    let layer = &image.layers[0].descriptor;
    lab.registry
        .rule(Rule::path(layer.digest.as_str()).fault(Fault::Stall(Some(1_000_000))));

    let mut child = lab
        .command(&["pull", "--progress", "json", &lab.at("big:1")])
        .spawn()
        .expect("strata starts");
    let mut steps = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    // The stall is reached when a million bytes are here.
    let reached = steps.by_ref().map_while(Result::ok).any(|line| {
        let step: Value = serde_json::from_str(&line).expect("JSON");
        step["event"] == "progress"
            && step["blob"] == layer.digest.as_str()
            && step["current"].as_u64() >= Some(900_000)
    });
    assert!(reached, "the pull ended before it stalled");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal can be sent");
    let rest: Vec<String> = steps.map_while(Result::ok).collect();
    let ran = Ran::of(child.wait_with_output().expect("it ends")).ended(1);
    assert!(!ran.out.contains("Digest:"), "{}", ran.out);
    assert!(
        rest.iter()
            .any(|line| line.contains("the same command goes on from there")),
        "{rest:?}"
    );
    assert_eq!(lab.names(), Vec::<String>::new());

    lab.registry.behave();
    let document = lab.json(&["pull", &lab.at("big:1")]);
    assert!(
        document["reused_bytes"].as_u64() >= Some(900_000),
        "{document}"
    );
    assert!(
        document["fetched_bytes"].as_u64() <= Some(layer.size - 900_000 + 2000),
        "{document}"
    );
}

#[test]
fn of_several_platforms_the_one_that_was_asked_for_last_is_shown() {
    let (lab, _, [amd, arm]) = Lab::with_two_platforms();
    let app = lab.at("app:1");
    for (platform, id) in [
        ("linux/amd64", &amd.config),
        ("linux/arm64", &arm.config),
        ("linux/amd64", &amd.config),
        ("linux/arm64", &arm.config),
    ] {
        lab.run(&["pull", "-q", "--platform", platform, &app]).ok();
        assert_eq!(lab.json(&["images"])[0]["id"], id.as_str(), "{platform}");
    }
    // A container of the other one: the name is pulled again, which brings nothing.
    lab.run(&["create", "--platform", "linux/amd64", &app]).ok();
    assert_eq!(lab.json(&["ps", "-a"])[0]["image_id"], amd.config.as_str());
    // What is named by its ID is that and no other.
    let words = ["create", "--platform", "linux/arm64", amd.config.as_str()];
    let refused = lab.run(&[&["--json"], &words[..]].concat()).ended(1);
    assert_eq!(refused.error()["code"], "platform_not_found");
}
