//! Hosts that are asked in place of a registry.

use registry::{Mirror, Repository};
use testkit::{Fault, ImageBuilder, Registry, Rule};

use crate::lab::Lab;

fn lab(registry: &Registry, mirror: &str) -> Lab {
    let pair = Mirror {
        registry: registry.host(),
        host: mirror.to_owned(),
    };
    Lab::with(|options| options.mirrors.push(pair))
}

#[tokio::test]
async fn a_mirror_is_asked_first_and_the_registry_for_what_it_lacks() {
    let (server, mirror) = (Registry::start(), Registry::start());
    let lab = lab(&server, &mirror.host());
    let (here, there) = (
        ImageBuilder::new().files([("/a", "1")]).build(),
        ImageBuilder::new().files([("/a", "2")]).build(),
    );
    let at_mirror = server.push("app:1", &there);
    mirror.push("app:1", &here);
    let resolved = lab
        .client
        .resolve(&at_mirror, &lab.heard)
        .await
        .expect("resolved");
    assert_eq!(&resolved.digest, here.digest(), "the mirror says so");
    assert!(server.requests_for("/manifests/").is_empty());
    assert!(mirror.requests_for("?ns=127.0.0.1:").len() >= 2);
    let missing = server.push("app:2", &there);
    let resolved = lab
        .client
        .resolve(&missing, &lab.heard)
        .await
        .expect("resolved");
    assert_eq!(&resolved.digest, there.digest());
    let repository = Repository::of(&missing);
    let tags = lab
        .client
        .tags(&repository, &lab.heard)
        .await
        .expect("listed");
    assert_eq!(tags.len(), 2, "lists are the registry's own");
}

#[tokio::test]
async fn a_mirror_that_fails_is_left_alone() {
    let (server, mirror) = (Registry::start(), Registry::start());
    let lab = lab(&server, &mirror.host());
    let image = ImageBuilder::new().files([("/a", "1")]).build();
    let reference = server.push("app:1", &image);
    mirror.rule(Rule::path("/v2/app/").fault(Fault::status(503)));
    for _ in 0..3 {
        lab.client
            .resolve(&reference, &lab.heard)
            .await
            .expect("resolved");
    }
    assert_eq!(mirror.requests_for("/v2/app/").len(), 1);
    assert_eq!(lab.retries(), 0);
}

/// Nothing wrong passes for what has a digest, and what the registry has right is had.
#[tokio::test]
async fn a_mirror_with_wrong_bytes_is_left_alone_and_the_registry_asked() {
    let image = ImageBuilder::new().files([("/a", "1")]).build();
    let layer = &image.layers[0];
    for (fault, wrong) in [
        (Fault::Flip(3), "/manifests/sha256"),
        (Fault::Flip(3), "/blobs/sha256"),
        (Fault::Body(b"short".to_vec()), "/blobs/sha256"),
    ] {
        let (server, mirror) = (Registry::start(), Registry::start());
        let lab = lab(&server, &mirror.host());
        let reference = server.push("app:1", &image);
        mirror.push("app:1", &image);
        mirror.rule(Rule::path(wrong).fault(fault));
        let resolved = lab.client.resolve(&reference, &lab.heard).await;
        assert_eq!(&resolved.expect("resolved").digest, image.digest());
        let repository = Repository::of(&reference);
        for _ in 0..3 {
            let read = lab
                .client
                .read_blob(&repository, &layer.descriptor, 1 << 20, &lab.heard)
                .await;
            assert_eq!(read.expect("read"), image.blobs[&layer.descriptor.digest]);
        }
        let asked = mirror.requests_for(wrong);
        assert_eq!(asked.len(), 1, "once, and then not for a while");
        // Of the registry itself they are an error, as ever.
        server.rule(Rule::path("/blobs/sha256").fault(Fault::Flip(3)));
        lab.client
            .read_blob(&repository, &layer.descriptor, 1 << 20, &lab.heard)
            .await
            .expect_err("wrong bytes");
    }
}
