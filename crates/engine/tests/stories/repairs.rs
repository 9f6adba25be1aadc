//! Checks that are watched and given up, and repairs that bring back exactly what was lost.

use std::fs;
use std::path::PathBuf;

use engine::{
    CheckOptions, Compression, Event, ImageQuery, NoProgress, Progress, PullRequest, SaveRequest,
    SaveStyle, SaveTarget, Selector,
};
use oci::Digest;
use testkit::{Image, ImageBuilder, IndexBuilder, Layer};
use tokio::sync::Notify;

use crate::lab::{Lab, open, request};

const EVERYTHING: CheckOptions = CheckOptions { read_data: true };

fn for_platform(platform: &str) -> Image {
    ImageBuilder::new()
        .platform(platform)
        .layer(Layer::files([("platform", platform)]))
        .build()
}

fn place_of(lab: &Lab, digest: &Digest) -> PathBuf {
    lab.store().join("blobs/sha256").join(digest.hex())
}

#[tokio::test]
async fn a_repair_brings_back_what_was_lost_of_another_platform_and_makes_no_name() {
    let lab = Lab::new().await;
    let (host, other) = (for_platform("linux/amd64"), for_platform("linux/arm64"));
    let index = IndexBuilder::new()
        .image(host.clone())
        .image(other.clone())
        .build();
    let reference = lab.registry.push("team/app:1", &index);
    let wanted = PullRequest {
        platform: Some("linux/arm64".parse().unwrap()),
        ..request(&reference)
    };
    lab.engine.pull(&wanted, &NoProgress).await.unwrap();
    let (names, journal) = (lab.names().await, lab.engine.journal(None).await.unwrap());

    // The manifest, the config and the layer, so that each shows only when the one before is back.
    let lost = [
        other.digest(),
        &other.config,
        &other.layers[0].descriptor.digest,
    ];
    for digest in lost {
        fs::write(place_of(&lab, digest), b"x").unwrap();
    }
    lab.registry.clear_log();
    let repaired = lab.engine.repair(EVERYTHING, &NoProgress).await.unwrap();
    assert_eq!(repaired.remaining, [], "{repaired:?}");
    assert_eq!(repaired.failed, []);
    assert_eq!(repaired.refetched.len(), 1);
    assert_eq!(repaired.quarantined.len(), 3);
    assert!(
        !lab.registry.saw(host.digest().as_str()),
        "the other platform was never here"
    );
    assert_eq!(lab.names().await, names);
    assert_eq!(lab.engine.journal(None).await.unwrap(), journal);
    lab.check().await;
}

#[tokio::test]
async fn a_repair_asks_for_the_lost_layer_alone_whatever_the_tag_names_today() {
    let lab = Lab::new().await;
    let image = ImageBuilder::new()
        .layer(Layer::files([("a", "a")]))
        .layer(Layer::files([("b", "b")]))
        .build();
    let reference = lab.registry.push("team/app:1", &image);
    lab.pull(&reference).await.unwrap();
    lab.registry.push(
        "team/app:1",
        &ImageBuilder::new().files([("c", "c")]).build(),
    );
    let lost = &image.layers[1].descriptor.digest;
    fs::remove_file(place_of(&lab, lost)).unwrap();
    lab.registry.clear_log();
    let repaired = lab.engine.repair(EVERYTHING, &NoProgress).await.unwrap();
    assert_eq!(repaired.remaining, [], "{repaired:?}");
    assert_eq!(lab.names().await, [reference.to_string()]);
    for asked in lab.registry.requests_for("/team/app/") {
        assert!(asked.path.contains(lost.as_str()), "{asked:?}");
    }
}

#[tokio::test]
async fn a_pull_mends_a_document_that_nobody_has_noticed_to_be_damaged() {
    let lab = Lab::new().await;
    let image = for_platform("linux/amd64");
    let index = IndexBuilder::new()
        .image(image.clone())
        .image(for_platform("linux/arm64"))
        .build();
    let single = ImageBuilder::new().files([("single", "x")]).build();
    let references = [
        lab.registry.push("team/app:1", &index),
        lab.registry.push("team/single:1", &single),
    ];
    let mut targets = Vec::new();
    for reference in &references {
        targets.push(lab.pull(reference).await.unwrap().target);
        let again = lab.pull(reference).await.unwrap();
        assert!(again.up_to_date);
    }
    for (reference, damaged) in [
        (&references[0], &targets[0]),
        (&references[0], image.digest()),
        (&references[0], &image.config),
        (&references[1], single.digest()),
    ] {
        let place = place_of(&lab, damaged);
        let length = fs::metadata(&place).unwrap().len();
        fs::write(&place, vec![b' '; usize::try_from(length).unwrap()]).unwrap();
        let pulled = lab.pull(reference).await.unwrap();
        assert!(!pulled.up_to_date, "{damaged}");
        lab.check().await;
    }
}

#[tokio::test]
async fn a_layout_that_another_program_damaged_is_right_after_a_save_into_it() {
    let lab = Lab::new().await;
    let image = for_platform("linux/amd64");
    let reference = lab.registry.push("team/app:1", &image);
    lab.pull(&reference).await.unwrap();
    let layout = lab.folder.path().join("layout");
    let save = || {
        let request = SaveRequest {
            images: vec![Selector::from(reference.to_string().as_str())],
            style: SaveStyle::default(),
            compression: Compression::None,
            platforms: Vec::new(),
            target: SaveTarget::Folder(layout.clone()),
        };
        lab.engine.save(request, &NoProgress)
    };
    save().await.unwrap();
    let blob = layout
        .join("blobs/sha256")
        .join(image.layers[0].descriptor.digest.hex());
    let right = fs::read(&blob).unwrap();
    let untouched = fs::metadata(&blob).unwrap().modified().unwrap();
    save().await.unwrap();
    assert_eq!(fs::metadata(&blob).unwrap().modified().unwrap(), untouched);
    fs::write(&blob, vec![b' '; right.len()]).unwrap();
    save().await.unwrap();
    assert_eq!(fs::read(&blob).unwrap(), right);
}

#[tokio::test]
async fn what_a_rebuild_did_not_find_about_a_layer_is_read_again_by_a_repair() {
    let lab = Lab::new().await;
    let image = ImageBuilder::new()
        .layer(Layer::files([("a", "four")]))
        .layer(Layer::files([("b", "seven..")]))
        .build();
    let reference = lab.registry.push("team/app:1", &image);
    lab.pull(&reference).await.unwrap();
    let store = lab.store();
    let (registry, folder) = (lab.registry, lab.folder);
    drop(lab.engine);
    let log = store.join("layers/facts");
    let mut bytes = fs::read(&log).unwrap();
    bytes[3] = 0xff;
    fs::write(&log, bytes).unwrap();
    fs::remove_file(store.join("strata.db")).unwrap();
    let engine = open(&store).await;
    registry.clear_log();
    let repaired = engine.repair(EVERYTHING, &NoProgress).await.unwrap();
    assert_eq!(repaired.remaining, [], "{repaired:?}");
    assert!(repaired.quarantined.is_empty(), "{repaired:?}");
    assert!(!registry.saw("team/app"), "all of it was here");
    let list = engine.images(&ImageQuery::default()).await.unwrap();
    assert_eq!(list.images[0].size, 11);
    drop(folder);
}

/// Says when bytes were read.
#[derive(Default)]
struct Reading(Notify);

impl Progress for Reading {
    fn report(&self, event: Event) {
        if matches!(event, Event::Passed { current, .. } if current > 0) {
            self.0.notify_one();
        }
    }
}

#[test]
fn a_check_says_how_far_it_is_and_stops_reading_when_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A file that nobody could read to its end: a rebuild takes it for what its name says.
    let blobs = store.join("blobs/sha256");
    runtime.block_on(async { drop(open(&store).await) });
    let endless = fs::File::create(blobs.join(Digest::sha256(b"endless").hex())).unwrap();
    endless.set_len(1 << 42).unwrap();
    fs::remove_file(store.join("strata.db")).unwrap();
    runtime.block_on(async {
        let engine = open(&store).await;
        let reading = Reading::default();
        tokio::select! {
            report = engine.check(EVERYTHING, &reading) => panic!("{report:?}"),
            () = reading.0.notified() => {}
        }
    });
    // It waits for the threads that block.
    drop(runtime);
}
