//! Taking images and files out of the window.

use std::path::{Path, PathBuf};

use strata_desktop::commands::inside::{FileOf, FileView, FilesOf};
use strata_desktop::drag_out::{Dragged, DraggedWhat};
use testkit::Layer;

use super::*;

impl Shell {
    /// What the pointer was given last.
    fn held(&self) -> Dragged {
        let mut dragged = self.dragged.lock().expect("no panic");
        dragged.pop().expect("something is dragged")
    }

    /// The token that the page gets for the place of what was dropped.
    fn dropped(&self, file: &Path) -> Value {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        self.chosen.lock().expect("no panic").push(file.to_owned());
        let place = json!({ "suggested": "x", "folder": false });
        self.call("choose_file_place", place)["token"].clone()
    }
}

fn file_of(target: &str, view: &Value, path: &str) -> Value {
    json!({ "source": { "target": target, "view": view, "path": path } })
}

fn saving(token: &Value, target: &str, view: &Value, path: &str) -> Value {
    json!({
        "operation": "d1", "token": token, "target": target, "view": view, "path": path, "onEvent": "__CHANNEL__:7",
    })
}

#[test]
fn images_are_held_as_one_archive_in_a_place_of_its_own() {
    let shell = Shell::start();
    let drag = |name: &str| json!({ "images": ["app:1", "sha256:ab"], "name": name });
    shell.call("drag_images", drag("images.tar"));
    let first = shell.held();
    let images = vec!["app:1".to_owned(), "sha256:ab".to_owned()];
    assert_eq!(first.what, DraggedWhat::Images(images));
    assert!(first.file.ends_with("images.tar"));
    assert!(!first.file.exists(), "nothing is written before the drop");
    shell.call("drag_images", drag("images.tar"));
    assert_ne!(shell.held().file, first.file);
    for name in ["../../.profile", "/etc/passwd", "a/b", "", ".."] {
        assert_eq!(shell.refused("drag_images", drag(name)), "usage", "{name}");
    }
    assert!(shell.dragged.lock().expect("no panic").is_empty());
}

#[test]
fn a_desktop_without_a_way_says_so() {
    let shell = Shell::start_on(tempfile::tempdir().expect("a folder"), false);
    assert_eq!(shell.call("store_status", json!({}))["dragsOut"], false);
    let images = json!({ "images": ["app:1"], "name": "app.tar" });
    assert_eq!(shell.refused("drag_images", images), "unsupported");
    let file = file_of("app:1", &json!({ "kind": "merged" }), "etc");
    assert_eq!(shell.refused("drag_file", file), "unsupported");
}

/// An image with a folder, and with a file that has more bytes than anybody waits for, all of them a hole.
fn image() -> testkit::Image {
    let record = |key: &str, value: &str| {
        let text = format!(" {key}={value}\n");
        format!("{}{text}", text.len() + 2)
    };
    let records = record("GNU.sparse.major", "1")
        + &record("GNU.sparse.minor", "0")
        + &record("GNU.sparse.name", "huge")
        + &record("GNU.sparse.realsize", "3000000000");
    let mut map = b"1\n0\n0\n".to_vec();
    map.resize(512, 0);
    ImageBuilder::new()
        .layer(
            Layer::new()
                .file("etc/motd", "hello\n")
                .file("etc/app/.conf", "a=1\n")
                .symlink("etc/near", "app/.conf")
                .symlink("etc/passwd", "/etc/passwd")
                .symlink("etc/up", "../../../../../../etc/passwd")
                .entry("records", b'x', 0o644, "", records.as_bytes())
                .file("huge", map),
        )
        .layer(Layer::new().file("etc/motd", "hello again\n"))
        .build()
}

#[test]
fn a_file_and_a_folder_are_written_where_they_were_dropped() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image()).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let (merged, base) = (
        json!({ "kind": "merged" }),
        json!({ "kind": "upTo", "layer": 1 }),
    );
    let drop_it = |view: &Value, path: &str| -> PathBuf {
        shell.call("drag_file", file_of(&target, view, path));
        let Dragged { what, file } = shell.held();
        let DraggedWhat::File(source) = what else {
            panic!("{what:?}")
        };
        assert_eq!(
            (source.path.as_str(), &source.target),
            (path, &FilesOf::Image(target.clone()))
        );
        assert!(!file.exists(), "nothing is written before the drop");
        let token = shell.dropped(&file);
        shell.call("save_file", saving(&token, &target, view, path));
        file
    };
    let motd = drop_it(&merged, "etc/motd");
    assert!(motd.ends_with("motd"));
    assert_eq!(fs::read(motd).expect("a file"), b"hello again\n");
    let before = drop_it(&base, "etc/motd");
    assert_eq!(fs::read(before).expect("a file"), b"hello\n");
    let folder = drop_it(&merged, "etc");
    assert!(folder.ends_with("etc"));
    assert_eq!(
        fs::read(folder.join("motd")).expect("a file"),
        b"hello again\n"
    );
    assert_eq!(
        fs::read(folder.join("app/.conf")).expect("a file"),
        b"a=1\n"
    );
    // No link leads whoever reads the folder to files of this computer.
    let near = fs::read_link(folder.join("near")).expect("a link");
    assert_eq!(near, Path::new("app/.conf"));
    for out in ["passwd", "up"] {
        assert!(fs::symlink_metadata(folder.join(out)).is_err(), "{out}");
    }
    let link = file_of(&target, &merged, "etc/passwd");
    assert_eq!(shell.refused("drag_file", link), "unsupported");
    assert_eq!(shell.operations(), 0);
}

#[test]
fn what_is_too_much_to_wait_for_is_refused_with_a_way_out() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image()).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let merged = json!({ "kind": "merged" });
    // Before the pointer holds anything.
    let refused = shell
        .page
        .ask("drag_file", file_of(&target, &merged, "huge"))
        .expect_err("too much");
    assert_eq!(refused["code"], "too_large", "{refused}");
    assert!(
        text(&refused["message"]).contains("/huge has 3GB"),
        "{refused}"
    );
    assert!(text(&refused["hint"]).contains("Save"), "{refused}");
    let gone = file_of(&target, &merged, "etc/none");
    assert_eq!(shell.refused("drag_file", gone), "not_found");
    assert!(shell.dragged.lock().expect("no panic").is_empty());
}

#[test]
fn what_cannot_be_dragged_is_not_saved_where_something_was_dropped() {
    let shell = Shell::start();
    let reference = shell.registry.push("team/app:1", &image()).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let merged = json!({ "kind": "merged" });
    for (path, code) in [
        ("etc/passwd", "unsupported"),
        ("etc/near", "unsupported"),
        ("huge", "too_large"),
        ("etc/none", "not_found"),
    ] {
        // The page asks for something else than what the pointer was given.
        shell.call("drag_file", file_of(&target, &merged, "etc/motd"));
        let file = shell.held().file;
        let token = shell.dropped(&file);
        let form = saving(&token, &target, &merged, path);
        assert_eq!(shell.refused("save_file", form), code, "{path}");
        let folder = file.parent().expect("a folder of its own");
        assert!(!folder.exists(), "{path}: {} is left", folder.display());
    }
    assert_eq!(shell.operations(), 0);
}

#[test]
fn a_name_from_an_image_is_no_path() {
    let shell = Shell::start();
    let image = ImageBuilder::new()
        .layer(Layer::new().file("a/\u{1b}[2J\n", "").file("a/b:c", ""))
        .build();
    let reference = shell.registry.push("team/app:1", &image).to_string();
    let target = text(&shell.pull(&reference)["target"]);
    let merged = json!({ "kind": "merged" });
    for (path, name) in [("a/b:c", "b_c"), ("a/\u{1b}[2J\n", "_[2J_")] {
        shell.call("drag_file", file_of(&target, &merged, path));
        let Dragged { what, file } = shell.held();
        assert!(file.ends_with(name), "{path:?}: {}", file.display());
        let source = FileOf {
            target: FilesOf::Image(target.clone()),
            view: FileView::Merged,
            path: path.into(),
        };
        assert_eq!(what, DraggedWhat::File(source));
    }
    // In the image each of them is the root, and outside it none is a path.
    let dragged = shell.folder.path().join("dragged");
    for path in ["", "a/..", "../../.."] {
        shell.call("drag_file", file_of(&target, &merged, path));
        let file = shell.held().file;
        assert!(file.ends_with("files"), "{path:?}: {}", file.display());
        // In a folder of its own, in that of the store.
        let above = file.ancestors().nth(3);
        assert_eq!(above, Some(dragged.as_path()), "{path:?}");
    }
    let odd = file_of(&target, &merged, "\u{0}zz");
    assert_eq!(shell.refused("drag_file", odd), "usage");
}
