//! Looking into images, naming them, removing them, and taking that back.

use serde_json::json;
use testkit::{DockerRegistry, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::Desktop;

fn web(page: &str) -> testkit::Image {
    ImageBuilder::new()
        .layer(Layer::files([("etc/os-release", "ID=debian\n")]))
        .layer(Layer::files([("srv/index.html", page)]))
        .label("org.example.team", "red")
        .config("Cmd", json!(["serve", "--port", "80"]))
        .config("Env", json!(["PATH=/usr/bin", "LANG=C.UTF-8"]))
        .config("ExposedPorts", json!({ "80/tcp": {} }))
        .build()
}

#[test]
fn an_image_can_be_looked_into_tab_by_tab() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = web("one");
    let reference = registry.push("team/web:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);

    let window = desktop.open();
    window.see("gridcell", "web 1");
    window.judge("images");
    window.click("gridcell", "web 1");
    window.see("tab", "Overview");
    for text in [
        image.config.short(),
        "linux/",
        "80/tcp",
        "serve",
        "org.example.team",
        "red",
        "LANG",
    ] {
        window.read(text);
    }
    window.judge("detail-overview");
    window.click("tab", "Layers");
    window.read(image.layers[1].diff_id.short());
    window.judge("detail-layers");
    window.click("tab", "History");
    window.read("COPY");
    window.judge("detail-history");
    window.click("tab", "JSON");
    window.click("button", "config");
    window.read("\"rootfs\"");
    window.judge("detail-json");
    window.press(&["Escape"]);
    window.see("gridcell", "web 1");
    window.close();
}

#[test]
fn a_name_is_given_moved_removed_and_taken_back() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let one = registry.push("team/web:1", &web("one")).to_string();
    let two = registry.push("team/web:2", &web("two")).to_string();
    fill(&desktop.store(), &[&one, &two]);
    let window = desktop.open();

    // A new name.
    window.context_click("gridcell", "web 1");
    window.judge("menu");
    window.click("menuitem", "Edit tags");
    window.fill("textbox", "New name", "best:latest");
    window.judge("tag-dialog");
    window.press(&["Enter"]);
    window.read("best:latest");
    window.click_first("button", "Close");
    window.see("gridcell", "best:latest");

    // The name moves to the other image, after a notice.
    window.context_click("gridcell", "web 2");
    window.click("menuitem", "Edit tags");
    window.fill("textbox", "New name", "best");
    window.read("moves");
    window.judge("tag-moves");
    window.press(&["Enter"]);
    window.see("button", "Remove best:latest");
    window.click_first("button", "Close");

    // The image goes with both its names, as the plan says.
    window.context_click("gridcell", "web 2");
    window.click("menuitem", "Remove");
    window.see("dialog", "Remove");
    window.read("best:latest");
    window.judge("plan-sheet");
    window.click("button", "Remove 1 image");
    window.see_no("dialog", "Remove");
    window.see_no("gridcell", "web 2");

    // And comes back.
    window.see("button", "Undo");
    window.judge("toast");
    window.press(&["Control", "z"]);
    window.see("gridcell", "web 2");
    window.close();

    let window = desktop.open();
    window.see("gridcell", "web 1");
    window.see("gridcell", "web 2");
    window.close();
}

#[test]
fn what_another_program_does_is_seen_without_being_asked_for() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let window = desktop.open();
    window.see("heading", "No images yet");
    let reference = registry.push("team/web:1", &web("one")).to_string();
    fill(&desktop.store(), &[&reference]);
    window.see("gridcell", "web 1");
    window.close();
}
