//! What a container changed, and unpacking what it stands on.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use runtime::{ChangedKind, ChangedPath, Finding, Mount, Probe, RunOptions, Settings};

use crate::lab::{Lab, end, shell, stories};

/// Tells all changes, with the content of files.
async fn changes(lab: &Lab) -> BTreeMap<String, (ChangedPath, String)> {
    let mut changes = lab
        .runtime
        .changes(&lab.container(), true)
        .await
        .expect("tells");
    let mut found = BTreeMap::new();
    while let Some(path) = changes.next_path().expect("tells") {
        let mut content = String::new();
        changes.read_to_string(&mut content).expect("reads");
        let name = String::from_utf8_lossy(&path.path).into_owned();
        assert!(found.insert(name, (path, content)).is_none(), "told once");
    }
    found
}

fn names(changes: &BTreeMap<String, (ChangedPath, String)>) -> Vec<&str> {
    changes
        .keys()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
        .collect()
}

stories! {
    async fn everything_that_changed_is_told(lab: Lab) {
        let line = "set -e; echo -n hello > /new; chown 33:50 /new; chmod 4755 /new; ln /new /tmp/link; ln -s a/b /sym; mkfifo /pipe; \
            rm /etc/group; echo more >> /etc/passwd; mkdir -m 1700 /dir; mkdir /dir/sub; touch -d @1000000000 /dir/sub/old; \
            rm -r /home; mkdir /home; echo x > /home/x; rm -r /tmp/link; ln /new /zlink";
        let outcome = lab.shell(line).await;
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let changes = changes(&lab).await;
        assert_eq!(names(&changes), [
            "dir", "dir/sub", "dir/sub/old", "etc", "etc/group", "etc/passwd", "home", "home/x", "new", "pipe", "sym", "tmp", "zlink",
        ], "no place that something was mounted on");
        let (new, content) = &changes["new"];
        assert_eq!((new.uid, new.gid, new.mode, content.as_str()), (33, 50, 0o4755, "hello"));
        assert_eq!(new.kind, ChangedKind::File { size: 5 });
        assert_eq!(changes["zlink"].0.kind, ChangedKind::HardLink { to: b"new".to_vec() });
        assert_eq!(changes["sym"].0.kind, ChangedKind::Symlink { target: b"a/b".to_vec() });
        assert_eq!(changes["pipe"].0.kind, ChangedKind::Pipe);
        assert_eq!(changes["etc/group"].0.kind, ChangedKind::Deleted);
        assert!(changes["etc/passwd"].1.ends_with("more\n"));
        assert_eq!(changes["home"].0.kind, ChangedKind::Folder { opaque: true });
        assert_eq!((changes["dir"].0.mode, changes["dir/sub/old"].0.modified), (0o1700, (1_000_000_000, 0)));
        assert_eq!(changes["etc"].0.kind, ChangedKind::Folder { opaque: false });
    }

    async fn a_container_that_only_ran_changed_nothing(lab: Lab) {
        std::fs::remove_dir_all(lab.root.join("etc")).expect("goes");
        std::fs::create_dir(lab.root.join("etc")).expect("a folder");
        let mounts = vec![Mount::memory("/m").expect("one"), Mount::parse("/v/deep").expect("one")];
        let options = RunOptions { mounts, user: Some("0".to_owned()), ..shell("echo x > /m/x; echo x > /v/deep/x; hostname") };
        let outcome = lab.run(&options).await.expect("starts");
        assert_eq!(outcome.code, 0, "{outcome:?}");
        let told = changes(&lab).await;
        assert!(names(&told).iter().all(|name| *name == "etc"), "{:?}", names(&told));
        let options = RunOptions { user: Some("0".to_owned()), ..shell("echo x > /v/own") };
        assert_eq!(end(lab.start(&options).await.expect("starts")).await.code, 0);
        let told = changes(&lab).await;
        assert_eq!(names(&told), ["etc", "v", "v/own"], "what was a mere place holds something now");
    }

    async fn changes_can_be_told_while_it_runs_and_in_part(lab: Lab) {
        let running = lab.start(&shell("seq 1 200000 > /big; echo x > /small; sleep 1000")).await.expect("starts");
        while !lab.container().join("upper/small").exists() {
            tokio::task::yield_now().await;
        }
        let mut told = lab.runtime.changes(&lab.container(), true).await.expect("tells");
        while let Some(path) = told.next_path().expect("tells") {
            if path.path == b"big" {
                let mut start = [0; 4];
                told.read_exact(&mut start).expect("reads");
                assert_eq!(&start, b"1\n2\n");
            }
        }
        let mut told = lab.runtime.changes(&lab.container(), false).await.expect("tells");
        let mut count = 0;
        while told.next_path().expect("tells").is_some() {
            count += 1;
        }
        assert!(count >= 2);
        drop(lab.runtime.changes(&lab.container(), true).await.expect("tells"));
        running.control().signal(9).await.expect("is there");
        assert_eq!(end(running).await.code, 137);
    }

    async fn an_image_is_unpacked_once_with_its_owners(lab: Lab) {
        let (chain, layers) = packed(&lab);
        let root = lab.runtime.unpack(&chain, layers.clone(), &|_| ()).await.expect("unpacks");
        let again = lab.runtime.unpack(&chain, Vec::new(), &|_| ()).await.expect("is there");
        assert_eq!(root, again);
        let mut start = lab.start_of(&shell("stat -c '%u %g %a' /bin /etc/passwd; cat /etc/passwd | wc -l"));
        start.lower = vec![root.clone()];
        let outcome = end(Box::pin(lab.runtime.start(start)).await.expect("starts")).await;
        assert_eq!(outcome.output, "0 0 755\n33 50 640\n2\n", "{outcome:?}");
        let left = std::fs::read_dir(root.parent().expect("a folder")).expect("reads").count();
        assert_eq!(left, 1, "nothing unfinished is left");
        let damaged = vec![(lab.root.join("etc/group"), layers[0].1.clone())];
        let other = oci::Digest::sha256(b"other");
        let error = lab.runtime.unpack(&other, damaged, &|_| ()).await.expect_err("is no layer");
        assert!(matches!(error, runtime::Error::Failure(runtime::Failure::Unpack { .. })), "{error}");
        assert_eq!(std::fs::read_dir(root.parent().expect("a folder")).expect("reads").count(), 1);
        lab.runtime.remove(&root).await.expect("goes");
        assert!(!root.exists());
    }

    async fn a_layer_on_top_removes_and_hides(lab: Lab) {
        let edits = lab.folder.path().join("edits");
        for folder in ["etc", "home", "tmp"] {
            std::fs::create_dir_all(edits.join(folder)).expect("a folder");
        }
        for mark in ["etc/.wh.group", "home/.wh..wh..opq", "home/new", "tmp/.wh.tmp"] {
            std::fs::write(edits.join(mark), "").expect("a file");
        }
        std::fs::write(edits.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("a file");
        let blob = lab.folder.path().join("edits.tar");
        let tar = std::process::Command::new("tar")
            .args(["--owner=0", "--group=0", "-cf"])
            .arg(&blob)
            .arg("-C")
            .arg(&edits)
            .arg(".")
            .status();
        assert!(tar.expect("tar runs").success());
        let index = lab.folder.path().join("edits.index");
        let out = std::fs::File::create(&index).expect("a file");
        layer::scan(std::fs::File::open(&blob).expect("a file"), out).expect("a layer");
        let target = lab.folder.path().join("top");
        lab.runtime.unpack_layer(blob, index, &target).await.expect("unpacks");
        let mut start = lab.start_of(&shell("ls /etc/group /tmp/.wh.tmp; ls -A /home; cat /etc/passwd; rm /home/new"));
        start.lower.insert(0, target.clone());
        let outcome = end(Box::pin(lab.runtime.start(start)).await.expect("starts")).await;
        assert_eq!(outcome.output, "new\nroot:x:0:0::/:/bin/sh\n", "{outcome:?}");
        let told = changes(&lab).await;
        assert_eq!(told["home/new"].0.kind, ChangedKind::Deleted);
        lab.runtime.remove(&target).await.expect("goes");
    }

    async fn unfinished_and_unused_files_are_swept(lab: Lab) {
        let (chain, layers) = packed(&lab);
        let root = lab.runtime.unpack(&chain, layers, &|_| ()).await.expect("unpacks");
        let roots = root.parent().expect("a folder").to_owned();
        std::fs::create_dir_all(roots.join("abc.999999999.new/x")).expect("a folder");
        lab.runtime.sweep(&|_| true).await.expect("sweeps");
        assert_eq!(std::fs::read_dir(&roots).expect("reads").count(), 1);
        let mut start = lab.start_of(&shell("sleep 1000"));
        start.lower = vec![root.clone()];
        let running = Box::pin(lab.runtime.start(start)).await.expect("starts");
        lab.runtime.sweep(&|_| false).await.expect("sweeps");
        assert!(root.exists(), "a container stands on it");
        running.control().signal(9).await.expect("is there");
        end(running).await;
        lab.runtime.sweep(&|_| false).await.expect("sweeps");
        assert!(!root.exists());
    }

    async fn the_probe_finds_that_it_works(lab: Lab) {
        let settings = |path: &str| Settings {
            path: path.into(),
            monitor: lab.monitor.clone(),
            volumes: PathBuf::new(),
            roots: PathBuf::new(),
        };
        let probe = Probe::take(settings("/usr/bin:/usr/sbin"), lab.folder.path()).await.expect("is taken");
        assert!(probe.can_run(), "{:?}", probe.findings);
        assert!(probe.findings.iter().all(|finding| !finding.prevents() && !finding.remedy().is_empty()));
        assert!(!probe.findings.contains(&Finding::NoRanges), "{:?}", probe.findings);
        let left = std::fs::read_dir(lab.folder.path()).expect("reads").flatten();
        assert!(left.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().contains("trial")));
    }
}

/// Packs the image's files as one layer; returns its chain ID, the layer and its file index.
fn packed(lab: &Lab) -> (oci::Digest, Vec<(PathBuf, PathBuf)>) {
    let folder = lab.folder.path();
    let (blob, index) = (folder.join("layer.tar"), folder.join("layer.index"));
    let tar = std::process::Command::new("tar")
        .args(["--owner=0", "--group=0", "--numeric-owner", "-cf"])
        .arg(&blob)
        .arg("-C")
        .arg(&lab.root)
        .args(["--exclude=./etc/passwd", "."])
        .status();
    assert!(tar.expect("tar runs").success());
    let owned = std::process::Command::new("tar")
        .args([
            "--owner=33",
            "--group=50",
            "--mode=640",
            "--numeric-owner",
            "-rf",
        ])
        .arg(&blob)
        .arg("-C")
        .arg(&lab.root)
        .arg("./etc/passwd")
        .status();
    assert!(owned.expect("tar runs").success());
    let out = std::fs::File::create(&index).expect("a file");
    let (_, facts) =
        layer::scan(std::fs::File::open(&blob).expect("a file"), out).expect("a layer");
    (facts.diff_id, vec![(blob, index)])
}
