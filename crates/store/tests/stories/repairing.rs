//! Damage, and what becomes of it.

use std::fs;
use std::ops::ControlFlow;

use oci::Digest;
use store::{CheckOptions, Error};

use crate::{check, lease, now, open, put};

#[test]
fn a_blob_that_was_cut_off_before_a_rebuild_gets_its_size_back_with_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::sha256(b"layer");
    put(&open(folder.path()), &["layer"], &["app:1"]);
    fs::write(
        folder.path().join("blobs/sha256").join(digest.hex()),
        b"lay",
    )
    .unwrap();
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    assert_eq!(check(&store).problems.len(), 1);
    store.put_document(&lease(&store), b"layer").unwrap();
    assert!(store.contains(&digest).unwrap());
    assert_eq!(check(&store).problems, []);
}

#[test]
fn a_repair_leaves_a_blob_alone_that_was_mended_since_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, &["layer"], &["app:1"]);
    let digest = Digest::sha256(b"layer");
    let place = folder.path().join("blobs/sha256").join(digest.hex());
    fs::write(&place, b"LAYER").unwrap();
    let report = check(&store);
    store.put_document(&lease(&store), b"layer").unwrap();
    let aside = fs::read_dir(folder.path().join("quarantine"))
        .unwrap()
        .count();
    let repaired = store.repair(&report, now()).unwrap();
    assert!(repaired.quarantined.is_empty(), "{repaired:?}");
    assert!(repaired.unfetched.is_empty(), "{repaired:?}");
    assert_eq!(repaired.fixed.len(), 1);
    assert_eq!(
        fs::read_dir(folder.path().join("quarantine"))
            .unwrap()
            .count(),
        aside
    );
    assert_eq!(check(&store).problems, []);
}

#[test]
fn only_a_check_that_reads_every_byte_lifts_the_lock_of_a_recovery() {
    let folder = tempfile::tempdir().unwrap();
    put(&open(folder.path()), &["layer"], &["app:1"]);
    fs::remove_file(folder.path().join("strata.db")).unwrap();
    let store = open(folder.path());
    let quick = CheckOptions {
        read_data: false,
        now: now(),
    };
    let report = store.check(&quick, &|_| ControlFlow::Continue(())).unwrap();
    assert!(report.is_ok());
    assert!(matches!(store.collect(now()), Err(Error::Unchecked)));
    assert!(check(&store).is_ok());
    store.collect(now()).unwrap();
}
