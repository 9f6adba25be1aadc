//! Sending images to a registry: whole, once, and only where everything is there that they need.

use engine::{
    BlobThere, CopyRequest, Event, ImageQuery, MovePolicy, NoProgress, Place, Platform, Progress,
    PushPlan, PushRequest, Pushed, Reference, RemovalRequest,
};
use oci::{Digest, MediaType, Selector};
use serde_json::json;
use std::sync::Mutex;
use testkit::{
    Bearer, Document, Fault, Image, ImageBuilder, IndexBuilder, Layer, Registry, Rule, Uploads,
};

use crate::lab::Lab;

const PASSWORD: &str = "s3cret-marker";

fn app() -> Image {
    ImageBuilder::new()
        .layer(Layer::files([("/a", "1".repeat(100_000))]))
        .layer(Layer::files([("/b", "2")]))
        .build()
}

fn push(source: &Reference, destination: &Reference) -> PushRequest {
    PushRequest {
        source: source.to_string().as_str().into(),
        destination: Some(destination.clone()),
        platform: None,
        move_policy: MovePolicy::Move,
    }
}

async fn pushed(lab: &Lab, source: &Reference, destination: &Reference) -> Pushed {
    let request = push(source, destination);
    lab.engine
        .push(&request, &NoProgress)
        .await
        .expect("pushed")
}

fn missing(plan: &PushPlan) -> Vec<&Digest> {
    let blobs = plan.blobs.iter();
    blobs
        .filter(|blob| blob.there == BlobThere::Missing)
        .map(|blob| &blob.digest)
        .collect()
}

/// Notes what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Progress for Heard {
    fn report(&self, event: Event) {
        self.0.lock().expect("not poisoned").push(event);
    }
}

#[tokio::test]
async fn an_image_arrives_byte_for_byte_and_only_what_is_missing_is_sent() {
    let (lab, image) = (Lab::new().await, app());
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let other = Registry::start();
    let destination = other.reference("team/app:2");
    let plan = lab.engine.plan_push(&push(&source, &destination)).await;
    let plan = plan.expect("planned");
    assert_eq!(missing(&plan).len(), 3, "{plan:?}");
    assert_eq!(plan.upload_bytes, plan.total_bytes);
    assert_eq!(plan.platforms, [Platform::new("linux", "amd64", None)]);
    assert_eq!(other.open_uploads(), 0);

    let heard = Heard::default();
    let request = push(&source, &destination);
    let done = lab.engine.push(&request, &heard).await.expect("pushed");
    assert_eq!(&done.digest, image.digest());
    assert_eq!(done.pushed_bytes, plan.total_bytes);
    assert_eq!(done.size, image.root.bytes.len() as u64);
    let there = other.document("team/app", "2").expect("named");
    assert_eq!(there.bytes, image.root.bytes);
    assert_eq!(there.media_type, image.root.media_type);
    let events = heard.0.into_inner().expect("not poisoned");
    let Some(Event::Resolved { blobs, .. }) = events.first() else {
        panic!("{events:?}");
    };
    assert_eq!(blobs.len(), 3);
    for blob in blobs {
        let last = events.iter().rev().find_map(|event| match event {
            Event::Fetched { digest, current } if *digest == blob.digest => Some(*current),
            _ => None,
        });
        assert_eq!(last, Some(blob.size));
        assert!(events.contains(&Event::Stored {
            digest: blob.digest.clone()
        }));
    }

    other.clear_log();
    let again = pushed(&lab, &source, &destination).await;
    assert!(again.up_to_date);
    assert_eq!(other.requests().len(), 1, "one question");

    // Under another tag only the manifest goes.
    let third = pushed(&lab, &source, &other.reference("team/app:3")).await;
    assert_eq!(
        (third.pushed_bytes, third.existing_bytes),
        (0, plan.total_bytes)
    );
    // In another repository of that registry nothing goes twice: it is known to be there.
    let fourth = pushed(&lab, &source, &other.reference("else/app:1")).await;
    assert_eq!(
        (fourth.pushed_bytes, fourth.mounted_bytes),
        (0, plan.total_bytes)
    );
    let detail = lab
        .engine
        .inspect(&source.to_string().as_str().into())
        .await;
    let digests = detail.expect("inspected").repo_digests;
    assert!(
        digests.iter().any(|name| name.contains("else/app@")),
        "{digests:?}"
    );
    lab.check().await;
}

#[tokio::test]
async fn an_index_goes_whole_or_says_what_is_not_here() {
    let lab = Lab::new().await;
    let one = app();
    let two = ImageBuilder::new()
        .platform("linux/arm64")
        .layer(Layer::files([("/c", "3")]))
        .build();
    let index = IndexBuilder::new()
        .image(one.clone())
        .image(two.clone())
        .build();
    let source = lab.registry.push("app:1", &index);
    lab.pull(&source).await.expect("pulled");

    // Only one platform is here.
    let other = Registry::start();
    let alone = pushed(&lab, &source, &other.reference("app:1")).await;
    assert_eq!(&alone.digest, one.digest());
    assert!(!alone.left_out.is_empty());
    assert_eq!(
        other.document("app", "1").expect("named").bytes,
        one.root.bytes
    );

    // Where the other platform is there already, the index can go.
    let third = Registry::start();
    third.push("app:arm", &index_of(&two));
    third.push("app:arm", &two);
    third.push("app:rest", &index);
    let whole = pushed(&lab, &source, &third.reference("app:2")).await;
    assert_eq!(&whole.digest, index.digest());

    // With a platform that is here, or not.
    let mut asked = push(&source, &other.reference("app:amd"));
    asked.platform = Some(Platform::new("linux", "amd64", None));
    let amd = lab.engine.push(&asked, &NoProgress).await.expect("pushed");
    assert_eq!(&amd.digest, one.digest());
    assert!(amd.left_out.is_empty(), "it was asked for");
    asked.platform = Some(Platform::new("linux", "s390x", None));
    let error = lab.engine.push(&asked, &NoProgress).await;
    assert_eq!(error.expect_err("not here").code(), "platform_not_found");
}

fn index_of(image: &Image) -> Image {
    IndexBuilder::new().image(image.clone()).build()
}

#[tokio::test]
async fn whole_indexes_go_from_registry_to_registry_without_being_kept() {
    let lab = Lab::new().await;
    let two = ImageBuilder::new()
        .platform("linux/arm64")
        .layer(Layer::files([("/c", "3".repeat(50_000))]))
        .build();
    let index = IndexBuilder::new().image(app()).image(two).build();
    let source = lab.registry.push("app:1", &index);
    let other = Registry::start();
    let copy = |to: Reference, platform| CopyRequest {
        from: engine::Place::Registry(source.clone()),
        to: engine::Place::Registry(to),
        platform,
        move_policy: MovePolicy::Move,
    };
    let request = copy(other.reference("copy/app:9"), None);
    let copied = lab
        .engine
        .copy(&request, &NoProgress)
        .await
        .expect("copied");
    assert_eq!(&copied.target, index.digest());
    for (digest, bytes) in &index.blobs {
        assert_eq!(other.blob("copy/app", digest).as_ref(), Some(bytes));
    }
    assert!(lab.names().await.is_empty());
    // Within one registry nothing moves at all.
    lab.registry.clear_log();
    let request = copy(lab.registry.reference("else/app:1"), None);
    lab.engine
        .copy(&request, &NoProgress)
        .await
        .expect("copied");
    let bodies = lab.registry.requests_for("/blobs/uploads/");
    assert!(bodies.iter().all(|request| request.body.is_empty()));
    let arm = Some(Platform::new("linux", "arm64", None));
    let request = copy(other.reference("copy/arm:1"), arm);
    let copied = lab
        .engine
        .copy(&request, &NoProgress)
        .await
        .expect("copied");
    assert_ne!(&copied.target, index.digest());
    // A source that breaks off is opened again.
    let third = Registry::start();
    lab.registry.rule(
        Rule::path("/blobs/")
            .method("GET")
            .after(2)
            .times(1)
            .fault(Fault::Cut(Some(50), testkit::Cut::Reset)),
    );
    let request = copy(third.reference("app:1"), None);
    lab.engine
        .copy(&request, &NoProgress)
        .await
        .expect("copied");
}

#[tokio::test]
async fn nothing_moves_where_it_may_not() {
    let (lab, image) = (Lab::new().await, app());
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let other = Registry::start();
    let destination = other.reference("app:1");
    let refusal = async || {
        let request = push(&source, &destination);
        let error = lab.engine.push(&request, &NoProgress).await;
        let error = error.expect_err("refused");
        let puts = other.requests_for("/blobs/uploads/upload");
        assert!(
            puts.iter().all(|request| request.body.is_empty()),
            "{error}"
        );
        assert!(!format!("{error:?}{}", error.message()).contains(PASSWORD));
        error.code()
    };
    other.require_bearer(Bearer::user("alice", PASSWORD));
    assert_eq!(refusal().await, "unauthorized");
    other.require_bearer(Bearer {
        push: false,
        ..Bearer::default()
    });
    assert_eq!(refusal().await, "unauthorized");
    other.require_bearer(Bearer::default());
    other.uploads(Uploads {
        read_only: true,
        ..Uploads::default()
    });
    assert_eq!(refusal().await, "not_offered");
    other.uploads(Uploads::default());
    other.rule(
        Rule::path("/blobs/uploads/")
            .method("POST")
            .fault(Fault::error(403, "DENIED", "no \u{1b}[31mway")),
    );
    assert_eq!(refusal().await, "denied");
    other.behave();
    other.push("app:1", &ImageBuilder::new().files([("/x", "y")]).build());
    let mut kept = push(&source, &destination);
    kept.move_policy = MovePolicy::Keep;
    let error = lab.engine.push(&kept, &NoProgress).await;
    assert_eq!(error.expect_err("taken").code(), "name_taken");
    let moved = pushed(&lab, &source, &destination).await;
    assert!(moved.replaced.is_some());
    let none = push(&lab.registry.reference("none:1"), &destination);
    let error = lab.engine.push(&none, &NoProgress).await;
    assert_eq!(error.expect_err("not here").code(), "not_found");
}

#[tokio::test]
async fn nothing_is_pushed_under_the_digest_of_something_else() {
    let (lab, image) = (Lab::new().await, app());
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let other = Registry::start();
    let tag = other.reference("app:1");
    let wrong = tag.with_digest(Digest::sha256(b"another"));
    let refused = lab.engine.push(&push(&source, &wrong), &NoProgress).await;
    assert_eq!(refused.expect_err("refused").code(), "usage");
    let refused = lab.engine.plan_push(&push(&source, &wrong)).await;
    assert_eq!(refused.expect_err("refused").code(), "usage");
    let request = CopyRequest {
        from: Place::Registry(source.clone()),
        to: Place::Registry(wrong),
        platform: None,
        move_policy: MovePolicy::Move,
    };
    let refused = lab.engine.copy(&request, &NoProgress).await;
    assert_eq!(refused.expect_err("refused").code(), "usage");
    assert!(other.requests_for("/v2/app/").is_empty());
    let right = tag.with_digest(image.digest().clone());
    assert_eq!(&pushed(&lab, &source, &right).await.digest, image.digest());
}

#[tokio::test]
async fn a_damaged_blob_is_not_pushed_as_something_else() {
    let (lab, image) = (Lab::new().await, app());
    let source = lab.registry.push("app:1", &image);
    lab.pull(&source).await.expect("pulled");
    let layer = &image.layers[0].descriptor;
    let path = lab.store().join("blobs/sha256").join(layer.digest.hex());
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[10] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let other = Registry::start();
    let request = push(&source, &other.reference("app:1"));
    let error = lab.engine.push(&request, &NoProgress).await;
    assert_eq!(error.expect_err("damaged").code(), "digest_mismatch");
    assert!(other.document("app", "1").is_none());
    // Nobody waits until the other layers' uploads are taken back.
    while other.open_uploads() > 0 {
        tokio::task::yield_now().await;
    }
}

/// An SBOM about an image, in the lab's registry but for its manifest.
fn sbom_of(lab: &Lab, subject: &Image, number: usize) -> Document {
    let empty = lab.registry.push_blob("app", "{}");
    let content = format!("{{\"sbom\":{number}}}");
    let size = content.len();
    let sbom = lab.registry.push_blob("app", content);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/spdx+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [{"mediaType": "application/spdx+json", "digest": sbom, "size": size}],
        "subject": {
            "mediaType": subject.root.media_type.as_str(),
            "digest": subject.digest(),
            "size": subject.root.bytes.len(),
        },
    });
    Document::new(MediaType::OciManifest, manifest.to_string().into_bytes())
}

#[tokio::test]
async fn a_referrer_is_listed_where_the_registry_does_not_do_it() {
    let lab = Lab::new().await;
    let subject = app();
    lab.registry.push("app:1", &subject);
    let document = sbom_of(&lab, &subject, 1);
    let source = lab.registry.push_document("app:sbom", document.clone());
    for (native, tagged) in [(false, true), (true, false)] {
        let other = Registry::start();
        other.uploads(Uploads {
            referrers: native,
            ..Uploads::default()
        });
        let request = CopyRequest {
            from: engine::Place::Registry(source.clone()),
            to: engine::Place::Registry(other.reference("app:sbom")),
            platform: None,
            move_policy: MovePolicy::Move,
        };
        lab.engine
            .copy(&request, &NoProgress)
            .await
            .expect("copied");
        let tag = format!("sha256-{}", subject.digest().hex());
        let index = other.document("app", &tag);
        assert_eq!(index.is_some(), tagged);
        if let Some(index) = index {
            let text = String::from_utf8(index.bytes).expect("JSON");
            assert!(text.contains(document.digest.as_str()), "{text}");
            assert!(text.contains("application/spdx+json"), "{text}");
        }
    }
}

/// A copy between two places that are not the store goes through the store, and takes nothing away from it.
#[tokio::test]
async fn what_passes_through_the_store_leaves_it_as_it_was() {
    let lab = Lab::new().await;
    let (mine, other) = (app(), Registry::start());
    let name = lab.registry.push("app:1", &mine);
    lab.pull(&name).await.expect("pulled");
    let archive = || Place::OciArchive {
        path: lab.folder.path().join("app.tar"),
        reference: None,
    };
    let copy = async |from: Place, to: Place| {
        let request = CopyRequest {
            from,
            to,
            platform: None,
            move_policy: MovePolicy::Move,
        };
        let copied = lab.engine.copy(&request, &NoProgress).await;
        copied.expect("copied").target
    };
    copy(Place::Store(name.to_string().as_str().into()), archive()).await;
    // Its name goes to a newer one, and it stays without.
    let newer = ImageBuilder::new().layer(Layer::files([("/new", "")]));
    lab.registry.push("app:1", &newer.build());
    lab.pull(&name).await.expect("pulled");
    let there = async || {
        let list = lab.engine.images(&ImageQuery::default()).await;
        let images = list.expect("listed").images;
        images.iter().any(|image| image.target == *mine.digest())
    };
    let next_undo = async || {
        let next = lab.engine.undoable().await.expect("read");
        next.expect("something can be undone").operation
    };
    let folder = || Place::OciFolder {
        path: lab.folder.path().join("folder"),
        reference: None,
    };
    for to in [Place::Registry(other.reference("app:1")), folder()] {
        assert_eq!(copy(archive(), to).await, *mine.digest());
        assert!(there().await, "the image without a name is still there");
        assert_eq!(next_undo().await, "pull");
    }
    let removal = RemovalRequest {
        selections: vec![Selector::digest_of(mine.digest())],
        ..RemovalRequest::default()
    };
    let plan = lab.engine.plan_removal(&removal).await.expect("planned");
    lab.engine.execute(&plan).await.expect("removed");
    for to in [Place::Registry(other.reference("app:2")), folder()] {
        copy(archive(), to).await;
        assert!(!there().await, "what only passed through is gone again");
        assert_eq!(next_undo().await, "rmi");
    }
    lab.engine.undo().await.expect("undone");
    assert!(there().await, "undo is of what the user did");
    lab.check().await;
}

#[tokio::test]
async fn referrers_that_are_pushed_at_the_same_time_are_all_listed() {
    const WRITERS: usize = 6;
    let lab = Lab::new().await;
    let subject = app();
    lab.registry.push("app:1", &subject);
    let other = Registry::start();
    other.uploads(Uploads {
        conditional: true,
        ..Uploads::default()
    });
    let pushes = (0..WRITERS).map(|number| {
        let source = lab.registry.push_document(
            &format!("app:sbom{number}"),
            sbom_of(&lab, &subject, number),
        );
        let request = CopyRequest {
            from: engine::Place::Registry(source),
            to: engine::Place::Registry(other.reference(&format!("app:sbom{number}"))),
            platform: None,
            move_policy: MovePolicy::Move,
        };
        let engine = &lab.engine;
        async move { engine.copy(&request, &NoProgress).await }
    });
    for pushed in futures_util::future::join_all(pushes).await {
        pushed.expect("copied");
    }
    let tag = format!("sha256-{}", subject.digest().hex());
    let list = other.document("app", &tag).expect("there is a list");
    let list: serde_json::Value = serde_json::from_slice(&list.bytes).expect("JSON");
    assert_eq!(
        list["manifests"].as_array().map(Vec::len),
        Some(WRITERS),
        "{list}"
    );
}
