//! `unpack` beside `docker export`, as another user, and from damaged layers.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::fs;
use std::path::Path;
use std::process::Stdio;

use testkit::{DockerRegistry, Dockerd, ImageBuilder, Layer, Packing};

use crate::lab::{Lab, Ran, blob};
use crate::odd::member;
use crate::on_disk::{Seen, tree};
use crate::unpacking::run;

/// What a container's root has beside its image: <https://docs.docker.com/reference/cli/docker/container/export/>.
const DOCKERS_OWN: [&str; 8] = [
    ".dockerenv",
    "dev",
    "proc",
    "sys",
    "etc/hostname",
    "etc/hosts",
    "etc/mtab",
    "etc/resolv.conf",
];

/// CAP_NET_RAW, version 2 of the format.
const CAPABILITY: &[u8] =
    b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/// Three layers with everything that docker 20.10 takes. Every folder is named, as builders do: docker makes others with mode 0600.
fn image() -> ImageBuilder {
    let long = format!("deep/{}", ["0123456789"; 28].join("/"));
    let mut members = Vec::new();
    for (at, _) in long.match_indices('/') {
        let folder = format!("{}/", &long[..at]);
        members.extend(member(b'5', 0o755, &[("path", folder.as_bytes())], b""));
    }
    for (mode, records, content) in [
        (0o600, vec![("path", long.as_bytes())], "long"),
        (
            0o4755,
            vec![("path", &b"bin/su"[..]), ("gid", b"12")],
            "suid",
        ),
        (
            0o644,
            vec![("path", &b"etc/\xff\xfe-not-utf8"[..])],
            "bytes",
        ),
        (
            0o755,
            vec![
                ("path", &b"bin/ping"[..]),
                ("SCHILY.xattr.security.capability", CAPABILITY),
            ],
            "ping",
        ),
        (
            0o644,
            vec![
                ("path", &b"etc/big-owner"[..]),
                ("uid", b"3000000000"),
                ("gid", b"3000000001"),
            ],
            "owner",
        ),
    ] {
        members.extend(member(b'0', mode, &records, content.as_bytes()));
    }
    members.extend(member(b'6', 0o620, &[("path", b"etc/pipe")], b""));
    members.extend(member(b'5', 0o1777, &[("path", b"tmp/")], b""));
    members.extend([0; 1024]);
    let folders = [
        "bin",
        "etc",
        "usr",
        "usr/lib",
        "gone",
        "opaque",
        "was-folder",
    ];
    let base = folders
        .iter()
        .fold(Layer::new(), |layer, name| layer.folder(name));
    ImageBuilder::new()
        .layer(
            base.file("gone/inside", "1")
                .file("opaque/below", "hidden")
                .file("was-file", "f")
                .file("was-folder/inside", "x")
                .symlink("lib", "usr/lib")
                .symlink("absolute", "/usr")
                .file("usr/lib/one", "one")
                .hardlink("usr/lib/two", "usr/lib/one"),
        )
        .layer(Layer::of_tar(members))
        .layer(
            Layer::new()
                .whiteout("gone")
                .file("lib/through", "link")
                .file("absolute/rooted", "root")
                .folder("opaque")
                .file("opaque/.wh..wh..opq", "")
                .file("opaque/above", "seen")
                .folder("was-file")
                .file("was-file/now", "folder")
                .file("was-folder", "now a file")
                .hardlink("usr/three", "usr/lib/one")
                .whiteout("usr/lib/two"),
        )
}

/// What docker exports of an image: its root as a container has it, without what docker puts there.
fn exported(docker: &Dockerd, lab: &Lab, name: &str, folder: &str) -> Vec<(Vec<u8>, Seen)> {
    docker.run(&["pull", "-q", name]);
    let container = docker.run(&["create", name, "/nothing"]);
    let file = lab.path("exported.tar").display().to_string();
    docker.run(&["export", "-o", &file, &container]);
    let root = lab.path(folder);
    fs::create_dir(&root).unwrap();
    let target = root.display().to_string();
    run(
        "tar",
        &[
            "-xpf",
            &file,
            "-C",
            &target,
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
        ],
    );
    comparable(&root)
}

/// A root as far as docker keeps it: times to the second (its folders' change when it puts its own files there), and of the
/// attributes the capabilities.
fn comparable(root: &Path) -> Vec<(Vec<u8>, Seen)> {
    let own = |path: &[u8]| {
        DOCKERS_OWN.iter().any(|name| {
            path == name.as_bytes()
                || path
                    .strip_prefix(name.as_bytes())
                    .is_some_and(|rest| rest.first() == Some(&b'/'))
        })
    };
    let files = tree(root).into_iter().filter(|(path, _)| !own(path));
    let files = files.map(|(path, mut seen)| {
        let folder = seen.mode & 0o170_000 == 0o040_000;
        seen.modified = if folder { (0, 0) } else { (seen.modified.0, 0) };
        seen.xattrs
            .retain(|(name, _)| name == b"security.capability");
        (path, seen)
    });
    files.collect()
}

fn assert_same(ours: &[(Vec<u8>, Seen)], theirs: &[(Vec<u8>, Seen)]) {
    let only = |list: &[(Vec<u8>, Seen)], other: &[(Vec<u8>, Seen)]| -> Vec<String> {
        let paths = list.iter().map(|(path, _)| path);
        let lacking = paths.filter(|path| !other.iter().any(|(found, _)| found == *path));
        lacking
            .map(|path| path.escape_ascii().to_string())
            .collect()
    };
    let none: [String; 0] = [];
    assert_eq!(only(ours, theirs), none, "only in ours");
    assert_eq!(only(theirs, ours), none, "only in docker's");
    for ((path, ours), (_, theirs)) in ours.iter().zip(theirs) {
        assert_eq!(ours, theirs, "{}", path.escape_ascii());
    }
}

/// Images that were made by hand, by `docker commit` and by buildah, each of them as docker exports it.
#[test]
fn the_tree_is_dockers() {
    let lab = Lab::new();
    let registry = DockerRegistry::plain();
    let docker = Dockerd::start();
    let by_hand = registry.push("by-hand:1", &image().build()).to_string();
    let at = |name: &str| format!("{}/{name}:1", registry.host());

    let container = docker.run(&["create", &by_hand, "/nothing"]);
    fs::create_dir_all(lab.path("added/etc")).unwrap();
    fs::write(lab.path("added/etc/motd"), "by docker").unwrap();
    let from = format!("{}/.", lab.path("added").display());
    docker.run(&["cp", &from, &format!("{container}:/")]);
    docker.run(&["commit", "-m", "by docker", &container, &at("by-docker")]);
    docker.run(&["push", "-q", &at("by-docker")]);

    let place = |name: &str| lab.path(name).display().to_string();
    let buildah = |arguments: &[&str]| {
        let (root, runroot) = (place("b/root"), place("b/run"));
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
    let remote = |name: &str| format!("docker://{}", at(name));
    buildah(&[
        "from",
        "--tls-verify=false",
        "--name",
        "it",
        &remote("by-hand"),
    ]);
    buildah(&["copy", "it", &place("added"), "/"]);
    let commit = ["commit", "--quiet", "--tls-verify=false", "it"];
    buildah(&[&commit[..], &[&remote("by-buildah")]].concat());

    for name in ["by-hand", "by-docker", "by-buildah"] {
        let theirs = exported(&docker, &lab, &at(name), &format!("theirs-{name}"));
        let ours = format!("ours-{name}");
        // Straight from the registry: nothing is stored on the way.
        lab.run(&["unpack", &remote(name), &ours]).ok();
        let ours = comparable(&lab.path(&ours));
        assert!(ours.len() > 45, "{} files", ours.len());
        assert_same(&ours, &theirs);
    }
}

/// Gives everything below a folder to a user.
fn give(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if fs::symlink_metadata(path).unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

/// Runs the program as nobody, who owns the lab's folder then; without root as the user that we are.
fn as_nobody(lab: &Lab, arguments: &[&str]) -> Ran {
    const NOBODY: u32 = 65534;
    let usual = lab.command(arguments);
    if !rustix::process::geteuid().is_root() {
        return Ran::of({ usual }.output().unwrap());
    }
    // Where the program was built may be closed to others.
    let program = lab.path("strata");
    fs::copy(usual.get_program(), &program).unwrap();
    give(program.parent().unwrap(), NOBODY);
    let user = NOBODY.to_string();
    let mut command = std::process::Command::new("setpriv");
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .arg(&program)
        .args(arguments)
        .env_clear()
        .env("HOME", lab.path("home"))
        .env("STRATA_STORE", lab.store())
        .current_dir(lab.path(""))
        .stdin(Stdio::null());
    Ran::of(command.output().unwrap())
}

#[test]
fn a_user_gets_the_same_content_without_owners_and_devices() {
    let lab = Lab::new();
    let device = Layer::new().entry("null", b'3', 0o666, "", b"");
    lab.registry.push("it:1", &image().layer(device).build());
    lab.pull("it:1");
    let name = lab.at("it:1");
    lab.run(&["unpack", &name, "as-we-are"]).ok();
    let ran = as_nobody(&lab, &["unpack", "--json", &name, "as-nobody"]).ok();
    let notes = ran.json()["notes"].to_string();
    assert!(
        notes.contains("/null: the device node was left out"),
        "{notes}"
    );
    let (ours, theirs) = (tree(&lab.path("as-we-are")), tree(&lab.path("as-nobody")));
    let owner = theirs[&b"etc"[..]].owner;
    for (path, seen) in ours.iter().filter(|(path, _)| path.as_slice() != b"null") {
        let found = &theirs[path];
        let shown = path.escape_ascii();
        assert_eq!(found.owner, owner, "{shown}");
        assert_eq!(found.mode & 0o777, seen.mode & 0o777, "{shown}");
        assert_eq!(
            (&found.content, &found.link),
            (&seen.content, &seen.link),
            "{shown}"
        );
        assert_eq!(found.same_as, seen.same_as, "{shown}");
    }
    assert!(!theirs.contains_key(&b"null"[..]));
}

/// What lies before the damage is read; what lies in it ends in an error, however it is read.
#[test]
fn a_layer_that_is_damaged_in_the_middle_gives_no_wrong_bytes() {
    let mut state = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()
    })
    .take(100_000)
    .flatten()
    .collect();
    for packing in [Packing::Gzip, Packing::Zstd, Packing::Plain] {
        let lab = Lab::new();
        let layer = Layer::new()
            .file("first", "whole")
            .file("large", &noise)
            .file("last", "the end");
        let image = ImageBuilder::new().layer(layer.packed(packing)).build();
        lab.registry.push("it:1", &image);
        lab.pull("it:1");
        let name = lab.at("it:1");
        let path = blob(&lab.store(), image.layers[0].descriptor.digest.as_str());
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();

        assert_eq!(lab.run(&["cat", &name, "/first"]).ok().out, "whole");
        let arguments = ["--json", "cat", &name, "/large"];
        let ran = lab.command(&arguments).output().unwrap();
        assert_eq!(ran.status.code(), Some(1), "{packing:?}");
        let error: serde_json::Value = serde_json::from_slice(&ran.stderr).unwrap();
        assert_eq!(error["error"]["code"], "corrupt_layer", "{packing:?}");
        let error = lab
            .run(&["--json", "unpack", &name, "root"])
            .ended(1)
            .error();
        assert_eq!(error["code"], "corrupt_layer", "{packing:?}");
        let found = lab.run(&["check", "--read-data", "--json"]).ended(1).json();
        assert_eq!(found["problems"][0]["kind"], "blob_content", "{packing:?}");
    }
}
