//! An image carried with the mouse: to a place, or out of the window to another program.

use std::path::Path;

use testkit::{DockerRegistry, ImageBuilder};

use crate::filled::fill;
use crate::support::desktop::Desktop;

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("it was made");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.expect("an entry").file_name();
        name.to_string_lossy().into_owned()
    };
    entries.map(name).collect()
}

#[test]
fn a_card_goes_onto_a_place_and_to_another_program_by_the_same_movement() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new().files([("a", "b")]).build();
    let reference = registry.push("team/app:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);
    // Nobody answers there, and all the same it is a place.
    let nowhere = desktop.home().join("no.sock");
    desktop.provide("DOCKER_HOST", &format!("unix://{}", nowhere.display()));
    let into = desktop.home().join("into");
    std::fs::create_dir(&into).expect("a folder");

    let window = desktop.open();
    // Something of the screen has to be outside it.
    window.resize(1000, 700);
    window.carry(("gridcell", "app 1"), ("button", "DOCKER_HOST"));
    window.see("dialog", "Copy");
    window.press(&["Escape"]);
    window.see_no("dialog", "Copy");

    let _target = desktop.drop_target(&into);
    let carry = window.take_hold("gridcell", "app 1");
    carry.drop_at((1300, 80), || !names(&into).is_empty());
    let name = names(&into).remove(0);
    assert!(name.ends_with("team-app-1.tar"), "{name}");
    window.read("Saved");

    // The next card, and one that comes back from outside, go onto a place as the first did.
    let place = window.point_of("button", "DOCKER_HOST", (20, 15));
    for way in [&[place][..], &[(1300, 400), place]] {
        let carry = window.take_hold("gridcell", "app 1");
        carry.drop_after(way, || window.outline().contains("dialog"));
        window.see("dialog", "Copy");
        window.press(&["Escape"]);
        window.see_no("dialog", "Copy");
    }

    // And the page is as before: a click is a click.
    window.click("gridcell", "app 1");
    window.see("tab", "History");
    window.close();
}
