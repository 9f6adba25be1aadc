//! The store as a whole, by the commands: opening another one, adding it up, checking it.

use super::*;

#[test]
fn another_store_is_open_as_soon_as_the_settings_say_so() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image("one")).to_string();
    shell.pull(&reference);
    let elsewhere = shell.folder.path().join("elsewhere");
    let mut settings = shell.call("settings", json!({}));
    settings["storePlace"] = json!(elsewhere);
    assert_eq!(
        shell.refused("save_settings", json!({ "settings": settings })),
        "usage",
        "no dialog gave it"
    );
    shell
        .chosen
        .lock()
        .expect("no panic")
        .push(elsewhere.clone());
    assert_eq!(
        shell.call("choose_store_place", json!({})),
        json!(elsewhere)
    );
    shell.call("save_settings", json!({ "settings": settings }));
    let status = shell.call("store_status", json!({}));
    assert_eq!(status["root"], json!(elsewhere));
    assert_eq!(status["rootFrom"], "settings");
    assert!(shell.list().is_empty());
    settings["storePlace"] = json!("");
    shell.call("save_settings", json!({ "settings": settings }));
    assert_eq!(shell.names(), [reference]);
    assert_eq!(
        shell.call("choose_ca_files", json!({})),
        json!([]),
        "a closed dialog is no answer"
    );
}

#[test]
fn a_store_that_cannot_be_opened_is_told_by_every_command_until_it_can() {
    let folder = tempfile::tempdir().expect("a folder");
    // Where the store's folder should be made there is a file.
    let in_the_way = folder.path().join(if cfg!(target_os = "macos") {
        "Library"
    } else {
        ".local"
    });
    fs::write(&in_the_way, "a file").expect("written");
    let shell = Shell::start_in(folder);
    let code = shell.refused("images", everything());
    assert_eq!(shell.refused("disk_usage", json!({})), code);
    assert_ne!(code, "internal");
    fs::remove_file(in_the_way).expect("removed");
    // Asking for the status is trying again.
    assert_eq!(shell.call("store_status", json!({}))["readOnly"], false);
    assert!(shell.list().is_empty());
}

#[test]
fn the_store_can_be_added_up_and_checked() {
    let shell = Shell::start();
    shell.pull(&shell.registry.push("team/app:1", &image("one")).to_string());
    let usage = shell.call("disk_usage", json!({}));
    assert_eq!(usage["images"], 1);
    assert_eq!(usage["layers"], 1);
    assert!(
        usage["totalSize"].as_u64() >= usage["imagesSize"].as_u64(),
        "{usage}"
    );
    // What the screen says of a prune is what its plan says: here the image that the name was taken from.
    shell.pull(&shell.registry.push("team/app:1", &image("two")).to_string());
    let usage = shell.call("disk_usage", json!({}));
    let plan = shell.call("plan_prune", json!({ "all": false }));
    assert!(usage["prunable"].as_u64() > Some(0), "{usage}");
    assert_eq!(usage["prunable"], plan["freedBytes"]);
    let report = shell.call(
        "check_store",
        json!({ "operation": "check", "readData": true }),
    );
    assert_eq!(report["problems"], json!([]));
    assert!(report["readBytes"].as_u64() > Some(0), "{report}");
}

#[test]
fn what_shares_what_is_told_with_the_largest_first() {
    let shell = Shell::start();
    let base = testkit::Layer::files([("base", "b".repeat(50_000))]);
    for name in ["one", "two"] {
        let built = ImageBuilder::new()
            .layer(base.clone())
            .files([("own", name)]);
        let reference = shell
            .registry
            .push(&format!("team/{name}:1"), &built.build());
        shell.pull(&reference.to_string());
    }
    let sharing = shell.call("disk_sharing", json!({}));
    assert_eq!(sharing["images"].as_array().map(Vec::len), Some(2));
    assert_eq!(sharing["layers"].as_array().map(Vec::len), Some(3));
    let largest = &sharing["layers"][0];
    assert_eq!(largest["images"], 2);
    assert_eq!(largest["some"].as_array().map(Vec::len), Some(2));
    assert_eq!(sharing["saved"], largest["size"]);
    assert_eq!(sharing["images"][0]["layers"][0]["images"], 2);
    assert_eq!(sharing["images"][0]["layers"][1]["images"], 1);

    // The same files once more, but as other bytes: they take room of their own.
    let plain = base.packed(testkit::Packing::Plain);
    let built = ImageBuilder::new().layer(plain).build();
    let reference = shell.registry.push("team/plain:1", &built);
    shell.pull(&reference.to_string());
    let beside = shell.call("disk_sharing", json!({}));
    assert_eq!(beside["saved"], sharing["saved"]);
    assert_eq!(beside["layers"][0]["diffId"], largest["diffId"]);
    assert_eq!(beside["layers"][0]["images"], 1);
    assert_eq!(beside["images"][0]["layers"][0]["images"], 1);
}

#[test]
fn the_window_is_drawn_larger_and_smaller_within_bounds() {
    let shell = Shell::start();
    for percent in [125, 0, 100_000] {
        shell.call("zoom", json!({ "percent": percent }));
    }
    assert_eq!(*shell.zoomed.lock().expect("no panic"), [125, 50, 300]);
}
