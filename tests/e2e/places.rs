//! A Docker Engine beside this computer: its images, copies both ways, a commit.

use testkit::{
    DockerRegistry, Dockerd, ImageBuilder, Layer, PodmanService, SshServer, Tool, Workshop,
};

use crate::filled::fill;
use crate::support::desktop::Desktop;
use crate::support::wait::until;
use crate::support::window::Window;

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

/// Carries a place's image into the store under another name, and looks at it there.
fn copy_here(window: &Window) {
    window.carry(("gridcell", "app 1"), ("button", "This computer"));
    window.see("dialog", "Copy");
    window.fill("textbox", "Name there", "mine/app:2");
    window.read("The name is free there");
    window.press(&["Enter"]);
    window.see_no("dialog", "Copy");
    window.click("button", "This computer");
    window.see("gridcell", "app 2");
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
    window.click("button", "DOCKER_HOST, No engine");
    window.read("No engine is at unix");
    window.judge("place-unreachable");
    window.close();
}

/// What Docker keeps Podman does not: its force takes containers along, and the sheet says so before.
#[test]
fn podman_is_a_place_whose_force_takes_containers() {
    let desktop = Desktop::start();
    let engine = PodmanService::start();
    let registry = DockerRegistry::plain();
    let made = image("one");
    let reference = registry.push("team/app:1", &made).to_string();
    let workshop = Workshop::new();
    let source = format!("docker://{reference}");
    let archive = "docker-archive:app.tar:docker.io/team/app:1";
    let copy = ["copy", "-q", "--src-tls-verify=false", &source, archive];
    workshop.run(Tool::Skopeo, &copy);
    let file = workshop.path().join("app.tar").display().to_string();
    engine.run(&["load", "-q", "-i", &file]);
    engine.run(&["create", "--name", "worker", "team/app:1", "/app"]);
    desktop.provide("DOCKER_HOST", &engine.address());

    let window = desktop.open();
    window.click("button", ", Podman 4");
    window.see("gridcell", "app 1");
    window.read("Podman 4");
    window.judge("podman");
    copy_here(&window);

    window.click("button", "DOCKER_HOST");
    window.click("radio", "Containers");
    window.click("button", "Commit worker");
    window.fill("textbox", "Name", "team/app:committed");
    window.fill("textbox", "Message", "From the window");
    window.fill("textbox", "Author", "Kate Example");
    window.click("button", "Commit");
    window.see_no("dialog", "Commit");
    let asked = ["inspect", "--format={{.Author}}", "team/app:committed"];
    until("the commit", || {
        let command = engine.command(&asked).output().expect("docker starts");
        match String::from_utf8_lossy(&command.stdout).contains("Kate Example") {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&command.stderr).into_owned()),
        }
    });
    // Podman tells the message of the image, and of the step where it came from.
    let message = ["inspect", "--format={{.Comment}}", "team/app:committed"];
    assert_eq!(engine.run(&message).trim(), "From the window");

    // Its last name is in use, so it stays, until force takes the container along.
    window.click("radio", "Images");
    window.context_click("gridcell", "app 1");
    window.click("menuitem", "Remove");
    window.see("dialog", "Remove");
    window.judge("podman-blocked");
    window.click("checkbox", "Force");
    window.read("Force also removes its container worker");
    window.judge("podman-force");
    assert!(engine.run(&["ps", "-a"]).contains("worker"));
    // The image goes, also where the committed one was made of it, which keeps the layers.
    window.read("Image that goes");
    window.click("button", "Remove 1 image");
    window.see_no("dialog", "Remove");
    window.see_no("gridcell", "app 1");
    assert!(!engine.run(&["ps", "-a"]).contains("worker"));
    assert_eq!(engine.run(&["images", "-q"]).lines().count(), 1);
    window.close();
}

#[test]
fn an_engine_is_pruned_after_its_sheet_was_read() {
    let desktop = Desktop::start();
    let engine = Dockerd::start();
    let registry = DockerRegistry::plain();
    for (name, text) in [
        ("team/app:1", "one"),
        ("team/spare:1", "two"),
        ("team/old:1", "three"),
    ] {
        let reference = registry.push(name, &image(text)).to_string();
        engine.run(&["pull", "-q", &reference]);
        engine.run(&["tag", &reference, name]);
        engine.run(&["rmi", &reference]);
    }
    engine.run(&["create", "--name", "web", "team/app:1", "/app"]);
    // Another image takes the name of the third.
    engine.run(&["tag", "team/spare:1", "team/old:1"]);
    desktop.provide("DOCKER_HOST", &engine.address());

    let window = desktop.open();
    window.click("button", ", Docker 20");
    window.see("gridcell", "app 1");
    window.click("button", "Prune…");
    window.see("dialog", "Prune DOCKER_HOST");
    window.see("button", "Remove 1 image");
    window.judge("place-prune");
    window.click("checkbox", "Also images that have a name");
    window.see("button", "Remove 2 images");
    window.read("team/spare:1");
    window.read("has no undo");
    window.judge("place-prune-all");
    window.click("button", "Remove 2 images");
    window.see_no("dialog", "Prune");
    window.see("gridcell", "app 1");
    window.see_no("gridcell", "spare 1");
    let left = engine.run(&["images", "--format={{.Repository}}:{{.Tag}}"]);
    assert_eq!(left.trim(), "team/app:1", "what a container uses stays");
    window.close();
}

/// A context over ssh, through the real sshd.
#[test]
fn an_engine_behind_ssh_is_a_place_like_any_other() {
    let desktop = Desktop::start();
    let (engine, server) = (Dockerd::start(), SshServer::start());
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/app:1", &image("one")).to_string();
    engine.run(&["pull", "-q", &reference]);
    engine.run(&["tag", &reference, "team/app:1"]);
    engine.run(&["rmi", &reference]);
    let made = std::process::Command::new("docker")
        .args(["context", "create", "far", "--docker"])
        .arg(format!("host={}", server.address(&engine.socket())))
        .env("DOCKER_CONFIG", desktop.home().join(".docker"))
        .output()
        .expect("docker is in Debian's package docker.io");
    assert!(made.status.success(), "{made:?}");
    let path = std::env::var("PATH").expect("a search path");
    desktop.provide("PATH", &format!("{}:{path}", server.client().display()));

    let window = desktop.open();
    window.click("button", "far");
    window.see("gridcell", "app 1");
    window.read("Docker 20.10");
    window.judge("place-ssh");
    window.click("gridcell", "app 1");
    window.click("tab", "JSON");
    window.read("\"RootFS\"");
    window.press(&["Escape"]);
    copy_here(&window);
    window.close();
}
