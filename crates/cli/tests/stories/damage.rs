//! `check`.

use std::fs;

use crate::lab::{Lab, blob};

#[test]
fn damage_is_listed_and_repaired_from_where_it_came() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    lab.run(&["check", "--read-data"]).ok();
    let digest = image.layers[2].descriptor.digest.as_str();
    let path = blob(&lab.store(), digest);
    let mut bytes = fs::read(&path).expect("the blob is there");
    bytes[20] ^= 1;
    let mut permissions = fs::metadata(&path).expect("it is there").permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "a file in a test's own temporary folder"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).expect("it is ours");
    fs::write(&path, bytes).expect("it can be damaged");

    let found = lab.run(&["check", "--read-data", "--json"]).ended(1);
    let document = found.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["problems"][0]["digest"], digest);
    assert_eq!(document["problems"][0]["repairable"], true);
    assert_eq!(found.err, "");
    let text = lab.run(&["check", "--read-data"]).ended(1);
    assert!(
        text.out.contains(digest) && text.out.contains("1 problem"),
        "{}",
        text.out
    );

    let repaired = lab.json(&["check", "--read-data", "--repair"]);
    assert_eq!(repaired["ok"], true, "{repaired}");
    assert_eq!(
        repaired["repaired"]["quarantined"].as_array().map(Vec::len),
        Some(1),
        "{repaired}"
    );
    lab.run(&["check", "--read-data"]).ok();
}

/// `strata check | head -1`: whoever reads only the beginning still learns how it ended.
#[test]
fn a_reader_that_goes_away_does_not_make_damage_good() {
    let (lab, image) = Lab::with_app();
    lab.pull("app:1");
    let path = blob(&lab.store(), image.layers[2].descriptor.digest.as_str());
    fs::remove_file(&path).expect("it is there");
    let mut child = lab.command(&["check"]).spawn().expect("strata starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
}
