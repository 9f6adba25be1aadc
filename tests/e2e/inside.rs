//! Looking inside an image: layers, files, waste, and a file of it on this computer.

use serde_json::json;
use testkit::{DockerRegistry, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::Desktop;
use crate::support::wait::until;

/// What a person would find in the image of a service: a base, packages, the service, and a clean-up that comes too late.
fn service() -> testkit::Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
                .file("etc/motd", "hello\n")
                .file("usr/bin/python3.11", [b'p'; 300_000]),
        )
        .layer(
            Layer::new()
                .symlink("usr/bin/python3", "python3.11")
                .file(
                    "usr/lib/python3/site.py",
                    "import os\n\n# start\ndef main():\n    return 1\n",
                )
                .file("var/cache/packages", [b'c'; 900_000]),
        )
        .layer(
            Layer::new()
                .file("etc/motd", "hello again\n")
                .file("srv/logo", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")
                .file("srv/blob", b"\x7fELF\0\x01\x02strings")
                .whiteout("var/cache/packages"),
        )
        .build()
}

#[test]
fn an_image_is_looked_into_layer_by_layer_and_file_by_file() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/service:1", &service()).to_string();
    fill(&desktop.store(), &[&reference]);

    let window = desktop.open();
    window.click("gridcell", "service 1");
    window.click("tab", "Layers");
    // The newest layer first: what it added, changed and removed, in words.
    window.see("treeitem", "var folder 0 B 0:0 1 removed");
    window.see("treeitem", "etc folder 12 B 0:0 1 changed");
    window.read("Efficiency");
    window.judge("inside-layers");

    // From the keyboard: into a folder, to a file, and what every layer did to it.
    window.click("treeitem", "etc folder 12 B 0:0 1 changed");
    window.press(&["ArrowRight"]);
    window.see("treeitem", "motd 12 B");
    window.press(&["ArrowDown"]);
    window.read("hello again");
    window.click("button", "1 added, 6 B");
    window.see("treeitem", "motd 6 B added, hidden by 3");
    window.read("a container does not see this");
    window.judge("inside-file");

    // The base, by its piece of the core; the file that every image has.
    window.click("treeitem", "os-release 26 B");
    window.read("ID=debian");
    // Its colours come a moment after the text.
    until("the value to be coloured as a string", || {
        let coloured =
            "return getSelection().toString() + document.querySelectorAll('pre .string').length";
        match window.js(coloured) {
            count if count == json!("1") => Ok(()),
            other => Err(other.to_string()),
        }
    });

    // Over all layers, also what is gone.
    window.fill("searchbox", "Find in all layers", "python3*");
    window.see("option", "/usr/bin/python3.11 from layer 1");
    window.see("option", "/usr/bin/python3 from layer 2");
    window.see("option", "/usr/lib/python3 from layer 2");
    window.judge("inside-search");
    window.fill("searchbox", "Find in all layers", "packages");
    window.click("option", "/var/cache/packages removed by layer 3");
    window.read("Removed by layer 3");
    window.fill("searchbox", "Find in all layers", "no such file");
    window.read("No layer ever had a file like this");
    window.press(&["Escape"]);

    window.click("tab", "Files");
    window.see("treeitem", "srv folder");
    window.close();
}

#[test]
fn waste_is_told_with_a_way_out_and_leads_to_the_file() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/service:1", &service()).to_string();
    fill(&desktop.store(), &[&reference]);

    let window = desktop.open();
    window.click("gridcell", "service 1");
    window.click("tab", "Waste");
    window.read("Layer 3 removes 900 kB of layer 2");
    window.read("Remove the files in the same instruction that makes them");
    window.judge("inside-waste");
    window.click("button", "/var/cache/packages");
    window.see("treeitem", "packages removed");
    window.read("Removed by layer 3");
    window.click("button", "Treemap");
    window.read("Click a folder to go into it");
    window.judge("inside-map");
    window.resize(700, 700);
    window.judge("inside-narrow");
    window.close();
}

#[test]
fn names_and_contents_of_files_do_nothing() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new()
        .layer(
            Layer::new()
                .file(
                    "a<img src=x onerror=window.__pwned=1>.html",
                    "<script>window.__pwned=1</script>\u{1b}[2J",
                )
                .file(
                    "b\u{202e}gnp.svg",
                    "<svg xmlns='http://www.w3.org/2000/svg' onload='window.__pwned=1'/>",
                )
                .file("c\n\u{7}", ""),
        )
        .build();
    let reference = registry.push("team/hostile:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);

    let window = desktop.open();
    window.click("gridcell", "hostile 1");
    window.click("tab", "Files");
    window.read("b\\u{202e}gnp.svg");
    window.click("treeitem", "a<img src=x onerror=window.__pwned=1>.html");
    window.read("<script>window.__pwned=1</script>\\x1b[2J");
    window.press(&["ArrowDown"]);
    window.read("<svg xmlns=");
    assert!(window.js("return window.__pwned ?? null").is_null());
    let elements = window.js("return document.querySelectorAll('img, pre svg').length");
    assert_eq!(elements, json!(0), "markup became elements");
    window.judge("inside-hostile");
    window.close();
}
