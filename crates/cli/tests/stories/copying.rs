//! `copy`: an image passes from one place to the next.

use crate::lab::{Lab, app};

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
