//! Manifests and indexes: what is read, and everything that is refused.

use oci::{Digest, Document, DocumentError, MAX_MANIFEST_SIZE, MediaType};
use proptest::prelude::*;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(b"x").as_str(), "size": 1})
}

fn manifest() -> Value {
    json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json"),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")]})
}

fn index() -> Value {
    let mut entry = descriptor(MANIFEST);
    entry["platform"] = json!({"os": "linux", "architecture": "arm", "variant": "v7"});
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]})
}

fn parse(value: &Value, announced: Option<&str>) -> Result<Document, DocumentError> {
    Document::parse(value.to_string().as_bytes(), announced)
}

#[test]
fn a_manifest_and_an_index_read() {
    let Ok(Document::Manifest(read)) = parse(&manifest(), Some(MANIFEST)) else {
        panic!("a manifest")
    };
    assert!(read.is_image() && read.layers.len() == 1 && read.config.size == 1);
    let Ok(Document::Index(read)) = parse(&index(), Some(INDEX)) else {
        panic!("an index")
    };
    assert_eq!(
        read.manifests[0]
            .platform
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("linux/arm/v7")
    );
}

#[test]
fn without_its_own_media_type_the_announced_one_counts() {
    let mut plain = manifest();
    plain
        .as_object_mut()
        .expect("an object")
        .remove("mediaType");
    assert_eq!(
        *parse(&plain, Some(DOCKER)).expect("reads").media_type(),
        MediaType::DockerManifest
    );
    assert_eq!(
        *parse(&plain, None).expect("reads").media_type(),
        MediaType::OciManifest
    );
    assert_eq!(
        *parse(&plain, Some("application/json"))
            .expect("reads")
            .media_type(),
        MediaType::OciManifest
    );
}

#[test]
fn a_document_that_is_two_things_is_refused() {
    let mut both = manifest();
    both["manifests"] = json!([]);
    assert!(matches!(parse(&both, None), Err(DocumentError::Ambiguous)));
    let mut disguised = index();
    disguised["config"] = descriptor("x/y");
    assert!(matches!(
        parse(&disguised, None),
        Err(DocumentError::Ambiguous)
    ));
    assert!(matches!(
        parse(&json!({"schemaVersion": 2}), None),
        Err(DocumentError::Neither)
    ));
}

#[test]
fn types_that_disagree_are_refused() {
    assert!(matches!(
        parse(&manifest(), Some(INDEX)),
        Err(DocumentError::MediaType { .. })
    ));
    assert!(matches!(
        parse(&manifest(), Some(DOCKER)),
        Err(DocumentError::MediaType { .. })
    ));
    assert!(matches!(
        parse(&index(), Some(MANIFEST)),
        Err(DocumentError::MediaType { .. })
    ));
    let mut liar = manifest();
    liar["mediaType"] = json!(INDEX);
    assert!(matches!(
        parse(&liar, None),
        Err(DocumentError::MediaType { .. })
    ));
}

#[test]
fn schema_one_is_named() {
    let old = json!({"schemaVersion": 1, "name": "x", "fsLayers": [], "history": []});
    assert!(matches!(parse(&old, None), Err(DocumentError::Schema1)));
    let disguised = json!({"schemaVersion": 2, "fsLayers": [], "manifests": []});
    assert!(matches!(
        parse(&disguised, Some(INDEX)),
        Err(DocumentError::Schema1)
    ));
    let three = json!({"schemaVersion": 3, "manifests": []});
    assert!(matches!(
        parse(&three, None),
        Err(DocumentError::SchemaVersion { version: 3 })
    ));
}

#[test]
fn keys_that_two_readers_see_differently_are_refused() {
    let text = manifest().to_string();
    let twice = text.replacen("\"layers\"", "\"layers\":[],\"layers\"", 1);
    assert!(matches!(
        Document::parse(twice.as_bytes(), None),
        Err(DocumentError::Json(_))
    ));
    let cased = text.replacen("\"layers\"", "\"Layers\":[],\"layers\"", 1);
    assert!(matches!(
        Document::parse(cased.as_bytes(), None),
        Err(DocumentError::Json(_))
    ));
}

/// Go finds `layers` in `Layers`, and a long s in place of an s is no obstacle to it either: to such a program these are images.
#[test]
fn keys_that_only_some_readers_know_are_refused() {
    for (key, value) in [
        ("Layers", manifest()["layers"].clone()),
        ("Config", manifest()["config"].clone()),
        ("layerſ", manifest()["layers"].clone()),
        ("FSLayers", json!([])),
        ("MediaType", json!(MANIFEST)),
        ("Subject", descriptor(MANIFEST)),
    ] {
        let mut document = index();
        document[key] = value;
        document
            .as_object_mut()
            .expect("an object")
            .remove("mediaType");
        let refused = parse(&document, None);
        assert!(
            matches!(refused, Err(DocumentError::Json(_))),
            "{key}: {refused:?}"
        );
    }
    let mut document = index();
    document["manifests"][0]["Platform"] = json!({"os": "windows", "architecture": "amd64"});
    document["manifests"][0]
        .as_object_mut()
        .expect("an object")
        .remove("platform");
    assert!(matches!(
        parse(&document, None),
        Err(DocumentError::Json(_))
    ));
    // What nobody knows may be written in any way, and annotations are data.
    document = index();
    document["X-Layers"] = json!({"a": 1});
    document["annotations"] = json!({"Layers": "x", "Digest": "y"});
    assert!(parse(&document, None).is_ok());
}

#[test]
fn sizes_and_digests_are_strict() {
    for (field, wrong) in [
        ("size", json!(-1)),
        ("size", json!(1.5)),
        ("size", Value::Null),
        ("digest", json!("sha256:../../etc")),
    ] {
        let mut bad = manifest();
        bad["layers"][0][field] = wrong.clone();
        assert!(
            matches!(parse(&bad, None), Err(DocumentError::Json(_))),
            "{field} {wrong}"
        );
    }
}

#[test]
fn limits_hold() {
    let spaces = vec![b' '; usize::try_from(MAX_MANIFEST_SIZE).expect("fits") + 1];
    assert!(matches!(
        Document::parse(&spaces, None),
        Err(DocumentError::TooLarge { .. })
    ));
    let mut many = index();
    many["manifests"] = Value::Array(vec![
        json!({"mediaType": MANIFEST, "digest": Digest::sha256(b"x").as_str(), "size": 1});
        10_001
    ]);
    assert!(matches!(
        parse(&many, None),
        Err(DocumentError::TooMany { count: 10_001 })
    ));
    let deep = format!(
        "{{\"manifests\":{}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert!(matches!(
        Document::parse(deep.as_bytes(), None),
        Err(DocumentError::Json(_))
    ));
}

#[test]
fn attestations_are_told_from_images() {
    let mut with = index();
    let mut attestation = descriptor(MANIFEST);
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    attestation["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    with["manifests"]
        .as_array_mut()
        .expect("a list")
        .push(attestation);
    let Ok(Document::Index(read)) = parse(&with, None) else {
        panic!("an index")
    };
    assert_eq!(
        read.manifests
            .iter()
            .map(oci::Descriptor::is_attestation)
            .collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn artifacts_and_odd_layers_read() {
    let mut artifact = manifest();
    artifact["artifactType"] = json!("application/vnd.example+type");
    artifact["config"] = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}").as_str(), "size": 2, "data": "e30="});
    artifact["layers"][0]["annotations"] = Value::Null;
    let Ok(Document::Manifest(read)) = parse(&artifact, None) else {
        panic!("a manifest")
    };
    assert!(!read.is_image());
}

proptest! {
    /// Whatever bytes arrive, reading ends with a document or an error.
    #[test]
    fn altered_bytes_never_panic(position in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let mut bytes = index().to_string().into_bytes();
        let length = bytes.len();
        bytes[position % length] = byte;
        bytes.truncate(length - cut % length);
        let _ = Document::parse(&bytes, Some(INDEX));
        let _ = oci::ImageConfig::parse(&bytes);
    }
}
