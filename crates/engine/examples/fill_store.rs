//! Fills a store with many small images, for the benchmarks: `fill_store FOLDER COUNT`.
//!
//! Every image has four layers of its own kind of tree: two that many share, one that ten share, one that is its own. They are
//! called `docker.io/bench/image-N:latest`.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use layer::LayerScan;
use oci::{Digest, ImageName};
use serde_json::json;
use store::{Lease, LeasePurpose, MovePolicy, NewImage, OpenOptions, ProcessIdentity, Store};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fill_store FOLDER COUNT".into());
    };
    let count: usize = count.to_str().unwrap_or_default().parse()?;
    let options = OpenOptions {
        now: Timestamp::now(),
        process: ProcessIdentity::of_this_process(),
        read_only: false,
    };
    let store = Store::open(&PathBuf::from(folder), &options)?;
    for number in 0..count {
        put(&store, number)?;
    }
    writeln!(std::io::stdout(), "{count} images")?;
    Ok(())
}

/// Puts one image in as a pull would: blobs, file indexes, then the name.
fn put(store: &Store, number: usize) -> Outcome<()> {
    let purpose = LeasePurpose::Local {
        operation: "fill".to_owned(),
    };
    let lease = store.lease(&purpose, Timestamp::now())?;
    let tars = [
        tar("usr/lib/base", "the same for all"),
        tar("usr/lib/tools", &format!("one of {}", number % 7)),
        tar("opt/runtime", &format!("one of many: {}", number / 10)),
        tar("srv/app", &format!("only in {number}")),
    ];
    let mut layers = Vec::new();
    for tar in &tars {
        layers.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": put_layer(store, &lease, tar)?.to_string(),
            "size": tar.len(),
        }));
    }
    let diff_ids: Vec<String> = tars
        .iter()
        .map(|tar| Digest::sha256(tar).to_string())
        .collect();
    let config = serde_json::to_vec(&json!({
        "created": format!("2026-{:02}-{:02}T10:00:00Z", number % 12 + 1, number % 28 + 1),
        "architecture": "amd64",
        "os": "linux",
        "config": { "Cmd": ["/srv/app"], "Labels": { "team": format!("team-{}", number % 20) } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    }))?;
    let config_digest = store.put_document(&lease, &config)?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config_digest.to_string(),
            "size": config.len(),
        },
        "layers": layers,
    }))?;
    let target = store.put_document(&lease, &manifest)?;
    let name: ImageName = format!("docker.io/bench/image-{number}:latest").parse()?;
    let image = NewImage {
        target: &target,
        manifests: std::slice::from_ref(&target),
        names: &[name],
        repo_digest: None,
        operation: "load",
        move_policy: MovePolicy::Move,
        now: Timestamp::now(),
    };
    store.record_image(&lease, &image)?;
    Ok(())
}

fn put_layer(store: &Store, lease: &Lease, tar: &[u8]) -> Outcome<Digest> {
    let digest = store.put_document(lease, tar)?;
    if store.layer(&digest)?.is_none() {
        let mut index = store.index_writer()?;
        let mut scan = LayerScan::new(&mut index);
        scan.write(tar)?;
        let facts = scan.finish()?;
        index.commit(
            &digest,
            &store::LayerFacts {
                diff_id: facts.diff_id,
                uncompressed_size: facts.uncompressed_size,
                content_size: facts.content_size,
                entries: facts.entries,
            },
        )?;
    }
    Ok(digest)
}

/// A tar of one file, <https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06>.
fn tar(path: &str, content: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, path);
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", content.len()));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut tar = header.to_vec();
    tar.extend_from_slice(content.as_bytes());
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
    tar
}
