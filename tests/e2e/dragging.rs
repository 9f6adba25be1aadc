//! Out of the window with the mouse: an image to a place or to another program, a file and a folder of it.

use std::path::Path;

use testkit::{DockerRegistry, ImageBuilder, Layer};

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
fn an_image_and_what_is_in_it_go_to_places_and_to_other_programs() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let noise: Vec<u8> = (0..300_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let image = ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/motd", "hello\n")
                .file("etc/app/data", noise.as_slice())
                .symlink("etc/app/near", "../motd")
                .symlink("etc/host", "/etc/hostname")
                .file("notes.bin", &noise[..100_000]),
        )
        .layer(Layer::new().file("etc/motd", "hello again\n"))
        .build();
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
    window.click("tab", "Files");
    let read = |path: &str| std::fs::read(into.join(path)).unwrap_or_default();
    let carry = window.take_hold("treeitem", "notes.bin");
    carry.drop_at((1300, 80), || read("notes.bin") == noise[..100_000]);
    let carry = window.take_hold("treeitem", "etc folder");
    carry.drop_at((1300, 80), || read("etc/app/data") == noise);
    assert_eq!(read("etc/motd"), b"hello again\n");
    assert_eq!(read("etc/app/near"), b"hello again\n");
    // What a link leads to on this computer is nothing of the image.
    window.read("1 link leads out of the folder");
    assert!(!names(&into.join("etc")).contains(&"host".to_owned()));

    // A line that was dragged is still one to click on.
    window.click("treeitem", "notes.bin");
    window.see("region", "File");
    window.close();
}
