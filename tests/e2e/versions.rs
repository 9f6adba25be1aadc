//! Two versions of an image that was made of a real Debian: what they waste, what is in them, how they differ.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::{Debian, Tool, Workshop};

use crate::filled::load;
use crate::support::desktop::Desktop;

/// What is needed of a package made here: its files are its settings, and in version 1 a file that version 2 has no more.
const CONTROL: &str =
    "Package: shop\nArchitecture: all\nMaintainer: Shop <shop@example.com>\nDescription: shop\n";

/// Two versions of an image, and how many files `find` finds in the first that are called `python3` and something.
struct Shop {
    versions: [PathBuf; 2],
    pythons: String,
}

impl Shop {
    /// Takes what another run made, or makes it, which needs root and the network.
    fn get() -> Shop {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let debian = Debian::get(tmp);
        let lock = File::create(tmp.join("debian/shop.lock")).expect("a file");
        lock.lock().expect("a lock");
        let versions = ["1", "2"].map(|version| tmp.join(format!("debian/shop-{version}.tar")));
        let counted = tmp.join("debian/shop-pythons");
        if !counted.is_file() {
            let pythons = make(&debian, &versions);
            fs::write(&counted, pythons).expect("a file");
        }
        let pythons = fs::read_to_string(counted).expect("it was written");
        Shop { versions, pythons }
    }
}

fn make(debian: &Debian, versions: &[PathBuf; 2]) -> String {
    let workshop = Workshop::new();
    let buildah = |arguments: &[&str]| workshop.run(Tool::Buildah, arguments);
    let run = |container: &str, script: &str| {
        let before = ["run", "--isolation", "chroot", "--network", "host"];
        buildah(&[&before[..], &[container, "--", "sh", "-euc", script]].concat())
    };
    let from = |image: &str| buildah(&["from", "--pull-never", image]);
    let commit = |container: &str, made_by: &str, name: &str| {
        buildah(&["config", "--created-by", made_by, container]);
        buildah(&["commit", "--quiet", container, name]);
    };
    let base = from("scratch");
    buildah(&[
        "add",
        "--quiet",
        &base,
        &debian.root.display().to_string(),
        "/",
    ]);
    buildah(&["config", "--cmd", "bash", &base]);
    commit(&base, "ADD debian /", "base");

    let python = from("base");
    let install =
        "apt-get update -q && apt-get install -q -y --no-install-recommends python3-minimal";
    run(
        &python,
        // A mirror may have a bad moment.
        &format!(
            "export DEBIAN_FRONTEND=noninteractive; for _ in 1 2 3; do {install} && break; done"
        ),
    );
    let pythons = run(&python, "find / -xdev -name 'python3*' | wc -l");
    commit(&python, &format!("RUN {install}"), "python");

    let texts = [
        "port = 8080\nlog = info\n",
        "port = 9090\nlog = info\ntimeout = 30\n",
    ];
    for (number, (text, archive)) in ["1", "2"].into_iter().zip(texts.into_iter().zip(versions)) {
        let files = workshop.path().join(format!("shop-{number}"));
        let content = files.join("usr/share/shop");
        fs::create_dir_all(files.join("DEBIAN")).expect("a folder");
        fs::create_dir_all(&content).expect("a folder");
        fs::write(
            files.join("DEBIAN/control"),
            format!("{CONTROL}Version: {number}.0\n"),
        )
        .expect("a file");
        fs::write(content.join("settings.ini"), text).expect("a file");
        if number == "1" {
            fs::write(content.join("legacy.txt"), "old\n").expect("a file");
        }
        let built = Command::new("dpkg-deb")
            .args(["--build", "--root-owner-group"])
            .arg(&files)
            .output();
        assert!(
            built.expect("dpkg-deb is in every Debian").status.success(),
            "dpkg-deb"
        );
        let package = format!("shop-{number}.deb");
        let container = from(if number == "1" {
            "python"
        } else {
            "localhost/shop:1"
        });
        buildah(&["copy", "--quiet", &container, &package, "/tmp/"]);
        if number == "2" {
            let hello = fs::read_dir(&debian.packages).expect("a folder");
            let mut hello =
                hello.map(|entry| entry.expect("an entry").path().display().to_string());
            let hello = hello
                .find(|path| path.ends_with(".deb"))
                .expect("a package");
            buildah(&["copy", "--quiet", &container, &hello, "/tmp/"]);
        }
        run(
            &container,
            "dpkg -i /tmp/*.deb; rm -rf /tmp/*.deb /var/lib/apt/lists/* /var/cache/apt/*",
        );
        commit(
            &container,
            "RUN dpkg -i /tmp/*.deb",
            &format!("shop:{number}"),
        );
        let place = format!(
            "oci-archive:{}:registry.example.com/team/shop:{number}",
            archive.display()
        );
        drop(fs::remove_file(archive));
        buildah(&[
            "push",
            "--quiet",
            &format!("localhost/shop:{number}"),
            &place,
        ]);
    }
    pythons
}

#[test]
fn what_a_real_debian_wastes_holds_and_became_is_seen_in_the_window() {
    let shop = Shop::get();
    let desktop = Desktop::start();
    load(
        &desktop.store(),
        &shop.versions.each_ref().map(PathBuf::as_path),
    );
    let window = desktop.open();

    // Which layer wastes what, and what to do about it.
    window.click("gridcell", "shop 1");
    window.click("tab", "Waste");
    window.read("Layer 3 removes");
    window.read("of layer 2");
    window.read("Remove the files in the same instruction that makes them");
    window.judge("debian-waste");

    // A link is opened as what it leads to.
    window.click("tab", "Files");
    window.fill("searchbox", "Find in all layers", "os-release");
    window.click("option", "/etc/os-release from layer 1");
    window.read("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"");
    window.judge("debian-file");

    // As many as `find` found before the last layer removed some of them.
    window.fill("searchbox", "Find in all layers", "python3*");
    window.read(&format!("{} files in all layers", shop.pythons.trim()));
    window.see("option", "/usr/bin/python3 from layer 2");

    // The two versions, down to packages and one text.
    window.click("tab", "Compare");
    window.fill(
        "combobox",
        "Compare with",
        "registry.example.com/team/shop:2",
    );
    window.press(&["Escape"]);
    window.click("button", "Compare");
    window.read("3 shared layers");
    window.read("1.0 \u{2192} 2.0");
    window.read("hello");
    window.judge("debian-packages");
    window.click("radio", "Files");
    window.fill("textbox", "Filter files", "legacy");
    window.read("Removed 1");
    window.fill("textbox", "Filter files", "settings.ini");
    window.click("button", "/usr/share/shop/settings.ini");
    window.read("port = 8080");
    window.read("timeout = 30");
    window.judge("debian-text");

    // Where three columns have no room, the tree stays beside the layers, also below a file; and no instruction is so long that a
    // layer's size is not to be seen.
    window.resize(900, 700);
    window.click("tab", "Layers");
    window.see("treeitem", "usr folder");
    window.click_first("treeitem", "usr folder");
    window.read("Every layer that touched it");
    let places = "const box = (name) => document.querySelector(name).getBoundingClientRect(); \
        const core = document.querySelector('.core'); \
        return [box('.files').top === box('.core').top, box('.files').left >= box('.core').right, core.scrollWidth <= core.clientWidth]";
    assert_eq!(window.js(places), json!([true, true, true]));
    window.judge("debian-narrow");
    window.close();
}
