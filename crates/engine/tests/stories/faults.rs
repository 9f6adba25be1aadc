//! Whatever a registry does: a clear error, a whole store, no name moved, and what came is used again.

use oci::{Digest, MediaType};
use testkit::{
    Bearer, Cut, Document, Fault, Image, ImageBuilder, IndexBuilder, Layer, Packing, Rule,
};

use crate::lab::Lab;

/// An image of two layers, the second large enough to be cut.
fn image() -> Image {
    let noise: Vec<u8> = (0..200_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    ImageBuilder::new()
        .files([("etc/os-release", "ID=debian\n")])
        .layer(Layer::new().file("data", noise).packed(Packing::Plain))
        .build()
}

#[tokio::test]
async fn every_refusal_has_its_code_and_leaves_the_store_as_it_was() {
    let lab = Lab::new().await;
    let good = lab.registry.push("team/app:1", &image());
    let layer = image().layers[1].descriptor.digest.to_string();
    let manifest = image().digest().to_string();
    let faults: Vec<(Rule, &str)> = vec![
        (
            Rule::path(&layer).fault(Fault::Flip(1000)),
            "digest_mismatch",
        ),
        (
            Rule::path(&layer).fault(Fault::Cut(Some(0), Cut::Reset)),
            "unreachable",
        ),
        (
            Rule::path(&layer).fault(Fault::Length("7".into())),
            "size_mismatch",
        ),
        (Rule::path(&layer).fault(Fault::status(500)), "unreachable"),
        (Rule::path(&layer).fault(Fault::status(404)), "not_found"),
        (
            Rule::path(&manifest).fault(Fault::Flip(3)),
            "digest_mismatch",
        ),
        (
            Rule::path("/manifests/").fault(Fault::retry_after(429, "100000")),
            "rate_limited",
        ),
        (
            Rule::path("/manifests/").fault(Fault::error(403, "DENIED", "not yours")),
            "denied",
        ),
        (
            Rule::path("/manifests/").fault(Fault::challenge("Basic realm=\"lab\"")),
            "unauthorized",
        ),
    ];
    for (rule, code) in faults {
        let told = format!("{rule:?}");
        lab.registry.rule(rule);
        let found = lab.refusal(&good).await;
        assert_eq!(found, code, "{told}");
        assert_eq!(lab.names().await, Vec::<String>::new(), "{told}");
        lab.registry.behave();
    }
    lab.check().await;
    lab.pull(&good).await.unwrap();
    assert_eq!(lab.names().await, [good.to_string()]);
    lab.check().await;
}

#[tokio::test]
async fn images_that_are_not_what_they_say_are_refused() {
    let lab = Lab::new().await;
    let layer = || Layer::files([("a", "b")]);
    let broken_tar = Layer::of_tar(vec![b'x'; 4096]);
    for (image, code) in [
        (
            ImageBuilder::new().layer(layer()).wrong_diff_id().build(),
            "corrupt_layer",
        ),
        (
            ImageBuilder::new().layer(layer()).wrong_digest().build(),
            "digest_mismatch",
        ),
        (
            ImageBuilder::new().layer(layer()).wrong_size(7).build(),
            "size_mismatch",
        ),
        (
            ImageBuilder::new().layer(broken_tar).build(),
            "corrupt_layer",
        ),
    ] {
        let reference = lab.registry.push("team/bad:1", &image);
        assert_eq!(lab.refusal(&reference).await, code);
        assert_eq!(lab.names().await, Vec::<String>::new());
    }
    let both = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[],"manifests":[]}"#;
    let reference = lab.registry.push_document(
        "team/bad:2",
        Document::new(MediaType::OciManifest, both.to_vec()),
    );
    assert_eq!(lab.refusal(&reference).await, "ambiguous_document");
    assert_eq!(
        lab.refusal(&lab.registry.reference("team/bad:none")).await,
        "tag_not_found"
    );
    let foreign = IndexBuilder::new()
        .image(
            ImageBuilder::new()
                .platform("linux/s390x")
                .layer(layer())
                .build(),
        )
        .build();
    let reference = lab.registry.push("team/bad:3", &foreign);
    assert_eq!(lab.refusal(&reference).await, "platform_not_found");
    lab.check().await;
}

#[tokio::test]
async fn a_cut_connection_goes_on_and_a_wrong_byte_is_fetched_once_more() {
    let lab = Lab::new().await;
    let image = image();
    let layer = image.layers[1].descriptor.digest.to_string();
    let reference = lab.registry.push("team/app:1", &image);
    let cut = Rule::path(&layer).fault(Fault::Cut(Some(300_000), Cut::Close));
    lab.registry.rule(cut.once());
    let pulled = lab.pull(&reference).await.unwrap();
    assert_eq!(pulled.images[0].id, image.config);
    let ranges: Vec<_> = lab
        .registry
        .requests_for(&layer)
        .iter()
        .filter_map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, ["bytes=300000-"], "the rest, and nothing twice");
    lab.check().await;

    let lab = Lab::new().await;
    let reference = lab.registry.push("team/app:1", &image);
    lab.registry
        .rule(Rule::path(&layer).fault(Fault::Flip(77)).once());
    lab.pull(&reference).await.unwrap();
    lab.check().await;
}

#[tokio::test]
async fn a_token_that_ends_in_mid_pull_is_renewed() {
    let lab = Lab::new().await;
    let image = image();
    let reference = lab.registry.push("team/app:1", &image);
    lab.registry.require_bearer(Bearer::default());
    // The first answer to a blob is that the token is no longer good.
    let layer = image.layers[1].descriptor.digest.to_string();
    let ended = Fault::challenge("Bearer realm=\"/token\",service=\"lab\",error=\"invalid_token\"");
    lab.registry.rule(Rule::path(&layer).fault(ended).once());
    lab.pull(&reference).await.unwrap();
    lab.check().await;
}

#[tokio::test]
async fn every_kind_of_layer_is_read() {
    let lab = Lab::new().await;
    for (name, packing) in [
        ("gzip", Packing::Gzip),
        ("members", Packing::GzipMembers(3)),
        ("zstd", Packing::Zstd),
        ("plain", Packing::Plain),
    ] {
        for docker in [false, true] {
            let layer = Layer::files([("name", name)]).packed(packing);
            let builder = ImageBuilder::new().layer(layer);
            let image = if docker { builder.docker() } else { builder }.build();
            let reference = lab.registry.push(&format!("kinds/{name}:{docker}"), &image);
            let pulled = lab.pull(&reference).await.unwrap();
            assert_eq!(pulled.images[0].id, image.config, "{name}");
            let again = lab.pull(&reference).await.unwrap();
            assert!(again.up_to_date, "{name}");
        }
    }
    lab.check().await;
}

#[tokio::test]
async fn the_same_layer_twice_and_layers_that_are_here_are_fetched_once() {
    let lab = Lab::new().await;
    let base = Layer::files([("base", "base")]);
    let first = ImageBuilder::new()
        .layer(base.clone())
        .layer(base.clone())
        .build();
    let reference = lab.registry.push("team/twice:1", &first);
    lab.pull(&reference).await.unwrap();
    let digest: Digest = first.layers[0].descriptor.digest.clone();
    let gets = |text: &str| {
        let requests = lab.registry.requests_for(text);
        requests
            .iter()
            .filter(|request| request.method == "GET")
            .count()
    };
    assert_eq!(gets(digest.as_str()), 1);

    let second = ImageBuilder::new()
        .layer(base)
        .layer(Layer::files([("own", "own")]))
        .build();
    let reference = lab.registry.push("team/other:1", &second);
    let pulled = lab.pull(&reference).await.unwrap();
    assert_eq!(gets(digest.as_str()), 1, "it was here");
    assert!(pulled.reused_bytes >= first.layers[0].descriptor.size);
    lab.registry.clear_log();
    assert!(lab.pull(&reference).await.unwrap().up_to_date);
    assert!(
        !lab.registry.saw("/blobs/"),
        "a repeated pull asks for no blob"
    );
}
