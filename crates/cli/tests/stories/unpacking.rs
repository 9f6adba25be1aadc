//! `unpack` and `cp`, beside umoci.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::{ImageBuilder, Layer, Packing};

use crate::inside::{changed, changed_in};
use crate::lab::Lab;
use crate::odd::odd;
use crate::on_disk::tree;

/// Runs a peer, which must be there.
pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output =
        output.unwrap_or_else(|error| panic!("{program}: {error}; install the package {program}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs `umoci VERB`, as the user that we are.
fn run_umoci(verb: &str, arguments: &[&str]) {
    let rootless: &[&str] = match verb {
        "unpack" if !rustix::process::geteuid().is_root() => &["--rootless"],
        _ => &[],
    };
    run("umoci", &[&[verb], rootless, arguments].concat());
}

fn umoci(lab: &Lab, name: &str) -> std::path::PathBuf {
    let layout = lab.path("layout");
    let (from, to) = (
        format!("docker://{name}"),
        format!("oci:{}:it", layout.display()),
    );
    run(
        "skopeo",
        &["copy", "-q", "--src-tls-verify=false", &from, &to],
    );
    let bundle = lab.path("bundle");
    let image = format!("{}:it", layout.display());
    run_umoci(
        "unpack",
        &["--image", &image, &bundle.display().to_string()],
    );
    bundle.join("rootfs")
}

fn same_as_umoci(image: &ImageBuilder) {
    let lab = Lab::new();
    lab.registry.push("it:1", &image.build());
    let name = lab.at("it:1");
    same_as_umoci_at(&lab, &name);
}

fn same_as_umoci_at(lab: &Lab, name: &str) {
    let theirs = tree(&umoci(lab, name));
    lab.run(&["pull", "-q", name]).ok();
    let ours = lab.path("ours");
    lab.run(&["unpack", name, "ours"]).ok();
    let mut ours = tree(&ours);
    // Folders that no layer names get their time when they are made, of both.
    let listed = lab.json(&["ls", "-R", name]);
    let rows = listed.as_array().unwrap();
    for row in rows.iter().filter(|row| row["mtime"] == Value::Null) {
        let path = row["path"]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .as_bytes();
        ours.get_mut(path).unwrap().modified = theirs[path].modified;
    }
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (path, seen) in &ours {
        assert_eq!(seen, &theirs[path], "{}", path.escape_ascii());
    }
    // And what is listed is what is there.
    assert_eq!(rows.len(), ours.len());
    for row in rows.iter().filter(|row| row.get("path_bytes").is_none()) {
        let path = row["path"]
            .as_str()
            .unwrap()
            .trim_start_matches('/')
            .as_bytes();
        let seen = &ours[path];
        assert_eq!(row["mode"], format!("{:04o}", seen.mode & 0o7777), "{row}");
        if row["type"] != "dir" && row["type"] != "symlink" {
            assert_eq!(row["size"], seen.size, "{row}");
        }
        if rustix::process::geteuid().is_root() {
            assert_eq!(
                (&row["uid"], &row["gid"]),
                (&Value::from(seen.owner.0), &Value::from(seen.owner.1)),
                "{row}"
            );
        }
    }
}

#[test]
fn the_tree_is_umocis() {
    // umoci of Debian 12 reads no zstd.
    same_as_umoci(&changed_in(Packing::Gzip));
}

#[test]
fn odd_trees_are_umocis_too() {
    same_as_umoci(&odd());
}

/// Layers as umoci and buildah write them, with what they say about removed, replaced and linked files.
#[test]
fn what_other_tools_make_is_unpacked_as_it_was() {
    let lab = Lab::new();
    let layout = lab.path("made").display().to_string();
    let image = |tag: &str| format!("{layout}:{tag}");
    run_umoci("init", &["--layout", &layout]);
    run_umoci("new", &["--image", &image("base")]);
    let change = |from: &str, to: &str, change: &dyn Fn(&Path)| {
        let bundle = lab.path(&format!("bundle-{to}"));
        let name = bundle.display().to_string();
        run_umoci("unpack", &["--image", &image(from), &name]);
        change(&bundle.join("rootfs"));
        run_umoci("repack", &["--image", &image(to), &name]);
    };
    change("base", "one", &|root| {
        for folder in ["usr/lib", "etc", "gone/deep", "turns"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (path, content) in [
            ("usr/lib/a", "a"),
            ("etc/conf", "1"),
            ("gone/deep/x", "x"),
            ("turns/y", "y"),
            ("etc/old", "o"),
        ] {
            fs::write(root.join(path), content).unwrap();
        }
        std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
        fs::hard_link(root.join("usr/lib/a"), root.join("etc/linked")).unwrap();
        fs::set_permissions(
            root.join("usr/lib/a"),
            std::os::unix::fs::PermissionsExt::from_mode(0o4711),
        )
        .unwrap();
        let sparse = fs::File::create(root.join("sparse")).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", 5_000_000).unwrap();
        let odd = OsStr::from_bytes(b"odd-\xff\xfe");
        fs::write(root.join(odd), "odd").unwrap();
    });
    change("one", "two", &|root| {
        fs::remove_dir_all(root.join("gone")).unwrap();
        fs::remove_file(root.join("etc/old")).unwrap();
        fs::write(root.join("etc/conf"), "22").unwrap();
        fs::hard_link(root.join("usr/lib/a"), root.join("usr/lib/b")).unwrap();
    });
    // umoci writes the file, and a whiteout below it as well; buildah 1.28 cannot read that.
    change("two", "four", &|root| {
        fs::remove_dir_all(root.join("turns")).unwrap();
        fs::write(root.join("turns"), "now a file").unwrap();
    });
    let registry = testkit::DockerRegistry::plain();
    for tag in ["one", "two", "four"] {
        registry.skopeo_copy(&format!("oci:{}", image(tag)), &format!("it-{tag}:1"));
    }
    let added = lab.path("added");
    fs::create_dir_all(added.join("etc")).unwrap();
    fs::write(added.join("etc/by-buildah"), "b").unwrap();
    fs::write(added.join("etc/conf"), "by buildah").unwrap();
    let at = |tag: &str| format!("docker://{}/it-{tag}:1", registry.host());
    let (root, runroot) = (
        lab.path("b/root").display().to_string(),
        lab.path("b/run").display().to_string(),
    );
    let buildah = |arguments: &[&str]| {
        let storage = [
            "--root",
            &root,
            "--runroot",
            &runroot,
            "--storage-driver",
            "vfs",
        ];
        run("buildah", &[&storage, arguments].concat());
    };
    buildah(&[
        "from",
        "--tls-verify=false",
        "--name",
        "working",
        &at("two"),
    ]);
    buildah(&["copy", "working", &added.display().to_string(), "/"]);
    buildah(&[
        "commit",
        "--quiet",
        "--tls-verify=false",
        "--format",
        "oci",
        "working",
        &at("three"),
    ]);
    for tag in ["one", "two", "three", "four"] {
        for folder in ["layout", "bundle", "ours"] {
            drop(fs::remove_dir_all(lab.path(folder)));
        }
        same_as_umoci_at(&lab, &format!("{}/it-{tag}:1", registry.host()));
    }
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let lab = Lab::new();
    lab.registry.push("it:1", &changed().build());
    lab.pull("it:1");
    fs::create_dir(lab.path("full")).unwrap();
    fs::write(lab.path("full/mine"), "mine").unwrap();
    let error = lab
        .run(&["--json", "unpack", &lab.at("it:1"), "full"])
        .ended(1)
        .error();
    assert_eq!(error["code"], "not_empty");
    assert_eq!(fs::read_dir(lab.path("full")).unwrap().count(), 1);
}

#[test]
fn files_and_folders_are_copied_as_docker_does() {
    let lab = Lab::new();
    lab.registry.push("it:1", &changed().build());
    lab.pull("it:1");
    let name = lab.at("it:1");
    let copy = |path: &str, to: &str| lab.run(&["cp", &format!("{name}:{path}"), to]).ok();
    copy("/etc/motd", "plain");
    assert_eq!(
        fs::read_to_string(lab.path("plain")).unwrap(),
        "hello again\n"
    );
    // A file that is there is replaced.
    copy("/usr/lib/shared", "plain");
    assert_eq!(fs::read_to_string(lab.path("plain")).unwrap(), "0123456789");
    fs::create_dir(lab.path("folder")).unwrap();
    copy("/etc", "folder");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(lab.path("folder"), private).unwrap();
    copy("/usr/lib/.", "folder");
    assert_eq!(
        fs::metadata(lab.path("folder")).unwrap().mode() & 0o777,
        0o700
    );
    copy("/usr", "named");
    for (path, content) in [
        ("folder/etc/motd", "hello again\n"),
        ("folder/shared", "0123456789"),
        ("named/lib/through-the-link", "abcdef"),
    ] {
        assert_eq!(
            fs::read_to_string(lab.path(path)).unwrap(),
            content,
            "{path}"
        );
    }
    assert_eq!(
        fs::metadata(lab.path("folder/shared")).unwrap().ino(),
        fs::metadata(lab.path("folder/twin")).unwrap().ino()
    );
    copy("/lib", "link");
    assert_eq!(
        fs::read_link(lab.path("link")).unwrap(),
        Path::new("usr/lib")
    );
    let wrong = lab.run(&["--json", "cp", &name, "x"]).ended(2).error();
    assert_eq!(wrong["code"], "usage");
}

/// The first image plants a link, the second one writes through it: GHSA-m37j-52j7-pjw7, CVE-2025-45582.
#[test]
fn a_link_that_an_image_left_is_not_followed_for_the_next() {
    let lab = Lab::new();
    fs::create_dir(lab.path("outside")).unwrap();
    fs::create_dir(lab.path("out")).unwrap();
    let away = lab.path("outside").display().to_string();
    lab.registry.push(
        "one:1",
        &ImageBuilder::new()
            .layer(Layer::new().symlink("etc", &away))
            .build(),
    );
    lab.registry.push(
        "two:1",
        &ImageBuilder::new().files([("etc/passwd", "bad")]).build(),
    );
    for name in ["one:1", "two:1"] {
        lab.pull(name);
    }
    lab.run(&["cp", &format!("{}:/etc", lab.at("one:1")), "out"])
        .ok();
    let second = lab
        .run(&["--json", "cp", &format!("{}:/etc", lab.at("two:1")), "out"])
        .ended(1);
    assert_eq!(second.error()["code"], "io");
    assert_eq!(fs::read_dir(lab.path("outside")).unwrap().count(), 0);
    fs::write(lab.path("file"), "mine").unwrap();
    lab.run(&["--json", "cp", &format!("{}:/etc", lab.at("two:1")), "file"])
        .ended(1)
        .error();
    assert_eq!(fs::read_to_string(lab.path("file")).unwrap(), "mine");
}
