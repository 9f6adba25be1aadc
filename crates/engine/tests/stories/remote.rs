//! An image of a registry, looked at before anybody pulls it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine::{
    DocumentKind, Engine, FileView, ImageQuery, Mirror, NoProgress, OfferedPlatform, Place,
    Platform, PullRequest, Reading, ReferrerKind,
};
use testkit::{Fault, ImageBuilder, IndexBuilder, Layer, Packing, Registry, Rule};

use crate::lab::{Lab, SomeCame, request, settings};

fn app() -> ImageBuilder {
    ImageBuilder::new()
        .layer(Layer::files([("etc/base", "b".repeat(5000))]))
        .layer(Layer::files([("etc/motd", "hello")]))
        .label("team", "red")
}

#[tokio::test]
async fn it_is_known_down_to_a_file_of_one_layer_and_nothing_is_stored() {
    let lab = Lab::new().await;
    let made = app().build();
    let reference = lab.registry.push("team/app:1", &made);
    let detail = lab
        .engine
        .look_at_remote(&request(&reference), &NoProgress)
        .await
        .unwrap();
    assert_eq!(detail.reference, reference);
    assert_eq!(
        (&detail.target, &detail.manifest),
        (made.digest(), made.digest())
    );
    assert_eq!(detail.image.id, made.config);
    assert_eq!(detail.download_bytes, detail.total_bytes);
    assert!(!detail.up_to_date && !detail.foreign && detail.offered.is_empty());
    let kinds: Vec<_> = detail
        .documents
        .iter()
        .map(|document| document.kind)
        .collect();
    assert_eq!(kinds, [DocumentKind::Manifest, DocumentKind::Config]);
    assert_eq!(detail.documents[0].bytes, made.root.bytes);
    let sizes: Vec<u64> = detail
        .history
        .iter()
        .filter(|step| !step.empty_layer)
        .map(|step| step.size)
        .collect();
    let layers: Vec<u64> = detail
        .image
        .layers
        .iter()
        .rev()
        .map(|layer| layer.size)
        .collect();
    assert_eq!(sizes, layers, "the newest first, as they are transferred");

    // Only the layer that is wanted comes, and the content of its files only where that is wanted.
    lab.registry.clear_log();
    let names = detail
        .image
        .layer_files(2, Reading::Names, &NoProgress)
        .await
        .unwrap();
    assert_eq!(lab.registry.requests_for("/blobs/").len(), 1);
    assert_eq!(
        names.look_in(b"etc/motd", FileView::Merged).unwrap().size,
        5
    );
    assert!(
        names
            .read_start_in(b"etc/motd", FileView::Merged, 100)
            .is_err()
    );
    let content = detail
        .image
        .layer_files(2, Reading::Content, &NoProgress)
        .await
        .unwrap();
    let motd = content
        .read_start_in(b"etc/motd", FileView::Merged, 100)
        .unwrap();
    assert_eq!(motd.bytes, b"hello");
    let beyond = detail
        .image
        .layer_files(3, Reading::Names, &NoProgress)
        .await;
    assert_eq!(beyond.err().map(|error| error.code()), Some("usage"));
    drop(content);
    assert_eq!(
        lab.engine
            .images(&ImageQuery::default())
            .await
            .unwrap()
            .total,
        0
    );
    lab.check().await;

    // What is here need not come any more.
    lab.pull(&reference).await.unwrap();
    let again = lab
        .engine
        .look_at_remote(&request(&reference), &NoProgress)
        .await
        .unwrap();
    assert_eq!(again.download_bytes, 0);
    assert!(again.up_to_date);
    let here = again
        .image
        .layer_files(2, Reading::Names, &NoProgress)
        .await
        .unwrap();
    let motd = here
        .read_start_in(b"etc/motd", FileView::Merged, 100)
        .unwrap();
    assert_eq!(motd.bytes, b"hello", "its blob is in the store");
}

#[tokio::test]
async fn another_platform_is_chosen_and_what_its_index_states_is_told() {
    let lab = Lab::new().await;
    let index = IndexBuilder::new()
        .image(app().build())
        .attestation()
        .image(app().platform("linux/arm64").build())
        .build();
    let reference = lab.registry.push("team/app:1", &index);
    let look = async |platform: &str| {
        let wanted = PullRequest {
            platform: Some(platform.parse::<Platform>().unwrap()),
            ..request(&reference)
        };
        lab.engine
            .look_at_remote(&wanted, &NoProgress)
            .await
            .unwrap()
    };
    let amd = look("linux/amd64").await;
    assert_eq!(amd.target, *index.digest());
    assert_ne!(amd.manifest, amd.target);
    assert_eq!(amd.documents[0].kind, DocumentKind::Index);
    let chosen = |offered: &[OfferedPlatform]| offered.iter().position(|one| one.chosen);
    assert_eq!((amd.offered.len(), chosen(&amd.offered)), (2, Some(0)));
    let said = lab.engine.said_about(&amd).await.unwrap();
    let kinds: Vec<_> = said.iter().map(|referrer| referrer.kind).collect();
    assert_eq!(kinds, [ReferrerKind::Attestation]);

    let arm = look("linux/arm64").await;
    assert!(arm.foreign);
    assert_eq!(chosen(&arm.offered), Some(1));
    assert!(
        lab.engine.said_about(&arm).await.unwrap().is_empty(),
        "it is about the other"
    );
}

/// What has the wrong digest is no reason to ask the same host again, whoever wants to know: as in a pull.
#[tokio::test]
async fn a_mirror_with_wrong_bytes_is_left_alone_by_a_look_too() {
    let lab = Lab::new().await;
    let made = app().build();
    let reference = lab.registry.push("team/app:1", &made);
    for (fault, reading) in [
        (Fault::Flip(30), Reading::Names),
        (Fault::Flip(30), Reading::Content),
        (Fault::Body(b"short".to_vec()), Reading::Names),
    ] {
        let mirror = Registry::start();
        mirror.push("team/app:1", &made);
        let folder = tempfile::tempdir().unwrap();
        let mut with_mirror = settings(&folder.path().join("store"));
        with_mirror.registry.mirrors.push(Mirror {
            registry: lab.registry.host(),
            host: mirror.host(),
        });
        let engine = Engine::open(with_mirror).await.unwrap();
        let detail = engine
            .look_at_remote(&request(&reference), &NoProgress)
            .await
            .unwrap();
        mirror.rule(Rule::path("/blobs/").fault(fault));
        lab.registry.clear_log();
        let files = detail.image.layer_files(2, reading, &NoProgress).await;
        let files = files.unwrap();
        let motd = files.look_in(b"etc/motd", FileView::Merged).unwrap();
        assert_eq!(motd.size, 5);
        assert_eq!(lab.registry.requests_for("/blobs/").len(), 1);
        let asked = mirror.requests_for("/blobs/").len();
        let base = detail.image.layer_files(1, reading, &NoProgress).await;
        base.unwrap();
        let again = mirror.requests_for("/blobs/").len();
        assert_eq!(again, asked, "not for a while");
    }

    // Wrong bytes of the registry itself are an error that says so.
    let detail = lab
        .engine
        .look_at_remote(&request(&reference), &NoProgress)
        .await
        .unwrap();
    lab.registry
        .rule(Rule::path("/blobs/").fault(Fault::Flip(30)));
    let wrong = detail.image.layer_files(2, Reading::Names, &NoProgress);
    assert_eq!(
        wrong.await.err().map(|error| error.code()),
        Some("digest_mismatch")
    );
}

/// Every file below a folder.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => waiting.push(entry.path()),
                false => drop(found.insert(entry.path())),
            }
        }
    }
    found
}

#[tokio::test]
async fn a_comparison_that_is_cancelled_ends_at_once_and_leaves_nothing() {
    let lab = Lab::new().await;
    let old = lab.registry.push("team/app:1", &app().build());
    lab.pull(&old).await.unwrap();
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let large = Layer::new().file("data", noise).packed(Packing::Plain);
    let made = app().layer(large).build();
    let new = lab.registry.push("team/app:2", &made);
    let slow = made.layers[2].descriptor.digest.to_string();
    let open = async |place: Place| lab.engine.open_image(&place, &NoProgress).await.unwrap();
    let here = open(Place::Store(old.to_string().as_str().into())).await;
    let there = open(Place::Registry(new)).await;
    let before = files_below(&lab.store());

    for reading in [Reading::Content, Reading::Names] {
        lab.registry
            .rule(Rule::path(&slow).fault(Fault::Stall(Some(300_000))));
        let came = SomeCame::default();
        {
            let compare = async {
                match reading {
                    Reading::Content => drop(lab.engine.compare(&here, &there, &came).await),
                    Reading::Names => drop(there.layer_files(3, reading, &came).await),
                }
            };
            let stalls = async {
                came.0.notified().await;
                lab.keeps_waiting(1).await;
            };
            tokio::select! {
                () = compare => panic!("{reading:?} came to an end by itself"),
                () = stalls => {}
            }
            // What is cancelled is dropped here.
        }
        let cancelled = Instant::now();
        while lab.registry.clients_kept_waiting() > 0 || files_below(&lab.store()) != before {
            assert!(cancelled.elapsed() < Duration::from_secs(60), "{reading:?}");
            tokio::task::yield_now().await;
        }
        lab.registry.behave();
    }
    let all = lab.engine.images(&ImageQuery::default()).await.unwrap();
    assert_eq!(all.total, 1);
    lab.check().await;

    // And it is no harm to the next one.
    let compared = lab
        .engine
        .compare(&here, &there, &NoProgress)
        .await
        .unwrap();
    let [data] = &*compared.comparison.files else {
        panic!("{:?}", compared.comparison.files)
    };
    assert_eq!((&*data.path, data.size_b), (&b"data"[..], Some(800_000)));
}
