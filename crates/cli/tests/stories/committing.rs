//! `create`, `cp`, `edit`, `diff` and `commit`, beside the same steps with docker, and the result in the other tools.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use testkit::{Dockerd, Image, ImageBuilder, Layer, Tool, Workshop};

use crate::lab::Lab;

/// An image that docker can run something in, with what a change may meet.
fn base() -> Image {
    let busybox = std::fs::read("/bin/busybox").expect("it is in Debian's package busybox-static");
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("bin")
                .entry("bin/busybox", b'0', 0o755, "", &busybox)
                .folder("etc")
                .file("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
                .file("etc/motd", "hello\n")
                .folder("usr")
                .folder("usr/lib")
                .file("usr/lib/one", "1111")
                .file("usr/lib/two", "2222")
                .folder("usr/share")
                .folder("usr/share/doc")
                .file("usr/share/doc/readme", "read me")
                .symlink("lib", "usr/lib")
                .folder("tmp"),
        )
        .config("Env", json!(["PATH=/bin", "HOME=/"]))
        .config("Cmd", json!(["/bin/busybox", "true"]))
        .config("ExposedPorts", json!({"80/tcp": {}}))
        .label("team", "red")
        .build()
}

fn files(lab: &Lab) -> std::path::PathBuf {
    let folder = lab.path("files");
    std::fs::create_dir_all(folder.join("sub")).expect("a folder");
    std::fs::write(folder.join("page"), "<p>").expect("a file");
    std::fs::write(folder.join("sub/deep"), "deep").expect("a file");
    std::os::unix::fs::symlink("page", folder.join("link")).expect("a link");
    std::fs::hard_link(folder.join("page"), folder.join("same")).expect("a link");
    folder
}

/// What docker puts into every container that runs, and what the folders above changes have of their own: a time.
fn is_docker(path: &str) -> bool {
    [
        "/.dockerenv",
        "/dev",
        "/proc",
        "/sys",
        "/etc/hosts",
        "/etc/hostname",
        "/etc/resolv.conf",
        "/etc/mtab",
    ]
    .iter()
    .any(|known| path == *known || path.starts_with(&format!("{known}/")))
}

/// The files of an image but for times, without what docker puts into every container.
fn listing(lab: &Lab, image: &str) -> Vec<Value> {
    let rows = lab.json(&["ls", "-R", image]);
    let rows = rows.as_array().expect("a list").iter();
    rows.filter(|row| !is_docker(row["path"].as_str().expect("a path")))
        .map(|row| {
            let keys = ["path", "type", "mode", "uid", "gid", "link"];
            let mut kept: serde_json::Map<String, Value> = keys
                .iter()
                .map(|key| ((*key).to_owned(), row[key].clone()))
                .collect();
            if row["type"] == "file" {
                kept.insert("size".into(), row["size"].clone());
            }
            if row["type"] == "file" && row["size"].as_u64() < Some(1000) {
                let path = row["path"].as_str().expect("a path");
                kept.insert("content".into(), json!(lab.run(&["cat", image, path]).out));
            }
            Value::Object(kept)
        })
        .collect()
}

fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !is_docker(line.get(2..).unwrap_or_default()))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

const CHANGES: [&str; 8] = [
    "CMD /bin/busybox httpd -f",
    "ENV PATH=/opt:$PATH ONE=\"1 1\"",
    "EXPOSE 8000-8001/udp 9000",
    "LABEL made=\"by hand\" team=blue",
    "VOLUME /data",
    "WORKDIR srv",
    "USER 33:33",
    "HEALTHCHECK --interval=5s CMD true",
];

#[test]
fn the_same_steps_give_what_docker_commit_gives() {
    let (lab, docker, workshop) = (Lab::new(), Dockerd::start(), Workshop::new());
    lab.registry.push("base:1", &base());
    lab.pull("base:1");
    lab.run(&["tag", &lab.at("base:1"), "base:1"]).ok();
    let tar = workshop.path().join("base.tar").display().to_string();
    lab.run(&["save", "-o", &tar, "base:1"]).ok();
    docker.run(&["load", "-i", &tar]);
    let folder = files(&lab).display().to_string();

    // What needs a program in docker's container does not in ours.
    let script = "set -e; busybox rm /usr/lib/two; busybox rm -r /usr/share; busybox mkdir -p /srv/www; \
                  busybox chmod 600 /etc/passwd; busybox chown 33:34 /srv/www; busybox ln -s ../etc /srv/etc; \
                  busybox rm /etc/motd; busybox mkdir /etc/motd";
    docker.run(&[
        "run",
        "--name",
        "web",
        "--network",
        "none",
        "base:1",
        "/bin/busybox",
        "sh",
        "-c",
        script,
    ]);
    docker.run(&["cp", &folder, "web:/srv/www"]);
    docker.run(&["cp", &format!("{folder}/page"), "web:/lib/new"]);
    docker.run(&["cp", &format!("{folder}/sub/."), "web:/srv/copied"]);

    lab.run(&["create", "--name", "web", "base:1"]).ok();
    for step in [
        &["rm", "/usr/lib/two", "/usr/share"][..],
        &["mkdir", "-p", "/srv/www"],
        &["chmod", "600", "/etc/passwd"],
        &["chown", "33:34", "/srv/www"],
        &["ln", "../etc", "/srv/etc"],
        &["rm", "/etc/motd"],
        &["mkdir", "/etc/motd"],
    ] {
        lab.run(&[&["edit", "web"], step].concat()).ok();
    }
    lab.run(&["cp", &folder, "web:/srv/www"]).ok();
    lab.run(&["cp", &format!("{folder}/page"), "web:/lib/new"])
        .ok();
    lab.run(&["cp", &format!("{folder}/sub/."), "web:srv/copied"])
        .ok();

    let ours = lines(&lab.run(&["diff", "web"]).ok().out);
    let theirs = lines(&docker.run(&["diff", "web"]));
    // docker's C of /etc comes with its own mounts; both have it here.
    assert_eq!(ours, theirs);

    let mut arguments = vec![
        "commit",
        "-a",
        "Ada <ada@example.com>",
        "-m",
        "what was done",
    ];
    arguments.extend(CHANGES.iter().flat_map(|change| ["-c", change]));
    arguments.extend(["web", "made:1"]);
    docker.run(&arguments);
    lab.run(&arguments).ok();
    let tar = workshop.path().join("docker.tar").display().to_string();
    docker.run(&["save", "-o", &tar, "made:1"]);
    lab.run(&["tag", "made:1", "ours:1"]).ok();
    lab.run(&["load", "-i", &tar]).ok();
    assert_eq!(listing(&lab, "ours:1"), listing(&lab, "made:1"));

    let (ours, theirs) = (
        lab.json(&["inspect", "ours:1"])[0].clone(),
        lab.json(&["inspect", "made:1"])[0].clone(),
    );
    for key in ["Author", "Comment", "Architecture", "Os"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    for key in [
        "Cmd",
        "Entrypoint",
        "Env",
        "ExposedPorts",
        "Labels",
        "Volumes",
        "WorkingDir",
        "User",
        "Healthcheck",
    ] {
        assert_eq!(ours["Config"][key], theirs["Config"][key], "{key}");
    }
    let step = |image| lab.json(&["history", image])[0].clone();
    for key in ["author", "comment", "empty_layer"] {
        assert_eq!(step("ours:1")[key], step("made:1")[key], "{key}");
    }
    lab.run(&["check", "--read-data"]).ok();
}

/// Lists a folder with all that `find` tells.
fn found(folder: &Path) -> Vec<String> {
    let output = Command::new("find")
        .arg(folder)
        .args(["-printf", "%P %y %m %U:%G %n %T@ %l\n"])
        .output()
        .expect("find is there");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // Numbers of names of folders, and the root's time, are the file system's.
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with(" d "))
        .map(|line| {
            let mut parts: Vec<&str> = line.split(' ').collect();
            if parts[1] == "d" {
                parts[4] = "-";
            }
            parts.join(" ")
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn docker_podman_and_umoci_have_the_files_that_were_committed() {
    let (lab, docker, workshop) = (Lab::new(), Dockerd::start(), Workshop::new());
    lab.registry.push("base:1", &base());
    lab.pull("base:1");
    let folder = files(&lab).display().to_string();
    lab.run(&["create", "--name", "web", &lab.at("base:1")])
        .ok();
    lab.run(&["cp", &folder, "web:/srv"]).ok();
    lab.run(&["edit", "web", "rm", "/usr/share", "/usr/lib/two"])
        .ok();
    lab.run(&["edit", "web", "mkdir", "/usr/share"]).ok();
    lab.run(&["edit", "web", "mv", "/usr/lib", "/usr/libs"])
        .ok();
    lab.run(&["edit", "web", "set", "ENV MORE=1"]).ok();
    let id = lab
        .run(&["commit", "-m", "by hand", "-a", "Ada", "web", "made:1"])
        .ok();
    let id = id.out.trim();
    let saved = workshop.path().join("saved.tar").display().to_string();
    lab.run(&["save", "-o", &saved, "made:1"]).ok();
    let ours = workshop.path().join("ours");
    lab.run(&["unpack", "made:1", &ours.display().to_string()])
        .ok();
    let wanted = found(&ours);
    assert!(
        wanted
            .iter()
            .any(|line| line.starts_with("srv/sub/deep f 644 0:0")),
        "{wanted:?}"
    );

    // docker: the ID, what it says, and the files as it exports them.
    docker.run(&["load", "-i", &saved]);
    let field = |format: &str| docker.run(&["image", "inspect", "--format", format, "made:1"]);
    assert_eq!(field("{{.Id}}"), id);
    assert_eq!(field("{{.Author}} {{.Comment}}"), "Ada by hand");
    assert!(field("{{.Config.Env}}").contains("MORE=1"));
    docker.run(&["create", "--name", "made", "made:1"]);
    let exported = workshop.path().join("exported.tar").display().to_string();
    docker.run(&["export", "-o", &exported, "made"]);
    let theirs = workshop.path().join("docker");
    extract(&exported, &theirs);
    let theirs: Vec<String> = found(&theirs)
        .into_iter()
        .filter(|line| !is_docker(&format!("/{}", line.split(' ').next().unwrap_or_default())))
        .collect();
    // docker makes its mount points in etc, which changes that folder's time.
    let but_etc = |lines: &[String]| -> Vec<String> {
        lines
            .iter()
            .filter(|line| !line.starts_with("etc d "))
            .cloned()
            .collect()
    };
    assert_eq!(but_etc(&theirs), but_etc(&wanted));

    // And our own export of the container is the same again.
    let exported = workshop.path().join("own.tar").display().to_string();
    let told = lab.json(&["export", "-o", &exported, "web"]);
    let size = std::fs::metadata(&exported).expect("a file").len();
    assert_eq!(told["written_bytes"], size);
    assert_eq!(
        lab.run(&["export", "--json", "web"]).ended(2).error()["code"],
        "usage"
    );
    let own = workshop.path().join("own");
    extract(&exported, &own);
    assert_eq!(found(&own), wanted);

    // podman.
    workshop.run(Tool::Podman, &["load", "-i", "saved.tar"]);
    let inspected = workshop.run(
        Tool::Podman,
        &[
            "image",
            "inspect",
            "--format",
            "{{.Id}} {{.Author}}",
            "made:1",
        ],
    );
    assert_eq!(
        inspected,
        format!("{} Ada", id.trim_start_matches("sha256:"))
    );
    let root = workshop.run(Tool::Podman, &["create", "--name", "made", "made:1"]);
    assert!(!root.is_empty());
    let mounted = workshop.run(Tool::Podman, &["mount", "made"]);
    assert_eq!(found(Path::new(&mounted)), wanted);

    // umoci, from the store's folder as it lies there.
    let image = format!("{}:docker.io/library/made:1", lab.store().display());
    workshop.run(Tool::Umoci, &["unpack", "--image", &image, "bundle"]);
    assert_eq!(found(&workshop.path().join("bundle/rootfs")), wanted);
    lab.run(&["check", "--read-data"]).ok();
}

fn extract(tar: &str, folder: &Path) {
    std::fs::create_dir(folder).expect("a folder");
    let status = Command::new("tar")
        .args(["--numeric-owner", "-xpf", tar, "-C"])
        .arg(folder)
        .status()
        .expect("tar is there");
    assert!(status.success());
}

#[test]
fn a_tar_goes_in_and_out_and_what_is_no_container_is_said() {
    let (lab, _) = Lab::with_app();
    lab.pull("app:1");
    let app = lab.at("app:1");
    let id = lab.run(&["create", &app]).ok().out.trim().to_owned();
    let list = lab.json(&["ps", "-a"]);
    assert_eq!(list[0]["id"], id.as_str());
    assert_eq!(list[0]["status"], "created");
    assert_eq!(list[0]["exit_code"], Value::Null);
    assert_eq!(lab.json(&["ps"]), json!([]), "none runs");
    let name = list[0]["name"].as_str().expect("a name").to_owned();
    assert_eq!(lab.run(&["ps", "-aq"]).ok().out.trim(), &id[..12]);

    let folder = files(&lab);
    let packed = Command::new("tar")
        .args(["-czf", "-", "-C"])
        .arg(&folder)
        .args(["page", "sub"])
        .output()
        .expect("tar is there");
    let mut child = lab
        .command(&["cp", "-", &format!("{name}:/usr")])
        .stdin(Stdio::piped())
        .spawn()
        .expect("strata starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), &packed.stdout)
        .expect("it reads");
    assert!(child.wait().expect("it ends").success());
    let out = lab
        .command(&["cp", &format!("{}:/usr/sub", &id[..8]), "-"])
        .output()
        .expect("strata starts");
    let path = lab.path("out.tar");
    std::fs::write(&path, out.stdout).expect("a file");
    let listed = Command::new("tar")
        .arg("-tf")
        .arg(&path)
        .output()
        .expect("tar");
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "sub/\nsub/deep\n");

    // An image's name is still an image's.
    lab.run(&["cp", &format!("{app}:/app"), "from-image"]).ok();
    for (arguments, code) in [
        (vec!["cp", "files", &format!("{app}:/x")], 1),
        (vec!["cp", "files", "none:/x"], 1),
        (vec!["cp", "files", "elsewhere"], 2),
        (vec!["diff", "none"], 1),
        (vec!["commit", "none"], 1),
        (vec!["commit", &name, "UPPER:x"], 2),
        (vec!["create", "none:1"], 1),
        (vec!["create", "--name", &name, &app], 1),
        (vec!["rm", "none"], 1),
        (vec!["edit", &name, "rm", "/none"], 1),
        (vec!["edit", &name, "chmod", "999", "/usr"], 2),
    ] {
        let told = arguments.join(" ");
        let ran = lab.run(&[&arguments[..], &["--json"]].concat());
        assert_eq!(ran.code, code, "{told}: {}", ran.err);
    }
    lab.run(&["rm", "-f", "none", &name]).ok();
    assert_eq!(lab.json(&["ps", "-a"]), json!([]));
    lab.run(&["check"]).ok();
}

#[test]
fn a_full_disk_in_a_commit_leaves_container_and_store_as_they_were() {
    let (lab, _) = Lab::with_app();
    let app = lab.at("app:1");
    let noise: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    std::fs::write(lab.path("noise"), noise).expect("a file");
    std::fs::create_dir(lab.store()).expect("a folder");
    let noise = lab.path("noise").display().to_string();
    let script = format!(
        "mount -t tmpfs -o size=24m tmpfs \"$STRATA_STORE\"
         $STRATA pull -q {app} >/dev/null
         $STRATA create --name web {app} >/dev/null
         $STRATA cp -q {noise} web:/noise
         if $STRATA --json cp {noise} web:/more 2>\"$HOME/error\"; then echo copied; fi
         sed 's/.*\"code\":\"\\([a-z_]*\\)\".*/\\1/' \"$HOME/error\"
         if $STRATA --json commit web made:1 2>\"$HOME/error\"; then echo made; fi
         sed 's/.*\"code\":\"\\([a-z_]*\\)\".*/\\1/' \"$HOME/error\"
         $STRATA diff web
         $STRATA images --format '{{{{.Repository}}}}' | wc -l
         $STRATA check --read-data >/dev/null
         ls \"$STRATA_STORE/ingest\" | wc -l"
    );
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-euc", &script])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", lab.path("home"))
        .env("STRATA_STORE", lab.store())
        .env("STRATA", env!("CARGO_BIN_EXE_strata"))
        .output()
        .expect("unshare is a part of util-linux");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let out = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        ["disk_full", "disk_full", "A /noise", "1", "0"],
        "{said}"
    );
}
