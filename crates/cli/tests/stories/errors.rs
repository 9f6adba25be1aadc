//! Everything that goes wrong has a code, a message and an exit code.

use crate::lab::Lab;

#[test]
fn each_error_has_its_code_and_its_exit_code() {
    let (lab, _) = Lab::with_app();
    let (missing, dead) = (lab.at("app:none"), "127.0.0.1:1/app:1".to_owned());
    for (arguments, code, exit) in [
        (vec!["pull", "team/UPPER"], "bad_reference", 2),
        (vec!["tag", "x", "no spaces"], "bad_reference", 2),
        (vec!["pull", &missing], "tag_not_found", 1),
        (vec!["pull", &dead], "unreachable", 1),
        (vec!["inspect", "nothing"], "not_found", 1),
        (vec!["history", "nothing"], "not_found", 1),
        (vec!["layers", "nothing"], "not_found", 1),
        (vec!["tag", "nothing", "x"], "not_found", 1),
        (vec!["rmi", "nothing"], "not_found", 1),
        (vec!["undo"], "nothing_to_undo", 1),
        (vec!["cp", "-", "nothing:/x"], "not_found", 1),
        (vec!["cp", "nothing:/x", "-"], "not_found", 1),
        (vec!["start", "nothing"], "not_found", 1),
        (vec!["pull"], "usage", 2),
        (vec!["dance"], "usage", 2),
        (vec!["images", "--format", "{{.Nothing}}"], "usage", 2),
        (vec!["images", "--progress", "loud"], "usage", 2),
        (vec!["pull", "--platform", "a/b/c/d/e", "x"], "usage", 2),
    ] {
        let ran = lab
            .run(&[&["--json"], arguments.as_slice()].concat())
            .ended(exit);
        let error = ran.error();
        assert_eq!(error["code"], code, "{arguments:?}: {}", ran.err);
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{error}"
        );
        assert!(error.get("hint").is_some(), "{error}");

        let plain = lab.run(&arguments).ended(exit);
        assert!(
            !plain.err.is_empty() && !plain.err.starts_with('{'),
            "{arguments:?}: {}",
            plain.err
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (lab, _) = Lab::with_app();
    let mut child = lab
        .command(&["completions", "bash"])
        .spawn()
        .expect("strata starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_store_that_cannot_be_made_is_said() {
    let lab = Lab::new();
    let file = lab.path("a-file");
    std::fs::write(&file, "").expect("a file");
    let ran = lab
        .run(&[
            "images",
            "--json",
            "--store",
            file.join("store").to_str().expect("UTF-8"),
        ])
        .ended(1);
    assert!(
        ran.error()["message"]
            .as_str()
            .is_some_and(|text| text.contains("a-file")),
        "{}",
        ran.err
    );
}
