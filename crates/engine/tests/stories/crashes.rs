//! A pull that dies at any moment leaves a whole store, and the next one goes on.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::{
    CommitRequest, ContainerEdit, CreateRequest, FileView, ImageQuery, NoProgress, Selector,
};
use testkit::{ImageBuilder, Layer, Packing, Registry};

use crate::lab::{check, open, request};

/// The moments of dying, in milliseconds after the start. Chosen over the length of the pull, which is about 200 ms in a
/// debug build; a slow machine only moves them towards its beginning.
const MOMENTS: [u64; 10] = [1, 5, 10, 20, 35, 50, 80, 120, 160, 250];

/// Set for the process that is to die: what it pulls, and into which store.
const VICTIM: &str = "STRATA_TEST_VICTIM";

#[test]
fn a_killed_pull_leaves_a_whole_store_and_the_next_one_goes_on() {
    if let Ok(task) = std::env::var(VICTIM) {
        return die(&task);
    }
    let registry = Registry::start();
    let noise = |seed: u32| -> Vec<u8> {
        (0..400_000_u32)
            .flat_map(|number| (number ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
            .collect()
    };
    let image = (0..6).fold(ImageBuilder::new(), |image, seed| {
        image.layer(
            Layer::new()
                .file("data", noise(seed))
                .packed(Packing::Plain),
        )
    });
    let image = image.build();
    let reference = registry.push("team/app:1", &image);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for moment in MOMENTS {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        kill_after(
            moment,
            "crashes::a_killed_pull_leaves_a_whole_store_and_the_next_one_goes_on",
            (VICTIM, format!("{reference} {}", store.display()).as_ref()),
        );
        runtime.block_on(async {
            let engine = open(&store).await;
            check(&engine).await;
            let before = engine.images(&ImageQuery::default()).await.unwrap();
            assert!(before.images.len() <= 1);
            let pulled = engine
                .pull(&request(&reference), &engine::NoProgress)
                .await
                .unwrap();
            assert_eq!(pulled.target, *image.digest(), "after {moment} ms");
            if !before.images.is_empty() {
                assert!(pulled.up_to_date, "what was there stays there");
            }
            check(&engine).await;
        });
    }
}

/// Runs a story as a process of its own, which finds its task in a variable, and kills it after so many milliseconds.
fn kill_after(moment: u64, story: &str, (variable, task): (&str, &OsStr)) {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", story])
        .env(variable, task)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(moment));
    // SIGKILL: nothing is put in order.
    victim.kill().unwrap();
    victim.wait().unwrap();
}

fn die(task: &str) {
    let (reference, store) = task.split_once(' ').unwrap();
    let reference = reference.parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = open(store.as_ref()).await;
        engine
            .pull(&request(&reference), &engine::NoProgress)
            .await
            .unwrap();
    });
}

/// Set for the process that is to die while it changes a container: the store.
const EDITOR: &str = "STRATA_TEST_EDITOR";

#[test]
fn a_killed_edit_or_commit_leaves_the_last_whole_edit_and_the_names_as_they_were() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(store) = std::env::var(EDITOR) {
        return runtime.block_on(edit_for_ever(&store));
    }
    let registry = Registry::start();
    let image = ImageBuilder::new().files([("etc/base", "base")]).build();
    let reference = registry.push("team/app:1", &image);
    for moment in MOMENTS {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        runtime.block_on(async {
            let engine = open(&store).await;
            engine
                .pull(&request(&reference), &NoProgress)
                .await
                .unwrap();
            let request = CreateRequest {
                image: Selector::from(reference.to_string().as_str()),
                name: Some("web".into()),
            };
            engine.create_container(request).await.unwrap();
        });
        kill_after(
            moment,
            "crashes::a_killed_edit_or_commit_leaves_the_last_whole_edit_and_the_names_as_they_were",
            (EDITOR, store.as_ref()),
        );
        runtime.block_on(async {
            let engine = open(&store).await;
            check(&engine).await;
            let web = engine.container("web").await.unwrap();
            let files = engine.container_files(&web.id).await.unwrap();
            // Both files of an edit say the same: it came as a whole or not.
            let read = |path: &[u8]| {
                let start = files.read_start_in(path, FileView::Merged, 9);
                start.map(|file| file.bytes).ok()
            };
            assert_eq!(read(b"one"), read(b"two"), "after {moment} ms");
            let write = |path: &str| ContainerEdit::Write {
                path: path.into(),
                bytes: b"after".to_vec(),
            };
            engine
                .edit_container(&web.id, vec![write("one"), write("two")])
                .await
                .unwrap();
            engine
                .commit(CommitRequest::new(web.id), &NoProgress)
                .await
                .unwrap();
            check(&engine).await;
        });
    }
}

async fn edit_for_ever(store: &str) {
    let engine = open(store.as_ref()).await;
    let web = engine.container("web").await.unwrap();
    for round in 0.. {
        let write = |path: &str| ContainerEdit::Write {
            path: path.into(),
            bytes: format!("{round:09}{}", "x".repeat(300_000)).into_bytes(),
        };
        engine
            .edit_container(&web.id, vec![write("one"), write("two")])
            .await
            .unwrap();
        let request = CommitRequest {
            name: Some("team/made:1".parse().unwrap()),
            ..CommitRequest::new(web.id.clone())
        };
        engine.commit(request, &NoProgress).await.unwrap();
    }
}
