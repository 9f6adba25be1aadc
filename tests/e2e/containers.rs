//! A container in the window: made of an image, changed without running anything, committed to a new image.

use std::fs;

use testkit::{DockerRegistry, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::Desktop;

fn service() -> testkit::Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/app.conf", "listen = 80\n")
                .file("etc/motd", "hello\n")
                .file("srv/old.html", "<p>old</p>"),
        )
        .layer(Layer::files([("usr/bin/serve", "#!/bin/sh\n")]))
        .config("Cmd", serde_json::json!(["serve"]))
        .build()
}

#[test]
fn an_image_is_changed_and_committed_without_running_anything() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/data:v2", &service()).to_string();
    fill(&desktop.store(), &[&reference]);
    let page = desktop.home().join("index.html");
    fs::write(&page, "<h1>dashboard</h1>").expect("written");

    let window = desktop.open();
    window.click("button", "Containers");
    window.see("heading", "No containers yet");
    window.judge("containers-empty");
    window.click("button", "Choose an image");
    window.context_click("gridcell", "data v2");
    window.click("menuitem", "Create container…");
    window.fill("textbox", "Name", "keen-otter");
    window.judge("container-create");
    window.press(&["Enter"]);
    window.see("heading", "keen-otter");
    window.read("nothing changed");

    // A file from another program's window goes into the folder that is chosen.
    window.click("treeitem", "srv folder");
    let drag = desktop.drag(&[&page]);
    drag.over(|| window.text().contains("Drop to add to /srv"));
    window.judge("container-drop");
    drag.drop(|| window.text().contains("Added index.html to keen-otter"));
    window.click("treeitem", "srv folder");
    window.press(&["ArrowRight"]);
    window.see("treeitem", "index.html 18 B 0:0 added");

    // Another one is edited in its place.
    window.click("treeitem", "etc folder");
    window.press(&["ArrowRight"]);
    window.click("treeitem", "app.conf");
    window.click("button", "Edit");
    window.fill("textbox", "Text of /etc/app.conf", "listen = 8080");
    window.judge("container-editor");
    window.press(&["Control", "s"]);
    window.see("treeitem", "app.conf 13 B 0:0 changed");
    window.read("listen = 8080");

    // A third one goes, by the keyboard, and comes back once.
    window.click("treeitem", "motd");
    window.press(&["Delete"]);
    window.see("treeitem", "motd 0:0 removed");
    window.click("button", "Put back");
    window.see("treeitem", "motd 6 B 0:0");
    window.click("treeitem", "motd");
    window.press(&["Delete"]);
    window.see("treeitem", "motd 0:0 removed");

    // A new folder, another name for it, and permissions.
    window.click("treeitem", "srv folder");
    window.click("button", "New folder");
    window.fill("textbox", "Name", "cache");
    window.press(&["Enter"]);
    window.click("treeitem", "cache folder");
    window.press(&["F2"]);
    window.fill("textbox", "New name", "tmp");
    window.press(&["Enter"]);
    window.see("treeitem", "tmp folder");
    window.context_click("treeitem", "tmp folder");
    window.click("menuitem", "Permissions and owner…");
    window.fill("textbox", "Permissions", "1777");
    window.read("drwxrwxrwt");
    window.judge("container-permissions");
    window.press(&["Enter"]);
    window.read("drwxrwxrwt 0:0");
    window.judge("container-files");

    window.click("tab", "Changes");
    window.read("2 added, 1 changed, 1 removed");
    window.judge("container-changes");
    window.click("button", "Revert /srv/tmp");
    window.read("1 added, 1 changed, 1 removed");

    window.click("tab", "Settings");
    window.fill("textbox", "Environment", "MODE=production");
    window.fill("textbox", "Ports", "8080/tcp");
    window.judge("container-settings");
    window.click("button", "Save settings");
    window.read("Saved the settings of the container");

    window.click("button", "Commit…");
    window.fill("textbox", "Name and tag", &reference);
    window.read("names the image below: it moves to the new one");
    window.fill("textbox", "Name and tag", "team/data:v3");
    window.read("docker.io/team/data:v3 is free");
    window.fill("textbox", "Message", "Added the dashboard's page");
    window.fill("textbox", "Author", "Kate Smith <kate@team.dev>");
    window.read("+ MODE=production");
    window.read("2 layers as before, one new on top");
    window.judge("commit");
    window.press(&["Control", "Enter"]);
    window.read("Committed team/data:v3");

    window.click("button", "Show");
    window.click("tab", "History");
    window.read("Added the dashboard's page");
    window.read("Kate Smith <kate@team.dev>");
    window.judge("commit-history");
    window.click("tab", "Files");
    window.see("treeitem", "srv folder 28 B");

    // The next commit knows the author. What is not ticked stays out.
    window.click("button", "Containers");
    window.see("heading", "keen-otter");
    window.click("button", "Close");
    window.see("button", "keen-otter");
    window.judge("containers");
    window.click("button", "keen-otter");
    window.click("button", "Commit…");
    window.see("checkbox", "Commit /etc/motd");
    let author = window.js("return [...document.querySelectorAll('[role=dialog] input')].map((input) => input.value).join()");
    assert!(
        author
            .as_str()
            .is_some_and(|values| values.contains("Kate Smith")),
        "{author}"
    );
    window.click("checkbox", "Commit /etc/motd");
    window.read("3 changes, 2 chosen");
    window.fill("textbox", "Name and tag", "team/data:v4");
    window.click("button", "Commit");
    window.read("Committed team/data:v4");

    // The image below names its containers where it would be removed; the container goes with its changes.
    window.click("button", "Remove");
    window.read("3 changes of its files");
    window.judge("container-remove");
    window.click("button", "Remove container, free");
    window.see("heading", "No containers yet");
    window.close();
}
