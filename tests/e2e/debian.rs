//! The whole way with a real Debian: changed, committed, run, changed while it runs, and used by docker.

use std::fs;
use std::path::Path;

use engine::{ArchiveSource, ImportRequest, MovePolicy, NoProgress};
use serde_json::{Value, json};
use testkit::{Debian, Dockerd};

use crate::filled::{save, with_store};
use crate::support::desktop::Desktop;
use crate::support::window::Window;

const MESSAGE: &str = "Added the dashboard";
const AUTHOR: &str = "Kate Smith <kate@team.dev>";

fn import(store: &Path, root: &Path) {
    with_store(store, async |engine| {
        let request = ImportRequest {
            source: ArchiveSource::Path(root.to_owned()),
            name: Some("debian:bookworm".parse().expect("a name")),
            message: None,
            changes: vec!["CMD [\"bash\"]".to_owned()],
            platform: None,
            move_policy: MovePolicy::Move,
        };
        engine
            .import(request, &NoProgress)
            .await
            .expect("it is one");
    });
}

fn enter(window: &Window, line: &str) {
    window.type_text(line);
    window.press(&["Enter"]);
}

#[test]
fn a_debian_is_changed_committed_run_and_is_the_same_in_docker() {
    let desktop = Desktop::start();
    let debian = Debian::get(Path::new(env!("CARGO_TARGET_TMPDIR")));
    import(&desktop.store(), &debian.root);
    let page = desktop.home().join("index.html");
    fs::write(&page, "<h1>dashboard</h1>\n").expect("written");
    let late = desktop.home().join("late.txt");
    fs::write(&late, "came while it ran\n").expect("written");

    let window = desktop.open();
    window.resize(1280, 800);
    window.context_click("gridcell", "debian bookworm");
    window.click("menuitem", "Create container…");
    window.fill("textbox", "Name", "keen-otter");
    window.press(&["Enter"]);
    window.see("heading", "keen-otter");

    // One file comes from another program's window, one goes, one is edited in its place.
    window.click("treeitem", "srv folder");
    let drag = desktop.drag(&[&page]);
    drag.over(|| window.text().contains("Drop to add to /srv"));
    drag.drop(|| window.text().contains("Added index.html to keen-otter"));
    window.click("treeitem", "etc folder");
    window.press(&["ArrowRight"]);
    window.click("treeitem", "fstab");
    window.press(&["Delete"]);
    window.read("Deleted /etc/fstab");
    window.click("treeitem", "debian_version");
    window.click("button", "Edit");
    window.fill("textbox", "Text of /etc/debian_version", "12.99");
    window.press(&["Control", "s"]);
    window.see("treeitem", "debian_version 5 B 0:0 changed");
    window.judge("debian-files");
    window.click("tab", "Settings");
    window.fill("textbox", "Environment", "GREETING=hello there");
    window.click("button", "Save settings");
    window.read("Saved the settings of the container");

    window.click("button", "Commit…");
    window.fill("textbox", "Name and tag", "team/debian:13");
    window.fill("textbox", "Message", MESSAGE);
    window.fill("textbox", "Author", AUTHOR);
    window.read("+ GREETING=hello there");
    window.press(&["Control", "Enter"]);
    window.read("Committed team/debian:13");
    window.click("button", "Show");
    window.click("tab", "History");
    window.read(MESSAGE);
    window.read(AUTHOR);
    window.judge("debian-history");

    // The new image runs, with all of it.
    window.click("button", "Run…");
    window.fill("textbox", "Name", "calm-ibis");
    window.click("button", "Run");
    window.see("group", "Terminal of calm-ibis, Container");
    window.read("root@");
    enter(
        &window,
        "cat /srv/index.html /etc/debian_version; echo; ls /etc/fstab; echo $GREETING",
    );
    for wanted in [
        "<h1>dashboard</h1>",
        "12.99",
        "cannot access '/etc/fstab'",
        "hello there",
    ] {
        window.read(wanted);
    }
    window.judge("debian-terminal");

    // What is dropped while it runs is there at once.
    window.click("tab", "Files");
    window.read("It is running. Its programs see at once what you change here");
    window.click("treeitem", "srv folder");
    let drag = desktop.drag(&[&late]);
    drag.over(|| window.text().contains("Drop to add to /srv"));
    drag.drop(|| window.text().contains("Added late.txt to calm-ibis"));
    window.judge("debian-running");
    window.click("tab", "Terminal");
    window.click("group", "Terminal of calm-ibis, Container");
    enter(&window, "tr a-z A-Z < /srv/late.txt");
    window.read("CAME WHILE IT RAN");
    enter(&window, "exit");
    window.read("Ended with exit code 0");
    window.close();

    // docker reads the same of it, and has the same files.
    let archive = desktop.home().join("debian.tar");
    save(&desktop.store(), &["team/debian:13"], &archive);
    let docker = Dockerd::start();
    docker.run(&["load", "-q", "-i", &archive.display().to_string()]);
    let about: Value = serde_json::from_str(&docker.run(&["inspect", "team/debian:13"]))
        .expect("docker writes JSON");
    let about = &about[0];
    assert_eq!(about["Author"], AUTHOR);
    assert_eq!(about["Comment"], MESSAGE);
    assert_eq!(about["Config"]["Cmd"], json!(["bash"]));
    assert_eq!(about["Config"]["Env"], json!(["GREETING=hello there"]));
    let said = docker.run(&[
        "run", "--rm", "--network", "none", "team/debian:13", "sh", "-c",
        "cat /srv/index.html /etc/debian_version; echo; test -e /etc/fstab || echo gone; echo $GREETING",
    ]);
    let wanted = ["<h1>dashboard</h1>", "12.99", "gone", "hello there"];
    assert_eq!(said.lines().collect::<Vec<_>>(), wanted);
}
