//! A store, and what is put into it.

use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use oci::{Digest, ImageName, Selector};
use store::{
    CheckOptions, LayerFacts, Lease, LeasePurpose, MovePolicy, NewImage, OpenOptions,
    ProcessIdentity, RemovalOptions, Report, Store,
};

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions {
        now: now(),
        process: ProcessIdentity::of_this_process(),
        read_only: false,
    }
}

pub(crate) fn open(root: &Path) -> Store {
    Store::open(root, &options()).expect("opens")
}

pub(crate) fn lease(store: &Store) -> Lease {
    store
        .lease(
            &LeasePurpose::Local {
                operation: "test".to_owned(),
            },
            now(),
        )
        .expect("a lease")
}

pub(crate) fn name(text: &str) -> ImageName {
    text.parse().expect("a name")
}

pub(crate) fn check(store: &Store) -> Report {
    store
        .check(
            &CheckOptions {
                read_data: true,
                now: now(),
            },
            &|_| ControlFlow::Continue(()),
        )
        .expect("checks")
}

/// Puts an image of these layers in, under these names, and returns its target.
pub(crate) fn put(store: &Store, layers: &[&str], names: &[&str]) -> Digest {
    put_for(
        store,
        r#""architecture":"amd64","os":"linux""#,
        layers,
        names,
    )
}

/// As [`put`], with a config that begins with these keys.
pub(crate) fn put_for(store: &Store, head: &str, layers: &[&str], names: &[&str]) -> Digest {
    let lease = lease(store);
    let mut descriptors = Vec::new();
    for layer in layers {
        let digest = store
            .put_document(&lease, layer.as_bytes())
            .expect("a layer");
        know(store, &digest, layer.len() as u64);
        descriptors.push(format!(
            r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{}}}"#,
            layer.len()
        ));
    }
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| format!("\"{}\"", Digest::sha256(layer.as_bytes())))
        .collect();
    let config = format!(
        r#"{{{head},"config":{{"Labels":{{"made":"{}"}}}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        layers.join("+"),
        diff_ids.join(",")
    );
    let config_digest = store
        .put_document(&lease, config.as_bytes())
        .expect("a config");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{}]}}"#,
        config.len(),
        descriptors.join(",")
    );
    let target = store
        .put_document(&lease, manifest.as_bytes())
        .expect("a manifest");
    let names: Vec<ImageName> = names.iter().map(|text| name(text)).collect();
    let image = NewImage {
        target: &target,
        manifests: std::slice::from_ref(&target),
        names: &names,
        repo_digest: None,
        operation: "load",
        move_policy: MovePolicy::Move,
        now: now(),
    };
    store.record_image(&lease, &image).expect("records");
    target
}

/// Records what is known of a layer, of which every byte is a file's, with an index that nobody reads.
pub(crate) fn know(store: &Store, layer: &Digest, size: u64) {
    if store.layer(layer).expect("looks").is_some() {
        return;
    }
    let facts = LayerFacts {
        diff_id: layer.clone(),
        uncompressed_size: size,
        content_size: size,
        entries: 1,
    };
    let index = store.index_writer().expect("begins");
    index.commit(layer, &facts).expect("commits");
}

pub(crate) fn names(store: &Store) -> Vec<String> {
    let mut all: Vec<String> = store
        .images()
        .unwrap()
        .iter()
        .flat_map(|image| &image.names)
        .map(ImageName::familiar)
        .collect();
    all.sort();
    all
}

pub(crate) fn remove(store: &Store, what: &[&str], options: RemovalOptions) -> store::Plan {
    let selectors: Vec<Selector> = what.iter().map(|text| Selector::from(*text)).collect();
    let plan = store.plan_removal(&selectors, &options).expect("plans");
    store.execute(&plan, now()).expect("executes");
    plan
}
