//! Several at one store: two engines, as two programs are, and futures that are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use engine::NoProgress;
use testkit::{Fault, ImageBuilder, Layer, Packing, Rule};

use crate::lab::{Lab, SomeCame, check, open, request, settings};

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_that_pull_the_same_fetch_it_once_and_both_have_it() {
    let lab = Lab::new().await;
    let other = open(&lab.store()).await;
    let layer = Layer::new()
        .file("data", vec![7_u8; 3_000_000])
        .packed(Packing::Plain);
    let image = ImageBuilder::new().layer(layer).build();
    let reference = lab.registry.push("team/app:1", &image);
    let request = request(&reference);
    let (first, second) = tokio::join!(
        lab.engine.pull(&request, &NoProgress),
        other.pull(&request, &NoProgress)
    );
    assert_eq!(first.unwrap().target, second.unwrap().target);
    let digest = image.layers[0].descriptor.digest.to_string();
    let asked = lab.registry.requests_for(&digest);
    assert_eq!(asked.iter().filter(|ask| ask.method == "GET").count(), 1);
    check(&lab.engine).await;
    check(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_pull_leaves_what_came_and_moves_no_name() {
    let lab = Lab::new().await;
    let old = ImageBuilder::new().files([("version", "1")]).build();
    let reference = lab.registry.push("team/app:1", &old);
    lab.pull(&reference).await.unwrap();

    let noise: Vec<u8> = (0..500_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let new = ImageBuilder::new()
        .layer(Layer::new().file("data", noise).packed(Packing::Plain))
        .build();
    lab.registry.push("team/app:1", &new);
    let layer = new.layers[0].descriptor.digest.to_string();
    for stalls_at in [0, 1, 100_000, 1_000_000] {
        lab.registry
            .rule(Rule::path(&layer).fault(Fault::Stall(Some(stalls_at))));
        {
            let (came, request) = (SomeCame::default(), request(&reference));
            let stalls = async {
                lab.keeps_waiting(1).await;
                if stalls_at > 0 {
                    came.0.notified().await;
                }
            };
            tokio::select! {
                pulled = lab.engine.pull(&request, &came) => panic!("it came to an end by itself: {pulled:?}"),
                () = stalls => {}
            }
            // The future is dropped here, as with a click on Cancel.
        }
        lab.keeps_waiting(0).await;
        lab.registry.behave();
        let list = lab
            .engine
            .images(&engine::ImageQuery::default())
            .await
            .unwrap();
        assert_eq!(list.images[0].target, *old.digest(), "the name stays");
        lab.check().await;
    }
    lab.registry.clear_log();
    let pulled = lab.pull(&reference).await.unwrap();
    assert_eq!(pulled.target, *new.digest());
    assert!(pulled.reused_bytes > 0, "{pulled:?}");
    lab.check().await;
}

#[tokio::test]
async fn a_removal_collects_what_an_earlier_one_left_once_its_grace_is_over() {
    let lab = Lab::new().await;
    let hours = Arc::new(AtomicI64::new(0));
    let mut settings = settings(&lab.store());
    let (passed, start) = (Arc::clone(&hours), jiff::Timestamp::now());
    settings.clock =
        Arc::new(move || start + jiff::SignedDuration::from_hours(passed.load(Ordering::Relaxed)));
    let engine = engine::Engine::open(settings).await.unwrap();
    let mut blobs = Vec::new();
    let images = ["one", "two"].map(|text| ImageBuilder::new().files([(text, text)]).build());
    for (number, image) in images.iter().enumerate() {
        let reference = lab.registry.push(&format!("team/app:{number}"), image);
        engine
            .pull(&request(&reference), &NoProgress)
            .await
            .unwrap();
        let digest = &image.layers[0].descriptor.digest;
        blobs.push(lab.store().join("blobs/sha256").join(digest.hex()));
    }
    let remove = async |number: usize| {
        let name = lab.registry.reference(&format!("team/app:{number}"));
        let request = engine::RemovalRequest {
            selections: vec![name.to_string().as_str().into()],
            ..engine::RemovalRequest::default()
        };
        let plan = engine.plan_removal(&request).await.unwrap();
        engine.execute(&plan).await.unwrap();
    };
    remove(0).await;
    assert!(blobs[0].exists(), "undo can bring it back");
    hours.store(25, Ordering::Relaxed);
    remove(1).await;
    assert!(!blobs[0].exists() && blobs[1].exists());
    check(&engine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_list_follow_what_another_program_changes() {
    let lab = Lab::new().await;
    let other = open(&lab.store()).await;
    let pull = async |number: usize| {
        let version = number.to_string();
        let image = ImageBuilder::new().files([("version", version.as_str())]);
        let reference = lab
            .registry
            .push(&format!("team/app:{number}"), &image.build());
        other.pull(&request(&reference), &NoProgress).await.unwrap();
    };
    for number in 1..=5 {
        pull(number).await;
    }
    let page = async |filter: &str, offset| {
        let query = engine::ImageQuery {
            filter: engine::Filter::parse(filter).unwrap(),
            sort: engine::ImageSort::Name,
            offset,
            limit: Some(2),
            ..engine::ImageQuery::default()
        };
        let page = lab.engine.images(&query).await.unwrap();
        let tags = page.images.iter().map(|image| {
            let tag = image.names[0].tag().unwrap();
            tag.as_str().to_owned()
        });
        (tags.collect::<Vec<_>>().join(" "), page.total)
    };
    for filter in ["", "team"] {
        assert_eq!(page(filter, 0).await, ("1 2".to_owned(), 5));
        assert_eq!(page(filter, 2).await, ("3 4".to_owned(), 5));
        assert_eq!(page(filter, 4).await, ("5".to_owned(), 5));
        assert_eq!(page(filter, 6).await, (String::new(), 5));
    }
    let before = lab.engine.images_size().await.unwrap();
    pull(6).await;
    for filter in ["", "team"] {
        assert_eq!(page(filter, 4).await, ("5 6".to_owned(), 6));
    }
    assert!(lab.engine.images_size().await.unwrap() > before);
    assert_eq!(page("nobody", 0).await, (String::new(), 0));
}
