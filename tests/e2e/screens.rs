//! The screens that no other story comes by, and sizes of the window.

use std::process::Command;

use testkit::{ImageBuilder, Layer, Registry};

use crate::filled::fill;
use crate::support::desktop::Desktop;
use crate::support::wait::until;

#[test]
fn every_screen_is_accessible_at_every_size() {
    let desktop = Desktop::start();
    let registry = Registry::start();
    let base = Layer::files([("etc/os-release", "ID=debian\n")]);
    let references: Vec<String> = ["api", "web", "worker"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let own = Layer::files([("app/main", name.repeat(1000 * (number + 1)))]);
            let image = ImageBuilder::new().layer(base.clone()).layer(own).build();
            registry.push(&format!("team/{name}:1"), &image).to_string()
        })
        .collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    fill(&desktop.store(), &references);

    let window = desktop.open();
    window.see("gridcell", "worker 1");
    for screen in ["Activity", "Disk", "Settings"] {
        window.click("button", screen);
        window.see("heading", screen);
        window.judge(&screen.to_lowercase());
        window.resize(700, 620);
        window.judge(&format!("{}-narrow", screen.to_lowercase()));
        window.resize(1280, 800);
    }
    window.click("button", "This computer");
    window.see("gridcell", "worker 1");
    window.click("button", "Table");
    window.see("gridcell", "worker 1");
    window.judge("table");
    window.resize(700, 620);
    window.judge("table-narrow");
    window.click("button", "Grid");
    window.see("gridcell", "worker 1");
    window.judge("grid-narrow");
    window.click("button", "Expand sidebar");
    window.click("button", "Collapse sidebar");
    window.see("button", "Expand sidebar");
    window.resize(1280, 800);
    window.press(&["Control", "k"]);
    window.see("dialog", "Command palette");
    window.judge("palette");
    window.press(&["Escape"]);
    window.see_no("dialog", "Command palette");

    window.fill("textbox", "Filter images", "nothing-like-this");
    window.read("No image");
    window.judge("empty-filter");
    window.fill("textbox", "Filter images", "ref:*/team/web");
    window.see_no("gridcell", "api 1");
    window.see("gridcell", "web 1");
    window.close();
}

#[test]
fn a_setting_is_kept_over_a_restart() {
    let desktop = Desktop::start();
    let window = desktop.open();
    window.click("button", "Settings");
    window.click("radio", "Dark");
    window.fill("textbox", "Registry", "registry.lab:5000");
    window.click("button", "Add");
    window.see("button", "Remove registry.lab:5000");
    // The page shows it before the disk has it.
    until("the settings", || {
        let written = Command::new("grep")
            .args(["-r", "--include=settings.json", "registry.lab:5000"])
            .arg(desktop.home().join("config"))
            .output()
            .expect("grep is everywhere");
        match written.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&written.stderr).into_owned()),
        }
    });
    window.close();
    let window = desktop.open();
    window.click("button", "Settings");
    window.see("button", "Remove registry.lab:5000");
    let theme = window.js("return document.documentElement.dataset.theme");
    assert_eq!(theme, "dark");
    window.close();
}
