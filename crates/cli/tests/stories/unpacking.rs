//! `unpack` and `cp`, beside umoci.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::collections::BTreeMap;
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

/// What a file is, as far as an image can say; folders that no layer names have no time of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) size: u64,
    pub(crate) device: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) link: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first path of the same inode.
    pub(crate) same_as: Vec<u8>,
}

pub(crate) fn tree(root: &Path) -> BTreeMap<Vec<u8>, Seen> {
    let mut found = BTreeMap::new();
    let mut inodes = BTreeMap::new();
    visit(root, root, &mut inodes, &mut found);
    found
}

fn visit(
    root: &Path,
    folder: &Path,
    inodes: &mut BTreeMap<u64, Vec<u8>>,
    found: &mut BTreeMap<Vec<u8>, Seen>,
) {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut entries: Vec<_> = entries.collect();
    entries.sort();
    for path in entries {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .as_os_str()
            .as_bytes()
            .to_vec();
        let same_as = inodes
            .entry(metadata.ino())
            .or_insert_with(|| name.clone())
            .clone();
        let folder = metadata.is_dir();
        let seen = Seen {
            mode: metadata.mode(),
            owner: (metadata.uid(), metadata.gid()),
            size: if folder { 0 } else { metadata.size() },
            device: metadata.rdev(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            link: fs::read_link(&path)
                .map(|link| link.as_os_str().as_bytes().to_vec())
                .unwrap_or_default(),
            content: if metadata.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            },
            xattrs: xattrs(&path),
            same_as,
        };
        found.insert(name, seen);
        if folder {
            visit(root, &path, inodes, found);
        }
    }
}

fn xattrs(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 4096];
    let count = rustix::fs::llistxattr(path, &mut names).unwrap_or_default();
    let mut found: Vec<_> = names[..count]
        .split(|&byte| byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0; 4096];
            let count = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value).unwrap();
            (name.to_vec(), value[..count].to_vec())
        })
        .collect();
    found.sort();
    found
}

/// A tar member with a PAX header before it.
pub(crate) fn member(kind: u8, mode: u32, records: &[(&str, &[u8])], content: &[u8]) -> Vec<u8> {
    let mut pax = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length += 1;
        }
        pax.extend_from_slice(format!("{length} {key}=").as_bytes());
        pax.extend_from_slice(value);
        pax.push(b'\n');
    }
    let part = |layer: Layer| {
        let mut tar = layer.tar();
        tar.truncate(tar.len() - 1024);
        tar
    };
    [
        part(Layer::new().entry("pax", b'x', 0o644, "", &pax)),
        part(Layer::new().entry("short", kind, mode, "", content)),
    ]
    .concat()
}

/// Everything that a layer can hold and umoci makes, too.
fn odd() -> ImageBuilder {
    let long = format!("deep/{}", ["0123456789"; 25].join("/"));
    let long_link = "x".repeat(300);
    let capability: &[u8] =
        b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let members = [
        member(
            b'0',
            0o644,
            &[("path", b"names/\xff\xfe-not-utf8")],
            b"bytes",
        ),
        member(
            b'0',
            0o600,
            &[
                ("path", long.as_bytes()),
                ("mtime", b"1234567890.123456789"),
            ],
            b"long",
        ),
        member(
            b'0',
            0o4755,
            &[("path", b"bin/su"), ("uid", b"0"), ("gid", b"12")],
            b"suid",
        ),
        member(b'5', 0o1777, &[("path", b"tmp/")], b""),
        member(
            b'0',
            0o755,
            &[
                ("path", b"bin/ping"),
                ("SCHILY.xattr.security.capability", capability),
            ],
            b"ping",
        ),
        member(
            b'0',
            0o644,
            &[("path", b"names/attr"), ("SCHILY.xattr.user.note", b"kept")],
            b"a",
        ),
        member(
            b'2',
            0o777,
            &[("path", b"names/far"), ("linkpath", long_link.as_bytes())],
            b"",
        ),
        member(
            b'6',
            0o620,
            &[("path", b"run/pipe"), ("mtime", b"-5.5")],
            b"",
        ),
        member(
            b'0',
            0o644,
            &[
                ("path", b"names/big-owner"),
                ("uid", b"3000000000"),
                ("gid", b"3000000001"),
            ],
            b"o",
        ),
        member(
            b'0',
            0o644,
            &[
                ("GNU.sparse.major", b"1"),
                ("GNU.sparse.minor", b"0"),
                ("GNU.sparse.name", b"names/holes"),
                ("GNU.sparse.realsize", b"1000000"),
            ],
            &[
                {
                    let mut map = b"2\n4096\n4\n900000\n3\n".to_vec();
                    map.resize(512, 0);
                    map
                },
                b"abcdefg".to_vec(),
            ]
            .concat(),
        ),
    ];
    let mut tar = members.concat();
    tar.extend_from_slice(&[0; 1024]);
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("names")
                .folder("bin")
                .folder("run")
                .folder("usr")
                .folder("usr/lib")
                .folder("gone")
                .file("gone/a", "1")
                .file("gone/b", "2")
                .folder("opaque")
                .file("opaque/below", "hidden")
                .file("was-file", "f")
                .folder("was-folder")
                .file("was-folder/inside", "x")
                .symlink("lib", "usr/lib")
                .symlink("abs", "/usr")
                .file("usr/lib/one", "one")
                .hardlink("usr/lib/two", "usr/lib/one")
                .file("again", "first")
                .file("again", "second"),
        )
        .layer(Layer::of_tar(tar))
        .layer(
            Layer::new()
                .whiteout("gone")
                .file("lib/through", "link")
                .file("abs/absolute", "root")
                .file("opaque/above", "seen")
                .file("opaque/.wh..wh..opq", "")
                .folder("was-file")
                .file("was-file/now", "folder")
                .file("was-folder", "now a file")
                .hardlink("usr/three", "usr/lib/one")
                .whiteout("usr/lib/two")
                .whiteout("never/there")
                .packed(Packing::Plain),
        )
}

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
    let rootless = !rustix::process::geteuid().is_root() && matches!(verb, "unpack" | "repack");
    let rootless: &[&str] = if rootless && verb == "unpack" {
        &["--rootless"]
    } else {
        &[]
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
