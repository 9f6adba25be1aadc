//! A Docker Engine beside this computer: its images, copies both ways, a commit.

use testkit::{DockerRegistry, Dockerd, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::Desktop;
use crate::support::wait::until;

fn image(text: &str) -> testkit::Image {
    ImageBuilder::new()
        .layer(Layer::files([("etc/os-release", "ID=debian\n")]))
        .layer(Layer::files([("app", text)]))
        .build()
}

/// Asks docker until it prints what is wanted.
fn docker_says(engine: &Dockerd, arguments: &[&str], wanted: &str) -> String {
    until(
        &format!("{wanted} from docker {}", arguments.join(" ")),
        || {
            let said = engine.run(arguments);
            if said.contains(wanted) {
                Ok(said)
            } else {
                Err(said)
            }
        },
    )
}

#[test]
fn an_engines_image_is_copied_here_and_back_and_its_container_committed() {
    let desktop = Desktop::start();
    let engine = Dockerd::start();
    let registry = DockerRegistry::plain();
    let made = image("one");
    let reference = registry.push("team/app:1", &made).to_string();
    engine.run(&["pull", "-q", &reference]);
    engine.run(&["tag", &reference, "team/app:1"]);
    engine.run(&["rmi", &reference]);
    engine.run(&["create", "--name", "web", "team/app:1", "/app"]);
    desktop.provide("DOCKER_HOST", &engine.address());
    let ours = registry.push("team/ours:1", &image("two")).to_string();
    fill(&desktop.store(), &[&ours]);

    let window = desktop.open();
    window.click("button", "DOCKER_HOST");
    window.see("gridcell", "app 1");
    window.read("Docker 20.10");
    window.judge("place");
    window.click("gridcell", "app 1");
    window.see("tab", "History");
    window.judge("place-image");
    window.click("tab", "History");
    window.read("COPY");
    window.click("tab", "JSON");
    window.read("\"RootFS\"");
    window.press(&["Escape"]);

    // Carried into the store, under a new name.
    window.carry(("gridcell", "app 1"), ("button", "This computer"));
    window.see("dialog", "Copy team/app:1");
    window.fill("textbox", "Name there", "mine/app:2");
    window.read("The name is free there");
    window.judge("copy-dialog");
    window.press(&["Enter"]);
    window.see_no("dialog", "Copy");
    window.click("button", "This computer");
    window.see("gridcell", "app 2");

    // And carried back under another one.
    window.carry(("gridcell", "app 2"), ("button", "DOCKER_HOST"));
    window.see("dialog", "Copy mine/app:2");
    window.fill("textbox", "Name there", "back/app:3");
    window.read("The name is free there");
    window.press(&["Enter"]);
    window.see_no("dialog", "Copy");
    let listed = docker_says(
        &engine,
        &[
            "images",
            "--no-trunc",
            "--format={{.ID}} {{.Repository}}:{{.Tag}}",
        ],
        "back/app:3",
    );
    let back = format!("{} back/app:3", made.config);
    assert!(listed.contains(&back), "the same image: {listed}");

    // A container of it becomes an image, with message and author.
    window.click("button", "DOCKER_HOST");
    window.click("radio", "Containers");
    window.see("button", "Commit web");
    window.judge("place-containers");
    window.click("button", "Commit web");
    window.fill("textbox", "Name", "team/app:committed");
    window.fill("textbox", "Message", "From the window");
    window.fill("textbox", "Author", "Kate Example");
    window.judge("place-commit");
    window.click("button", "Commit");
    window.see_no("dialog", "Commit");
    let history = ["history", "--no-trunc", "team/app:committed"];
    docker_says(&engine, &history, "From the window");
    let author = ["inspect", "--format={{.Author}}", "team/app:committed"];
    docker_says(&engine, &author, "Kate Example");

    // A name there goes by the engine's own rules.
    window.click("radio", "Images");
    window.context_click("gridcell", "app committed");
    window.judge("place-menu");
    window.click("menuitem", "Remove");
    window.read("has no undo");
    window.judge("place-plan");
    window.click("button", "Remove 1 image");
    window.see_no("gridcell", "app committed");
    window.close();
}

#[test]
fn an_engine_that_is_gone_says_so_and_what_to_do() {
    let desktop = Desktop::start();
    let nowhere = desktop.home().join("no.sock");
    desktop.provide("DOCKER_HOST", &format!("unix://{}", nowhere.display()));
    let window = desktop.open();
    window.click("button", "DOCKER_HOST");
    window.read("cannot be used");
    window.judge("place-unreachable");
    window.close();
}
