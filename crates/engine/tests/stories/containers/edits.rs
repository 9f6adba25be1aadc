//! What an edit does, and what is refused.

use engine::{CommitRequest, ContainerEdit, CreateRequest, MovePolicy, NoProgress, Selector};

use super::{changes, container_listing, edit, image_listing, made, names, remove, write};
use crate::lab::{Lab, check, open};

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
async fn a_new_file_empties_none_that_is_there() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let make = |path: &str| {
        vec![ContainerEdit::MakeFile {
            path: path.as_bytes().to_vec(),
        }]
    };
    edit(engine, &web, make("srv-note")).await;
    assert_eq!(changes(engine, &web).await.len(), 1);
    let before = container_listing(engine, &web).await;
    for there in ["srv-note", "etc/passwd", "etc"] {
        let refused = engine.edit_container(&web.id, make(there)).await;
        assert_eq!(refused.unwrap_err().code(), "conflict", "{there}");
    }
    assert_eq!(container_listing(engine, &web).await, before);
    // Nothing was written, so that there is nothing to be read either.
    let request = CommitRequest::new(web.id.clone());
    let committed = engine.commit(request, &NoProgress).await.unwrap();
    assert_eq!(
        image_listing(engine, committed.id.as_str()).await,
        container_listing(engine, &web).await
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

    // Content that is not what it was is found by reading, and is not committed.
    let pack = store
        .join("containers")
        .join(again.id.as_str())
        .join("content/1");
    let content = std::fs::read(&pack).unwrap();
    std::fs::write(&pack, "9").unwrap();
    let everything = engine::CheckOptions { read_data: true };
    let report = engine.check(everything, &NoProgress).await.unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    let refused = engine
        .commit(CommitRequest::new(again.id.clone()), &NoProgress)
        .await;
    assert_eq!(refused.unwrap_err().code(), "container_damaged");
    assert_eq!(
        engine
            .images(&engine::ImageQuery::default())
            .await
            .unwrap()
            .images
            .len(),
        1
    );
    std::fs::write(&pack, content).unwrap();
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
