use oci::{Descriptor, Digest, Document, MediaType};
use registry::{Error, Repository};
use testkit::{Document as Made, Fault, ImageBuilder, IndexBuilder, Registry, Rule};

use crate::lab::Lab;

fn app() -> testkit::Image {
    ImageBuilder::new().files([("/a", "1")]).build()
}

#[tokio::test]
async fn a_tag_is_asked_with_head_and_fetched_by_its_digest() {
    let (server, lab) = (Registry::start(), Lab::new());
    let image = app();
    let reference = server.push("team/app:1", &image);

    let resolved = lab.client.resolve(&reference, &()).await.expect("resolved");

    assert_eq!(&resolved.digest, image.digest());
    assert_eq!(resolved.bytes, image.root.bytes, "the bytes as they are");
    assert_eq!(resolved.media_type, MediaType::OciManifest);
    let asked: Vec<_> = server
        .requests()
        .iter()
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    let by_digest = format!("GET /v2/team/app/manifests/{}", image.digest());
    assert_eq!(
        asked,
        ["HEAD /v2/team/app/manifests/1", by_digest.as_str()],
        "a HEAD is no pull to Docker Hub"
    );
    let head = &server.requests()[0];
    assert_eq!(head.header("accept-encoding"), Some("identity"));
    assert_eq!(head.header("user-agent"), Some("strata-test/1"));
    assert!(
        head.header("accept")
            .is_some_and(|accept| accept.contains("image.index.v1+json"))
    );
}

#[tokio::test]
async fn without_a_tag_latest_is_meant_and_a_digest_beats_a_tag() {
    let (server, lab) = (Registry::start(), Lab::new());
    let (old, new) = (app(), ImageBuilder::new().files([("/a", "2")]).build());
    server.push("app:latest", &new);
    server.push("app:old", &old);

    let latest = lab
        .client
        .resolve(&server.reference("app"), &())
        .await
        .expect("resolved");
    assert_eq!(&latest.digest, new.digest());
    let both = server.reference(&format!("app:latest@{}", old.digest()));
    let pinned = lab.client.resolve(&both, &()).await.expect("resolved");
    assert_eq!(&pinned.digest, old.digest());
}

#[tokio::test]
async fn registries_that_do_head_badly_are_asked_with_get() {
    for fault in [
        Fault::status(405),
        Fault::status(501),
        Fault::status(404),
        Fault::status(403),
        Fault::WithoutHeader("Docker-Content-Digest".into()),
        Fault::Header("Docker-Content-Digest".into(), "md5:nonsense".into()),
    ] {
        let (server, lab) = (Registry::start(), Lab::new());
        let image = app();
        let reference = server.push("app:1", &image);
        server.rule(
            Rule::path("/manifests/")
                .method("HEAD")
                .fault(fault.clone()),
        );
        let resolved = lab
            .client
            .resolve(&reference, &())
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(&resolved.digest, image.digest(), "{fault:?}");
        assert_eq!(lab.retries(), 0, "{fault:?}");
    }
}

#[tokio::test]
async fn the_digest_header_must_be_right() {
    let (server, lab) = (Registry::start(), Lab::new());
    let reference = server.push("app:1", &app());
    let lie = Digest::sha256(b"something else");
    server.rule(
        Rule::path("/manifests/")
            .method("HEAD")
            .fault(Fault::status(405)),
    );
    server.rule(Rule::path("/manifests/").fault(Fault::Header(
        "Docker-Content-Digest".into(),
        lie.to_string(),
    )));
    match lab.client.resolve(&reference, &()).await {
        Err(Error::DigestMismatch { expected, .. }) => assert_eq!(expected, lie),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn changed_bytes_are_fetched_once_more_and_then_refused() {
    let (server, lab) = (Registry::start(), Lab::new());
    let image = app();
    let reference = server.push("app:1", &image);
    let by_digest = || {
        Rule::path(image.digest().as_str())
            .method("GET")
            .fault(Fault::Flip(40))
    };
    server.rule(by_digest().once());
    lab.client
        .resolve(&reference, &lab.heard)
        .await
        .expect("right the second time");
    assert_eq!(lab.retries(), 1);

    server.behave();
    server.rule(by_digest());
    server.clear_log();
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::DigestMismatch { .. }), "{error:?}");
    assert_eq!(server.requests_for(image.digest().as_str()).len(), 2);
}

#[tokio::test]
async fn what_does_not_exist_says_so() {
    let (server, lab) = (Registry::start(), Lab::new());
    server.push("app:1", &app());
    let error = lab.refused(&server.reference("app:2")).await;
    assert!(
        matches!(
            error,
            Error::NotFound {
                repository_unknown: false,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!(
            "{0}/app:2 does not exist at {0}: manifest unknown",
            server.host()
        )
    );
    let error = lab.refused(&server.reference("none:2")).await;
    assert!(
        matches!(
            error,
            Error::NotFound {
                repository_unknown: true,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(lab.retries(), 0);
}

#[tokio::test]
async fn schema_1_is_named_as_such() {
    let (server, lab) = (Registry::start(), Lab::new());
    let body =
        br#"{"schemaVersion":1,"name":"a","tag":"1","fsLayers":[],"signatures":[]}"#.to_vec();
    let mut document = Made::new(MediaType::DockerSchema1, body.clone());
    document.digest = Digest::sha256(b"the document without its signatures");
    let reference = server.push_document("old:1", document);
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::SchemaOne { .. }), "{error:?}");

    let disguised = server.push_document("old:2", Made::new(MediaType::OciManifest, body));
    let error = lab.refused(&disguised).await;
    assert!(matches!(error, Error::SchemaOne { .. }), "{error:?}");
}

#[tokio::test]
async fn documents_that_can_be_read_in_two_ways_are_refused() {
    let (server, lab) = (Registry::start(), Lab::new());
    let digest = Digest::sha256(b"x");
    let both = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a","digest":"{digest}","size":1}},"layers":[],"manifests":[]}}"#
    );
    let reference = server.push_document(
        "evil:1",
        Made::new(MediaType::OciManifest, both.into_bytes()),
    );
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::Ambiguous { .. }), "{error:?}");

    let reference = server.push("app:1", &app());
    server.rule(Rule::path("app/manifests").fault(Fault::Header(
        "Content-Type".into(),
        MediaType::OciIndex.to_string(),
    )));
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::Ambiguous { .. }), "{error:?}");
    server.behave();
    server.rule(Rule::path("app/manifests").fault(Fault::Header(
        "Content-Type".into(),
        "application/json; charset=utf-8".into(),
    )));
    lab.client
        .resolve(&reference, &())
        .await
        .expect("a type that says nothing contradicts nothing");
}

#[tokio::test]
async fn manifests_below_an_index_must_be_what_the_index_says() {
    let (server, lab) = (Registry::start(), Lab::new());
    let index = IndexBuilder::new()
        .image(app())
        .image(ImageBuilder::new().platform("linux/arm64").build())
        .attestation()
        .build();
    let reference = server.push("app:1", &index);
    let resolved = lab.client.resolve(&reference, &()).await.expect("resolved");
    let Document::Index(parsed) = &resolved.document else {
        panic!("an index")
    };
    assert_eq!(parsed.manifests.len(), 3);
    let repository = Repository::of(&reference);
    for descriptor in &parsed.manifests {
        lab.client
            .manifest(&repository, descriptor, &())
            .await
            .expect("fetched");
    }

    let right = &parsed.manifests[0];
    for (wrong, what) in [
        (
            Descriptor {
                size: right.size - 1,
                ..right.clone()
            },
            "shorter",
        ),
        (
            Descriptor {
                size: right.size + 1,
                ..right.clone()
            },
            "longer",
        ),
    ] {
        let error = lab
            .client
            .manifest(&repository, &wrong, &())
            .await
            .expect_err(what);
        assert!(
            matches!(error, Error::SizeMismatch { .. }),
            "{what}: {error:?}"
        );
    }
    let other_type = Descriptor {
        media_type: MediaType::DockerManifest,
        ..right.clone()
    };
    let error = lab
        .client
        .manifest(&repository, &other_type, &())
        .await
        .expect_err("another type");
    assert!(matches!(error, Error::Ambiguous { .. }), "{error:?}");
}

#[tokio::test]
async fn a_manifest_may_have_4_mib_and_no_more() {
    let (server, lab) = (Registry::start(), Lab::new());
    let filled = |size: usize| {
        let digest = Digest::sha256(b"x");
        let start = format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"a","digest":"{digest}","size":1}},"layers":[]"#
        );
        let padding = size - start.len() - 1;
        Made::new(
            MediaType::OciManifest,
            format!("{start}{}}}", " ".repeat(padding)).into_bytes(),
        )
    };
    let limit = 4 * 1024 * 1024;
    let reference = server.push_document("app:fits", filled(limit));
    lab.client.resolve(&reference, &()).await.expect("fits");
    let reference = server.push_document("app:large", filled(limit + 1));
    for chunked in [false, true] {
        if chunked {
            server.rule(Rule::path("/manifests/").fault(Fault::Endless));
        }
        let error = lab.refused(&reference).await;
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn warnings_are_reported_once() {
    let (server, lab) = (Registry::start(), Lab::new());
    let reference = server.push("app:1", &app());
    server.rule(Rule::path("/manifests/").fault(Fault::Header(
        "Warning".into(),
        r#"299 - "This ends soon.""#.into(),
    )));
    lab.client
        .resolve(&reference, &lab.heard)
        .await
        .expect("resolved");
    assert_eq!(
        *lab.heard.warnings.lock().expect("not poisoned"),
        ["This ends soon."]
    );
}

#[tokio::test]
async fn inline_content_replaces_the_fetch_only_if_it_is_right() {
    let (server, lab) = (Registry::start(), Lab::new());
    let digest = server.push_blob("app", "{}");
    let repository = Repository::of(&server.reference("app"));
    let mut descriptor = Descriptor::new(MediaType::OciEmpty, digest, 2);
    descriptor.data = Some("e30=".into());
    assert_eq!(
        lab.client
            .read_blob(&repository, &descriptor, 100, &())
            .await
            .expect("read"),
        "{}"
    );
    assert!(server.requests().is_empty());
    descriptor.data = Some("W10=".into());
    assert_eq!(
        lab.client
            .read_blob(&repository, &descriptor, 100, &())
            .await
            .expect("read"),
        "{}"
    );
    assert_eq!(server.requests().len(), 1);
    let error = lab
        .client
        .read_blob(&repository, &descriptor, 1, &())
        .await
        .expect_err("too large");
    assert!(
        matches!(error, Error::TooLarge { limit: 1, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn hosts_that_are_not_there_are_told_apart() {
    let lab = Lab::new();
    let reference = oci::Reference::parse_normalized("strata.invalid/app:1").expect("a reference");
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::UnknownHost { .. }), "{error:?}");

    let gone = Registry::start().reference("app:1");
    let error = lab
        .client
        .resolve(&gone, &lab.heard)
        .await
        .expect_err("nobody listens");
    assert!(
        matches!(error, Error::Unreachable { refused: true, .. }),
        "{error:?}"
    );
    assert_eq!(lab.retries(), 1, "once more, in case it was just starting");

    let reference = oci::Reference::parse_normalized("localhost:99999/app:1").expect("a reference");
    let error = lab.refused(&reference).await;
    assert!(matches!(error, Error::BadHost { .. }), "{error:?}");
}
