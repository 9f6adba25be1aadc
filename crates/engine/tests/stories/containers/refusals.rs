//! What cannot be done: it is said, and container and store are as before.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use engine::{
    CheckOptions, CommitRequest, Container, ContainerEdit, CopyOptions, CopySource, ImageQuery,
    NoProgress, RunOptions,
};

use super::{changes, container_listing, create, edit, made, remove, write};
use crate::lab::Lab;

/// All that a refusal could have touched: the container's changes, the images, the files that hold content.
async fn state(lab: &Lab, container: &Container) -> (Vec<String>, Vec<String>, Vec<PathBuf>) {
    let engine = &lab.engine;
    let images = engine.images(&ImageQuery::default()).await.unwrap().images;
    let mut files = Vec::new();
    for folder in ["blobs/sha256", "ingest", "layers", "containers", "locks"] {
        files.extend(below(lab.store().join(folder)));
    }
    files.retain(|path| !path.ends_with("layers/facts"));
    files.sort();
    (
        changes(engine, container).await,
        images.iter().map(|image| format!("{image:?}")).collect(),
        files,
    )
}

fn below(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(below(path)),
            false => found.push(path),
        }
    }
    found
}

#[tokio::test]
async fn a_commit_that_is_refused_changes_nothing() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    edit(
        engine,
        &web,
        vec![write("etc/a", "1"), remove("usr/lib/two")],
    )
    .await;
    let before = state(&lab, &web).await;
    let request = || CommitRequest::new(web.id.clone());
    let with = |instruction: &str| CommitRequest {
        changes: vec!["ENV A=1".into(), instruction.into()],
        ..request()
    };
    let digest = format!("team/app@{}", web.image_id);
    for (request, code) in [
        (with("RUN echo"), "usage"),
        (with("FROM scratch"), "usage"),
        (with("COPY a b"), "usage"),
        (with("SHELL [\"sh\"]"), "usage"),
        (with("EXPOSE port"), "usage"),
        (
            CommitRequest {
                name: Some(digest.parse().unwrap()),
                ..request()
            },
            "bad_reference",
        ),
        (
            CommitRequest {
                only: Some(vec![b"etc/a".to_vec(), b"/usr/bin".to_vec()]),
                ..request()
            },
            "not_found",
        ),
    ] {
        let told = format!("{request:?}");
        let refused = engine.commit(request, &NoProgress).await.unwrap_err();
        assert_eq!(refused.code(), code, "{told}: {refused}");
        assert_eq!(state(&lab, &web).await, before, "{told}");
    }
    lab.check().await;
}

#[tokio::test]
async fn a_layer_that_is_damaged_ends_a_commit_that_needs_it_and_no_other() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    // Its content stays where it is, in the layer.
    let rename = ContainerEdit::Rename {
        from: b"usr/lib/one".to_vec(),
        to: b"moved".to_vec(),
    };
    edit(engine, &web, vec![rename, write("etc/a", "1")]).await;
    let layer = super::image().layers[0].descriptor.digest.clone();
    let blob = lab.store().join("blobs/sha256").join(layer.hex());
    let whole = std::fs::read(&blob).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 20].fill(0x55);
    std::fs::write(&blob, damaged).unwrap();
    let before = state(&lab, &web).await;
    let all = CommitRequest::new(web.id.clone());
    let refused = engine.commit(all.clone(), &NoProgress).await.unwrap_err();
    assert!(
        ["corrupt_layer", "container_damaged"].contains(&refused.code()),
        "{}: {refused}",
        refused.code()
    );
    assert_eq!(state(&lab, &web).await, before);
    let without = CommitRequest {
        only: Some(vec![b"etc".to_vec()]),
        ..all.clone()
    };
    engine.commit(without, &NoProgress).await.unwrap();
    std::fs::write(&blob, whole).unwrap();
    engine.commit(all, &NoProgress).await.unwrap();
    lab.check().await;
}

#[tokio::test]
async fn a_command_that_no_process_can_have_is_refused_when_it_is_said() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let good = RunOptions {
        command: vec!["true".into()],
        ..RunOptions::default()
    };
    engine
        .set_run_options(&web.id, good.clone(), false)
        .await
        .unwrap();
    let before = state(&lab, &web).await;
    for bad in [
        RunOptions {
            command: vec!["tr\0ue".into()],
            ..good.clone()
        },
        RunOptions {
            user: Some("ro\0ot".into()),
            ..good.clone()
        },
        RunOptions {
            environment: vec!["A=\0".into()],
            ..good.clone()
        },
        RunOptions {
            folder: Some("/\0".into()),
            ..good.clone()
        },
    ] {
        let told = format!("{bad:?}");
        let refused = engine
            .set_run_options(&web.id, bad, true)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "usage", "{told}");
        assert_eq!(engine.run_options(&web.id).await.unwrap(), good, "{told}");
    }
    assert_eq!(state(&lab, &web).await, before);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_becomes_a_link_during_a_copy_leads_nowhere() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    let web = made(&lab, "web").await;
    let host = tempfile::tempdir().unwrap();
    let (tree, secret) = (host.path().join("tree"), host.path().join("secret"));
    for folder in [&tree.join("sub"), &secret] {
        std::fs::create_dir_all(folder).unwrap();
    }
    for number in 0..20 {
        let name = format!("file-{number}");
        std::fs::write(tree.join("sub").join(&name), "mine").unwrap();
        std::fs::write(secret.join(&name), "secret").unwrap();
    }
    let (sub, aside) = (tree.join("sub"), host.path().join("aside"));
    let done = AtomicBool::new(false);
    let swaps = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::fs::rename(&sub, &aside).unwrap();
                std::os::unix::fs::symlink(&secret, &sub).unwrap();
                std::fs::remove_file(&sub).unwrap();
                std::fs::rename(&aside, &sub).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let copying = scope.spawn(|| {
            let threads = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            for round in 0..10_000 {
                if round >= 60 && swaps.load(Ordering::Relaxed) > 60 {
                    break;
                }
                let to = format!("/copy-{round}");
                let copied = threads.block_on(engine.copy_in(
                    &web.id,
                    CopySource::Path(tree.clone()),
                    to.as_bytes(),
                    CopyOptions::default(),
                    &|_| {},
                ));
                // Met in the middle of a swap it fails; then nothing of it is there.
                if let Err(refused) = copied {
                    assert_eq!(refused.code(), "io", "{refused}");
                    let files = threads.block_on(engine.container_files(&web.id)).unwrap();
                    assert!(files.look(to.as_bytes()).is_err(), "{to}");
                }
            }
        });
        let copied = copying.join();
        done.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
        copied.unwrap();
    });
    assert!(swaps.into_inner() > 60, "nothing was swapped meanwhile");
    // Whether a copy got through between two swaps is the scheduler's choice; one that nobody disturbs must.
    engine
        .copy_in(
            &web.id,
            CopySource::Path(tree.clone()),
            b"/undisturbed",
            CopyOptions::default(),
            &|_| {},
        )
        .await
        .unwrap();
    let listed = container_listing(engine, &web).await.join("\n");
    let content = format!("{:?}", b"secret");
    assert!(!listed.contains(&content), "a link was followed");
    assert!(
        listed.contains(&format!("{:?}", b"mine")),
        "what was there is not read"
    );
    lab.check().await;

    // And the other way: what is copied out stays below the folder that was named.
    let files = engine.container_files(&web.id).await.unwrap();
    let whole = create(engine, &web.image_id.to_string(), "whole").await;
    let edits = (0..20).map(|number| write(&format!("d/sub/file-{number}"), "out"));
    let folder = ContainerEdit::MakeFolder {
        path: b"d/sub".to_vec(),
        parents: true,
    };
    edit(
        engine,
        &whole,
        std::iter::once(folder).chain(edits).collect(),
    )
    .await;
    drop(files);
    let files = engine.container_files(&whole.id).await.unwrap();
    let done = AtomicBool::new(false);
    let out = host.path().join("out");
    let target = out.join("d/sub");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // What is not there yet, or is a folder that has something in it, is left alone.
                drop(std::fs::remove_dir(&target));
                drop(std::os::unix::fs::symlink(&secret, &target));
                drop(std::fs::remove_file(&target));
            }
        });
        let copying = scope.spawn(|| {
            let threads = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            for _ in 0..60 {
                drop(std::fs::remove_dir_all(&out));
                drop(std::fs::create_dir(&out));
                let copied = files.copy_out(b"d", &out, CopyOptions::default(), &|_| {});
                drop(threads.block_on(copied));
            }
        });
        let copied = copying.join();
        done.store(true, Ordering::Relaxed);
        copied.unwrap();
    });
    for entry in std::fs::read_dir(&secret).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert_eq!(text, "secret", "a link was written through");
    }
    assert_eq!(std::fs::read_dir(&secret).unwrap().count(), 20);
}

#[tokio::test]
async fn what_a_crash_left_of_unpacking_is_found_and_taken_away() {
    let lab = Lab::new().await;
    let engine = &lab.engine;
    made(&lab, "web").await;
    let roots = lab.store().join("roots/root");
    let chain = "a".repeat(64);
    // A number that no process has.
    for name in [format!("{chain}.4194305.new"), chain.clone(), "mine".into()] {
        std::fs::create_dir_all(roots.join(name).join("etc")).unwrap();
    }
    let everything = CheckOptions { read_data: false };
    let found = engine.check(everything, &NoProgress).await.unwrap();
    let kinds = |problems: &[engine::Problem]| -> Vec<String> {
        problems
            .iter()
            .map(|problem| problem.kind.clone())
            .collect()
    };
    assert_eq!(
        kinds(&found.problems),
        ["unfinished_unpack", "strange_file"]
    );
    assert!(
        roots.join(format!("{chain}.4194305.new")).is_dir(),
        "it was only looked at"
    );
}
