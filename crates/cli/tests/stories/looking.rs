//! `images`, `inspect`, `history`, `layers`, `df`: what is here.

use serde_json::{Value, json};
use testkit::{Image, ImageBuilder};

use crate::lab::{Lab, app};

#[test]
fn the_table_is_dockers() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "mine"]).ok();
    let short = image.config.short();
    let ran = lab
        .run(&[
            "images",
            "--format",
            "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Size}}",
        ])
        .ok();
    let host = lab.registry.host();
    let width = format!("{host}/app").len() + 3;
    assert_eq!(
        ran.out,
        format!(
            "{:width$}TAG       IMAGE ID       SIZE\n\
             {:width$}1         {short}   21B\n\
             {:width$}latest    {short}   21B\n",
            "REPOSITORY",
            format!("{host}/app"),
            "mine",
        )
    );
    let usual = lab.run(&["images"]).ok().out;
    let header: Vec<&str> = usual
        .lines()
        .next()
        .expect("a header")
        .split("   ")
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(header, ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]);
    assert!(usual.contains("years ago"), "{usual}");
    let digests = lab.run(&["images", "--digests", "mine"]).ok().out;
    assert!(
        digests.contains("DIGEST") && digests.contains(image.digest().as_str()),
        "{digests}"
    );
}

#[test]
fn ids_come_short_or_whole() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    assert_eq!(
        lab.run(&["images", "-q"]).ok().out,
        format!("{}\n", image.config.short())
    );
    assert_eq!(
        lab.run(&["images", "-q", "--no-trunc"]).ok().out,
        format!("{}\n", image.config)
    );
    assert_eq!(lab.run(&["images", "-q", "nothing"]).ok().out, "");
}

#[test]
fn json_has_every_promised_key() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let document = lab.json(&["images"]);
    let row = &document[0];
    let download: u64 = image
        .blobs
        .values()
        .map(|blob| blob.len() as u64)
        .sum::<u64>()
        + image.root.bytes.len() as u64;
    let expected = json!({
        "id": image.config, "digest": image.digest(), "names": [lab.at("app:1")],
        "size": 21, "download_size": row["download_size"], "unique_size": row["unique_size"], "shared_size": 0,
        "created": "2024-01-01T00:00:00Z", "platform": "linux/amd64", "dangling": false, "damaged": false, "in_use": [],
    });
    assert_eq!(row, &expected);
    assert!(row["download_size"].as_u64() <= Some(download), "{row}");
    assert!(row["unique_size"].as_u64() > Some(0), "{row}");
    assert_eq!(document.as_array().map(Vec::len), Some(1));
}

#[test]
fn an_empty_store_gives_empty_documents() {
    let lab = Lab::new();
    assert_eq!(
        lab.run(&["images"]).ok().out,
        "REPOSITORY   TAG       IMAGE ID   CREATED   SIZE\n"
    );
    assert_eq!(lab.json(&["images"]), json!([]));
    assert_eq!(lab.json(&["journal"]), json!([]));
    assert_eq!(
        lab.json(&["prune"]),
        json!({"untagged": [], "deleted": [], "freed_bytes": 0, "blocked": []})
    );
    assert_eq!(lab.json(&["check"]), json!({"ok": true, "problems": []}));
    let usage = lab.json(&["df"]);
    assert_eq!(usage["images"], json!({"count": 0, "size": 0}));
}

#[test]
fn filters_narrow_the_list() {
    let lab = Lab::new();
    for name in ["one", "two"] {
        lab.registry.push(&format!("{name}:1"), &app(name).build());
        lab.pull(&format!("{name}:1"));
    }
    let found = |arguments: &[&str]| {
        let arguments = [&["images", "--format", "{{.Repository}}"], arguments].concat();
        lab.run(&arguments)
            .ok()
            .out
            .lines()
            .filter_map(|line| line.rsplit('/').next().map(String::from))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&["-f", "label=name=two"]), ["two"]);
    assert_eq!(
        found(&["-f", "label!=name=two", "-f", "label=name"]),
        ["one"]
    );
    assert_eq!(found(&["--filter", "reference=*/o*"]), ["one"]);
    assert_eq!(found(&["-f", "dangling=true"]), Vec::<String>::new());
    assert_eq!(found(&[&lab.at("one")]), ["one"]);
    let ran = lab.run(&["images", "--json", "-f", "colour=red"]).ended(2);
    assert_eq!(ran.error()["code"], "usage");
}

#[test]
fn a_pattern_shows_only_the_names_that_it_matches() {
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["tag", &lab.at("app:1"), "mine:a"]).ok();
    lab.run(&["tag", &lab.at("app:1"), "mine:b"]).ok();
    let shown = |arguments: &[&str]| {
        lab.run(
            &[
                &["images", "--format", "{{.Repository}}:{{.Tag}}"],
                arguments,
            ]
            .concat(),
        )
        .ok()
        .out
    };
    assert_eq!(shown(&["mine"]), "mine:a\nmine:b\n");
    assert_eq!(shown(&["mine:b"]), "mine:b\n");
    assert_eq!(shown(&["-f", "reference=mine:a"]), "mine:a\n");
}

#[test]
fn inspect_is_dockers_array() {
    let lab = Lab::new();
    let image = app("x")
        .platform("linux/arm/v7")
        .comment("made by hand")
        .config("Env", json!(["A=1"]))
        .config("ExposedPorts", json!({"80/tcp": {}}))
        .build();
    lab.registry.push("app:1", &image);
    lab.run(&["pull", "-q", "--platform", "linux/arm/v7", &lab.at("app:1")])
        .ok();
    let document = lab.run(&["inspect", &lab.at("app:1")]).ok().json();
    let diff_ids: Vec<&str> = image
        .layers
        .iter()
        .map(|layer| layer.diff_id.as_str())
        .collect();
    assert_eq!(
        document,
        json!([{
            "Id": image.config,
            "RepoTags": [lab.at("app:1")],
            "RepoDigests": [format!("{}@{}", lab.at("app"), image.digest())],
            "Comment": "made by hand",
            "Created": "2024-01-01T00:00:00Z",
            "Author": "Ada",
            "Config": {"Env": ["A=1"], "Cmd": ["sh"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"name": "x"}},
            "Architecture": "arm",
            "Variant": "v7",
            "Os": "linux",
            "Size": 19,
            "RootFS": {"Type": "layers", "Layers": diff_ids},
        }])
    );
    let by_id = lab
        .run(&[
            "inspect",
            image.config.short(),
            "-f",
            "{{index .Config.Env 0}} {{.Architecture}}",
        ])
        .ok();
    assert_eq!(by_id.out, "A=1 arm\n");

    let partly = lab
        .run(&["inspect", "nothing:1", &lab.at("app:1")])
        .ended(1);
    assert_eq!(
        partly.json().as_array().map(Vec::len),
        Some(1),
        "what is there is printed"
    );
    assert!(partly.err.contains("nothing:1"), "{}", partly.err);
}

#[test]
fn history_is_newest_first_and_layers_base_first() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let name = lab.at("app:1");
    let history = lab.json(&["history", &name]);
    let steps: Vec<(&Value, &Value)> = history
        .as_array()
        .expect("a list")
        .iter()
        .map(|step| (&step["created_by"], &step["diff_id"]))
        .collect();
    let diff_id = |index: usize| json!(image.layers[index].diff_id);
    assert_eq!(
        steps,
        [
            (&json!("CMD [\"/app\"]"), &Value::Null),
            (&json!("COPY layer3 /"), &diff_id(2)),
            (&json!("COPY layer2 /"), &diff_id(1)),
            (&json!("COPY layer1 /"), &diff_id(0)),
        ]
    );
    assert_eq!(history[0]["empty_layer"], true);
    assert_eq!(history[2]["size"], 10);
    let table = lab
        .run(&[
            "history",
            &name,
            "--format",
            "table {{.ID}}\t{{.CreatedBy}}\t{{.Size}}",
        ])
        .ok()
        .out;
    assert!(
        table.starts_with("IMAGE          CREATED BY      SIZE\n"),
        "{table}"
    );
    assert_eq!(table.matches("<missing>").count(), 3, "{table}");

    let layers = lab.json(&["layers", &name]);
    for (row, layer) in layers.as_array().expect("a list").iter().zip(&image.layers) {
        assert_eq!(row["digest"], layer.descriptor.digest.as_str());
        assert_eq!(row["diff_id"], layer.diff_id.as_str());
        assert_eq!(row["size"], layer.descriptor.size);
        assert_eq!(row["media_type"], layer.descriptor.media_type.as_str());
        assert_eq!(row["shared_with"], json!([]));
    }
    assert_eq!(layers[0]["chain_id"], layers[0]["diff_id"]);
}

#[test]
fn shared_layers_are_counted_once() {
    let lab = Lab::new();
    for name in ["one", "two"] {
        lab.registry.push(&format!("{name}:1"), &app(name).build());
        lab.pull(&format!("{name}:1"));
    }
    let layers = lab.json(&["layers", &lab.at("one:1")]);
    assert_eq!(layers[0]["shared_with"], json!([lab.at("two:1")]));
    assert_eq!(layers[2]["shared_with"], json!([]));
    let usage = lab.json(&["df"]);
    assert_eq!(usage["images"]["count"], 2);
    assert_eq!(usage["layers"]["count"], 4);
    assert_eq!(usage["containers"], json!({"count": 0, "size": 0}));
    assert!(usage["layers"]["shared"].as_u64() > Some(0), "{usage}");
    assert!(
        usage["total_size"].as_u64() > usage["images"]["size"].as_u64(),
        "{usage}"
    );
    assert!(lab.run(&["df"]).ok().out.starts_with("TYPE "));
}

/// An image is a stranger's text: nothing of it may reach the terminal as a command.
#[test]
fn what_an_image_says_cannot_steer_the_terminal() {
    let lab = Lab::new();
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}txt.exe\r\n\tX";
    let image: Image = ImageBuilder::new()
        .files([("a", "b")])
        .history(vec![json!({"created_by": evil, "comment": evil, "author": evil, "created": "2024-01-01T00:00:00Z"})])
        .author(evil)
        .comment(evil)
        .label("evil", evil)
        .build();
    lab.registry.push("evil:1", &image);
    lab.pull("evil:1");
    let name = lab.at("evil:1");
    for arguments in [
        vec!["history", &name, "--no-trunc"],
        vec!["history", &name, "--json"],
        vec!["history", &name, "--format", "{{.Comment}}"],
        vec!["layers", &name, "--no-trunc"],
        vec!["layers", &name, "--json"],
        vec!["inspect", &name],
        vec!["inspect", &name, "--format", "{{.Author}} {{json .Config}}"],
    ] {
        let out = lab.run(&arguments).ok().out;
        let unsafe_ones: Vec<char> = out
            .chars()
            .filter(|&c| (c.is_control() && c != '\n') || c == '\u{202e}')
            .collect();
        assert!(
            unsafe_ones.is_empty(),
            "{arguments:?}: {unsafe_ones:?} in {out:?}"
        );
    }
    let document = lab.run(&["inspect", &name]).ok().json();
    assert_eq!(
        document[0]["Author"], evil,
        "JSON means what the image says"
    );
}
