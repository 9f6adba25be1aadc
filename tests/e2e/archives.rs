//! Archives in the window: dropped from another program, looked into, loaded, saved.

use std::path::Path;
use std::process::Command;

use testkit::{DockerRegistry, Dockerd, ImageBuilder, Layer, Tool, Workshop};

use crate::filled::{fill, save};
use crate::support::desktop::Desktop;
use crate::support::wait::until;
use crate::support::window::Window;

/// A docker archive with two names for one image, made by skopeo from a registry's image.
fn docker_archive(registry: &DockerRegistry, image: &testkit::Image, file: &Path) {
    let reference = registry.push("team/app:1", image);
    let output = Command::new("skopeo")
        .args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--src-tls-verify=false",
        ])
        .args(["--additional-tag", "app:latest"])
        .arg(format!("docker://{reference}"))
        .arg(format!("docker-archive:{}:app:1", file.display()))
        .output()
        .unwrap_or_else(|error| panic!("skopeo: {error}. It is in Debian's package skopeo."));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_dropped_archive_shows_what_is_in_it_and_is_loaded_with_all_its_names() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new()
        .layer(Layer::files([("etc/os-release", "ID=debian\n")]))
        .layer(Layer::files([("srv/app", "dropped")]))
        .build();
    // A name as people give them to files.
    let file = desktop.home().join("my app ü.tar");
    docker_archive(&registry, &image, &file);

    let window = desktop.open();
    window.see("heading", "No images yet");
    let drag = desktop.drag(&[&file]);
    drag.over(|| window.text().contains("Drop to look inside"));
    window.judge("drop-zone");
    drag.drop(|| window.text().contains("Docker archive"));
    window.see("dialog", "my app ü.tar");
    window.read("Docker archive");
    window.read("2 layers");
    window.judge("load-sheet");
    window.click("button", "Load 1 image");
    window.see("gridcell", "app 1 latest");
    window.read("Loaded my app ü.tar");
    window.close();
}

#[test]
fn what_docker_saved_is_dropped_loaded_and_saved_so_that_everybody_has_the_same_image() {
    let docker = Dockerd::start();
    let desktop = Desktop::start();
    let root = desktop.home().join("root.tar");
    let files = Layer::files([("etc/os-release", "ID=debian\n"), ("srv/shop", "open")]);
    std::fs::write(&root, files.tar()).expect("a file");
    let names = ["shop:1", "shop:latest", "registry.example.com/team/shop:1"];
    docker.run(&["import", &root.display().to_string(), names[0]]);
    for name in &names[1..] {
        docker.run(&["tag", names[0], name]);
    }
    let id_of = ["image", "inspect", "--format", "{{.Id}}"];
    let id = docker.run(&[&id_of[..], &names[..1]].concat());
    let file = desktop.home().join("shop.tar");
    let path = file.display().to_string();
    docker.run(&[&["save", "-o", &path][..], &names].concat());

    let window = desktop.open();
    window.see("heading", "No images yet");
    let drag = desktop.drag(&[&file]);
    drag.over(|| window.text().contains("Drop to look inside"));
    drag.drop(|| window.text().contains("Docker archive"));
    window.see("textbox", "Names of");
    let written = "return document.querySelector('[role=dialog] input:not([type=checkbox]), [role=dialog] textarea').value";
    let written = window.js(written);
    let mut written: Vec<&str> = written.as_str().unwrap_or_default().split(' ').collect();
    written.sort_unstable();
    assert_eq!(written, [names[2], names[0], names[1]]);
    window.click("button", "Load 1 image");
    window.see("gridcell", "shop 1 latest");
    window.read("Loaded shop.tar");
    window.click("gridcell", "shop 1 latest");
    window.read(&id.trim()["sha256:".len()..][..12]);
    window.close();

    // Saved twice it is the same file, and both engines make the same image of it.
    let saved = ["a.tar", "b.tar"].map(|name| desktop.home().join(name));
    for file in &saved {
        save(&desktop.store(), &names, file);
    }
    let [one, other] = saved
        .each_ref()
        .map(|file| std::fs::read(file).expect("it was written"));
    assert!(one == other, "the two files differ");
    docker.run(&[&["rmi"][..], &names].concat());
    let path = saved[0].display().to_string();
    docker.run(&["load", "-i", &path]);
    let workshop = Workshop::new();
    workshop.run(Tool::Podman, &["load", "-q", "-i", &path]);
    for name in names {
        assert_eq!(docker.run(&[&id_of[..], &[name]].concat()), id, "{name}");
        let full = match name.contains("example") {
            true => name.to_owned(),
            // It takes a name without a registry for one of its own.
            false => format!("localhost/{name}"),
        };
        let podman = workshop.run(Tool::Podman, &[&id_of[..], &[&full]].concat());
        assert_eq!(format!("sha256:{}", podman.trim()), id.trim(), "{full}");
    }
}

#[test]
fn a_file_that_is_no_archive_says_what_it_is_and_a_root_file_system_becomes_an_image() {
    let desktop = Desktop::start();
    let note = desktop.home().join("notes.tar");
    std::fs::write(&note, "just words, whatever the name says").expect("a file");
    let root = desktop.home().join("root.tar");
    std::fs::write(&root, Layer::files([("etc/motd", "hello\n")]).tar()).expect("a file");

    let window = desktop.open();
    window.see("heading", "No images yet");
    let drag = desktop.drag(&[&note, &root]);
    drag.over(|| window.text().contains("Drop to look inside"));
    drag.drop(|| window.text().contains("Root file system"));
    window.see("dialog", "2 files");
    window.read("it looks like text");
    window.read("Root file system");
    window.fill("textbox", "Name", "team/root:1");
    window.fill("textbox", "Message", "from the lab");
    window.judge("import-sheet");
    window.click("button", "Import 1 image");
    window.click("gridcell", "root 1");
    window.click("tab", "History");
    window.read("from the lab");
    window.close();
}

#[test]
fn images_are_saved_from_their_menu() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new().files([("a", "b")]).build();
    let reference = registry.push("team/app:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);
    let window = desktop.open();
    window.context_click("gridcell", "app 1");
    window.click("menuitem", "Save");
    window.see("dialog", "Save");
    window.click("radio", "zstd");
    window.read("strata save --compress zstd -o");
    window.judge("save-dialog");
    window.press(&["Escape"]);
    window.see_no("dialog", "Save");
    a_load_is_cancelled(&desktop, &registry, &window);
    window.close();
}

/// While a layer comes: nothing of the image stays, no name is there, and it can be loaded again.
fn a_load_is_cancelled(desktop: &Desktop, registry: &DockerRegistry, window: &Window) {
    let noise: Vec<u8> = (0..500_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let image = ImageBuilder::new()
        .layer(Layer::new().file("noise", noise.as_slice()))
        .files([("srv/app", "large")])
        .build();
    let reference = registry.push("team/large:1", &image).to_string();
    let (elsewhere, file) = (
        desktop.home().join("elsewhere"),
        desktop.home().join("large.tar"),
    );
    fill(&elsewhere, &[&reference]);
    save(&elsewhere, &[&reference], &file);
    let blobs = || {
        let entries = std::fs::read_dir(desktop.store().join("blobs/sha256")).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    };
    let before = blobs();
    // Somebody else brings the second layer, and never ends.
    let layer = image.layers[1].descriptor.digest.to_string();
    let underway = desktop.store().join("ingest").join(layer.replace(':', "-"));
    let held = std::fs::File::create(&underway).expect("a file");
    held.lock().expect("a lock");

    let drag = desktop.drag(&[&file]);
    drag.over(|| window.text().contains("Drop to look inside"));
    drag.drop(|| window.text().contains("Docker archive and OCI layout"));
    window.click("button", "Load 1 image");
    until("the first layer", || match blobs().len() > before.len() {
        true => Ok(()),
        false => Err("nothing has come".to_owned()),
    });
    window.click("button", "Cancel loading large.tar");
    window.click("button", "Activity");
    window.read("Loading large.tar was cancelled");
    until("nothing of it", || match blobs() == before {
        true => Ok(()),
        false => Err(format!("{:?}", blobs())),
    });
    window.click("button", "This computer");
    window.see("gridcell", "app 1");
    window.see_no("gridcell", "large 1");
    drop(held);
    window.click("button", "Activity");
    window.click("button", "Retry");
    window.click("button", "This computer");
    window.see("gridcell", "large 1");
}

/// The config's digest that skopeo reads in a docker archive.
fn image_id(file: &Path) -> Option<String> {
    let output = Command::new("skopeo")
        .args(["--insecure-policy", "inspect", "--raw"])
        .arg(format!("docker-archive:{}", file.display()))
        .output()
        .unwrap_or_else(|error| panic!("skopeo: {error}. It is in Debian's package skopeo."));
    let manifest: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    manifest["config"]["digest"].as_str().map(str::to_owned)
}

#[test]
fn a_card_is_dragged_to_another_program_as_a_file_that_other_tools_load() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let image = ImageBuilder::new().files([("a", "b")]).build();
    let reference = registry.push("team/app:1", &image).to_string();
    fill(&desktop.store(), &[&reference]);
    let into = desktop.home().join("into");
    std::fs::create_dir(&into).expect("a folder");
    let window = desktop.open();
    window.see("gridcell", "app 1");
    let _target = desktop.drop_target(&into);
    let files = || -> Vec<_> {
        let entries = std::fs::read_dir(&into).expect("it was made");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let carry = window.take_hold("gridcell", "app 1");
    carry.drop_at((1300, 80), || !files().is_empty());
    // It is said for some seconds only.
    window.read("Saved");
    let file = files().remove(0);
    let name = file
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    assert!(name.ends_with("team-app-1.tar"), "{name}");
    until("a whole archive", || match image_id(&file) {
        Some(id) if id == image.config.to_string() => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // The page is as before: a click is a click, and a press on empty space begins no drag of an image.
    window.click("gridcell", "app 1");
    window.see("tab", "History");
    // The driver ends the program without a word; the next start takes what was left.
    window.close();
    let window = desktop.open();
    window.see("gridcell", "app 1");
    let left = Command::new("find")
        .arg(desktop.home().join("cache"))
        .args(["-name", "*.tar"])
        .output();
    let left = left.expect("find is everywhere").stdout;
    assert!(left.is_empty(), "{}", String::from_utf8_lossy(&left));
    window.close();
}
