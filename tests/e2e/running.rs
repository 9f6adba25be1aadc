//! Programs in containers, in the window's terminal and without one.

use std::fs;
use std::path::Path;

use serde_json::json;
use testkit::{DockerRegistry, ImageBuilder, Layer};

use crate::filled::fill;
use crate::support::desktop::{Desktop, PROGRAM};
use crate::support::wait::until;
use crate::support::window::Window;

/// What the story's last program sleeps for: nobody else has such a number.
const NUMBER: &str = "86399125";

fn busybox() -> testkit::Image {
    let busybox = fs::read("/bin/busybox").expect("it is in Debian's package busybox-static");
    let mut layer = Layer::new()
        .folder("bin")
        .entry("bin/busybox", b'0', 0o755, "", &busybox);
    for name in ["sh", "cat", "sleep", "ls", "stty", "echo"] {
        layer = layer.symlink(&format!("bin/{name}"), "busybox");
    }
    ImageBuilder::new()
        .layer(
            layer
                .folder("etc")
                .file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
                .folder("tmp"),
        )
        .config("Env", json!(["PATH=/bin"]))
        .config("Cmd", json!(["sh"]))
        .build()
}

/// Types a line into the terminal, which has the keyboard.
fn enter(window: &Window, line: &str) {
    window.type_text(line);
    window.press(&["Enter"]);
}

fn rows(window: &Window) -> u64 {
    let count = window.js("return document.querySelectorAll('.xterm-rows > div').length");
    count.as_u64().unwrap_or_default()
}

/// What stands on the terminal's screen.
fn screen(window: &Window) -> String {
    let text = window.js("return document.querySelector('.xterm-rows')?.innerText ?? ''");
    text.as_str().unwrap_or_default().to_owned()
}

/// The processes whose arguments have this text, and what is mounted below this folder.
fn remains(text: &str, folder: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc")
        .expect("there are processes")
        .flatten();
    let mut found: Vec<String> = processes
        .filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(text))
        .collect();
    let mounts = fs::read_to_string("/proc/mounts").expect("there are mounts");
    found.extend(
        mounts
            .lines()
            .filter(|line| line.contains(folder))
            .map(str::to_owned),
    );
    found
}

/// Without the small program, no second program gets into a container.
fn assert_monitor_is_built() {
    let monitor = Path::new(PROGRAM).with_file_name("strata-monitor");
    assert!(
        monitor.is_file(),
        "{} is not built: cargo build -p runtime",
        monitor.display()
    );
}

#[test]
fn a_container_runs_in_a_terminal_of_the_window_and_what_it_changed_is_committed() {
    assert_monitor_is_built();
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/box:1", &busybox()).to_string();
    fill(&desktop.store(), &[&reference]);
    let window = desktop.open();
    window.resize(1280, 800);

    // One step from the image to a shell, and what is wrong stands beside its field.
    window.context_click("gridcell", "box 1");
    window.click("menuitem", "Run…");
    window.fill("textbox", "Name", "keen-otter");
    window.fill("textbox", "Command", "sh -c 'echo in; exec sh'");
    window.fill("textbox", "Environment", "PLACE=it's here");
    window.fill("textbox", "Ports", "http");
    window.read("a port is 1 to 65535");
    window.judge("run-refused");
    window.click("textbox", "Ports");
    window.press(&["Control", "a"]);
    window.press(&["Delete"]);
    window.read("docker run -it --name keen-otter");
    window.read(r"-e 'PLACE=it'\''s here'");
    window.judge("run-form");
    window.click("button", "Copy the docker command");
    window.click("button", "Run");

    window.see("group", "Terminal of keen-otter, Container");
    window.read("Running; it ends when this window is closed.");
    window.read("~ #");
    enter(&window, "echo made > /etc/made; echo $((6 * 7)) $PLACE");
    window.read("42 it's here");
    window.judge("terminal");

    // The program learns the size, and a new one.
    let before = rows(&window);
    enter(&window, "echo size $(stty size)");
    window.read(&format!("size {before} "));
    window.resize(1000, 620);
    until("another number of lines", || match rows(&window) {
        now if now < before => Ok(()),
        now => Err(now.to_string()),
    });
    let now = rows(&window);
    enter(&window, "echo now $(stty size)");
    window.read(&format!("now {now} "));
    window.resize(1280, 800);

    // What is on the clipboard is pasted, and the keyboard has a way out.
    window.type_text("echo \"");
    window.press(&["Control", "Shift", "v"]);
    window.type_text("\" | cat");
    window.press(&["Enter"]);
    until("what was pasted, and the echo of it", || {
        let text = screen(&window);
        match text.matches("docker run -it").count() {
            2.. => Ok(()),
            _ => Err(text),
        }
    });
    window.press(&["Shift", "Escape"]);
    until("the keyboard to leave the terminal", || {
        match window.js("return document.activeElement.textContent") {
            focused if focused == "Terminal" => Ok(()),
            other => Err(other.to_string()),
        }
    });

    // One more command beside it, in the same place.
    window.fill("textbox", "Command", "ls /etc");
    window.press(&["Enter"]);
    window.read("Ended with exit code 0");
    window.see("radio", "ls /etc");
    window.judge("terminal-exec");
    window.click("radio", "Container");

    // The page may look elsewhere meanwhile.
    window.click("tab", "Files");
    window.read("It is running. Its programs see at once what you change here");
    window.click("tab", "Terminal");
    window.read("42 it's here");
    window.click("group", "Terminal of keen-otter, Container");
    enter(&window, "exit 3");
    window.read("Ended with exit code 3");
    window.read("exited 3");
    window.judge("terminal-ended");
    window.click("tab", "Logs");
    window.read("42 it's here");
    window.judge("logs");

    window.click("tab", "Changes");
    window.read("1 added");
    window.read("/etc/made");
    window.click("button", "Commit…");
    window.fill("textbox", "Name and tag", "team/box:2");
    window.fill("textbox", "Message", "Made by a program");
    window.press(&["Control", "Enter"]);
    window.read("Committed team/box:2");
    window.click("button", "Show");
    window.click("tab", "History");
    window.see("region", "Lineage");
    window.read("Made by a program");
    window.judge("lineage");
    window.click("button", &reference);
    window.see("heading", "box");
    window.see("button", "team/box:2");
    window.close();
}

#[test]
fn what_runs_in_the_background_lives_on_and_what_runs_in_a_terminal_ends_with_the_window() {
    let desktop = Desktop::start();
    let registry = DockerRegistry::plain();
    let reference = registry.push("team/box:1", &busybox()).to_string();
    fill(&desktop.store(), &[&reference]);
    let window = desktop.open();
    window.context_click("gridcell", "box 1");
    window.click("menuitem", "Run…");
    window.fill("textbox", "Name", "calm-ibis");
    window.fill(
        "textbox",
        "Command",
        "sh -c 'echo it is up; exec sleep 1000'",
    );
    window.click("checkbox", "Terminal");
    window.read("docker run --name calm-ibis");
    window.click("button", "Run");
    window.read("running since");
    window.see("tab", "Logs");
    window.read("it is up");
    window.read("Goes on while it runs");
    window.close();

    // The monitor has it, and the next window sees it and can end it.
    let window = desktop.open();
    window.click("button", "Containers");
    window.read("running since");
    window.judge("containers-running");
    window.context_click("button", "calm-ibis");
    window.click("menuitem", "Kill");
    window.read("exited 137");

    window.click("button", "calm-ibis");
    window.click("tab", "Terminal");
    window.see("button", "Start in a terminal");
    window.judge("terminal-start");
    window.click("button", "Options…");
    window.fill("textbox", "Command", &format!("sleep {NUMBER}"));
    window.click("checkbox", "Terminal");
    window.read("docker run -it --name calm-ibis");
    window.click("button", "Start");
    window.read("running since");
    until("the program", || match remains(NUMBER, "/nowhere").len() {
        0 => Err("it does not run yet".to_owned()),
        _ => Ok(()),
    });
    window.kill();
    let store = desktop.store().display().to_string();
    until("nothing that runs or is mounted", || {
        let left = remains(NUMBER, &store);
        left.is_empty()
            .then_some(())
            .ok_or_else(|| format!("{left:?}"))
    });
    let window = desktop.open();
    window.click("button", "Containers");
    window.read("exited");
    window.close();
}
