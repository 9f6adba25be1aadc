//! `import`: the files of a system become an image.

use serde_json::json;

use crate::lab::Lab;
#[cfg(unix)]
use crate::lab::blob;

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
