//! What a commit writes.

use std::path::PathBuf;
use std::sync::Mutex;

use engine::{
    CommitRequest, ContainerEdit, Event, LayerCompression, NoProgress, Progress, PruneRequest,
    RemovalRequest, Selector,
};
use jiff::Timestamp;
use serde_json::Value;
use testkit::ImageBuilder;

use super::{
    changes, config, container_listing, create, edit, entries, image_listing, made, manifest_type,
    names, remove, write,
};
use crate::lab::Lab;

/// Notes what the names in the store were when a verb said that it records.
struct AtRecording {
    index: PathBuf,
    seen: Mutex<Vec<String>>,
}

impl Progress for AtRecording {
    fn report(&self, event: Event) {
        if event == Event::Recording {
            let names = std::fs::read_to_string(&self.index).unwrap();
            self.seen.lock().unwrap().push(names);
        }
    }
}

#[tokio::test]
async fn what_is_made_is_not_to_be_seen_before_the_commit_says_so() {
    let lab = Lab::new().await;
    let web = made(&lab, "web").await;
    let progress = AtRecording {
        index: lab.store().join("index.json"),
        seen: Mutex::default(),
    };
    let request = CommitRequest {
        name: Some("made:1".parse().unwrap()),
        ..CommitRequest::new(web.id.clone())
    };
    lab.engine.commit(request, &progress).await.unwrap();
    let name = "docker.io/library/made:1";
    let seen = progress.seen.into_inner().unwrap();
    let [before] = seen.as_slice() else {
        panic!("{seen:?}");
    };
    assert!(!before.contains(name), "{before}");
    let after = std::fs::read_to_string(progress.index).unwrap();
    assert!(after.contains(name), "{after}");
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
async fn a_history_that_tells_of_too_few_layers_is_filled_up() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let step = serde_json::json!({"created_by": "first"});
    let short = ImageBuilder::new()
        .files([("a", "b")])
        .files([("c", "d")])
        .history(vec![step])
        .build();
    let reference = lab.registry.push("team/short:1", &short);
    lab.pull(&reference).await.unwrap();
    let web = create(engine, &reference.to_string(), "web").await;
    edit(engine, &web, vec![write("e", "f")]).await;
    let request = CommitRequest {
        message: Some("mine".into()),
        ..CommitRequest::new(web.id.clone())
    };
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    let history = config(engine, committed.id.as_str()).await["history"].clone();
    let comments: Vec<&Value> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["comment"])
        .collect();
    assert_eq!(comments, [&Value::Null, &Value::Null, &"mine".into()]);
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
