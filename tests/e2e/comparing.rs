//! Two versions of a Debian-like image beside each other, down to packages and one text; software; what takes the room.

use testkit::{DockerRegistry, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::Desktop;

/// A version of a Debian: `/etc/os-release`, the packages that dpkg knows, some files of its own.
fn debian(version: &str, packages: &[(&str, &str)]) -> testkit::Image {
    let status: String = packages
        .iter()
        .map(|(name, version)| {
            format!(
                "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n"
            )
        })
        .collect();
    let release =
        format!("ID=debian\nVERSION_ID=\"{version}\"\nHOME_URL=\"https://example.org\"\n");
    let mut own = Layer::new()
        .file("etc/os-release", release)
        .file("var/lib/dpkg/status", status);
    for number in 0..40 {
        own = own.file(
            &format!("usr/share/doc/release-{version}/note-{number}"),
            "x".repeat(number * 100),
        );
    }
    ImageBuilder::new()
        .layer(Layer::files([("usr/lib/base", "b".repeat(40_000))]))
        .layer(own)
        .label("org.opencontainers.image.version", version)
        .build()
}

fn versions() -> (testkit::Image, testkit::Image) {
    let old = debian(
        "12",
        &[("apt", "2.6.1"), ("bash", "5.2.15-2"), ("gone", "1")],
    );
    let new = debian(
        "13",
        &[("apt", "3.0.3"), ("bash", "5.2.15-2"), ("zlib1g", "1:1.3")],
    );
    (old, new)
}

#[test]
fn two_versions_are_compared_down_to_packages_and_a_text() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let (old, new) = versions();
    let old = registry.push("team/debian:12", &old).to_string();
    let new = registry.push("team/debian:13", &new).to_string();
    fill(&desktop.store(), &[&old, &new]);
    let window = desktop.open();

    // Both are selected, and the menu compares them.
    window.click("gridcell", "debian 12");
    window.press(&["Control", "a"]);
    window.context_click("gridcell", "debian 12");
    window.click("menuitem", "Compare");
    window.see("group", "First");
    window.see("group", "Second");
    window.read("1 shared layer");
    for text in ["apt", "2.6.1 → 3.0.3", "gone", "zlib1g", "1:1.3"] {
        window.read(text);
    }
    window.judge("compare-packages");

    window.click("radio", "Files");
    window.read("/etc/os-release");
    window.click("radio", "Largest first");
    window.read("note-39");
    window.judge("compare-files");
    window.fill("textbox", "Filter files", "os-release");
    window.read("Changed 1");
    window.click("button", "/etc/os-release");
    window.read("VERSION_ID=\"12\"");
    window.read("VERSION_ID=\"13\"");
    window.judge("compare-text");
    window.press(&["Escape"]);
    window.see("textbox", "Filter files");

    window.click("radio", "Settings");
    window.read("org.opencontainers.image.version");
    window.judge("compare-settings");
    window.resize(700, 620);
    window.judge("compare-narrow");
    window.close();
}

#[test]
fn an_image_is_compared_with_one_in_a_registry_and_with_itself() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let (old, new) = versions();
    let old = registry.push("team/debian:12", &old).to_string();
    let new = registry.push("team/debian:13", &new).to_string();
    fill(&desktop.store(), &[&old]);
    let window = desktop.open();
    window.context_click("gridcell", "debian 12");
    window.click("menuitem", "Compare…");
    window.read("Nothing to compare with yet");
    window.judge("compare-empty");

    // What is not here is looked for in the registry, without a pull.
    window.fill("combobox", "Compare with", &new);
    window.press(&["Enter"]);
    window.see("alert", "");
    window.judge("compare-refused");
    window.click("button", "Look in the registry");
    window.read("2.6.1 → 3.0.3");
    window.see_no("gridcell", "debian 13");

    window.click("radio", "This computer");
    window.fill("combobox", "Compare with", &old);
    // The first closes the completions, the second does not throw away what was typed.
    window.press(&["Escape"]);
    window.press(&["Escape"]);
    window.click("button", "Compare");
    window.read("No difference");
    window.judge("compare-same");
    window.close();
}

#[test]
fn software_is_searched_and_the_disk_shows_who_shares_what() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let (old, new) = versions();
    let old = registry.push("team/debian:12", &old).to_string();
    let new = registry.push("team/debian:13", &new).to_string();
    let plain = ImageBuilder::new().files([("app", "static")]).build();
    let plain = registry.push("team/static:1", &plain).to_string();
    fill(&desktop.store(), &[&old, &new, &plain]);
    let window = desktop.open();

    window.click("gridcell", "debian 13");
    window.click("tab", "Software");
    window.read("3 packages");
    window.read("1:1.3");
    window.judge("software");
    window.fill("textbox", "Search packages", "zlib");
    window.read("1 of 3 packages");
    window.click("gridcell", "static 1");
    window.read("No packages found");
    window.judge("software-none");

    window.click("button", "Disk");
    window.read("Sharing saves");
    window.read("2 images");
    window.judge("disk-sharing");
    window.close();
}
