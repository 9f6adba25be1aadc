//! `ls`, `cat`, `cp`, `unpack`: inside an image.

use serde_json::{Value, json};
use testkit::{ImageBuilder, Layer, Packing};

use crate::lab::Lab;

/// An image whose second layer changes, removes and adds, and whose third hides something of the second.
pub(crate) fn changed() -> ImageBuilder {
    changed_in(Packing::Zstd)
}

/// The same with the second layer packed otherwise.
pub(crate) fn changed_in(packing: Packing) -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("etc")
                .file("etc/motd", "hello\n")
                .file("etc/old", "going")
                .folder("usr/lib")
                .file("usr/lib/shared", "0123456789")
                .symlink("lib", "usr/lib"),
        )
        .layer(
            Layer::new()
                .folder("etc")
                .file("etc/motd", "hello again\n")
                .whiteout("etc/old")
                .file("lib/through-the-link", "abc")
                .hardlink("usr/lib/twin", "usr/lib/shared")
                .packed(packing),
        )
        .layer(
            Layer::new()
                .file("lib/through-the-link", "abcdef")
                .packed(Packing::Plain),
        )
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.registry.push("app:1", &changed().build());
    lab.pull("app:1");
    lab
}

/// Path, type, layer and change of each row.
fn brief(rows: &Value) -> Vec<(String, String, u64, Value)> {
    let rows = rows.as_array().expect("an array").iter();
    rows.map(|row| {
        (
            row["path"].as_str().expect("a path").to_owned(),
            row["type"].as_str().expect("a type").to_owned(),
            row["layer"].as_u64().expect("a layer"),
            row["change"].clone(),
        )
    })
    .collect()
}

fn row(path: &str, kind: &str, layer: u64, change: Value) -> (String, String, u64, Value) {
    (path.to_owned(), kind.to_owned(), layer, change)
}

#[test]
fn the_merged_files_are_what_a_container_would_see() {
    let lab = lab();
    let rows = lab.json(&["ls", "-R", &lab.at("app:1")]);
    assert_eq!(
        brief(&rows),
        [
            row("/etc", "dir", 2, Value::Null),
            row("/etc/motd", "file", 2, Value::Null),
            row("/lib", "symlink", 1, Value::Null),
            row("/usr", "dir", 1, Value::Null),
            row("/usr/lib", "dir", 1, Value::Null),
            row("/usr/lib/shared", "file", 1, Value::Null),
            row("/usr/lib/through-the-link", "file", 3, Value::Null),
            row("/usr/lib/twin", "hardlink", 2, Value::Null),
        ]
    );
    assert_eq!(
        rows[1],
        json!({
            "path": "/etc/motd", "type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": 12,
            "mtime": "2024-01-01T00:00:00Z", "link": null, "layer": 2, "change": null, "hidden_by": null,
        })
    );
    assert_eq!(rows[2]["link"], "usr/lib");
    assert_eq!(rows[7]["link"], "/usr/lib/shared");
    // A folder's size is that of its files, each once, whatever their number of names.
    assert_eq!(rows[3]["size"], 16);
}

#[test]
fn a_folder_is_listed_by_itself_also_over_a_link() {
    let lab = lab();
    let name = lab.at("app:1");
    let paths = |arguments: &[&str]| {
        let arguments = [&["ls", "-q"], arguments].concat();
        lab.run(&arguments).ok().out
    };
    assert_eq!(paths(&[&name]), "/etc\n/lib\n/usr\n");
    assert_eq!(paths(&[&name, "/etc/"]), "/etc/motd\n");
    assert_eq!(paths(&[&name, "lib/twin"]), "/usr/lib/twin\n");
    assert_eq!(paths(&[&name, "/lib"]), "/lib\n");
    assert_eq!(lab.run(&["ls", &name, "/lib/"]).ok().out.lines().count(), 3);
    let text = lab.run(&["ls", &name]).ok().out;
    assert!(text.contains("lrwxrwxrwx"), "{text}");
    assert!(text.contains("/lib -> usr/lib"), "{text}");
}

#[test]
fn a_layer_shows_what_it_did_and_what_hides_it() {
    let lab = lab();
    let rows = lab.json(&["ls", "-R", "--layer", "2", &lab.at("app:1")]);
    assert_eq!(
        brief(&rows),
        [
            row("/etc", "dir", 2, Value::Null),
            row("/etc/motd", "file", 2, json!("changed")),
            row("/etc/old", "file", 2, json!("removed")),
            row("/usr", "dir", 1, Value::Null),
            row("/usr/lib", "dir", 1, Value::Null),
            row("/usr/lib/through-the-link", "file", 2, json!("added")),
            row("/usr/lib/twin", "hardlink", 2, json!("added")),
        ]
    );
    assert_eq!(rows[5]["hidden_by"], 3);
    let text = lab
        .run(&["ls", "-R", "--layer", "2", &lab.at("app:1")])
        .ok()
        .out;
    assert!(
        text.lines()
            .any(|line| line.starts_with("D ") && line.ends_with("/etc/old")),
        "{text}"
    );
    let error = lab
        .run(&["--json", "ls", "--layer", "4", &lab.at("app:1")])
        .ended(2)
        .error();
    assert_eq!(error["code"], "usage");
}

#[test]
fn a_file_is_printed_from_every_kind_of_layer() {
    let lab = lab();
    let name = lab.at("app:1");
    for (path, content) in [
        ("/etc/motd", "hello again\n"),
        ("/lib/shared", "0123456789"),
        ("lib/../lib/twin", "0123456789"),
        ("/usr/lib/through-the-link", "abcdef"),
    ] {
        assert_eq!(lab.run(&["cat", &name, path]).ok().out, content, "{path}");
    }
    let code =
        |path: &str| lab.run(&["--json", "cat", &name, path]).ended(1).error()["code"].clone();
    assert_eq!(code("/etc/old"), "not_found");
    assert_eq!(code("/etc"), "not_a_file");
}

/// Worked out by hand: 100 bytes at /big in two layers (200, of which 100 would do), /gone with 50 bytes in a folder that is
/// removed (the removal counts them once more, under the folder's own path), /small once (10).
#[test]
fn the_analysis_is_dives() {
    let lab = Lab::new();
    let hundred = "x".repeat(100);
    let image = ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("gone")
                .file("gone/inside", "y".repeat(50))
                .file("big", &hundred),
        )
        .layer(
            Layer::new()
                .file("big", &hundred)
                .whiteout("gone")
                .file("small", "0123456789"),
        );
    lab.registry.push("app:1", &image.build());
    lab.pull("app:1");
    let name = lab.at("app:1");
    let analysis = lab.json(&["analyze", &name]);
    // Least: big 100, gone/inside 50, gone 50, small 10. All: 200 + 50 + 50 + 10.
    let efficiency = analysis["efficiency"].as_f64().expect("a number");
    assert!((efficiency - 210.0 / 310.0).abs() < 1e-9, "{efficiency}");
    assert_eq!(analysis["wasted_bytes"], 200);
    // Of the 110 bytes above the base.
    let percent = analysis["wasted_percent"].as_f64().expect("a number");
    assert!((percent - 200.0 / 110.0).abs() < 1e-9, "{percent}");
    assert_eq!(
        analysis["files"],
        json!([{"path": "/big", "count": 2, "bytes": 200}])
    );
    assert_eq!(analysis["layers"][0]["wasted_bytes"], 150);
    assert_eq!(analysis["layers"][1]["wasted_bytes"], 0);
    assert_eq!(analysis["broken"], json!([]));

    lab.run(&["analyze", "--lowest-efficiency", "0.5", &name])
        .ok();
    let out = lab
        .run(&["analyze", "--lowest-efficiency", "0.9", &name])
        .ended(1)
        .out;
    assert!(
        out.contains("Broken: the efficiency is 0.6774, below 0.9"),
        "{out}"
    );
    lab.run(&["analyze", "--highest-wasted-bytes", "200B", &name])
        .ok();
    lab.run(&["analyze", "--highest-wasted-bytes", "0.1kB", &name])
        .ended(1)
        .out
        .clear();
    lab.run(&["analyze", "--highest-user-wasted-percent", "0.1", &name])
        .ended(1)
        .out
        .clear();
}

#[test]
fn two_images_are_compared_in_all_that_they_are() {
    let lab = Lab::new();
    let status = |version: &str, more: &str| {
        format!(
            "Package: bash\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n{more}"
        )
    };
    let zlib = "Package: zlib1g\nStatus: install ok installed\nVersion: 1.3\n\n";
    let image = |version: &str, more: &str, path: &str| {
        ImageBuilder::new()
            .files([("etc/base", "same")])
            .layer(
                Layer::new()
                    .file("var/lib/dpkg/status", status(version, more))
                    .file("etc/motd", format!("one\n{version}\nthree\n"))
                    .file(path, "x"),
            )
            .label("version", version)
    };
    lab.registry
        .push("app:1", &image("5.1", "", "only-first").build());
    lab.registry
        .push("app:2", &image("5.2", zlib, "only-second").build());
    lab.pull("app:1");
    lab.pull("app:2");
    let (a, b) = (lab.at("app:1"), lab.at("app:2"));
    let found = lab.json(&["compare", &a, &b]);
    assert_eq!(
        found["config"],
        json!([{"key": "Labels.version", "a": "5.1", "b": "5.2"}])
    );
    assert_eq!(found["layers"]["shared"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["layers"]["only_a"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["layers"]["only_b"].as_array().map(Vec::len), Some(1));
    let files: Vec<_> = found["files"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|file| {
            (
                file["path"].as_str().expect("a path"),
                file["change"].as_str().expect("a change"),
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            ("/etc/motd", "changed"),
            ("/only-first", "removed"),
            ("/only-second", "added"),
            ("/var/lib/dpkg/status", "changed"),
        ]
    );
    assert_eq!(
        found["files"][1],
        json!({"path": "/only-first", "change": "removed", "size_a": 1, "size_b": null})
    );
    assert_eq!(
        found["packages"],
        json!([
            {"name": "bash", "change": "changed", "version_a": "5.1", "version_b": "5.2"},
            {"name": "zlib1g", "change": "added", "version_a": null, "version_b": "1.3"},
        ])
    );
    let same = lab.json(&["compare", &a, &a]);
    assert_eq!(
        (&same["files"], &same["packages"], &same["config"]),
        (&json!([]), &json!([]), &json!([]))
    );
    let text = lab.run(&["compare", &a, &b, "/etc/motd"]).ok().out;
    assert_eq!(text, " one\n-5.1\n+5.2\n three\n");
    let out = lab.run(&["compare", &a, &b]).ok().out;
    assert!(
        out.starts_with("Layers: 1 shared, 1 only in the first, 1 only in the second\n"),
        "{out}"
    );
    assert_eq!(lab.run(&["packages", "-q", &b]).ok().out, "bash\nzlib1g\n");
    assert_eq!(
        lab.json(&["packages", &a])[0],
        json!({"name": "bash", "version": "5.1", "architecture": "amd64", "manager": "dpkg"})
    );
}

#[test]
fn a_remote_image_is_listed_without_being_pulled() {
    let lab = Lab::new();
    let image = changed().build();
    lab.registry.push("app:1", &image);
    let name = format!("docker://{}", lab.at("app:1"));
    let there = lab.json(&["ls", "-R", &name]);
    assert_eq!(lab.json(&["images"]), json!([]));
    // Of one layer only that is read.
    let fetched = |digest: &str| lab.registry.requests_for(digest).len();
    let before = fetched(image.layers[0].descriptor.digest.as_str());
    let paths = lab.run(&["ls", "-R", "-q", "--layer", "3", &name]).ok().out;
    assert_eq!(paths, "/lib\n/lib/through-the-link\n");
    assert_eq!(fetched(image.layers[0].descriptor.digest.as_str()), before);
    lab.pull("app:1");
    assert_eq!(lab.json(&["ls", "-R", &lab.at("app:1")]), there);
}

/// A pull notes where decoding can begin; a layer whose table is gone gets another when it is needed; it goes with its layer.
#[test]
fn a_file_in_the_middle_is_read_from_near_by() {
    // In one member the fastest level makes one block of it all, in which there is no place to begin.
    near_by(Packing::GzipMembers(8));
    near_by(Packing::ZstdFrames(8));
}

fn near_by(packing: Packing) {
    let lab = Lab::new();
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()
    })
    .take(2 << 20)
    .flatten()
    .collect();
    let layer = Layer::new().file("large", &noise).file("last", "the end\n");
    let image = ImageBuilder::new().layer(layer.packed(packing));
    lab.registry.push("app:1", &image.build());
    lab.pull("app:1");
    let name = lab.at("app:1");
    let tables = || {
        let entries = std::fs::read_dir(lab.store().join("layers")).expect("the folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "seek")
            })
            .collect::<Vec<_>>()
    };
    let made = tables();
    assert_eq!(made.len(), 1);
    assert_eq!(lab.run(&["cat", &name, "/last"]).ok().out, "the end\n");
    std::fs::write(&made[0], "damaged").expect("it can be written");
    assert_eq!(lab.run(&["cat", &name, "/last"]).ok().out, "the end\n");
    assert!(
        std::fs::metadata(&made[0]).expect("a file").len() > 100,
        "it was made again"
    );
    lab.run(&["rmi", "--now", &name]).ok();
    assert!(tables().is_empty());
}
