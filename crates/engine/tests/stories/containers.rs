//! Working containers: what is changed is what is committed, and nothing else.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use engine::{
    CommitRequest, Container, ContainerEdit, CopyOptions, CopySource, CreateRequest, Engine, Error,
    FileChange, FileKind, FileQuery, ImageFiles, LayerCompression, MovePolicy, NoProgress,
    PruneRequest, RemovalRequest, Selector, TarTarget,
};
use jiff::Timestamp;
use layer::{Decompressor, EntryKind, FileIndex};
use proptest::prelude::*;
use serde_json::Value;
use testkit::{Image, ImageBuilder, Layer};

use crate::lab::{Lab, check, open};

fn image() -> Image {
    ImageBuilder::new()
        .layer(
            Layer::new()
                .folder("etc")
                .file("etc/passwd", "root:x:0:0\n")
                .file("etc/motd", "hello\n")
                .folder("usr")
                .folder("usr/lib")
                .file("usr/lib/one", "1111")
                .hardlink("usr/lib/same", "usr/lib/one")
                .symlink("lib", "usr/lib")
                .symlink("abs", "/etc"),
        )
        .layer(Layer::new().file("usr/lib/two", "2").whiteout("etc/motd"))
        .platform("linux/amd64/v2")
        .author("Base")
        .build()
}

async fn made(lab: &Lab, name: &str) -> Container {
    let reference = lab.registry.push("team/base:1", &image());
    lab.pull(&reference).await.unwrap();
    create(&lab.engine, &reference.to_string(), name).await
}

async fn create(engine: &Engine, image: &str, name: &str) -> Container {
    let request = CreateRequest {
        image: Selector::from(image),
        name: Some(name.to_owned()),
    };
    engine.create_container(request).await.unwrap()
}

fn write(path: &str, bytes: &str) -> ContainerEdit {
    ContainerEdit::Write {
        path: path.into(),
        bytes: bytes.into(),
    }
}

fn remove(path: &str) -> ContainerEdit {
    ContainerEdit::Remove { path: path.into() }
}

async fn edit(engine: &Engine, container: &Container, edits: Vec<ContainerEdit>) {
    engine.edit_container(&container.id, edits).await.unwrap();
}

async fn changes(engine: &Engine, container: &Container) -> Vec<String> {
    let found = engine.container_changes(&container.id).await.unwrap();
    found
        .iter()
        .map(|change| {
            let letter = match change.change {
                FileChange::Added => 'A',
                FileChange::Changed => 'C',
                FileChange::Removed => 'D',
            };
            format!("{letter} {}", String::from_utf8_lossy(&change.path))
        })
        .collect()
}

/// Everything that can be told of the files, with their contents.
fn listing(files: &ImageFiles) -> Vec<String> {
    let page = files.below(b"/", FileQuery::default()).unwrap();
    page.rows
        .iter()
        .map(|row| {
            let mut content = Vec::new();
            if matches!(row.kind, FileKind::File | FileKind::HardLink) {
                let mut reader = files.read(&row.path).unwrap();
                reader.read_to_end(&mut content).unwrap();
            }
            format!(
                "{:?} {} {:o} {}:{} {} {:?} {:?} {:?}",
                String::from_utf8_lossy(&row.path),
                row.kind.as_str(),
                row.mode,
                row.uid,
                row.gid,
                row.size,
                row.modified,
                row.link,
                content
            )
        })
        .collect()
}

async fn container_listing(engine: &Engine, container: &Container) -> Vec<String> {
    listing(&engine.container_files(&container.id).await.unwrap())
}

async fn image_listing(engine: &Engine, id: &str) -> Vec<String> {
    listing(&engine.files(&Selector::from(id)).await.unwrap())
}

/// The names in a layer, as they stand in its tar.
fn names(store: &Path, layer: &oci::Digest) -> Vec<String> {
    entries(store, layer)
        .into_iter()
        .map(|entry| match entry.kind {
            EntryKind::HardLink => format!(
                "{} => {}",
                String::from_utf8_lossy(&entry.path),
                String::from_utf8_lossy(&entry.link_target)
            ),
            _ => String::from_utf8_lossy(&entry.path).into_owned(),
        })
        .collect()
}

fn entries(store: &Path, layer: &oci::Digest) -> Vec<layer::Entry> {
    let blob = std::fs::File::open(store.join("blobs/sha256").join(layer.hex())).unwrap();
    let mut index = Vec::new();
    layer::scan(Decompressor::new(blob).unwrap(), &mut index).unwrap();
    let mut index = FileIndex::open(index.as_slice()).unwrap();
    let mut found = Vec::new();
    let mut entry = layer::FileEntry::default();
    while index.read_into(&mut entry).unwrap() {
        found.push(entry.entry.clone());
    }
    found
}

async fn config(engine: &Engine, id: &str) -> Value {
    let documents = engine
        .documents(&Selector::from(id))
        .await
        .unwrap()
        .into_iter()
        .find(|document| document.kind == engine::DocumentKind::Config)
        .unwrap();
    serde_json::from_slice(&documents.bytes).unwrap()
}

async fn manifest_type(engine: &Engine, id: &str) -> oci::MediaType {
    let documents = engine.documents(&Selector::from(id)).await.unwrap();
    let manifest = documents
        .into_iter()
        .find(|document| document.kind == engine::DocumentKind::Manifest);
    manifest.unwrap().media_type
}

#[tokio::test]
async fn the_new_layer_has_what_was_changed_in_the_order_that_every_reader_takes() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(
        engine,
        &web,
        vec![
            write("lib/new", "through a link"),
            write("etc/passwd", "root:x:0:0\nada:x:1:1\n"),
            remove("usr/lib/two"),
            ContainerEdit::MakeFolder {
                path: b"srv/www/html".to_vec(),
                parents: true,
            },
            ContainerEdit::Symlink {
                path: b"srv/latest".to_vec(),
                target: b"www/html".to_vec(),
            },
            ContainerEdit::SetMode {
                path: b"usr/lib/one".to_vec(),
                mode: 0o600,
            },
            ContainerEdit::SetOwner {
                path: b"srv/www".to_vec(),
                uid: 33,
                gid: 34,
            },
        ],
    )
    .await;
    assert_eq!(
        changes(engine, &web).await,
        [
            "C etc",
            "C etc/passwd",
            "A srv",
            "A srv/latest",
            "A srv/www",
            "A srv/www/html",
            "C usr",
            "C usr/lib",
            "A usr/lib/new",
            "C usr/lib/one",
            "D usr/lib/two",
        ]
    );
    let request = CommitRequest {
        name: Some("team/app:2".parse().unwrap()),
        message: Some("a message".into()),
        author: Some("Ada".into()),
        changes: vec!["ENV MORE=$PATH:/x".into(), "WORKDIR srv".into()],
        ..CommitRequest::new(web.id.clone())
    };
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    let layer = committed.layer.clone().unwrap();
    assert_eq!(
        names(&lab.store(), &layer),
        [
            "etc/",
            "etc/passwd",
            "srv/",
            "srv/latest",
            "srv/www/",
            "srv/www/html/",
            "usr/",
            "usr/lib/",
            "usr/lib/.wh.two",
            "usr/lib/new",
            "usr/lib/one",
        ]
    );
    let entries = entries(&lab.store(), &layer);
    let of = |path: &str| {
        entries
            .iter()
            .find(|entry| entry.path == path.as_bytes())
            .unwrap()
    };
    assert_eq!(
        of("etc/").modified.seconds,
        1_704_067_200,
        "the image's own"
    );
    assert_eq!(of("usr/lib/.wh.two").modified.seconds, 0);
    assert_eq!((of("srv/www/").uid, of("srv/www/").gid), (33, 34));
    assert_eq!(of("usr/lib/one").mode, 0o600);

    let id = committed.id.to_string();
    assert_eq!(
        container_listing(engine, &web).await,
        image_listing(engine, &id).await
    );
    let config = config(engine, &id).await;
    assert_eq!(config["author"], "Ada");
    assert_eq!(config["variant"], "v2");
    let history = config["history"].as_array().unwrap();
    assert_eq!(history.len(), 3);
    assert_eq!(history[2]["comment"], "a message");
    assert_eq!(history[2]["author"], "Ada");
    assert_eq!(history[2]["created_by"], "sh");
    assert_eq!(config["config"]["WorkingDir"], "/srv");
    assert_eq!(config["config"]["Env"][1], "MORE=/usr/bin:/bin:/x");
    assert_eq!(committed.moved.len(), 1);
    lab.check().await;
}

#[tokio::test]
async fn changes_of_one_path_are_one_and_can_be_taken_back() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let before = container_listing(engine, &web).await;
    let mode = |mode| ContainerEdit::SetMode {
        path: b"etc/passwd".to_vec(),
        mode,
    };
    edit(engine, &web, vec![mode(0o600), mode(0o640), mode(0o644)]).await;
    assert!(changes(engine, &web).await.is_empty(), "as it was");

    edit(
        engine,
        &web,
        vec![write("a", "1"), write("a", "2"), remove("a")],
    )
    .await;
    assert!(changes(engine, &web).await.is_empty(), "it came and went");

    edit(
        engine,
        &web,
        vec![
            remove("usr"),
            write("usr", "a file in place of a folder"),
            remove("usr"),
            ContainerEdit::MakeFolder {
                path: b"usr".to_vec(),
                parents: false,
            },
            write("usr/mine", "x"),
        ],
    )
    .await;
    let found = container_listing(engine, &web).await;
    let below: Vec<&String> = found.iter().filter(|row| row.contains("\"usr/")).collect();
    assert_eq!(below.len(), 1, "the old content stays hidden: {found:?}");
    let request = CommitRequest::new(web.id.clone());
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    let layer = committed.layer.unwrap();
    assert_eq!(
        names(&lab.store(), &layer),
        ["usr/", "usr/.wh..wh..opq", "usr/mine"]
    );
    assert_eq!(found, image_listing(engine, committed.id.as_str()).await);

    let revert = ContainerEdit::Revert {
        path: b"usr".to_vec(),
    };
    edit(engine, &web, vec![revert.clone()]).await;
    assert_eq!(container_listing(engine, &web).await, before);
    let again = engine.edit_container(&web.id, vec![revert]).await;
    assert_eq!(again.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_renamed_folder_takes_its_content_and_its_links_along() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let rename = |from: &str, to: &str| ContainerEdit::Rename {
        from: from.into(),
        to: to.into(),
    };
    edit(engine, &web, vec![rename("usr/lib", "moved")]).await;
    let committed = engine
        .commit(CommitRequest::new(web.id.clone()), &NoProgress)
        .await
        .unwrap();
    assert_eq!(
        names(&lab.store(), &committed.layer.unwrap()),
        [
            "moved/",
            "moved/one",
            "moved/same => moved/one",
            "moved/two",
            "usr/",
            "usr/.wh.lib",
        ]
    );
    assert_eq!(
        container_listing(engine, &web).await,
        image_listing(engine, committed.id.as_str()).await
    );
    edit(engine, &web, vec![rename("moved", "usr/lib")]).await;
    for (from, to, code) in [
        ("usr", "usr/lib/x", "usage"),
        ("nothing", "x", "not_found"),
        ("usr", "etc", "conflict"),
        ("usr", "none/x", "not_found"),
        ("usr", "etc/passwd/x", "not_a_folder"),
        ("/", "x", "usage"),
        ("etc", "usr/.wh.etc", "usage"),
    ] {
        let refused = engine.edit_container(&web.id, vec![rename(from, to)]).await;
        assert_eq!(refused.unwrap_err().code(), code, "{from} to {to}");
    }
    lab.check().await;
}

#[tokio::test]
async fn an_edit_that_fails_half_way_changes_nothing() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(engine, &web, vec![write("kept", "1")]).await;
    let before = container_listing(engine, &web).await;
    let refused = engine
        .edit_container(&web.id, vec![write("more", "2"), remove("nothing")])
        .await;
    assert_eq!(refused.unwrap_err().code(), "not_found");
    assert_eq!(container_listing(engine, &web).await, before);
    let folder = lab.store().join("containers").join(web.id.as_str());
    let packs = std::fs::read_dir(folder.join("content")).unwrap().count();
    assert_eq!(packs, 1, "what was written for it is gone");
}

#[tokio::test]
async fn the_same_changes_give_the_same_image_whatever_the_way_to_them() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let one = made(&lab, "one").await;
    let two = create(engine, &one.image_id.to_string(), "two").await;
    let noise: String = (0..700_000_u32).map(|n| format!("{n} ")).collect();
    edit(
        engine,
        &one,
        vec![write("big", &noise), write("etc/a", "1")],
    )
    .await;
    edit(engine, &two, vec![write("etc/a", "0"), write("x", "y")]).await;
    edit(engine, &two, vec![write("etc/a", "1"), remove("x")]).await;
    edit(engine, &two, vec![write("big", &noise)]).await;
    for compression in [LayerCompression::Gzip, LayerCompression::Zstd] {
        let mut ids = Vec::new();
        for container in [&one, &two] {
            let request = CommitRequest {
                epoch: Some(Timestamp::from_second(1_600_000_000).unwrap()),
                compression,
                ..CommitRequest::new(container.id.clone())
            };
            let committed = engine.commit(request, &NoProgress).await.unwrap();
            ids.push((committed.id, committed.target, committed.layer.unwrap()));
        }
        assert_eq!(ids[0], ids[1]);
        let latest = entries(&lab.store(), &ids[0].2)
            .iter()
            .map(|entry| entry.modified.seconds)
            .max();
        assert_eq!(latest, Some(1_600_000_000), "nothing is newer");
    }
    lab.check().await;
}

#[tokio::test]
async fn without_changes_there_is_no_layer_and_the_family_of_types_stays() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let docker = ImageBuilder::new()
        .files([("a", "b")])
        .config("OnBuild", serde_json::json!(["RUN x"]))
        .docker()
        .build();
    let reference = lab.registry.push("team/docker:1", &docker);
    lab.pull(&reference).await.unwrap();
    let web = create(engine, &reference.to_string(), "web").await;
    let request = CommitRequest {
        changes: vec!["ENTRYPOINT [\"/a\"]".into()],
        ..CommitRequest::new(web.id.clone())
    };
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    assert_eq!(committed.layer, None);
    let written = config(engine, committed.id.as_str()).await;
    let history = written["history"].as_array().unwrap();
    assert_eq!(history.last().unwrap()["empty_layer"], true);
    assert_eq!(written["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
    assert_eq!(
        written["config"]["Cmd"],
        Value::Null,
        "cleared by the entrypoint"
    );
    assert_eq!(written["config"]["OnBuild"], Value::Null);
    assert!(
        manifest_type(engine, committed.id.as_str())
            .await
            .is_docker()
    );

    edit(engine, &web, vec![write("c", "d")]).await;
    let request = CommitRequest {
        compression: LayerCompression::Zstd,
        ..CommitRequest::new(web.id.clone())
    };
    let zstd = engine.commit(request, &NoProgress).await.unwrap();
    assert!(!manifest_type(engine, zstd.id.as_str()).await.is_docker());
    lab.check().await;
}

#[tokio::test]
async fn only_what_was_chosen_goes_in_with_the_folders_that_it_needs() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(
        engine,
        &web,
        vec![
            ContainerEdit::MakeFolder {
                path: b"srv/www".to_vec(),
                parents: true,
            },
            write("srv/www/in", "1"),
            write("srv/www/out", "2"),
            remove("etc/passwd"),
            remove("usr/lib/two"),
        ],
    )
    .await;
    let request = CommitRequest {
        only: Some(vec![b"srv/www/in".to_vec(), b"etc".to_vec()]),
        ..CommitRequest::new(web.id.clone())
    };
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    assert_eq!(
        names(&lab.store(), &committed.layer.unwrap()),
        ["etc/", "etc/.wh.passwd", "srv/", "srv/www/", "srv/www/in"]
    );
    assert_eq!(
        changes(engine, &web).await.len(),
        9,
        "the container stays as it is"
    );
}

#[tokio::test]
async fn an_image_in_use_is_named_and_its_content_stays_for_the_container() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let reference = lab.registry.reference("team/base:1").to_string();
    let request = |force, now| RemovalRequest {
        selections: vec![Selector::from(reference.as_str())],
        images: Vec::new(),
        force,
        no_prune: false,
        now,
    };
    let plan = engine.plan_removal(&request(false, false)).await.unwrap();
    assert!(plan.deleted.is_empty());
    assert!(plan.blocked[0].reason.contains("web"), "{:?}", plan.blocked);
    let prune = PruneRequest {
        all: true,
        ..PruneRequest::default()
    };
    let plan = engine.plan_prune(&prune).await.unwrap();
    assert!(plan.deleted.is_empty(), "{plan:?}");
    let list = engine.images(&engine::ImageQuery::default()).await.unwrap();
    assert_eq!(list.images[0].in_use, ["web"]);

    let by_id = RemovalRequest {
        selections: vec![Selector::from(web.image_id.as_str())],
        ..request(true, true)
    };
    let plan = engine.plan_removal(&by_id).await.unwrap();
    assert_eq!(plan.deleted.len(), 1);
    assert_eq!(plan.freed_bytes, 0, "the container needs all of it");
    engine.execute(&plan).await.unwrap();
    let prune = PruneRequest { now: true, ..prune };
    let plan = engine.plan_prune(&prune).await.unwrap();
    engine.execute(&plan).await.unwrap();

    edit(engine, &web, vec![write("etc/more", "x"), remove("lib")]).await;
    let committed = engine
        .commit(CommitRequest::new(web.id.clone()), &NoProgress)
        .await
        .unwrap();
    assert_eq!(
        container_listing(engine, &web).await,
        image_listing(engine, committed.id.as_str()).await
    );
    lab.check().await;
    engine.remove_container(&web.id, false).await.unwrap();
    assert!(engine.containers().await.unwrap().is_empty());
    assert!(
        !lab.store()
            .join("containers")
            .join(web.id.as_str())
            .exists()
    );
    lab.check().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_nothing_changes() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(engine, &web, vec![write("x", "y")]).await;
    for (name, code) in [("web", "name_taken"), ("-x", "usage"), ("a/b", "usage")] {
        let request = CreateRequest {
            image: Selector::from(web.image_id.as_str()),
            name: Some(name.into()),
        };
        assert_eq!(
            engine.create_container(request).await.unwrap_err().code(),
            code
        );
    }
    let request = |change: &str| CommitRequest {
        changes: vec![change.into()],
        name: Some("team/app:1".parse().unwrap()),
        ..CommitRequest::new(web.id.clone())
    };
    for change in [
        "RUN x",
        "FROM x",
        "COPY a b",
        "EXPOSE none",
        "ENV",
        "SHELL [\"a\"]",
    ] {
        let refused = engine.commit(request(change), &NoProgress).await;
        assert_eq!(refused.unwrap_err().code(), "usage", "{change}");
    }
    let digest = format!("team/app@{}", web.image_id);
    let named = CommitRequest {
        name: Some(digest.parse().unwrap()),
        ..CommitRequest::new(web.id.clone())
    };
    let refused = engine.commit(named, &NoProgress).await;
    assert_eq!(refused.unwrap_err().code(), "bad_reference");
    let taken = CommitRequest {
        name: Some(lab.registry.reference("team/base:1")),
        move_policy: MovePolicy::Keep,
        ..CommitRequest::new(web.id.clone())
    };
    let refused = engine.commit(taken, &NoProgress).await;
    assert_eq!(refused.unwrap_err().code(), "name_taken");
    let edits: Vec<(ContainerEdit, &str)> = vec![
        (remove("/"), "usage"),
        (remove("etc/../.."), "usage"),
        (write("etc", "x"), "not_a_file"),
        (write("etc/.wh.x", "x"), "usage"),
        (write("etc/passwd/x", "x"), "not_a_folder"),
        (write("a\0b", "x"), "usage"),
        (
            ContainerEdit::SetMode {
                path: b"lib".to_vec(),
                mode: 0o777,
            },
            "not_a_file",
        ),
    ];
    for (refused, code) in edits {
        let told = format!("{refused:?}");
        let error = engine.edit_container(&web.id, vec![refused]).await;
        assert_eq!(error.unwrap_err().code(), code, "{told}");
    }
    assert_eq!(changes(engine, &web).await, ["A x"]);
    assert_eq!(lab.names().await.len(), 1);
    lab.check().await;
}

#[tokio::test]
async fn files_come_in_as_with_docker_cp_and_never_outside_of_the_root() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let host = tempfile::tempdir().unwrap();
    let tree = host.path().join("tree");
    std::fs::create_dir_all(tree.join("sub")).unwrap();
    std::fs::write(tree.join("sub/file"), "content").unwrap();
    std::fs::hard_link(tree.join("sub/file"), tree.join("twice")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", tree.join("link")).unwrap();
    let copy = async |from: &Path, to: &str| -> Result<u64, Error> {
        let source = CopySource::Path(from.to_owned());
        let copied = engine.copy_in(
            &web.id,
            source,
            to.as_bytes(),
            CopyOptions::default(),
            &|_| {},
        );
        Ok(copied.await?.files)
    };
    copy(&tree, "/srv").await.unwrap();
    copy(&tree, "/srv").await.unwrap();
    copy(&tree.join("."), "abs/").await.unwrap();
    copy(&tree.join("twice"), "lib/renamed").await.unwrap();
    copy(&tree.join("twice"), "../../../outside").await.unwrap();
    copy(&tree.join("link"), "copied-link").await.unwrap();
    assert_eq!(
        changes(engine, &web).await,
        [
            "A copied-link",
            "C etc",
            "A etc/link",
            "A etc/sub",
            "A etc/sub/file",
            "A etc/twice",
            "A outside",
            "A srv",
            "A srv/link",
            "A srv/sub",
            "A srv/sub/file",
            "A srv/tree",
            "A srv/tree/link",
            "A srv/tree/sub",
            "A srv/tree/sub/file",
            "A srv/tree/twice",
            "A srv/twice",
            "C usr",
            "C usr/lib",
            "A usr/lib/renamed",
        ]
    );
    let files = engine.container_files(&web.id).await.unwrap();
    let twice = files.look(b"srv/twice").unwrap();
    assert_eq!(twice.kind, FileKind::HardLink);
    assert_eq!((twice.uid, twice.gid), (0, 0), "root's");
    assert_eq!(files.look(b"copied-link").unwrap().kind, FileKind::Symlink);
    for (from, to, code) in [
        (tree.join("none"), "/x", "io"),
        (tree.clone(), "/etc/passwd", "conflict"),
        (tree.join("twice"), "/none/", "not_found"),
        (tree.join("twice"), "/none/x", "not_found"),
        (tree.join("twice"), "/etc/passwd/", "not_a_folder"),
        (tree.join("twice/"), "/x", "io"),
    ] {
        let refused = copy(&from, to).await.unwrap_err();
        assert_eq!(refused.code(), code, "{from:?} to {to}");
    }
    // Out again: the whole of it, and what a tar of it holds goes back in.
    let out = host.path().join("out");
    files
        .copy_out(b"srv/tree", &out, CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(out.join("sub/file")).unwrap(),
        "content"
    );
    let tar = host.path().join("tree.tar");
    engine
        .copy_out_tar(&web.id, b"srv/tree", TarTarget::File(tar.clone()), &|_| {})
        .await
        .unwrap();
    let source = CopySource::Tar(Box::new(std::fs::File::open(&tar).unwrap()));
    engine
        .copy_in(&web.id, source, b"/usr/", CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    let files = engine.container_files(&web.id).await.unwrap();
    assert_eq!(
        files.look(b"usr/tree/twice").unwrap().kind,
        FileKind::HardLink
    );
    lab.check().await;
}

#[tokio::test]
async fn what_a_program_changed_comes_in_as_a_layer_without_mounts_and_stubs() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(engine, &web, vec![write("etc/mine", "1")]).await;
    let upper = Layer::new()
        .file(".dockerenv", "")
        .folder("etc")
        .file("etc/hosts", "")
        .file("etc/hostname", "kept, because it is not empty")
        .whiteout("etc/passwd")
        .whiteout("etc/mine")
        .folder("proc")
        .file("proc/1", "x")
        .folder("data")
        .file("data/volume", "x")
        .folder("usr")
        .folder("usr/lib")
        .file("usr/lib/.wh..wh..opq", "")
        .file("usr/lib/three", "3")
        .hardlink("usr/lib/four", "usr/lib/three");
    let source = CopySource::Layer {
        tar: Box::new(std::io::Cursor::new(upper.tar())),
        without: vec![b"data".to_vec()],
    };
    engine
        .copy_in(&web.id, source, b"/", CopyOptions::default(), &|_| {})
        .await
        .unwrap();
    let found = changes(engine, &web).await;
    assert_eq!(
        found,
        [
            "C etc",
            "A etc/hostname",
            "D etc/passwd",
            "A proc",
            "C usr",
            "C usr/lib",
            "A usr/lib/four",
            "A usr/lib/three",
        ]
    );
    let committed = engine
        .commit(CommitRequest::new(web.id.clone()), &NoProgress)
        .await
        .unwrap();
    assert_eq!(
        container_listing(engine, &web).await,
        image_listing(engine, committed.id.as_str()).await
    );
}

#[tokio::test]
async fn a_lost_database_and_a_torn_log_lose_no_edit_that_was_whole() {
    let lab = Lab::new().await;
    let web = made(&lab, "web").await;
    let engine = &lab.engine;
    edit(engine, &web, vec![write("etc/a", "1")]).await;
    engine
        .configure_container(&web.id, &["ENV A=b".into()])
        .await
        .unwrap();
    let before = container_listing(engine, &web).await;
    let log = lab
        .store()
        .join("containers")
        .join(web.id.as_str())
        .join("changes");
    let mut bytes = std::fs::read(&log).unwrap();
    let whole = bytes.len();
    bytes.extend_from_slice(b"0123456789abcdef [[\"half\",");
    std::fs::write(&log, &bytes).unwrap();
    assert_eq!(container_listing(engine, &web).await, before);
    edit(engine, &web, vec![write("etc/b", "2")]).await;
    let before = container_listing(engine, &web).await;

    let store = lab.store();
    let Lab {
        registry,
        engine,
        folder,
    } = lab;
    drop(engine);
    std::fs::remove_file(store.join("strata.db")).unwrap();
    let engine = open(&store).await;
    assert!(engine.status().recovered.is_some());
    let again = engine.container("web").await.unwrap();
    assert_eq!(again.id, web.id);
    assert_eq!(container_listing(&engine, &again).await, before);
    let kept = engine.container_config(&again.id).await.unwrap();
    assert!(kept.env.unwrap().contains(&"A=b".to_owned()));
    check(&engine).await;

    // A line in the middle that was altered is damage, and is said.
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[whole / 2] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    let error = engine.container_changes(&again.id).await.unwrap_err();
    assert_eq!(error.code(), "container_damaged");
    let report = engine
        .check(engine::CheckOptions::default(), &NoProgress)
        .await
        .unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert_eq!(report.problems[0].kind, "container");
    drop((registry, folder));
}

/// A file system as a table, changed as programs would change it.
#[derive(Clone, Default)]
struct Model(BTreeMap<String, (FileKind, u32, u32, String)>);

#[derive(Clone, Debug)]
enum Step {
    Folder(String),
    Write(String, u8),
    Link(String),
    Rename(String, String),
    Remove(String),
    Mode(String, u32),
    Owner(String, u32),
}

impl Step {
    fn edit(&self) -> ContainerEdit {
        let bytes = |path: &String| path.clone().into_bytes();
        match self {
            Step::Folder(path) => ContainerEdit::MakeFolder {
                path: bytes(path),
                parents: false,
            },
            Step::Write(path, text) => write(path, &text.to_string()),
            Step::Link(path) => ContainerEdit::Symlink {
                path: bytes(path),
                target: b"nowhere/at/all".to_vec(),
            },
            Step::Rename(from, to) => ContainerEdit::Rename {
                from: bytes(from),
                to: bytes(to),
            },
            Step::Remove(path) => remove(path),
            Step::Mode(path, mode) => ContainerEdit::SetMode {
                path: bytes(path),
                mode: *mode,
            },
            Step::Owner(path, uid) => ContainerEdit::SetOwner {
                path: bytes(path),
                uid: *uid,
                gid: 0,
            },
        }
    }
}

impl Model {
    fn kind(&self, path: &str) -> Option<FileKind> {
        self.0.get(path).map(|found| found.0)
    }

    fn has_folder_for(&self, path: &str) -> bool {
        match path.rsplit_once('/') {
            None => true,
            Some((folder, _)) => self.kind(folder) == Some(FileKind::Folder),
        }
    }

    /// Does the step and tells whether it could be done; `None` for one that means something else here.
    fn step(&mut self, step: &Step) -> Option<bool> {
        let free =
            |model: &Self, path: &str| model.has_folder_for(path) && model.kind(path).is_none();
        Some(match step {
            Step::Folder(path) | Step::Link(path) if !free(self, path) => false,
            Step::Folder(path) => {
                let made = (FileKind::Folder, 0o755, 0, String::new());
                self.0.insert(path.clone(), made);
                true
            }
            Step::Link(path) => {
                let made = (FileKind::Symlink, 0o777, 0, String::new());
                self.0.insert(path.clone(), made);
                true
            }
            Step::Write(path, text) => match self.kind(path) {
                _ if !self.has_folder_for(path) => false,
                Some(FileKind::Symlink) => return None,
                Some(FileKind::Folder) => false,
                _ => {
                    let made = (FileKind::File, 0o644, 0, String::new());
                    self.0.entry(path.clone()).or_insert(made).3 = text.to_string();
                    true
                }
            },
            Step::Rename(from, to) => {
                let inside = format!("{from}/");
                if self.kind(from).is_none() || !free(self, to) || to.starts_with(&inside) {
                    return Some(false);
                }
                let moving: Vec<String> = self
                    .0
                    .keys()
                    .filter(|path| *path == from || path.starts_with(&inside))
                    .cloned()
                    .collect();
                for path in moving {
                    if let Some(found) = self.0.remove(&path) {
                        self.0.insert(format!("{to}{}", &path[from.len()..]), found);
                    }
                }
                true
            }
            Step::Remove(path) => {
                let inside = format!("{path}/");
                let there = self.0.remove(path).is_some();
                self.0.retain(|other, _| !other.starts_with(&inside));
                there
            }
            Step::Mode(path, mode) => match self.0.get_mut(path) {
                Some(found) if found.0 != FileKind::Symlink => {
                    found.1 = *mode;
                    true
                }
                _ => false,
            },
            Step::Owner(path, uid) => match self.0.get_mut(path) {
                Some(found) => {
                    found.2 = *uid;
                    true
                }
                None => false,
            },
        })
    }

    fn of(files: &ImageFiles) -> Self {
        let page = files.below(b"/", FileQuery::default()).unwrap();
        let rows = page.rows.iter().map(|row| {
            let mut content = String::new();
            if row.kind == FileKind::File {
                let mut reader = files.read(&row.path).unwrap();
                reader.read_to_string(&mut content).unwrap();
            }
            let path = String::from_utf8(row.path.clone()).unwrap();
            let uid = u32::try_from(row.uid).unwrap();
            (path, (row.kind, row.mode, uid, content))
        });
        Self(rows.collect())
    }
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => path().prop_map(Step::Folder),
        4 => (path(), any::<u8>()).prop_map(|(path, text)| Step::Write(path, text)),
        1 => path().prop_map(Step::Link),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => path().prop_map(Step::Remove),
        1 => (path(), prop_oneof![Just(0o600), Just(0o755)]).prop_map(|(path, mode)| Step::Mode(path, mode)),
        1 => (path(), 0..2_u32).prop_map(|(path, uid)| Step::Owner(path, uid)),
    ]
}

#[test]
fn whatever_is_edited_the_committed_image_has_the_containers_tree() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (lab, base) = runtime.block_on(async {
        let lab = Lab::new().await;
        let image = ImageBuilder::new()
            .layer(
                Layer::new()
                    .folder("a")
                    .folder("a/b")
                    .file("a/b/c", "abc")
                    .file("a/a", "aa")
                    .folder("b")
                    .file("b/a", "ba"),
            )
            .layer(
                Layer::new()
                    .file("c", "c")
                    .whiteout("a/a")
                    .file("b/b", "bb"),
            )
            .build();
        let reference = lab.registry.push("team/base:1", &image);
        lab.pull(&reference).await.unwrap();
        (lab, reference.to_string())
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(48));
    let batches = prop::collection::vec(prop::collection::vec(step(), 1..6), 1..6);
    runner
        .run(&batches, |batches| {
            runtime.block_on(async {
                let engine = &lab.engine;
                let container = create(engine, &base, "tried").await;
                let mut model =
                    Model::of(&engine.files(&Selector::from(base.as_str())).await.unwrap());
                for batch in &batches {
                    for step in batch {
                        let mut tried = model.clone();
                        let Some(could) = tried.step(step) else {
                            continue;
                        };
                        let done = engine
                            .edit_container(&container.id, vec![step.edit()])
                            .await;
                        assert_eq!(done.is_ok(), could, "{step:?}: {done:?}");
                        if could {
                            model = tried;
                        }
                    }
                }
                let files = engine.container_files(&container.id).await.unwrap();
                assert_eq!(Model::of(&files).0, model.0);
                let committed = engine
                    .commit(CommitRequest::new(container.id.clone()), &NoProgress)
                    .await
                    .unwrap();
                let id = Selector::from(committed.id.as_str());
                let image = engine.files(&id).await.unwrap();
                assert_eq!(listing(&files), listing(&image));
                // Taking everything back gives the image again.
                let tops = engine.container_changes(&container.id).await.unwrap();
                let tops = tops.iter().filter(|change| !change.path.contains(&b'/'));
                let back = tops.map(|change| ContainerEdit::Revert {
                    path: change.path.clone(),
                });
                edit(engine, &container, back.collect()).await;
                assert!(changes(engine, &container).await.is_empty());
                engine.remove_container(&container.id, false).await.unwrap();
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(lab.check());
}
