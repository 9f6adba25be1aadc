//! Layers that are not what layers mostly are.

use std::io::Read;

use oci::{Algorithm, Digest, Hasher, MediaType, Reference};
use testkit::{Document, Layer};

use crate::lab::Lab;

/// Puts an image of one layer, whose config says this diff ID, into the lab's registry.
fn push(lab: &Lab, name: &str, media_type: &str, layer: Vec<u8>, diff_id: &str) -> Reference {
    let repository = name.split(':').next().unwrap();
    let size = layer.len();
    let digest = lab.registry.push_blob(repository, layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let config_size = config.len();
    let config = lab.registry.push_blob(repository, config);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}]}}"#
    );
    let document = Document::new(MediaType::OciManifest, manifest.into_bytes());
    lab.registry.push_document(name, document)
}

fn sha512(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(bytes);
    hasher.finish()
}

#[tokio::test]
async fn a_small_blob_that_would_be_gigabytes_is_given_up_on() {
    let lab = Lab::new().await;
    let tar = Layer::files([("a", "a")]).tar();
    // Zeros after the end of a tar are part of it.
    let zeros = std::io::repeat(0).take(1_200_000_000);
    let bomb = zstd::encode_all(tar.as_slice().chain(zeros), 1).unwrap();
    assert!(bomb.len() < 500_000, "{}", bomb.len());
    let diff_id = Digest::sha256(b"whatever").to_string();
    let media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
    let reference = push(&lab, "team/bomb:1", media_type, bomb, &diff_id);
    assert_eq!(lab.refusal(&reference).await, "too_large");
    assert_eq!(lab.names().await, Vec::<String>::new());
    lab.check().await;
}

#[tokio::test]
async fn a_config_may_name_its_layers_by_sha512() {
    let lab = Lab::new().await;
    let tar = Layer::files([("a", "a")]).tar();
    let media_type = "application/vnd.oci.image.layer.v1.tar";
    let named = |name: &str, diff_id: Digest| {
        push(&lab, name, media_type, tar.clone(), &diff_id.to_string())
    };
    let reference = named("team/long:1", sha512(&tar));
    lab.pull(&reference).await.unwrap();
    // The same blob, whose content another image names otherwise.
    let other = named("team/long:2", Digest::sha256(&tar));
    lab.pull(&other).await.unwrap();
    let wrong = named("team/long:3", sha512(b"something else"));
    assert_eq!(lab.refusal(&wrong).await, "corrupt_layer");
    lab.check().await;
}
